package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/internal/app"
)

type credentialResetCounter struct{ credentialFlags }

func (r *credentialResetCounter) Run(ctx context.Context, c console) error {
	return r.open(ctx, c, func(a *app.App) error {
		if err := a.Users.ResetSignCount(ctx, r.Org, r.Credential); err != nil {
			return err
		}
		return r.print(c, map[string]any{"credentialUuid": r.Credential, "signCount": 0}, func(w io.Writer) {
			fmt.Fprintf(w, "The counter of credential %s may start again.\n", r.Credential)
		})
	})
}
