package main

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/internal/app"
)

type credentialRename struct {
	credentialFlags
	Name string `required:"" help:"Its new name: 1 to 100 visible characters." placeholder:"NAME"`
}

func (f *credentialRename) Run(ctx context.Context, c console) error {
	return f.change(ctx, c, func(a *app.App) error { return a.Users.RenameCredential(ctx, f.Org, f.Credential, f.Name) }, "name", f.Name,
		fmt.Sprintf("Credential %s is called %q now.", f.Credential, f.Name))
}
