package main

import (
	"context"

	"github.com/countersign/countersign/internal/app"
)

type credentialResetCounter struct{ credentialFlags }

func (f *credentialResetCounter) Run(ctx context.Context, c console) error {
	return f.change(ctx, c, func(a *app.App) error { return a.Users.ResetSignCount(ctx, f.Org, f.Credential) },
		"signCount", 0, "The counter of credential "+f.Credential+" may start again.")
}
