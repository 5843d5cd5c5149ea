package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/service/login"
)

// userLoginCode makes a login code where no mail can bring one.
type userLoginCode struct {
	databaseFlags
	placeFlags
	outputFlags
	Org      string `required:"" help:"Organisation." placeholder:"ORG"`
	Username string `required:"" help:"Name of the user." placeholder:"NAME"`
}

func (u *userLoginCode) Run(ctx context.Context, c console) error {
	return within(ctx, u.databaseFlags, u.placeFlags, c, func(h *app) error {
		logins := &login.Service{DB: h.db, Codes: h.codes(code.Login), Now: time.Now}
		issued, err := logins.IssueCode(ctx, u.Org, u.Username)
		if err != nil {
			return err
		}
		return u.print(c, map[string]string{"orgId": issued.Row.OrgID, "userId": issued.Row.UserID, "loginCode": issued.Code,
			"expiresAt": api.Time(issued.Row.ExpiresAt)}, func(w io.Writer) {
			fmt.Fprintf(w, "Login code for %s, good until %s:\n\n  %s\n", u.Username, issued.Row.ExpiresAt.Local().Format("15:04 MST"), issued.Code)
		})
	})
}
