package main

import (
	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

type credentialCommands struct {
	List         credentialList         `cmd:"" help:"List a user's credentials: synced or not, counter, last use."`
	Deactivate   credentialDeactivate   `cmd:"" help:"Deactivate a credential and end its user's sessions."`
	Activate     credentialActivate     `cmd:"" help:"Activate a deactivated credential."`
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

// credentialFlags name the credential that a command changes.
type credentialFlags struct {
	operatorFlags
	orgFlags
	Credential string `arg:"" help:"Credential id (cr-…) as credential list prints it."`
}
