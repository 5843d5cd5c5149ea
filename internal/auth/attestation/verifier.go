package attestation

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/auth/onetime"
	"github.com/countersign/countersign/internal/auth/password"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

// Verifier verifies the credentials that answer a challenge.
type Verifier struct {
	Site      relyingparty.Site
	OneTime   onetime.Secrets
	Passwords *password.Hasher
	Policies  *admission.Keeper
	Now       func() time.Time
}

// Request is what an offer must answer, and whose it is.
type Request struct {
	Challenge  string
	RPID       string // the relying party that the ceremony was begun for
	Algorithms []int  // COSE identifiers that the ceremony offered

	Organisation store.Organisation // its policy as it is now
	UserID       string
	Username     string
	UserKind     string             // whose policy decides
	Own          []store.Credential // what the user has besides, and keeps
	CodeID       string             // the code that admitted the user

	Presented time.Time // when the offers were first presented, if that was earlier: a one-time code is of that time
}

// VerifyAll verifies every offer. All must pass, and each must have a key of its own.
func (v *Verifier) VerifyAll(ctx context.Context, offers []Offer, r Request) ([]store.Credential, error) {
	credentials := make([]store.Credential, 0, len(offers))
	own := r.Own
	for _, o := range offers {
		r.Own = append(slices.Clip(own), credentials...)
		c, err := v.Verify(ctx, o, r)
		if err != nil {
			return nil, err
		}
		for _, other := range credentials {
			if c.PublicKey != nil && bytes.Equal(other.PublicKey, c.PublicKey) {
				return nil, NotDistinct("public key")
			}
		}
		credentials = append(credentials, c)
	}
	return credentials, nil
}

// Verify returns the credential of an offer that answers the request, with a new id. A passkey
// is verified by WebAuthn L3 §7.1. Its step 26, that nobody has the credential ID yet, is decided
// when the credential is stored (ErrKnown).
func (v *Verifier) Verify(ctx context.Context, o Offer, r Request) (store.Credential, error) {
	now := v.Now()
	c := store.Credential{
		ID: api.NewID(api.PrefixCredential, now), OrgID: r.Organisation.ID, UserID: r.UserID, CodeID: r.CodeID,
		Kind: o.Kind, Factor: o.Factor, Name: o.Name, CredentialID: o.CredentialID,
		AttestationObject: o.AttestationData, ClientData: o.ClientData,
		Transports: o.Transports, ClientExtensions: o.ClientExtensions, EncryptedPrivateKey: o.EncryptedPrivateKey,
		CreatedAt: now,
	}
	switch o.Kind {
	case api.KindFido2:
		return v.passkey(ctx, c, r)
	case api.KindTotp:
		return v.oneTime(c, o, r)
	case api.KindPassword:
		return v.password(ctx, c, o, r)
	case api.KindKey, api.KindPasswordProtectedKey:
		policy, err := v.Policies.InForce(ctx, r.Organisation, r.UserKind)
		if err != nil {
			return c, err
		}
		if c, err = v.admit(policy, c, nil, nil); err != nil {
			return c, err
		}
	}
	key, err := keycredential.VerifyRegistration(
		keycredential.RegistrationResponse{ClientData: o.ClientData, AttestationData: o.AttestationData},
		keycredential.RegistrationPolicy{Challenge: r.Challenge})
	if err != nil {
		return c, err
	}
	c.Realm = c.OrgID
	c.PublicKey, c.Algorithm = key.PublicKey.SPKI(), string(key.Algorithm)
	c.Format, c.AttestationType = "key", "Self"
	return c, nil
}

// oneTime verifies the first code of the secret that belongs to the ceremony. The nonce becomes the id of
// the credential, so that one ceremony registers one secret.
func (v *Verifier) oneTime(c store.Credential, o Offer, r Request) (store.Credential, error) {
	if !r.Organisation.OneTimePasswords {
		return c, onetime.ErrNotAccepted
	}
	code, err := onetime.Read(o.member+"/credentialInfo/otpCode", o.Code)
	if err != nil {
		return c, err
	}
	if c.CredentialID, err = onetime.Nonce(r.Challenge); err != nil {
		return c, err
	}
	c.Realm, c.Algorithm, c.Format, c.AttestationType = c.OrgID, "SHA1", "totp", "None"
	at := r.Presented
	if at.IsZero() {
		at = c.CreatedAt
	}
	c.SignCount, err = v.OneTime.Match(c, code, at)
	return c, err
}

