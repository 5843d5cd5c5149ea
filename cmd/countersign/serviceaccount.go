package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/accesstoken"
	"github.com/countersign/countersign/internal/service/serviceaccount"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
	"github.com/countersign/countersign/internal/verify/publickey"
)

type serviceAccountCommands struct {
	Create     serviceAccountCreate  `cmd:"" help:"Make a service account for a program that signs with a key. Its access token is printed once."`
	List       serviceAccountList    `cmd:"" help:"List service accounts and what they may do."`
	Deactivate serviceAccountTurn    `cmd:"" help:"Deactivate a service account; its access token is refused at once."`
	Activate   serviceAccountTurnOn  `cmd:"" help:"Put a deactivated service account back."`
	Archive    serviceAccountArchive `cmd:"" help:"Take a service account away for good."`
}

type serviceAccountCreate struct {
	databaseFlags
	placeFlags
	outputFlags
	Org        string   `required:"" help:"Organisation." placeholder:"ORG"`
	Name       string   `required:"" help:"Name that administrators see." placeholder:"NAME"`
	PublicKey  string   `required:"" help:"PEM file with the public key; the program signs with the private one." placeholder:"FILE"`
	Permission []string `help:"Name or id (pm-…) of a permission that it gets; without one it may do nothing yet. May be repeated." placeholder:"PERMISSION" sep:"none"`
	Days       int      `help:"How many days the access token can be used." default:"730" placeholder:"N"`
}

type serviceAccountMade struct {
	UserID       string `json:"userId"`
	CredentialID string `json:"credentialId"`
	AccessToken  string `json:"accessToken"`
}

func (s *serviceAccountCreate) Run(ctx context.Context, c console) error {
	if s.Days < 1 || s.Days > accesstoken.MaxDays {
		return misuse("--days is between 1 and %d", accesstoken.MaxDays)
	}
	if username.CheckLabel("name", s.Name) != nil {
		return misuse("--name is 1 to 100 visible characters, without a space at either end")
	}
	key, err := readPublicKey(s.PublicKey)
	if err != nil {
		return err
	}
	return within(ctx, s.databaseFlags, s.placeFlags, c, func(h *app) error {
		if _, err := h.db.Organisation(ctx, s.Org); err != nil {
			return err
		}
		permissions, err := h.permissions(ctx, s.Org, s.Permission)
		if err != nil {
			return err
		}
		made, err := store.Do(ctx, h.db, func(tx *store.Tx) (serviceaccount.Made, error) {
			return h.serviceAccounts().Make(tx, api.Caller{OrgID: s.Org},
				serviceaccount.New{Name: s.Name, PublicKey: key, DaysValid: &s.Days, Permissions: permissions})
		})
		if err != nil {
			return err
		}
		token := accesstoken.ToAPI(made.Token.Entry(nil), true)
		row := serviceAccountMade{made.User.ID, token.CredID, made.Token.Text}
		return s.print(c, row, func(w io.Writer) {
			fmt.Fprintf(w, "Service account %s is made. Keep the access token; it is not shown again.\n\n", s.Name)
			t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintf(t, "  User\t%s\n  Credential\t%s\n  Access token\t%s\n", row.UserID, row.CredentialID, row.AccessToken)
			t.Flush()
			fmt.Fprintf(w, "\nIt is good until %s, at %s.\n%s\n", token.DateExpires, h.site.Origin(), mayDo(permissions))
		})
	})
}

// mayDo tells people what a new service account may do.
func mayDo(permissions []store.Permission) string {
	if len(permissions) == 0 {
		return "It may do nothing yet: an administrator gives it a permission, or make it with --permission."
	}
	names := make([]string, len(permissions))
	for i, p := range permissions {
		names[i] = p.Name
	}
	return "It may do what this allows: " + strings.Join(names, ", ") + "."
}

// readPublicKey reads a file that must hold a public key. What else it holds, perhaps the
// private key, is not printed.
func readPublicKey(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", misuse("the public key file cannot be read: %w", err)
	}
	if _, err := publickey.ParseMember(string(text)); err != nil {
		return "", misuse("the file %s must hold one public key in PEM (P-256, P-384, P-521, secp256k1, Ed25519 or RSA of 2048 bits and more), as openssl pkey -pubout writes it", path)
	}
	return string(text), nil
}

// permissions finds the permissions that the operator named, by id or by name, each once.
func (h *app) permissions(ctx context.Context, orgID string, which []string) ([]store.Permission, error) {
	var found []store.Permission
	for _, w := range which {
		p, err := h.permission(ctx, orgID, w)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(found, func(f store.Permission) bool { return f.ID == p.ID }) {
			found = append(found, p)
		}
	}
	return found, nil
}

func (h *app) permission(ctx context.Context, orgID, nameOrID string) (p store.Permission, err error) {
	key := username.Key(nameOrID)
	for after, more := "", true; more; {
		page, err := h.db.Permissions(ctx, orgID, after, store.MaxPage)
		if err != nil {
			return p, err
		}
		for _, p := range page {
			if p.ArchivedAt.IsZero() && (p.ID == nameOrID || p.NameKey == key) {
				return p, nil
			}
			after = p.ID
		}
		more = len(page) == store.MaxPage
	}
	return p, &api.Error{Kind: api.NotFound, Code: "permission_not_found",
		Message: fmt.Sprintf("This organisation has no permission %q that is not archived; give the name or the id (pm-…) of one.", nameOrID)}
}

