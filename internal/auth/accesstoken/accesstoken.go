// Package accesstoken issues access tokens, which service accounts and people's programs carry
// instead of logging in. It decides how long they last, which key signs for them, how they are
// stored and how the API shows them.
package accesstoken

import (
	"encoding/base64"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// MaxDays is how long an access token lasts at most, and by default.
const MaxDays = 730

// Issuer issues access tokens.
type Issuer struct {
	Bearer *bearer.Tokens
	Now    func() time.Time
}

// Params is what an access token is issued from.
type Params struct {
	Kind           string // store.TokenPersonal or TokenServiceAccount
	Name           string
	ExternalID     string
	PublicKey      string // PEM
	DaysValid      *int   // nil: MaxDays
	SecondsValid   *int   // wins over DaysValid
	CredentialUUID string // "cr-…"; "" for a new one
}

// Issued is an access token that was just issued. Text is the token; it exists only here.
type Issued struct {
	Token      store.AccessToken
	Credential store.Credential
	Text       string
}

// Issue issues an access token of a user. It writes nothing: Store does.
func (i *Issuer) Issue(u store.User, p Params) (issued Issued, err error) {
	if err := username.CheckLabel("name", p.Name); err != nil {
		return issued, err
	}
	if err := username.CheckExternalID(p.ExternalID); err != nil {
		return issued, err
	}
	lifetime, err := Lifetime(p.DaysValid, p.SecondsValid)
	if err != nil {
		return issued, err
	}
	key, err := publickey.ParseMember(p.PublicKey)
	if err != nil {
		return issued, err
	}
	now := i.Now()
	id := api.NewID(api.PrefixToken, now)
	issued.Credential = store.Credential{ID: p.CredentialUUID, OrgID: u.OrgID, UserID: u.ID, TokenID: id, Kind: api.KindKey,
		Factor: store.FactorFirst, Name: p.Name, Realm: u.OrgID, PublicKey: key.SPKI(),
		Algorithm: string(keycredential.DefaultAlgorithm(key)), Format: "key", AttestationType: "None", CreatedAt: now}
	if issued.Credential.ID == "" {
		issued.Credential.ID = api.NewID(api.PrefixCredential, now)
	}
	// Clients name the key by either id. One is the other encoded, so that both are the same.
	issued.Credential.CredentialID = []byte(issued.Credential.ID)
	issued.Token = store.AccessToken{ID: id, OrgID: u.OrgID, UserID: u.ID, Kind: p.Kind, Name: p.Name, NameKey: username.Key(p.Name),
		ExternalID: p.ExternalID, CredentialID: issued.Credential.ID, Active: true, CreatedAt: now, ExpiresAt: now.Add(lifetime).Truncate(time.Second)}
	if issued.Text, err = i.Bearer.SignAccessToken(issued.Token, u); err != nil {
		return issued, err
	}
	issued.Token.Digest = bearer.Digest(issued.Text)
	return issued, nil
}

// Lifetime returns how long an access token lasts. Seconds win over days; without either it is
// MaxDays. What is out of bounds is Invalid.
func Lifetime(days, seconds *int) (time.Duration, error) {
	switch {
	case seconds != nil && (*seconds < 1 || *seconds > MaxDays*24*60*60):
		return 0, &api.Error{Kind: api.Invalid, Code: "lifetime_invalid", Message: "The member /secondsValid must be from 1 to 63072000."}
	case days != nil && (*days < 1 || *days > MaxDays):
		return 0, &api.Error{Kind: api.Invalid, Code: "lifetime_invalid", Message: "The member /daysValid must be from 1 to 730."}
	case seconds != nil:
		return time.Duration(*seconds) * time.Second, nil
	case days != nil:
		return time.Duration(*days) * 24 * time.Hour, nil
	}
	return MaxDays * 24 * time.Hour, nil
}

// Store adds the token and its key to the unit. The unit fails with duplicate if the user has a
// token of that name, and with lost unless the user is active and registered.
func (issued Issued) Store(tx *store.Tx, duplicate, lost error) {
	tx.CreateAccessToken(issued.Token, duplicate, lost)
	tx.AddCredential(issued.Credential, errKeyKnown)
}

var errKeyKnown = &api.Error{Kind: api.Conflict, Code: "credential_already_registered", Message: "This credential is already registered."}

// Entry is the issued token as a list shows it.
func (issued Issued) Entry(assignments []store.HeldPermission) store.TokenEntry {
	c := issued.Credential
	c.Active = true
	return store.TokenEntry{AccessToken: issued.Token, Credential: c, Assignments: assignments}
}

// ToAPI returns an access token as the API shows it. It is active only if its user is.
func ToAPI(t store.TokenEntry, userActive bool) api.AccessToken {
	fingerprint := "" // of a stored key that cannot be read
	if key, err := publickey.ParseSPKI(t.Credential.PublicKey); err == nil {
		fingerprint = key.Fingerprint()
	}
	return api.AccessToken{
		DateCreated: api.Time(t.CreatedAt), CredID: base64.RawURLEncoding.EncodeToString(t.Credential.CredentialID),
		IsActive: t.Active && userActive, Kind: t.Kind, LinkedUserID: t.UserID, Name: t.Name, OrgID: t.OrgID,
		PermissionAssignments: access.Summaries(t.Assignments), PublicKey: fingerprint,
		TokenID: t.ID, DateExpires: api.Time(t.ExpiresAt),
	}
}
