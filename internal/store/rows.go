package store

import (
	"time"

	"github.com/countersign/countersign/api"
)

// Times are stored as integer milliseconds since 1970 in UTC. The time of what has not
// happened is the zero time here and NULL in the database.

// Organisation is a tenant: users, credentials and events belong to one.
type Organisation struct {
	ID   string // "or-…"
	Name string

	// RPID is the relying party's id, a domain (WebAuthn L3 §5.1.2). "" follows the
	// server's public URL.
	RPID    string
	RPName  string
	Origins []string // exact origins at which credentials may be created; empty: the server's own

	// What the organisation requests of authenticators (WebAuthn L3 §5.4.4 and §5.4.7).
	Attestation             string // none, indirect, direct or enterprise
	UserVerification        string // required, preferred or discouraged
	ResidentKey             string // required, preferred or discouraged
	AuthenticatorAttachment string // platform, cross-platform or "" for either

	// What a login does if the sign count or the backup state is unexpected, and whether it
	// asks for a second factor. "" is the default of the caller.
	SignCountPolicy string
	BackupPolicy    string
	SecondFactor    string

	// Kinds of credential that are not accepted unless the organisation says so.
	OneTimePasswords bool // Totp
	Passwords        bool // Password
	// How long recoveries with a recovery key wait, and whether an administrator must approve them.
	RecoveryWait     time.Duration
	RecoveryApproval bool

	// The versions of the policies in force, which say which authenticators employees and end users may
	// register; 0 before one is set.
	EmployeePolicy int64
	EndUserPolicy  int64

	CreatedAt time.Time
}

// PolicyVersion returns the version of the policy in force for a kind of user.
func (o Organisation) PolicyVersion(userKind string) int64 {
	if userKind == api.EndUser {
		return o.EndUserPolicy
	}
	return o.EmployeePolicy
}

// User is a person or a service account of an organisation.
type User struct {
	ID           string // "us-…"
	OrgID        string
	Username     string // as invited
	UsernameKey  string // what must be unique in the organisation: the username, normalised by the caller
	Kind         string // CustomerEmployee, EndUser or KindServiceAccount
	Active       bool   // an inactive user can neither register nor act
	ExternalID   string
	CreatedAt    time.Time
	RegisteredAt time.Time // zero: invited, not registered
	ArchivedAt   time.Time // zero: not archived; an archived user is inactive permanently
	RestartedAt  time.Time // zero: never given a new start
}

// KindServiceAccount is the kind of a user that is a service account.
const KindServiceAccount = "ServiceAccount"

// Code is a registration code or a login code of a user. Only its MAC is stored. A login code
// is never opened, attempted or revoked.
type Code struct {
	ID            string // "rc-…" or "lc-…"
	OrgID         string
	UserID        string
	MAC           []byte // HMAC of the code under a server key; empty for a code that nobody was sent
	CreatedAt     time.Time
	ExpiresAt     time.Time // not valid at this instant or later
	SentAt        time.Time // mailed
	OpenedAt      time.Time // the page was used, not only fetched
	AttemptedAt   time.Time // a registration began with it
	SpentAt       time.Time // a credential was stored
	RevokedAt     time.Time
	RevokedReason string // CodeRevoked or CodeReplaced when RevokedAt is set
}

// Reasons for which a code is revoked.
const (
	CodeRevoked  = "revoked"  // by an administrator
	CodeReplaced = "replaced" // by a newer code for the same user
)

// States of a registration code, in the order of its life.
const (
	StateInvited   = "invited"
	StateSent      = "sent"
	StateOpened    = "opened"
	StateAttempted = "attempted"
	StateCompleted = "completed"
	StateExpired   = "expired"
	StateRevoked   = "revoked"
)

// State returns the furthest step that the code has reached at now. A spent code stays
// completed, and a revoked one stays revoked after it expires.
func (c Code) State(now time.Time) string {
	switch {
	case !c.SpentAt.IsZero():
		return StateCompleted
	case !c.RevokedAt.IsZero():
		return StateRevoked
	case !now.Before(c.ExpiresAt):
		return StateExpired
	case !c.AttemptedAt.IsZero():
		return StateAttempted
	case !c.OpenedAt.IsZero():
		return StateOpened
	case !c.SentAt.IsZero():
		return StateSent
	}
	return StateInvited
}

// Live reports whether the code can still be spent at now.
func (c Code) Live(now time.Time) bool {
	return c.SpentAt.IsZero() && c.RevokedAt.IsZero() && now.Before(c.ExpiresAt)
}

// CodeEntry is a registration code with the name of its user.
type CodeEntry struct {
	Code
	Username string
}

