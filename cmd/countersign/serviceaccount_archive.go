package main

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store"
)

type serviceAccountArchive struct{ serviceAccountFlags }

func (f *serviceAccountArchive) Run(ctx context.Context, c console) error {
	done := func(string) string { return "removed permanently; its name is free again." }
	return f.change(ctx, c, "archived", done, func(a *app.App, tx *store.Tx, operator api.Caller, id string) (api.ServiceAccount, error) {
		return a.ServiceAccounts.Archive(ctx, tx, operator, api.ArchiveServiceAccountRequest{ServiceAccountID: id})
	})
}
