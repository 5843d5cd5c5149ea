package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/internal/app"
)

type credentialActivate struct{ credentialFlags }

func (t *credentialActivate) Run(ctx context.Context, c console) error {
	return t.open(ctx, c, func(a *app.App) error {
		if err := a.Users.SetCredentialActive(ctx, t.Org, t.Credential, true); err != nil {
			return err
		}
		return t.print(c, map[string]any{"credentialUuid": t.Credential, "active": true}, func(w io.Writer) {
			fmt.Fprintf(w, "Credential %s is active again.\n", t.Credential)
		})
	})
}
