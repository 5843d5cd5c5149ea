package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/internal/app"
)

type userDeactivate struct{ userFlags }

func (d *userDeactivate) Run(ctx context.Context, c console) error {
	return d.open(ctx, c, func(a *app.App) error {
		if err := a.Users.SetActive(ctx, d.Org, d.Username, false); err != nil {
			return err
		}
		return d.print(c, map[string]any{"orgId": d.Org, "username": d.Username, "active": false}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is deactivated and logged out. To activate them again: countersign user activate --org %s --username %s\n", d.Username, d.Org, d.Username)
		})
	})
}
