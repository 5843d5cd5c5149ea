package main

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/internal/app"
)

type credentialRemove struct{ credentialFlags }

func (f *credentialRemove) Run(ctx context.Context, c console) error {
	return f.change(ctx, c, func(a *app.App) error { return a.Users.RemoveCredential(ctx, f.Org, f.Credential) }, "removed", true,
		fmt.Sprintf("Credential %s is removed and its user is logged out.", f.Credential))
}
