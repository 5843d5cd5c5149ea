package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

// userSessions lists the live sessions of a user, or ends them.
type userSessions struct {
	userFlags
	End string `help:"End this session (se-…), or all of them: all." placeholder:"SESSION"`
}

type sessionRow struct {
	SessionID   string `json:"sessionId"`
	Credential  string `json:"credentialName"`
	UserAgent   string `json:"userAgent"`
	Address     string `json:"address"`
	DateCreated string `json:"dateCreated"`
	DateExpires string `json:"dateExpires"`
}

func (u *userSessions) Run(ctx context.Context, c console) error {
	return u.open(ctx, c, func(a *app.App) error {
		if u.End != "" {
			return u.end(ctx, c, a)
		}
		all, err := a.Users.Sessions(ctx, u.Org, u.Username)
		if err != nil {
			return err
		}
		listed := rows(all, func(x api.AccountSession) sessionRow {
			return sessionRow{x.ID, x.CredentialName, x.UserAgent, x.Address, x.CreatedAt, x.ExpiresAt}
		})
		return printTable(u.outputFlags, c, listed, "SESSION\tCREDENTIAL\tPROGRAM\tADDRESS\tSINCE\tUNTIL", func(r sessionRow) []any {
			return []any{r.SessionID, strconv.Quote(r.Credential), strconv.Quote(r.UserAgent), r.Address, r.DateCreated, r.DateExpires}
		})
	})
}

func (u *userSessions) end(ctx context.Context, c console, a *app.App) error {
	id, done := &u.End, "Session "+u.End+" of "+u.Username+" has ended."
	switch {
	case u.End == "all":
		id, done = nil, "All sessions of "+u.Username+" have ended."
	case !api.ValidID(api.PrefixSession, u.End):
		return misuse("--end takes the id of a session as user sessions prints it, or all")
	}
	ended, err := a.Users.EndSessionsByOperator(ctx, u.Org, u.Username, id)
	if err != nil {
		return err
	}
	if !ended {
		done = u.Username + " has no session."
	}
	return u.print(c, map[string]any{"orgId": u.Org, "username": u.Username, "ended": ended}, func(w io.Writer) { fmt.Fprintln(w, done) })
}
