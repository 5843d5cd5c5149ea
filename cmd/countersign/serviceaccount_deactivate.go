package main

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store"
)

type serviceAccountDeactivate struct{ serviceAccountFlags }

func (f *serviceAccountDeactivate) Run(ctx context.Context, c console) error {
	done := func(id string) string {
		return fmt.Sprintf("deactivated. To activate it again: countersign service-account activate --org %s %s", f.Org, id)
	}
	return f.change(ctx, c, "inactive", done, func(a *app.App, tx *store.Tx, operator api.Caller, id string) (api.ServiceAccount, error) {
		return a.ServiceAccounts.Deactivate(ctx, tx, operator, api.DeactivateServiceAccountRequest{ServiceAccountID: id})
	})
}
