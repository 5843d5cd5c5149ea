package main

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

type serviceAccountActivate struct{ serviceAccountFlags }

func (t *serviceAccountActivate) Run(ctx context.Context, c console) error {
	told := func(string) string { return "active again." }
	return t.change(ctx, c, "active", told, func(a *app.App, operator api.Caller, id string) (api.ServiceAccount, error) {
		return a.ServiceAccounts.Activate(ctx, operator, api.ServiceAccountRequest{ServiceAccountID: id})
	})
}