type serviceAccountList struct {
	databaseFlags
	placeFlags
	outputFlags
	Org string `required:"" help:"Organisation." placeholder:"ORG"`
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
	for _, t := range a.AccessTokens { // it has one
		row.CredentialID, row.DateCreated, row.DateExpires = t.CredID, t.DateCreated, t.DateExpires
	}
	return row
}

func (l *serviceAccountList) Run(ctx context.Context, c console) error {
	return within(ctx, l.databaseFlags, l.placeFlags, c, func(h *app) error {
		all, err := h.machines(ctx, l.Org)
		if err != nil {
			return err
		}
		rows := make([]serviceAccountRow, 0, len(all))
		for _, a := range all {
			rows = append(rows, newServiceAccountRow(a))
		}
		return l.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(t, "SERVICE ACCOUNT\tNAME\tACTIVE\tEXPIRES\tPERMISSIONS")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.UserID, r.Name, yes(r.Active), r.DateExpires, cmp.Or(strings.Join(r.Permissions, ", "), "none"))
			}
			t.Flush()
		})
	})
}

// machines lists the service accounts of an organisation that must be there.
func (h *app) machines(ctx context.Context, orgID string) ([]api.ServiceAccount, error) {
	if _, err := h.db.Organisation(ctx, orgID); err != nil {
		return nil, err
	}
	list, err := h.serviceAccounts().List(ctx, api.Caller{OrgID: orgID}, api.Nothing{})
	return list.Items, err
}

// machine finds a service account by its name or id.
func (h *app) machine(ctx context.Context, orgID, nameOrID string) (api.ServiceAccount, error) {
	all, err := h.machines(ctx, orgID)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	key := username.Key(nameOrID)
	for _, a := range all {
		if a.UserInfo.UserID == nameOrID || username.Key(a.UserInfo.Name) == key {
			return a, nil
		}
	}
	return api.ServiceAccount{}, &api.Error{Kind: api.NotFound, Code: "service_account_not_found",
		Message: "This organisation has no such service account; see countersign service-account list."}
}

// serviceAccountTurn deactivates a service account.
type serviceAccountTurn struct {
	databaseFlags
	placeFlags
	outputFlags
	Org     string `required:"" help:"Organisation." placeholder:"ORG"`
	Account string `arg:"" help:"Name or id (us-…) of the service account."`
}

func (t *serviceAccountTurn) Run(ctx context.Context, c console) error {
	return t.change(ctx, c, "inactive", "deactivated. To put it back: countersign service-account activate --org ORG ID",
		func(r *serviceaccount.Service, tx *store.Tx, who api.Caller, id string) (api.ServiceAccount, error) {
			return r.Deactivate(ctx, tx, who, api.DeactivateServiceAccountRequest{ServiceAccountID: id})
		})
}

// change makes a change and tells what has become of the service account.
func (t *serviceAccountTurn) change(ctx context.Context, c console, state, told string,
	do func(*serviceaccount.Service, *store.Tx, api.Caller, string) (api.ServiceAccount, error)) error {
	return within(ctx, t.databaseFlags, t.placeFlags, c, func(h *app) error {
		a, err := h.machine(ctx, t.Org, t.Account)
		if err != nil {
			return err
		}
		a, err = store.Do(ctx, h.db, func(tx *store.Tx) (api.ServiceAccount, error) {
			return do(h.serviceAccounts(), tx, api.Caller{OrgID: t.Org}, a.UserInfo.UserID)
		})
		if err != nil {
			return err
		}
		u := a.UserInfo
		return t.print(c, map[string]string{"userId": u.UserID, "name": u.Name, "state": state}, func(w io.Writer) {
			fmt.Fprintf(w, "Service account %s is %s\n", u.Name, strings.NewReplacer("ORG", t.Org, "ID", u.UserID).Replace(told))
		})
	})
}

// serviceAccountTurnOn puts a service account back.
type serviceAccountTurnOn struct{ serviceAccountTurn }

func (t *serviceAccountTurnOn) Run(ctx context.Context, c console) error {
	return t.change(ctx, c, "active", "active again.",
		func(r *serviceaccount.Service, tx *store.Tx, who api.Caller, id string) (api.ServiceAccount, error) {
			return r.Activate(ctx, tx, who, api.ServiceAccountRequest{ServiceAccountID: id})
		})
}

// serviceAccountArchive takes a service account away.
type serviceAccountArchive struct{ serviceAccountTurn }

func (t *serviceAccountArchive) Run(ctx context.Context, c console) error {
	return t.change(ctx, c, "archived", "gone for good; its name is free again.",
		func(r *serviceaccount.Service, tx *store.Tx, who api.Caller, id string) (api.ServiceAccount, error) {
			return r.Archive(ctx, tx, who, api.ArchiveServiceAccountRequest{ServiceAccountID: id})
		})
}
