package bearer

import (
	"encoding/base64"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// MaxTokenDays is how long an access token lasts at most, and when nothing is said.
const MaxTokenDays = 730

// Issuer makes access tokens.
type Issuer struct {
	Authority *Authority
	Now       func() time.Time
}

// Params is an access token to be made.
type Params struct {
	Kind           string // store.TokenPersonal or TokenServiceAccount
	Name           string
	ExternalID     string
	PublicKey      string // PEM
	DaysValid      *int   // nil: MaxTokenDays
	SecondsValid   *int   // wins over DaysValid
	CredentialUUID string // "cr-…"; "" for a new one
}

// Issued is an access token that was just made. Text is the token; it exists only here.
type Issued struct {
	Token      store.AccessToken
	Credential store.Credential
	Text       string
}

// Issue makes an access token of a user. Nothing is written yet: Keep does that.
func (m *Issuer) Issue(u store.User, b Params) (made Issued, err error) {
	if err := username.CheckLabel("name", b.Name); err != nil {
		return made, err
	}
	if err := username.CheckExternalID(b.ExternalID); err != nil {
		return made, err
	}
	lifetime, err := Lifetime(b.DaysValid, b.SecondsValid)
	if err != nil {
		return made, err
	}
	key, err := Key(b.PublicKey)
	if err != nil {
		return made, err
	}
	now := m.Now()
	id := api.NewID(api.PrefixToken, now)
	made.Credential = store.Credential{ID: b.CredentialUUID, OrgID: u.OrgID, UserID: u.ID, TokenID: id, Kind: api.KindKey,
		Factor: store.FactorFirst, Name: b.Name, Realm: u.OrgID, PublicKey: key.SPKI(),
		Algorithm: string(keycredential.DefaultAlgorithm(key)), Format: "key", AttestationType: "None", CreatedAt: now}
	if made.Credential.ID == "" {
		made.Credential.ID = api.NewID(api.PrefixCredential, now)
	}
	// Clients name the key by either id; so that they are the same to read, one is the
	// other encoded.
	made.Credential.CredentialID = []byte(made.Credential.ID)
	made.Token = store.AccessToken{ID: id, OrgID: u.OrgID, UserID: u.ID, Kind: b.Kind, Name: b.Name, NameKey: username.Key(b.Name),
		ExternalID: b.ExternalID, CredentialID: made.Credential.ID, Active: true, CreatedAt: now, ExpiresAt: now.Add(lifetime).Truncate(time.Second)}
	if made.Text, err = m.Authority.AccessToken(made.Token, u); err != nil {
		return made, err
	}
	made.Token.Digest = Digest(made.Text)
	return made, nil
}

// Key reads the public key of an access token.
func Key(pem string) (*publickey.Key, error) {
	if pem == "" {
		return nil, api.Missing("publicKey")
	}
	key, err := publickey.ParsePEM(pem)
	if err != nil {
		e := *api.AsError(err)
		e.Kind, e.Code, e.Message = api.Invalid, "public_key_invalid",
			"The member /publicKey must be a public key in PEM: P-256, P-384, P-521, secp256k1, Ed25519 or RSA of 2048 bits and more."
		return nil, &e
	}
	return key, nil
}

// Lifetime is how long what is asked for lasts: so many days or, which wins, seconds. It
// refuses, with Invalid, what is out of bounds.
func Lifetime(days, seconds *int) (time.Duration, error) {
	switch {
	case seconds != nil && (*seconds < 1 || *seconds > MaxTokenDays*24*60*60):
		return 0, &api.Error{Kind: api.Invalid, Code: "lifetime_invalid", Message: "The member /secondsValid must be from 1 to 63072000."}
	case days != nil && (*days < 1 || *days > MaxTokenDays):
		return 0, &api.Error{Kind: api.Invalid, Code: "lifetime_invalid", Message: "The member /daysValid must be from 1 to 730."}
	case seconds != nil:
		return time.Duration(*seconds) * time.Second, nil
	case days != nil:
		return time.Duration(*days) * 24 * time.Hour, nil
	}
	return MaxTokenDays * 24 * time.Hour, nil
}

// Keep adds to a unit what Make made. If the user has a token of that name the unit fails
// with duplicate, and unless they are active and registered with lost.
func (made Issued) Keep(tx *store.Tx, duplicate, lost error) {
	tx.CreateAccessToken(made.Token, duplicate, lost)
	tx.AddCredential(made.Credential, errKeyKnown)
}

var errKeyKnown = &api.Error{Kind: api.Conflict, Code: "credential_already_registered", Message: "This credential is already registered."}

// Entry is what was made as a list shows it.
func (made Issued) Entry(assignments []store.HeldPermission) store.TokenEntry {
	c := made.Credential
	c.Active = true
	return store.TokenEntry{AccessToken: made.Token, Credential: c, Assignments: assignments}
}

// Shown is an access token as the wire has it, of a user who is active or not.
func Shown(t store.TokenEntry, userActive bool) api.AccessToken {
	return api.AccessToken{
		DateCreated: api.Time(t.CreatedAt), CredID: base64.RawURLEncoding.EncodeToString(t.Credential.CredentialID),
		IsActive: t.Active && userActive, Kind: t.Kind, LinkedUserID: t.UserID, Name: t.Name, OrgID: t.OrgID,
		PermissionAssignments: access.Summaries(t.Assignments), PublicKey: Fingerprint(t.Credential.PublicKey),
		TokenID: t.ID, DateExpires: api.Time(t.ExpiresAt),
	}
}

// Fingerprint shows a public key, DER SubjectPublicKeyInfo, as the wire has it; "" for what
// is none.
func Fingerprint(spki []byte) string {
	key, err := publickey.ParseSPKI(spki)
	if err != nil {
		return ""
	}
	return key.Fingerprint()
}
