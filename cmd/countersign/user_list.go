package main

import (
	"context"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store"
)

type userList struct {
	operatorFlags
	orgFlags
	pageFlags
}

func (l *userList) Run(ctx context.Context, c console) error {
	if err := l.check(); err != nil {
		return err
	}
	return l.open(ctx, c, func(a *app.App) error {
		all, err := a.Users.List(ctx, l.Org, l.After, l.Limit)
		if err != nil {
			return err
		}
		users := rows(all, func(x store.UserSummary) userRow {
			return newUserRow(x.User, x.LatestCode, x.Administrator, x.Credentials)
		})
		return printTable(l.outputFlags, c, users, "USER\tUSERNAME\tKIND\tSTATE\tADMIN\tCREDENTIALS", func(r userRow) []any {
			return []any{r.UserID, r.Username, r.Kind, r.State, yes(r.Administrator), r.Credentials}
		})
	})
}
