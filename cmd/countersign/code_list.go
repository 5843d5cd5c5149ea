package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
)

type codeList struct {
	operatorFlags
	orgFlags
	Limit int    `help:"List at most this many." default:"100"`
	After string `help:"List only codes after this code id, the last one printed before." placeholder:"CODE"`
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
		return misuse("--limit is between 1 and %d; continue with --after", store.MaxPage)
	}
	return l.open(ctx, c, func(a *app.App) error {
		all, err := code.List(ctx, a.DB, l.Org, l.After, l.Limit)
		if err != nil {
			return err
		}
		rows := make([]codeRow, 0, len(all))
		for _, x := range all {
			rows = append(rows, newCodeRow(x))
		}
		return l.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := columns(w)
			fmt.Fprintln(t, "CODE\tUSERNAME\tSTATE\tCREATED\tEXPIRES")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.CodeID, r.Username, r.State, r.DateCreated, r.ExpiresAt)
			}
			t.Flush()
		})
	})
}
