package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/internal/app"
)

type userActivate struct{ userFlags }

func (t *userActivate) Run(ctx context.Context, c console) error {
	return t.open(ctx, c, func(a *app.App) error {
		if err := a.Users.SetActive(ctx, t.Org, t.Username, true); err != nil {
			return err
		}
		return t.print(c, map[string]any{"orgId": t.Org, "username": t.Username, "active": true}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is active again.\n", t.Username)
		})
	})
}
