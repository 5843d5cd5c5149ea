package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

type credentialList struct {
	operatorFlags
	orgFlags
	Username string `required:"" help:"Username or user id." placeholder:"NAME"`
}

type listedCredentialRow struct {
	credentialRow
	Active       bool   `json:"active"`
	SignCount    int64  `json:"signCount"`
	RPID         string `json:"rpId,omitempty"`
	DateLastUsed string `json:"dateLastUsed,omitempty"`
}

func (l *credentialList) Run(ctx context.Context, c console) error {
	return l.open(ctx, c, func(a *app.App) error {
		all, err := a.Users.Credentials(ctx, l.Org, l.Username)
		if err != nil {
			return err
		}
		rows := make([]listedCredentialRow, 0, len(all))
		for _, x := range all {
			rows = append(rows, listedCredentialRow{newCredentialRow(x), x.Active, x.SignCount, x.RPID, api.Time(x.LastUsedAt)})
		}
		return l.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := columns(w)
			fmt.Fprintln(t, "CREDENTIAL\tKIND\tFACTOR\tNAME\tACTIVE\tSYNCED\tCOUNTER\tLAST USED")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%q\t%s\t%s\t%d\t%s\n", r.CredentialUUID, r.Kind, r.Factor, r.Name,
					yes(r.Active), yes(r.BackedUp), r.SignCount, cmp.Or(r.DateLastUsed, "never"))
			}
			t.Flush()
		})
	})
}
