package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/service/organisation"
)

type orgCommands struct {
	Create orgCreate `cmd:"" help:"Make an organisation."`
	List   orgList   `cmd:"" help:"List organisations."`
	Set    orgSet    `cmd:"" help:"Set an organisation's policies."`
}

type orgCreate struct {
	databaseFlags
	placeFlags
	outputFlags
	Name        string   `required:"" help:"Name that people see." placeholder:"NAME"`
	RPID        string   `name:"rp-id" help:"Relying party ID: the domain its passkeys belong to. Default: the host of the public URL." placeholder:"DOMAIN"`
	Origin      []string `help:"Page that may make its passkeys, besides the server's own. May be repeated." placeholder:"URL" sep:"none"`
	Attestation string   `help:"What to ask of authenticators: none, indirect, direct or enterprise." enum:"none,indirect,direct,enterprise" default:"none"`
}

func (o *orgCreate) Run(ctx context.Context, c console) error {
	return within(ctx, o.databaseFlags, o.placeFlags, c, func(h *app) error {
		org, err := h.organisations().Create(ctx, organisation.New{Name: o.Name, RPID: o.RPID, Origins: o.Origin, Attestation: o.Attestation})
		if err != nil {
			return err
		}
		return o.print(c, map[string]string{"orgId": org.ID}, func(w io.Writer) {
			fmt.Fprintf(w, "Organisation %s is made: %s\nInvite its first user: countersign user invite --org %s --username NAME\n", org.Name, org.ID, org.ID)
		})
	})
}

type orgList struct {
	databaseFlags
	placeFlags
	outputFlags
}

type orgRow struct {
	OrgID       string   `json:"orgId"`
	Name        string   `json:"name"`
	RPID        string   `json:"rpId"`
	Origins     []string `json:"origins"`
	DateCreated string   `json:"dateCreated"`

	Policies policyRow `json:"policies"`
}

type policyRow struct {
	SignCount    string `json:"signCount"`
	Backup       string `json:"backup"`
	SecondFactor string `json:"secondFactor"`
}

func (o *orgList) Run(ctx context.Context, c console) error {
	return within(ctx, o.databaseFlags, o.placeFlags, c, func(h *app) error {
		all, err := h.organisations().List(ctx)
		if err != nil {
			return err
		}
		rows := make([]orgRow, 0, len(all))
		for _, org := range all {
			party := h.site.Of(org)
			rows = append(rows, orgRow{org.ID, org.Name, party.ID, party.Origins, api.Time(org.CreatedAt), policyRow(organisation.PoliciesOf(org))})
		}
		return o.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(t, "ORGANISATION\tNAME\tRP ID\tCREATED\tSIGN COUNT\tBACKUP\tSECOND FACTOR")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.OrgID, r.Name, r.RPID, r.DateCreated,
					r.Policies.SignCount, r.Policies.Backup, r.Policies.SecondFactor)
			}
			t.Flush()
		})
	})
}

type orgSet struct {
	databaseFlags
	placeFlags
	outputFlags
	Org             string `required:"" help:"Organisation." placeholder:"ORG"`
	SignCountPolicy string `help:"When a passkey's counter did not go up: auto (refuse a device-bound passkey, record for a synced one), refuse, alert or record." placeholder:"POLICY"`
	BackupPolicy    string `help:"When it changed how a passkey is backed up: auto (alert if it could not be before or cannot be any more, else record), refuse, alert or record." placeholder:"POLICY"`
	SecondFactor    string `help:"optional or required." placeholder:"POLICY"`
}

func (o *orgSet) Run(ctx context.Context, c console) error {
	return within(ctx, o.databaseFlags, o.placeFlags, c, func(h *app) error {
		org, err := h.organisations().SetPolicies(ctx, o.Org, organisation.Policies{
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
