package main

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store"
)

type serviceAccountActivate struct{ serviceAccountFlags }

func (f *serviceAccountActivate) Run(ctx context.Context, c console) error {
	done := func(string) string { return "active again." }
	return f.change(ctx, c, "active", done, func(a *app.App, tx *store.Tx, operator api.Caller, id string) (api.ServiceAccount, error) {
		return a.ServiceAccounts.Activate(ctx, tx, operator, api.ServiceAccountRequest{ServiceAccountID: id})
	})
}