// password checks and hashes a new password.
func (v *Verifier) password(ctx context.Context, c store.Credential, o Offer, r Request) (store.Credential, error) {
	if !r.Organisation.Passwords {
		return c, password.ErrNotAccepted
	}
	member := o.member + "/credentialInfo/password"
	err := password.Read(member, o.Password)
	if err == nil {
		err = password.Check(member, o.Password, r.Username)
	}
	if err != nil {
		return c, err
	}
	c.CredentialID = []byte(c.ID)
	c.Realm, c.Algorithm, c.Format, c.AttestationType = c.OrgID, "argon2id", "password", "None"
	c.PasswordHash, err = v.Passwords.Hash(ctx, o.Password)
	return c, err
}

func (v *Verifier) passkey(ctx context.Context, c store.Credential, r Request) (store.Credential, error) {
	party := v.Site.Of(r.Organisation)
	if party.ID != r.RPID {
		return c, &api.Error{Kind: api.Unauthenticated, Code: "registration_refused",
			Message: "This registration cannot be completed; please begin again.",
			Rule:    "relying party of the ceremony token", Received: r.RPID, Expected: party.ID}
	}
	policy, err := v.Policies.InForce(ctx, r.Organisation, r.UserKind)
	if err != nil {
		return c, err
	}
	p, err := webauthn.VerifyRegistration(
		webauthn.RegistrationResponse{CredentialID: c.CredentialID, ClientDataJSON: c.ClientData, AttestationObject: c.AttestationObject},
		webauthn.RegistrationPolicy{
			Challenge:               r.Challenge,
			RPIDs:                   []string{party.ID},
			Origins:                 party.Origins,
			Algorithms:              r.Algorithms,
			RequireUserVerification: policy.UserVerification == admission.Required,
			Attestation:             policy.Conveyance,
		}, c.CreatedAt)
	if err != nil {
		return c, err
	}
	c.Realm, c.RPID, c.Origin = p.RPID, p.RPID, p.Origin
	c.PublicKey, c.Algorithm = p.PublicKey.SPKI(), string(p.Algorithm)
	c.AAGUID, c.SignCount = p.AAGUID[:], int64(p.SignCount)
	c.UserVerified, c.BackupEligible, c.BackupState = p.UserVerified, p.BackupEligible, p.BackupState
	c.Format, c.AttestationType = p.Format, p.AttestationType
	return v.admit(policy, c, p.TrustPath, r.Own)
}

// admit returns a credential that was verified with the policy that accepts it and the evidence, or refuses it.
// own is what the user has besides.
func (v *Verifier) admit(policy *admission.Policy, c store.Credential, chain [][]byte, own []store.Credential) (store.Credential, error) {
	source := v.Policies.Source(policy)
	facts := source.Facts(c, chain)
	for _, o := range own {
		if o.Kind == api.KindFido2 && bytes.Equal(o.AAGUID, c.AAGUID) {
			facts.SameModel++
		}
	}
	if verdict := admission.Check(policy, facts); !verdict.Accepted() {
		return c, policy.Refusal(verdict, source.Metadata)
	}
	c.Policy, c.Evidence = policy.Version, policy.Evidence(facts, chain)
	if policy.Anonymous() && len(chain) > 0 {
		var err error
		if c.AttestationObject, err = admission.WithoutStatement(c.AttestationObject); err != nil {
			return c, err
		}
	}
	return c, nil
}

// LimitModel adds to the unit that the user of a new passkey may have it beside what they have, however many
// are added at once.
func (v *Verifier) LimitModel(ctx context.Context, tx *store.Tx, c store.Credential, o store.Organisation, userKind string) error {
	policy, err := v.Policies.InForce(ctx, o, userKind)
	if err == nil && policy.PerModel > 0 && c.Kind == api.KindFido2 {
		tx.LimitModel(c, policy.PerModel, policy.Refusal(admission.Verdict{Rule: admission.PerModel}, nil))
	}
	return err
}

// ErrKnown refuses a credential that is stored already. store.Tx.AddCredential decides that.
var ErrKnown = &api.Error{Kind: api.Conflict, Code: "credential_already_registered",
	Message:  "This credential is already registered.",
	Rule:     "WebAuthn L3 §7.1 step 26: the credential ID is not yet registered for any user, nor the public key in the organisation; one Totp and one Password of a user",
	Received: "a credential ID or public key that is stored already"}

// Answers reports whether a stored credential was registered in answer to a challenge. Its client
// data was verified before it was stored.
func Answers(c store.Credential, challenge string) bool {
	var data struct {
		Challenge string `json:"challenge"`
	}
	text := bytes.TrimPrefix(c.ClientData, []byte("\ufeff"))
	if err := json.Unmarshal(text, &data); err != nil {
		return false
	}
	return data.Challenge == challenge || data.Challenge == base64.RawURLEncoding.EncodeToString([]byte(challenge))
}
