package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
)

type userList struct {
	operatorFlags
	orgFlags
	Limit int    `help:"List at most this many." default:"100"`
	After string `help:"List only users after this user id, the last one printed before." placeholder:"USER"`
}

func (u *userList) Run(ctx context.Context, c console) error {
	if u.Limit < 1 || u.Limit > store.MaxPage {
		return misuse("--limit is between 1 and %d; continue with --after", store.MaxPage)
	}
	return u.open(ctx, c, func(a *app.App) error {
		all, err := a.Users.List(ctx, u.Org, u.After, u.Limit)
		if err != nil {
			return err
		}
		rows := make([]userRow, 0, len(all))
		for _, x := range all {
			rows = append(rows, userRow{x.ID, x.Username, x.Kind, user.State(x.User, x.LatestCode, time.Now()), x.Administrator, x.Credentials, api.Time(x.CreatedAt)})
		}
		return u.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := columns(w)
			fmt.Fprintln(t, "USER\tUSERNAME\tKIND\tSTATE\tADMIN\tCREDENTIALS")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\n", r.UserID, r.Username, r.Kind, r.State, yes(r.Administrator), r.Credentials)
			}
			t.Flush()
		})
	})
}
