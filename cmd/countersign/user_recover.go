package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

// userRecover gives a user who lost all credentials a new start.
type userRecover struct {
	userFlags
	ExpiresIn time.Duration `help:"How long the code can be used." default:"24h" placeholder:"DURATION"`
}

func (u *userRecover) Run(ctx context.Context, c console) error {
	return u.open(ctx, c, func(a *app.App) error {
		inv, err := a.Users.RecoverByOperator(ctx, u.Org, u.Username, u.ExpiresIn)
		if inv.Code == "" {
			return err
		}
		if e := u.print(c, newInviteRow(inv), func(w io.Writer) {
			if inv.Mailed {
				fmt.Fprintf(w, "%s registers again; the code was mailed.\n", inv.User.Username)
			} else {
				fmt.Fprintf(w, "%s registers again. Give them this link; it is not shown again:\n", inv.User.Username)
			}
			fmt.Fprintf(w, "\n  %s\n\nCode %s, valid until %s.\nAll their credentials and access tokens were removed, and they are logged out.\n",
				inv.Link, inv.Code, api.Time(inv.Row.ExpiresAt))
		}); e != nil {
			return e
		}
		return err // the mail could not be sent; the new start is valid
	})
}
