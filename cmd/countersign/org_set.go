package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/service/organisation"
)

type orgSet struct {
	operatorFlags
	orgFlags
	Name            string   `help:"Name that people see from now on." placeholder:"NAME"`
	RPID            string   `name:"rp-id" help:"Relying party ID. It can change only while no passkey is registered: a passkey works for the RP ID that it was made for and no other." placeholder:"DOMAIN"`
	Origin          []string `help:"Origin to add, whose pages may create and use its passkeys: https://app.example.org, or android:apk-key-hash:… of an Android app. May be repeated." placeholder:"URL" sep:"none"`
	RemoveOrigin    []string `help:"Origin to remove. May be repeated. Passkeys stay registered, but are refused when used there." placeholder:"URL" sep:"none"`
	Attestation     string   `help:"What to ask of authenticators that register from now on: none, indirect, direct or enterprise." placeholder:"ATTESTATION"`
	SignCountPolicy string   `help:"When a passkey's counter did not go up: auto (refuse a device-bound passkey, record for a synced one), refuse, alert or record." placeholder:"POLICY"`
	BackupPolicy    string   `help:"When a passkey's backup state changed: auto (alert if it became possible or impossible to back it up, else record), refuse, alert or record." placeholder:"POLICY"`
	SecondFactor    string   `help:"optional or required." placeholder:"POLICY"`

	OneTimePasswords string `help:"Whether codes from an app on the phone are accepted as second factor: on or off. Off leaves those that are registered, but refuses them." placeholder:"on|off"`
	Passwords        string `help:"Whether passwords are accepted as first factor of a login: on or off. A password signs nothing. Off leaves those that are registered, but refuses them." placeholder:"on|off"`
	RecoveryWait     string `help:"How long a recovery with a recovery key waits, so that its owner or an administrator can stop it: whole minutes up to 720h, or 0." placeholder:"DURATION"`
	RecoveryApproval string `help:"Whether an administrator must approve a recovery with a recovery key: on or off." placeholder:"POLICY"`
}

func (o *orgSet) Run(ctx context.Context, c console) error {
	return o.open(ctx, c, func(a *app.App) error {
		org, err := a.Organisations.Set(ctx, o.Org, organisation.Settings{
			Name: o.Name, RPID: o.RPID, AddOrigins: o.Origin, RemoveOrigins: o.RemoveOrigin, Attestation: o.Attestation,
			Policies: organisation.Policies{SignCount: o.SignCountPolicy, Backup: o.BackupPolicy, SecondFactor: o.SecondFactor,
				OneTimePasswords: o.OneTimePasswords, Passwords: o.Passwords,
				RecoveryWait: o.RecoveryWait, RecoveryApproval: o.RecoveryApproval}})
		if err != nil {
			return err
		}
		row, party := policyRow(organisation.PoliciesOf(org)), a.Site.Of(org)
		shown := map[string]any{"orgId": org.ID, "name": org.Name, "rpId": party.ID, "origins": party.Origins,
			"attestation": org.Attestation, "policies": row}
		return o.print(c, shown, func(w io.Writer) {
			fmt.Fprintf(w, "%s: RP ID %s, origins %s, attestation %s, sign count %s, backup %s, second factor %s, one-time passwords %s, passwords %s, recovery wait %s, recovery approval %s.\n", org.Name, party.ID,
				strings.Join(party.Origins, " "), org.Attestation, row.SignCount, row.Backup, row.SecondFactor,
				row.OneTimePasswords, row.Passwords, row.RecoveryWait, row.RecoveryApproval)
		})
	})
}
