package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

type serviceAccountList struct {
	operatorFlags
	orgFlags
}

type serviceAccountRow struct {
	UserID       string   `json:"userId"`
	Name         string   `json:"name"`
	Active       bool     `json:"active"`
	CredentialID string   `json:"credentialId"`
	Permissions  []string `json:"permissions"`
	DateCreated  string   `json:"dateCreated"`
	DateExpires  string   `json:"dateExpires"`
	Token        string   `json:"-"` // valid, inactive or expired, as Active and DateExpires say
}

// tokenState says whether an access token is accepted now.
func tokenState(t api.AccessToken, now time.Time) string {
	switch expires, err := time.Parse(time.RFC3339, t.DateExpires); {
	case err != nil || !now.Before(expires):
		return "expired"
	case !t.IsActive:
		return "inactive"
	}
	return "valid"
}

func newServiceAccountRow(a api.ServiceAccount, now time.Time) serviceAccountRow {
	row := serviceAccountRow{UserID: a.UserInfo.UserID, Name: a.UserInfo.Name, Active: a.UserInfo.IsActive, Permissions: []string{}}
	for _, p := range a.UserInfo.PermissionAssignments {
		row.Permissions = append(row.Permissions, p.PermissionName)
	}
	for _, t := range a.AccessTokens { // exactly one
		row.CredentialID, row.DateCreated, row.DateExpires, row.Token = t.CredID, t.DateCreated, t.DateExpires, tokenState(t, now)
	}
	return row
}

func (l *serviceAccountList) Run(ctx context.Context, c console) error {
	return l.open(ctx, c, func(a *app.App) error {
		all, err := listServiceAccounts(ctx, a, l.Org)
		if err != nil {
			return err
		}
		now := a.Now()
		return printTable(l.outputFlags, c, rows(all, func(x api.ServiceAccount) serviceAccountRow { return newServiceAccountRow(x, now) }), "SERVICE ACCOUNT\tNAME\tACTIVE\tTOKEN\tEXPIRES\tPERMISSIONS", func(r serviceAccountRow) []any {
			return []any{r.UserID, r.Name, yes(r.Active), r.Token, r.DateExpires, cmp.Or(strings.Join(r.Permissions, ", "), "none")}
		})
	})
}
