package assertion

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

// Verifier verifies assertions.
type Verifier struct {
	Site relyingparty.Site
	Now  func() time.Time
	Log  *slog.Logger
}

// Request is what an assertion must answer.
type Request struct {
	Challenge string
	RPID      string // of the ceremony
	OrgID     string // the organisation that the ceremony was begun for, "" if none was named
	Named     bool   // the user was named before the credential was chosen
	Factor    string // store.FactorFirst or FactorSecond: the place it takes here
	TokenID   string // the access token whose key must answer, "" for a credential of the user's own
}

// Verified is a verified assertion, and what has to be written with its effect.
type Verified struct {
	Factor     Factor
	Credential store.Credential
	Use        store.CredentialUse
	Notes      []Note // what is out of line and was let pass: each becomes an event
	refusal    error  // a policy's
	second     bool   // it stands as the second factor
}

// Refused is why the organisation's policy refuses the assertion although its signature
// is good, nil if it does not. The Notes are recorded all the same.
func (p Verified) Refused() error { return p.refusal }

// Verify judges f as the assertion of the holder's credential. A holder without user or
// credential is refused like one whose signature is wrong.
func (j *Verifier) Verify(f Factor, asked Request, h store.Owner) (Verified, error) {
	known := j.answerable(f, asked, h)
	now := j.Now()
	p := Verified{Factor: f, Credential: h.Credential, second: asked.Factor == store.FactorSecond, Use: store.CredentialUse{ID: h.Credential.ID, At: now}}
	record, err := recordOf(h.Credential, known)
	if err != nil {
		return p, err
	}
	if f.Kind == api.KindFido2 {
		err = j.verifyPasskey(&p, asked, h, record)
	} else {
		err = keycredential.VerifyAssertion(
			keycredential.AssertionResponse{ClientData: f.ClientData, Signature: f.Signature},
			keycredential.AssertionPolicy{Challenge: asked.Challenge}, record.PublicKey, record.Algorithm)
	}
	if err == nil && !known { // cannot be: nobody has the decoy's private key
		err = &api.Error{Kind: api.Unauthenticated, Code: webauthn.CodeSignatureInvalid, Message: "This passkey or key is not accepted here."}
	}
	if err != nil {
		return p, about(h, explain(err, f, known))
	}
	// WebAuthn L3 §7.2 step 6. Judged before the signature, it would tell real credential ids
	// from invented ones, and confirm a guess at whose name it is.
	if err := checkUserHandle(f, asked, h); err != nil {
		return p, about(h, err)
	}
	return p, about(h, j.checkActive(h))
}

// answerable reports whether the holder has a credential that may answer at all: the user's
// own or the access token's, of the kind that was named, for this relying party, and of a
// factor that may stand here.
func (j *Verifier) answerable(f Factor, asked Request, h store.Owner) bool {
	c := h.Credential
	return h.Found && h.CredentialFound && c.Kind == f.Kind && c.UserID == h.User.ID && c.TokenID == asked.TokenID &&
		c.Factor != store.FactorRecovery && (asked.Factor != store.FactorFirst || c.Factor == store.FactorFirst) &&
		(f.Kind != api.KindFido2 || c.RPID == asked.RPID && j.Site.Of(h.Organisation).ID == asked.RPID)
}

// checkUserHandle is WebAuthn L3 §7.2 step 6. Where the user was named, a handle that
// names nobody is passed over: old clients send none or an odd one. Where not, the handle
// must name the user.
func checkUserHandle(f Factor, asked Request, h store.Owner) error {
	named := f.names()
	if f.Kind != api.KindFido2 || named == h.User.ID || named == "" && asked.Named {
		return nil
	}
	e := &api.Error{Kind: api.Unauthenticated, Code: "user_handle_mismatch",
		Message: "This passkey belongs to another account.",
		Rule:    "WebAuthn L3 §7.2 step 6, userHandle", Received: api.Shown(f.UserHandle), Expected: h.User.ID}
	if f.UserHandle == "" {
		e.Code, e.Message, e.Received = "user_handle_missing", "This passkey does not say whose it is; log in with your username.", "none"
	}
	return e
}

// decoy is a key whose private half nobody has kept. Signatures are verified against it
// where there is no credential, so that this takes as long as where there is one.
var decoy = func() *publickey.Key {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err == nil {
		var point []byte
		if point, err = private.PublicKey.Bytes(); err == nil {
			var key *publickey.Key
			if key, err = publickey.NewECDSA(publickey.P256, point[1:33], point[33:]); err == nil {
				return key
			}
		}
	}
	panic("assertion: " + err.Error()) // crypto/rand does not fail
}()

func recordOf(c store.Credential, known bool) (webauthn.CredentialRecord, error) {
	if !known {
		return webauthn.CredentialRecord{PublicKey: decoy, Algorithm: publickey.ES256}, nil
	}
	key, err := publickey.ParseSPKI(c.PublicKey)
	if err != nil {
		return webauthn.CredentialRecord{}, &api.Error{Kind: api.Internal, Code: "credential_unreadable",
			Message: "Internal Server Error", Cause: errors.New("the stored key of " + c.ID + " is not sound")}
	}
	return webauthn.CredentialRecord{PublicKey: key, Algorithm: publickey.Algorithm(c.Algorithm),
		SignCount: uint32(c.SignCount), BackupEligible: c.BackupEligible}, nil
}

func (j *Verifier) verifyPasskey(p *Verified, asked Request, h store.Owner, record webauthn.CredentialRecord) error {
	// What is demanded must not depend on whether there is a holder. So a ceremony that
	// named no organisation is the site's own, with user verification.
	origins, verified := j.Site.Of(store.Organisation{}).Origins, true
	if asked.OrgID != "" {
		origins, verified = j.Site.Of(h.Organisation).Origins, h.Organisation.UserVerification == "required"
	}
	v, err := webauthn.VerifyAssertion(
		webauthn.AssertionResponse{ClientDataJSON: p.Factor.ClientData, AuthenticatorData: p.Factor.AuthenticatorData, Signature: p.Factor.Signature},
		webauthn.AssertionPolicy{
			Challenge:               asked.Challenge,
			RPIDs:                   []string{asked.RPID},
			Origins:                 origins,
			RequireUserVerification: verified,
		}, record)
	if err != nil {
		return err
	}
	p.Use.SignCount, p.Use.BackupEligible, p.Use.BackupState = int64(v.SignCount), v.BackupEligible, v.BackupState
	j.applyPolicies(p, h, v)
	return nil
}

// checkActive says what only the holder of a good signature may be told.
func (j *Verifier) checkActive(h store.Owner) error {
	switch {
	case !h.User.Active:
		return auth.ErrUserInactive
	case !h.Credential.Active:
		return auth.ErrCredentialInactive
	}
	return nil
}

// explain tells the operator, and nobody else, that there was nothing to verify against.
func explain(err error, f Factor, known bool) error {
	var e *api.Error
	if known || !errors.As(err, &e) || e.Code != webauthn.CodeSignatureInvalid {
		return err
	}
	c := *e
	c.Rule, c.Received, c.Expected = "the credential is the user's", "a credential of kind "+f.Kind+" that this user does not have", "one of the user's own"
	if f.Kind == api.KindFido2 {
		c.Rule = "WebAuthn L3 §7.2 steps 5 and 6: " + c.Rule
	}
	return &c
}

func about(h store.Owner, err error) error {
	return api.About(err, api.Subject{OrgID: h.Organisation.ID, UserID: h.User.ID})
}
