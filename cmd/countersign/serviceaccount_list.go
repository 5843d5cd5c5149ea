package main

import (
	"cmp"
	"context"
	"strings"

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
}

func newServiceAccountRow(a api.ServiceAccount) serviceAccountRow {
	row := serviceAccountRow{UserID: a.UserInfo.UserID, Name: a.UserInfo.Name, Active: a.UserInfo.IsActive, Permissions: []string{}}
	for _, p := range a.UserInfo.PermissionAssignments {
		row.Permissions = append(row.Permissions, p.PermissionName)
	}
	for _, t := range a.AccessTokens { // exactly one
		row.CredentialID, row.DateCreated, row.DateExpires = t.CredID, t.DateCreated, t.DateExpires
	}
	return row
}

func (l *serviceAccountList) Run(ctx context.Context, c console) error {
	return l.open(ctx, c, func(a *app.App) error {
		all, err := listServiceAccounts(ctx, a, l.Org)
		if err != nil {
			return err
		}
		return printTable(l.outputFlags, c, rows(all, newServiceAccountRow), "SERVICE ACCOUNT\tNAME\tACTIVE\tEXPIRES\tPERMISSIONS", func(r serviceAccountRow) []any {
			return []any{r.UserID, r.Name, yes(r.Active), r.DateExpires, cmp.Or(strings.Join(r.Permissions, ", "), "none")}
		})
	})
}
