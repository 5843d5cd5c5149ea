package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/service/organisation"
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
		rows := make([]orgRow, 0, len(all))
		for _, org := range all {
			party := a.Site.Of(org)
			rows = append(rows, orgRow{org.ID, org.Name, party.ID, party.Origins, api.Time(org.CreatedAt), policyRow(organisation.PoliciesOf(org))})
		}
		return o.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := columns(w)
			fmt.Fprintln(t, "ORGANISATION\tNAME\tRP ID\tCREATED\tSIGN COUNT\tBACKUP\tSECOND FACTOR")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.OrgID, r.Name, r.RPID, r.DateCreated,
					r.Policies.SignCount, r.Policies.Backup, r.Policies.SecondFactor)
			}
			t.Flush()
		})
	})
}
