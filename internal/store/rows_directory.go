package store

import "time"

// AccessToken is a token that a service account, or a program of a person, sends instead of
// logging in. The token itself is not stored.
type AccessToken struct {
	ID           string // "to-…"
	OrgID        string
	UserID       string // its owner: a person or a service account
	Kind         string // TokenPersonal or TokenServiceAccount
	Name         string
	NameKey      string // what must be unique among a user's tokens that are not archived
	ExternalID   string
	CredentialID string // "cr-…", the key that signs for it
	Digest       []byte // SHA-256 of the token
	Active       bool
	CreatedAt    time.Time
	ExpiresAt    time.Time // not valid at this instant or later
	ArchivedAt   time.Time // zero: not archived; an archived token is inactive permanently
}

// Kinds of access token.
const (
	TokenPersonal       = "Pat"
	TokenServiceAccount = "ServiceAccount"
)

// Live reports whether the token is valid at now, provided that its user is active.
func (t AccessToken) Live(now time.Time) bool {
	return t.Active && t.ArchivedAt.IsZero() && now.Before(t.ExpiresAt)
}

// TokenWithUser is an access token with its user. Either may be inactive.
type TokenWithUser struct {
	Found bool
	Token AccessToken
	User  User
}

// TokenEntry is an access token with its key and its permissions.
type TokenEntry struct {
	AccessToken
	Credential  Credential // without ClientData and AttestationObject
	Assignments []HeldPermission
}

// Permission is a named set of operations.
type Permission struct {
	ID         string // "pm-…"
	OrgID      string
	Name       string
	NameKey    string   // what must be unique in the organisation among those not archived
	Operations []string // as they were written; ManagedAdministrator has none and allows all
	Managed    string   // "", ManagedAdministrator or ManagedEndUser
	Version    int64    // one more after each change
	CreatedAt  time.Time
	UpdatedAt  time.Time
	ArchivedAt time.Time // zero: not archived
}

// Permissions that every organisation has from the start.
const (
	ManagedAdministrator = "administrator"
	ManagedEndUser       = "end user"
)

// Assignment gives a permission to an identity: a user, a service account, an access token
// or an application.
type Assignment struct {
	ID           string // "as-…"
	OrgID        string
	PermissionID string
	IdentityID   string
	CreatedAt    time.Time
}

// HeldPermission is a permission that is assigned to an identity.
type HeldPermission struct {
	Permission
	AssignmentID string
	IdentityID   string
}

// Application is a client program, as old SDKs know them.
type Application struct {
	ID           string // "ap-…"
	OrgID        string
	Kind         string
	Name         string
	NameKey      string // what must be unique in the organisation among those not archived
	RPID         string
	Origin       string
	ExternalID   string
	CredentialID string // "cr-…", "" without a key
	PublicKey    []byte // DER SubjectPublicKeyInfo, empty without one
	Active       bool
	CreatedAt    time.Time
	ArchivedAt   time.Time // zero: not archived
}

// Archived reports whether the user is archived.
func (u User) Archived() bool { return !u.ArchivedAt.IsZero() }

// Archived reports whether the access token is archived.
func (t AccessToken) Archived() bool { return !t.ArchivedAt.IsZero() }

// Archived reports whether the application is archived.
func (a Application) Archived() bool { return !a.ArchivedAt.IsZero() }

// Archived reports whether the permission is archived.
func (p Permission) Archived() bool { return !p.ArchivedAt.IsZero() }
