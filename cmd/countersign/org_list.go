package main

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
)

type orgList struct{ operatorFlags }

type orgRow struct {
	OrgID       string   `json:"orgId"`
	Name        string   `json:"name"`
	RPID        string   `json:"rpId"`
	Origins     []string `json:"origins"`
	DateCreated string   `json:"dateCreated"`

	Policies policyRow `json:"policies"`
}

func (o *orgList) Run(ctx context.Context, c console) error {
	return o.open(ctx, c, func(a *app.App) error {
		all, err := a.Organisations.List(ctx)
		if err != nil {
			return err
		}
		orgs := rows(all, func(org store.Organisation) orgRow {
			party := a.Site.Of(org)
			return orgRow{org.ID, org.Name, party.ID, party.Origins, api.Time(org.CreatedAt), policyRow(organisation.PoliciesOf(org))}
		})
		return printTable(o.outputFlags, c, orgs, "ORGANISATION\tNAME\tRP ID\tCREATED\tSIGN COUNT\tBACKUP\tSECOND FACTOR\tONE-TIME PASSWORDS\tPASSWORDS\tRECOVERY WAIT\tRECOVERY APPROVAL", func(r orgRow) []any {
			p := r.Policies
			return []any{r.OrgID, r.Name, r.RPID, r.DateCreated, p.SignCount, p.Backup, p.SecondFactor, p.OneTimePasswords, p.Passwords,
				p.RecoveryWait, p.RecoveryApproval}
		})
	})
}
