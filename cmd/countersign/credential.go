package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store"
)

type credentialCommands struct {
	List         credentialList         `cmd:"" help:"List a user's credentials: synced or not, counter, last use."`
	Rename       credentialRename       `cmd:"" help:"Give a credential another name."`
	Deactivate   credentialDeactivate   `cmd:"" help:"Deactivate a credential and end its user's sessions."`
	Activate     credentialActivate     `cmd:"" help:"Activate a deactivated credential."`
	Remove       credentialRemove       `cmd:"" help:"Remove a credential for good and end its user's sessions."`
	ResetCounter credentialResetCounter `cmd:"" name:"reset-counter" help:"Let a credential's counter start again, for a user who is locked out because their authenticator started its own again. First make sure that it is not a copy."`
}

type credentialRow struct {
	CredentialUUID  string `json:"credentialUuid"`
	Kind            string `json:"kind"`
	Factor          string `json:"factor"`
	Name            string `json:"name"`
	Algorithm       string `json:"algorithm"`
	BackedUp        bool   `json:"backedUp"`
	BackupEligible  bool   `json:"backupEligible"`
	Format          string `json:"attestationFormat"`
	AttestationType string `json:"attestationType"`
	DateCreated     string `json:"dateCreated"`
}

func newCredentialRow(x store.Credential) credentialRow {
	return credentialRow{x.ID, x.Kind, x.Factor, x.Name, x.Algorithm, x.BackupState, x.BackupEligible, x.Format, x.AttestationType, api.Time(x.CreatedAt)}
}

// credentialFlags name the credential that a command is about.
type credentialFlags struct {
	operatorFlags
	orgFlags
	Credential string `arg:"" help:"Credential id (cr-…) as credential list prints it."`
}

// change changes the credential with do and prints its new state: as JSON with the member, or for
// people as the sentence done.
func (f *credentialFlags) change(ctx context.Context, c console, do func(*app.App) error, member string, state any, done string) error {
	return f.open(ctx, c, func(a *app.App) error {
		if err := do(a); err != nil {
			return err
		}
		return f.print(c, map[string]any{"credentialUuid": f.Credential, member: state}, func(w io.Writer) { fmt.Fprintln(w, done) })
	})
}

func (f *credentialFlags) setActive(ctx context.Context, c console, active bool, done string) error {
	return f.change(ctx, c, func(a *app.App) error { return a.Users.SetCredentialActive(ctx, f.Org, f.Credential, active) }, "active", active, done)
}