// Credential is a public key whose private key a user proved to hold, with the evidence. A Totp or a
// Password has no public key: it is a secret that the server can verify. A user has at most one of each.
type Credential struct {
	ID     string // "cr-…"
	OrgID  string
	UserID string
	CodeID string // the registration code it was created with, "" if none

	// TokenID is the only access token ("to-…") that this key signs for, "" for a
	// credential of the user's own.
	TokenID string

	Kind   string // Fido2, Key, PasswordProtectedKey, RecoveryKey, Totp or Password
	Factor string // FactorFirst, FactorSecond or FactorRecovery
	Name   string

	// Realm is the space in which CredentialID is unique: the RP ID for Fido2, what the
	// caller chooses for keys. (Realm, CredentialID) is stored at most once.
	Realm        string
	CredentialID []byte // raw bytes (WebAuthn L3 §4); for keys the decoded credId; of a Totp what its secret is derived from

	PublicKey []byte // DER SubjectPublicKeyInfo
	Algorithm string // ES256, EdDSA, …

	RPID   string
	Origin string

	AAGUID         []byte // 16 bytes, nil for keys
	SignCount      int64  // of a Totp: the last step whose code was accepted
	UserVerified   bool
	BackupEligible bool
	BackupState    bool

	Format            string // attestation statement format
	AttestationType   string // None, Self, Basic, …
	AttestationObject []byte // as received; for keys the attestation data
	ClientData        []byte // as received
	Policy            int64  // the version of the policy that admitted it, 0 before one was set
	Evidence          []byte // on which it was admitted, JSON text; nil if the policy looked at none
	Transports        []string
	ClientExtensions  []byte // JSON text or nil

	EncryptedPrivateKey string // opaque, for PasswordProtectedKey and RecoveryKey
	PasswordHash        string // of a Password
	CreatedAt           time.Time

	Active     bool      // an inactive credential proves nothing
	LastUsedAt time.Time // zero: never
	ArchivedAt time.Time // removed; such a credential is inactive for good
}

// Factors of a credential.
const (
	FactorFirst    = "first"
	FactorSecond   = "second"
	FactorRecovery = "recovery"
)

// Event is an entry of the log. It is written in the same unit as the change it records.
type Event struct {
	ID           string // "ev-…"
	OrgID        string // "" for the server itself
	At           time.Time
	Kind         string // stable, "user.registered"
	UserID       string // the user it is about, "" if none
	CredentialID string // "cr-…", "" if none
	CodeID       string // "rc-…", "" if none
	ActionID     string // "ua-…", the signed action that allowed it, "" if none
	ActorID      string // who did it: a user, or "" for the operator at the command line
	Address      string // client address, "" if none
	Detail       []byte // JSON text or nil
}

// Refusal is a refused request, stored so that the operator can explain it. It holds no
// secret.
type Refusal struct {
	ID        string // "rf-…", the support id that was shown to the user
	At        time.Time
	Route     string // "POST /auth/registration"
	Status    int    // HTTP status
	Code      string // stable reason
	Message   string // what was shown to the user
	Rule      string // the rule that failed, in its standard's words
	Received  string
	Expected  string
	Cause     string
	OrgID     string // as far as known
	UserID    string
	CodeID    string
	CallerID  string // the user whose valid bearer token came with it, "" if none
	ActionID  string // "ua-…", the signed action that came with it, "" if none
	Address   string
	UserAgent string
}

// PurposeSigning is the only purpose that may have several keys.
const PurposeSigning = "signing"

// ServerKey is a secret key of the server. Every purpose but PurposeSigning has one.
type ServerKey struct {
	ID        string // "sk-…"
	Purpose   string
	CreatedAt time.Time
	Wrapping  string // WrappingNone or WrappingAES256GCM
	Material  []byte // the key, in clear or wrapped under the master key
}

// Values of ServerKey.Wrapping.
const (
	WrappingNone      = "none"
	WrappingAES256GCM = "aes-256-gcm"
)

// Invitation is all that decides whether a user may register, read at one instant. Without
// that user Found is false and User is zero.
type Invitation struct {
	Found        bool
	Organisation Organisation // by name even without the user; zero if it does not exist
	User         User

	CodeFound bool // a code with that MAC (or id) was issued to this user, live or not
	Code      Code

	WrongTries      int64     // as counted by Tx.Hit; it counts only before WrongTriesReset
	WrongTriesReset time.Time // zero if nothing was counted
}

// UserSummary is a user with what the command line lists of them.
type UserSummary struct {
	User
	Administrator bool
	Credentials   int64 // the number of their credentials
	LatestCode    Code  // zero if none was ever issued
}
