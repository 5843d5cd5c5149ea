package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

type serviceAccountCommands struct {
	Create     serviceAccountCreate     `cmd:"" help:"Create a service account, which signs with a key. Its access token is printed once."`
	List       serviceAccountList       `cmd:"" help:"List service accounts and what they may do."`
	Deactivate serviceAccountDeactivate `cmd:"" help:"Deactivate a service account; its access token is refused at once."`
	Activate   serviceAccountActivate   `cmd:"" help:"Activate a deactivated service account."`
	Archive    serviceAccountArchive    `cmd:"" help:"Remove a service account permanently."`
}

// serviceAccountFlags name the service account that a command is about.
type serviceAccountFlags struct {
	operatorFlags
	orgFlags
	Account string `arg:"" help:"Name or id (us-…) of the service account."`
}

// change finds the service account, changes it with do and prints its new state, for people as the
// sentence "Service account NAME is done".
func (f *serviceAccountFlags) change(ctx context.Context, c console, state string, done func(id string) string,
	do func(a *app.App, tx *store.Tx, operator api.Caller, id string) (api.ServiceAccount, error)) error {
	return f.open(ctx, c, func(a *app.App) error {
		found, err := findServiceAccount(ctx, a, f.Org, f.Account)
		if err != nil {
			return err
		}
		changed, err := store.Do(ctx, a.DB, func(tx *store.Tx) (api.ServiceAccount, error) {
			return do(a, tx, api.Caller{OrgID: f.Org}, found.UserInfo.UserID)
		})
		if err != nil {
			return err
		}
		u := changed.UserInfo
		return f.print(c, map[string]string{"userId": u.UserID, "name": u.Name, "state": state}, func(w io.Writer) {
			fmt.Fprintf(w, "Service account %s is %s\n", u.Name, done(u.UserID))
		})
	})
}

// listServiceAccounts lists the service accounts of an organisation that must exist.
func listServiceAccounts(ctx context.Context, a *app.App, orgID string) ([]api.ServiceAccount, error) {
	if _, err := a.DB.Organisation(ctx, orgID); err != nil {
		return nil, err
	}
	list, err := a.ServiceAccounts.List(ctx, api.Caller{OrgID: orgID}, api.Nothing{})
	return list.Items, err
}

// findServiceAccount finds a service account by its name or id.
func findServiceAccount(ctx context.Context, a *app.App, orgID, nameOrID string) (api.ServiceAccount, error) {
	all, err := listServiceAccounts(ctx, a, orgID)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	key := username.Key(nameOrID)
	for _, x := range all {
		if x.UserInfo.UserID == nameOrID || username.Key(x.UserInfo.Name) == key {
			return x, nil
		}
	}
	return api.ServiceAccount{}, &api.Error{Kind: api.NotFound, Code: "service_account_not_found",
		Message: "This organisation has no such service account; see countersign service-account list."}
}
