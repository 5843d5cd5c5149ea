package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/accesstoken"
	"github.com/countersign/countersign/internal/service/serviceaccount"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
	"github.com/countersign/countersign/internal/verify/publickey"
)

type serviceAccountCreate struct {
	operatorFlags
	orgFlags
	Name       string   `required:"" help:"Name that administrators see." placeholder:"NAME"`
	PublicKey  string   `required:"" help:"PEM file with the public key; the service account signs with the private key." placeholder:"FILE"`
	Permission []string `help:"Name or id (pm-…) of a permission to give it; without one it may do nothing yet. May be repeated." placeholder:"PERMISSION" sep:"none"`
	Days       int      `help:"How many days the access token can be used." default:"730" placeholder:"N"`
}

type serviceAccountIssued struct {
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
	return s.open(ctx, c, func(a *app.App) error {
		if _, err := a.DB.Organisation(ctx, s.Org); err != nil {
			return err
		}
		permissions, err := findPermissions(ctx, a.DB, s.Org, s.Permission)
		if err != nil {
			return err
		}
		issued, err := store.Do(ctx, a.DB, func(tx *store.Tx) (serviceaccount.Created, error) {
			return a.ServiceAccounts.CreateWith(tx, api.Caller{OrgID: s.Org},
				serviceaccount.New{Name: s.Name, PublicKey: key, DaysValid: &s.Days, Permissions: permissions})
		})
		if err != nil {
			return err
		}
		token := accesstoken.ToAPI(issued.Token.Entry(nil), true)
		row := serviceAccountIssued{issued.User.ID, token.CredID, issued.Token.Text}
		return s.print(c, row, func(w io.Writer) {
			fmt.Fprintf(w, "Service account %s is created. Keep the access token; it is not shown again.\n\n", s.Name)
			t := columns(w)
			fmt.Fprintf(t, "  User\t%s\n  Credential\t%s\n  Access token\t%s\n", row.UserID, row.CredentialID, row.AccessToken)
			t.Flush()
			fmt.Fprintf(w, "\nIt is valid until %s, at %s.\n%s\n", token.DateExpires, a.Site.Origin(), mayDo(permissions))
		})
	})
}

// mayDo says what a new service account may do.
func mayDo(permissions []store.Permission) string {
	if len(permissions) == 0 {
		return "It may do nothing yet: let an administrator give it a permission, or create it with --permission."
	}
	names := make([]string, len(permissions))
	for i, p := range permissions {
		names[i] = p.Name
	}
	return "It may do what this allows: " + strings.Join(names, ", ") + "."
}

// readPublicKey reads a file that must contain a public key. Its errors quote nothing of the file,
// which may contain the private key.
func readPublicKey(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", misuse("the public key file cannot be read: %w", err)
	}
	if _, err := publickey.ParseMember(string(text)); err != nil {
		return "", misuse("the file %s must contain one public key in PEM (P-256, P-384, P-521, secp256k1, Ed25519 or RSA of 2048 bits and more), as openssl pkey -pubout writes it", path)
	}
	return string(text), nil
}

// findPermissions finds the permissions that the operator named by id or name, each once.
func findPermissions(ctx context.Context, db *store.DB, orgID string, namesOrIDs []string) ([]store.Permission, error) {
	var found []store.Permission
	for _, nameOrID := range namesOrIDs {
		p, err := findPermission(ctx, db, orgID, nameOrID)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(found, func(f store.Permission) bool { return f.ID == p.ID }) {
			found = append(found, p)
		}
	}
	return found, nil
}

func findPermission(ctx context.Context, db *store.DB, orgID, nameOrID string) (p store.Permission, err error) {
	key := username.Key(nameOrID)
	for after, more := "", true; more; {
		page, err := db.Permissions(ctx, orgID, after, store.MaxPage)
		if err != nil {
			return p, err
		}
		for _, p := range page {
			if !p.Archived() && (p.ID == nameOrID || p.NameKey == key) {
				return p, nil
			}
			after = p.ID
		}
		more = len(page) == store.MaxPage
	}
	return p, &api.Error{Kind: api.NotFound, Code: "permission_not_found",
		Message: fmt.Sprintf("This organisation has no permission %q that is not archived; give the name or the id (pm-…) of one.", nameOrID)}
}
