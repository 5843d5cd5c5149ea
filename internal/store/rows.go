package store

import "time"

// Times are kept as integer milliseconds since 1970 in UTC. What has not happened is
// the zero time here and NULL in the database.

// Organisation is a tenant: users, credentials and events belong to one.
type Organisation struct {
	ID   string // "or-…"
	Name string

	// RPID is the relying party's id, a domain (WebAuthn L3 §5.1.2). "" follows the
	// server's public URL.
	RPID    string
	RPName  string
	Origins []string // exact origins that credentials may be made on; empty: the server's own

	// What authenticators are asked for (WebAuthn L3 §5.4.4 and §5.4.7).
	Attestation             string // none, indirect, direct or enterprise
	UserVerification        string // required, preferred or discouraged
	ResidentKey             string // required, preferred or discouraged
	AuthenticatorAttachment string // platform, cross-platform or "" for either

	// What to do at a login with a sign count or backup state out of line, and whether a
	// second factor is asked for. "" is the default of the caller.
	SignCountPolicy string
	BackupPolicy    string
	SecondFactor    string

	CreatedAt time.Time
}

// User is somebody or something that was invited to an organisation.
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
	ArchivedAt   time.Time // zero: not archived; archived is for good, and inactive
}

// KindServiceAccount is the kind of a user that is a machine.
const KindServiceAccount = "ServiceAccount"

// Code is a code that was sent to a user: a registration code, or a login code, which is
// neither opened, attempted nor revoked. Only its MAC is kept.
type Code struct {
	ID            string // "rc-…" or "lc-…"
	OrgID         string
	UserID        string
	MAC           []byte // HMAC of the code under a server key; empty for one that nobody has
	CreatedAt     time.Time
	ExpiresAt     time.Time // not valid at this instant or later
	SentAt        time.Time // mailed
	OpenedAt      time.Time // the page was used, not merely fetched
	AttemptedAt   time.Time // a registration began with it
	SpentAt       time.Time // a credential was stored
	RevokedAt     time.Time
	RevokedReason string // CodeRevoked or CodeReplaced when RevokedAt is set
}

// Why a code was withdrawn.
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

// State says how far the code has come at now: the furthest step that was reached. A
// spent code is completed for good; a withdrawn one is revoked even after it expired.
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

// CodeEntry is a registration code as a list shows it.
type CodeEntry struct {
	Code
	Username string
}

// Credential is a public key that a user proved to hold, with the evidence for it.
type Credential struct {
	ID     string // "cr-…"
	OrgID  string
	UserID string
	CodeID string // the registration code it was made with, "" if none

	// TokenID is the access token ("to-…") that this key signs for and for nothing else,
	// "" for a credential of the user's own.
	TokenID string

	Kind   string // Fido2, Key, PasswordProtectedKey or RecoveryKey
	Factor string // FactorFirst, FactorSecond or FactorRecovery
	Name   string

	// Realm is the space in which CredentialID is unique: the RP ID for Fido2, what the
	// caller chooses for keys. (Realm, CredentialID) is stored at most once.
	Realm        string
	CredentialID []byte // raw bytes (WebAuthn L3 §4); for keys the decoded credId

	PublicKey []byte // DER SubjectPublicKeyInfo
	Algorithm string // ES256, EdDSA, …: what the key verifies

	RPID   string
	Origin string

	AAGUID         []byte // 16 bytes, nil for keys
	SignCount      int64
	UserVerified   bool
	BackupEligible bool
	BackupState    bool

	Format            string // attestation statement format
	AttestationType   string // None, Self, Basic, …
	AttestationObject []byte // as received; for keys the attestation data
	ClientData        []byte // as received
	Transports        []string
	ClientExtensions  []byte // JSON text or nil

	EncryptedPrivateKey string // opaque, for PasswordProtectedKey and RecoveryKey
	CreatedAt           time.Time

	Active     bool      // an inactive credential proves nothing
	LastUsedAt time.Time // zero: never
}

// Factors of a credential.
const (
	FactorFirst    = "first"
	FactorSecond   = "second"
	FactorRecovery = "recovery"
)

// Event is something that happened and lasts: it is written with the change it tells of.
type Event struct {
	ID           string // "ev-…"
	OrgID        string // "" for the server itself
	At           time.Time
	Kind         string // stable, "user.registered"
	UserID       string // whom it is about, "" if nobody
	CredentialID string // "cr-…", "" if none
	CodeID       string // "rc-…", "" if none
	ActionID     string // "ua-…", the signed action that allowed it, "" if none
	ActorID      string // who did it: a user, or "" for the operator at the command line
	Address      string // client address, "" if none
	Detail       []byte // JSON text or nil
}

// Refusal is a request that was turned down, kept so that the operator can explain it.
// It holds no secret.
type Refusal struct {
	ID        string // "rf-…", the support id the user was told
	At        time.Time
	Route     string // "POST /auth/registration"
	Status    int    // HTTP status
	Code      string // stable reason
	Message   string // what the user was told
	Rule      string // the rule that failed, in its standard's words
	Received  string
	Expected  string
	Cause     string
	OrgID     string // as far as known
	UserID    string
	CodeID    string
	CallerID  string // who asked, proved by a bearer token; "" if nobody did
	ActionID  string // "ua-…", the signed action that came with it, "" if none
	Address   string
	UserAgent string
}

// PurposeSigning is the one purpose for which there may be several keys at a time.
const PurposeSigning = "signing"

// ServerKey is a secret of the server. There is one for each purpose but PurposeSigning.
type ServerKey struct {
	ID        string // "sk-…"
	Purpose   string
	CreatedAt time.Time
	Wrapping  string // WrappingNone or WrappingAES256GCM
	Material  []byte // the key itself, or the key wrapped under the master key
}

// How the material of a ServerKey is kept.
const (
	WrappingNone      = "none"
	WrappingAES256GCM = "aes-256-gcm"
)

// Invitation is all that decides whether somebody may register, read at one instant.
// Without a user of that name Found is false and Organisation and User are zero.
type Invitation struct {
	Found        bool
	Organisation Organisation
	User         User

	CodeFound bool // a code with that MAC (or id) was issued to this user, live or not
	Code      Code

	WrongTries      int64     // as counted by Tx.Hit; judge it by WrongTriesReset
	WrongTriesReset time.Time // from then on the count is void; zero if nothing was counted
}

// UserSummary is a user as a list shows it.
type UserSummary struct {
	User
	Administrator bool
	Credentials   int64 // how many are stored
	LatestCode    Code  // zero if none was ever issued
}
