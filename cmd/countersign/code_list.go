package main

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
)

type codeList struct {
	operatorFlags
	orgFlags
	pageFlags
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
	if err := l.check(); err != nil {
		return err
	}
	return l.open(ctx, c, func(a *app.App) error {
		all, err := code.List(ctx, a.DB, l.Org, l.After, l.Limit)
		if err != nil {
			return err
		}
		return printTable(l.outputFlags, c, rows(all, newCodeRow), "CODE\tUSERNAME\tSTATE\tCREATED\tEXPIRES", func(r codeRow) []any {
			return []any{r.CodeID, r.Username, r.State, r.DateCreated, r.ExpiresAt}
		})
	})
}
