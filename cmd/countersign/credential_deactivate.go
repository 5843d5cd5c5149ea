package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/internal/app"
)

type credentialDeactivate struct{ credentialFlags }

func (d *credentialDeactivate) Run(ctx context.Context, c console) error {
	return d.open(ctx, c, func(a *app.App) error {
		if err := a.Users.SetCredentialActive(ctx, d.Org, d.Credential, false); err != nil {
			return err
		}
		return d.print(c, map[string]any{"credentialUuid": d.Credential, "active": false}, func(w io.Writer) {
			fmt.Fprintf(w, "Credential %s is deactivated and its user is logged out. To activate it again: countersign credential activate --org %s %s\n",
				d.Credential, d.Org, d.Credential)
		})
	})
}
