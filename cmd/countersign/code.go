package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
)

type codeCommands struct {
	List   codeList   `cmd:"" help:"List registration codes and how far each has come."`
	Revoke codeRevoke `cmd:"" help:"Revoke a registration code. The user stays invited and can be given a new one."`
}

type codeList struct {
	databaseFlags
	placeFlags
	outputFlags
	Org   string `required:"" help:"Organisation." placeholder:"ORG"`
	Limit int    `help:"At most so many." default:"100"`
	After string `help:"Only codes after this code id, as printed last." placeholder:"CODE"`
}

type codeRow struct {
	CodeID      string `json:"codeId"`
	UserID      string `json:"userId"`
	Username    string `json:"username"`
	State       string `json:"state"`
	DateCreated string `json:"dateCreated"`
	ExpiresAt   string `json:"expiresAt"`
	SentAt      string `json:"sentAt,omitempty"`
	OpenedAt    string `json:"openedAt,omitempty"`
	AttemptedAt string `json:"attemptedAt,omitempty"`
	SpentAt     string `json:"spentAt,omitempty"`
	RevokedAt   string `json:"revokedAt,omitempty"`
	Reason      string `json:"revokedReason,omitempty"`
}

func newCodeRow(c store.CodeEntry) codeRow {
	return codeRow{c.ID, c.UserID, c.Username, c.State(time.Now()), api.Time(c.CreatedAt), api.Time(c.ExpiresAt),
		api.Time(c.SentAt), api.Time(c.OpenedAt), api.Time(c.AttemptedAt), api.Time(c.SpentAt), api.Time(c.RevokedAt), c.RevokedReason}
}

func (l *codeList) Run(ctx context.Context, c console) error {
	if l.Limit < 1 || l.Limit > store.MaxPage {
		return misuse("--limit is between 1 and %d; go on with --after", store.MaxPage)
	}
	return within(ctx, l.databaseFlags, l.placeFlags, c, func(h *app) error {
		all, err := code.List(ctx, h.db, l.Org, l.After, l.Limit)
		if err != nil {
			return err
		}
		rows := make([]codeRow, 0, len(all))
		for _, x := range all {
			rows = append(rows, newCodeRow(x))
		}
		return l.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(t, "CODE\tUSERNAME\tSTATE\tCREATED\tEXPIRES")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.CodeID, r.Username, r.State, r.DateCreated, r.ExpiresAt)
			}
			t.Flush()
		})
	})
}

type codeRevoke struct {
	databaseFlags
	placeFlags
	outputFlags
	Org  string `required:"" help:"Organisation." placeholder:"ORG"`
	Code string `arg:"" help:"Code id (rc-…) as code list prints it, or a username whose live code is meant."`
}

func (r *codeRevoke) Run(ctx context.Context, c console) error {
	return within(ctx, r.databaseFlags, r.placeFlags, c, func(h *app) error {
		id, err := code.Revoke(ctx, h.db, api.Caller{OrgID: r.Org}, r.Code, time.Now())
		if err != nil {
			return err
		}
		return r.print(c, map[string]string{"codeId": id, "state": store.StateRevoked}, func(w io.Writer) {
			fmt.Fprintf(w, "Code %s is revoked.\n", id)
		})
	})
}
