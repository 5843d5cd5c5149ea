package main

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store"
)

type credentialList struct{ userFlags }

type listedCredentialRow struct {
	credentialRow
	Active       bool   `json:"active"`
	SignCount    int64  `json:"signCount"`
	RPID         string `json:"rpId,omitempty"`
	DateLastUsed string `json:"dateLastUsed,omitempty"`

	Policy   int64           `json:"policy,omitempty"`   // the version that admitted it
	Evidence json.RawMessage `json:"evidence,omitempty"` // on which
}

func (l *credentialList) Run(ctx context.Context, c console) error {
	return l.open(ctx, c, func(a *app.App) error {
		all, err := a.Users.Credentials(ctx, l.Org, l.Username)
		if err != nil {
			return err
		}
		listed := rows(all, func(x store.Credential) listedCredentialRow {
			return listedCredentialRow{newCredentialRow(x), x.Active, x.SignCount, x.RPID, api.Time(x.LastUsedAt), x.Policy, x.Evidence}
		})
		return printTable(l.outputFlags, c, listed, "CREDENTIAL\tKIND\tFACTOR\tNAME\tACTIVE\tSYNCED\tCOUNTER\tLAST USED", func(r listedCredentialRow) []any {
			return []any{r.CredentialUUID, r.Kind, r.Factor, strconv.Quote(r.Name), yes(r.Active), yes(r.BackedUp), r.SignCount, cmp.Or(r.DateLastUsed, "never")}
		})
	})
}
