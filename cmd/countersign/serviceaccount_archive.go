package main

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

type serviceAccountArchive struct{ serviceAccountFlags }

func (r *serviceAccountArchive) Run(ctx context.Context, c console) error {
	told := func(string) string { return "removed permanently; its name is free again." }
	return r.change(ctx, c, "archived", told, func(a *app.App, operator api.Caller, id string) (api.ServiceAccount, error) {
		return a.ServiceAccounts.Archive(ctx, operator, api.ArchiveServiceAccountRequest{ServiceAccountID: id})
	})
}
