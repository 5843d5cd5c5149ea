package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/accesstoken"
	"github.com/countersign/countersign/internal/store"
)

type serviceAccountReissue struct {
	serviceAccountFlags
	Days int `help:"How many days the new access token can be used." default:"730" placeholder:"N"`
}

func (r *serviceAccountReissue) Run(ctx context.Context, c console) error {
	if r.Days < 1 || r.Days > accesstoken.MaxDays {
		return misuse("--days is between 1 and %d", accesstoken.MaxDays)
	}
	return r.open(ctx, c, func(a *app.App) error {
		found, err := findServiceAccount(ctx, a, r.Org, r.Account)
		if err != nil {
			return err
		}
		var text string
		token, err := store.Do(ctx, a.DB, func(tx *store.Tx) (token api.AccessToken, err error) {
			token, text, err = a.ServiceAccounts.Reissue(ctx, tx, api.Caller{OrgID: r.Org}, found.UserInfo.UserID, &r.Days)
			return token, err
		})
		if err != nil {
			return err
		}
		row := serviceAccountIssued{found.UserInfo.UserID, token.CredID, text}
		return r.print(c, row, func(w io.Writer) {
			fmt.Fprintf(w, "Service account %s has a new access token; the former one is refused from now on. Keep it; it is not shown again.\n\n", found.UserInfo.Name)
			t := columns(w)
			fmt.Fprintf(t, "  User\t%s\n  Credential\t%s\n  Access token\t%s\n", row.UserID, row.CredentialID, row.AccessToken)
			t.Flush()
			fmt.Fprintf(w, "\nIt is valid until %s. Key and permissions are as they were.\n", token.DateExpires)
		})
	})
}
