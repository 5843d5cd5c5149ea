package assertion

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

// VerifiedFactor is a factor whose signature is good.
type VerifiedFactor struct {
	Factor
	Credential store.Credential // as it was read

	use     store.CredentialUse
	second  bool   // it stands as the second factor
	notes   []note // what is out of line
	refusal error  // a policy's
}

// verifyFactor verifies f as the assertion of the owner's credential, in the place of a
// store.FactorFirst or FactorSecond. An owner without user or credential is refused like one
// whose signature is wrong.
func (v *Verifier) verifyFactor(f Factor, asked Request, place string, owner store.Owner) (VerifiedFactor, error) {
	known := v.mayAnswer(f, asked, place, owner)
	done := VerifiedFactor{Factor: f, Credential: owner.Credential, second: place == store.FactorSecond,
		use: store.CredentialUse{ID: owner.Credential.ID, At: v.Now()}}
	record, err := recordOf(owner.Credential, known)
	if err != nil {
		return done, err
	}
	if f.Kind == api.KindFido2 {
		err = v.verifyPasskey(&done, asked, owner, record)
	} else {
		err = keycredential.VerifyAssertion(
			keycredential.AssertionResponse{ClientData: f.ClientData, Signature: f.Signature},
			keycredential.AssertionPolicy{Challenge: asked.Challenge}, record.PublicKey, record.Algorithm)
	}
	if err == nil && !known { // cannot be: nobody has the decoy's private key
		err = &api.Error{Kind: api.Unauthenticated, Code: webauthn.CodeSignatureInvalid, Message: "This passkey or key is not accepted here."}
	}
	if err != nil {
		return done, about(owner, forOperator(err, f, known))
	}
	// WebAuthn L3 §7.2 step 6. Checked before the signature, it would tell real credential ids
	// from invented ones, and confirm a guess at whose name it is.
	if err := checkUserHandle(f, asked, owner); err != nil {
		return done, about(owner, err)
	}
	return done, about(owner, checkActive(owner))
}

// mayAnswer reports whether the owner has a credential that may answer at all: the user's
// own or the access token's, of the kind that was named, for this relying party, and of a
// factor that may stand in this place.
func (v *Verifier) mayAnswer(f Factor, asked Request, place string, owner store.Owner) bool {
	c := owner.Credential
	return owner.Found && owner.CredentialFound && c.Kind == f.Kind && c.UserID == owner.User.ID && c.TokenID == asked.TokenID &&
		c.Factor != store.FactorRecovery && (place != store.FactorFirst || c.Factor == store.FactorFirst) &&
		(f.Kind != api.KindFido2 || c.RPID == asked.RPID && v.Site.Of(owner.Organisation).ID == asked.RPID)
}

// checkUserHandle is WebAuthn L3 §7.2 step 6. Where the user was named, a handle that
// names nobody is passed over: old clients send none or an odd one. Where not, the handle
// must name the user.
func checkUserHandle(f Factor, asked Request, owner store.Owner) error {
	named := f.namedUser()
	if f.Kind != api.KindFido2 || named == owner.User.ID || named == "" && asked.Named {
		return nil
	}
	e := &api.Error{Kind: api.Unauthenticated, Code: "user_handle_mismatch",
		Message: "This passkey belongs to another account.",
		Rule:    "WebAuthn L3 §7.2 step 6, userHandle", Received: api.Shown(f.UserHandle), Expected: owner.User.ID}
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
	key, err := publickey.ParseStored(c.PublicKey)
	if err != nil {
		return webauthn.CredentialRecord{}, &api.Error{Kind: api.Internal, Code: "credential_unreadable",
			Message: "Internal Server Error", Cause: errors.New("the stored key of " + c.ID + " is not sound")}
	}
	return webauthn.CredentialRecord{PublicKey: key, Algorithm: publickey.Algorithm(c.Algorithm),
		SignCount: uint32(c.SignCount), BackupEligible: c.BackupEligible}, nil
}

func (v *Verifier) verifyPasskey(p *VerifiedFactor, asked Request, owner store.Owner, record webauthn.CredentialRecord) error {
	// What is demanded must not depend on whether there is an owner. So a ceremony that
	// named no organisation is the site's own, with user verification.
	origins, verified := v.Site.Of(store.Organisation{}).Origins, true
	if asked.OrgID != "" {
		origins, verified = v.Site.Of(owner.Organisation).Origins, owner.Organisation.UserVerification == "required"
	}
	read, err := webauthn.VerifyAssertion(
		webauthn.AssertionResponse{ClientDataJSON: p.ClientData, AuthenticatorData: p.AuthenticatorData, Signature: p.Signature},
		webauthn.AssertionPolicy{
			Challenge:               asked.Challenge,
			RPIDs:                   []string{asked.RPID},
			Origins:                 origins,
			RequireUserVerification: verified,
		}, record)
	if err != nil {
		return err
	}
	p.use.SignCount, p.use.BackupEligible, p.use.BackupState = int64(read.SignCount), read.BackupEligible, read.BackupState
	v.applyPolicies(p, owner, read)
	return nil
}

// checkActive says what only who signed with the right key may be told.
func checkActive(owner store.Owner) error {
	switch {
	case !owner.User.Active:
		return auth.ErrUserInactive
	case !owner.Credential.Active:
		return auth.ErrCredentialInactive
	}
	return nil
}

// forOperator tells the operator, and nobody else, that there was nothing to verify against.
func forOperator(err error, f Factor, known bool) error {
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

func about(owner store.Owner, err error) error {
	return api.About(err, api.Subject{OrgID: owner.Organisation.ID, UserID: owner.User.ID})
}
