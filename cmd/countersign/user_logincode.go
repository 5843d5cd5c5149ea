package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

// userLoginCode issues a login code, for a user whom no mail reaches.
type userLoginCode struct {
	operatorFlags
	orgFlags
	Username string `required:"" help:"Name of the user." placeholder:"NAME"`
}

func (u *userLoginCode) Run(ctx context.Context, c console) error {
	return u.open(ctx, c, func(a *app.App) error {
		code, err := a.Login.IssueCode(ctx, u.Org, u.Username)
		if err != nil {
			return err
		}
		return u.print(c, map[string]string{"orgId": code.Row.OrgID, "userId": code.Row.UserID, "loginCode": code.Code,
			"expiresAt": api.Time(code.Row.ExpiresAt)}, func(w io.Writer) {
			fmt.Fprintf(w, "Login code for %s, valid until %s:\n\n  %s\n", u.Username, code.Row.ExpiresAt.Local().Format("15:04 MST"), code.Code)
		})
	})
}
