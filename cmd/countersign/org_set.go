package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/service/organisation"
)

type orgSet struct {
	operatorFlags
	orgFlags
	SignCountPolicy string `help:"When a passkey's counter did not go up: auto (refuse a device-bound passkey, record for a synced one), refuse, alert or record." placeholder:"POLICY"`
	BackupPolicy    string `help:"When a passkey's backup state changed: auto (alert if it became possible or impossible to back it up, else record), refuse, alert or record." placeholder:"POLICY"`
	SecondFactor    string `help:"optional or required." placeholder:"POLICY"`
}

func (o *orgSet) Run(ctx context.Context, c console) error {
	return o.open(ctx, c, func(a *app.App) error {
		org, err := a.Organisations.SetPolicies(ctx, o.Org, organisation.Policies{
			SignCount: o.SignCountPolicy, Backup: o.BackupPolicy, SecondFactor: o.SecondFactor})
		if err != nil {
			return err
		}
		row := policyRow(organisation.PoliciesOf(org))
		return o.print(c, map[string]any{"orgId": org.ID, "policies": row}, func(w io.Writer) {
			fmt.Fprintf(w, "%s: sign count %s, backup %s, second factor %s.\n", org.Name, row.SignCount, row.Backup, row.SecondFactor)
		})
	})
}
