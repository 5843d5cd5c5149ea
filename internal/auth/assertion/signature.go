package assertion

import (
	"context"
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

// VerifiedFactor is a factor whose signature, code or password is good.
type VerifiedFactor struct {
	Factor
	Credential store.Credential // as it was read

	use     store.CredentialUse
	second  bool   // it is the second factor
	notes   []note // what is unexpected
	refusal error  // of a policy, nil if none refuses
}

// verifyFactor verifies f as the assertion of the owner's credential and as a factor,
// store.FactorFirst or FactorSecond. An owner without user or credential is refused like one
// whose signature is wrong.
func (v *Verifier) verifyFactor(ctx context.Context, who api.Caller, f Factor, request Request, as string, owner store.Owner) (VerifiedFactor, error) {
	known := v.mayAnswer(f, request, owner)
	out := VerifiedFactor{Factor: f, Credential: owner.Credential, second: as == store.FactorSecond,
		use: store.CredentialUse{ID: owner.Credential.ID, At: v.Now()}}
	var err error
	switch f.Kind {
	case api.KindTotp:
		err = v.verifyCode(ctx, &out, owner, known)
	case api.KindPassword:
		err = v.verifyPassword(ctx, who, f, request, owner, known)
	default:
		err = v.verifySignature(&out, request, owner, known)
	}
	if err == nil && !known { // impossible: nobody has the decoy's private key
		err = &api.Error{Kind: api.Unauthenticated, Code: webauthn.CodeSignatureInvalid, Message: "This passkey or key is not accepted here."}
	}
	if err != nil {
		return out, about(owner, forOperator(err, f, known))
	}
	// WebAuthn L3 §7.2 step 6. A check before the signature would distinguish real credential ids
	// from invented ones, and confirm a guess at the user's name.
	if err := checkUserHandle(f, request, owner); err != nil {
		return out, about(owner, err)
	}
	if as == store.FactorFirst && owner.Credential.Factor == store.FactorSecond {
		return out, about(owner, errSecondFirst)
	}
	return out, about(owner, checkActive(owner))
}

// errSecondFirst refuses a second factor that comes first, once its signature has verified: as an unknown
// credential, a page would have its provider forget it.
var errSecondFirst = &api.Error{Kind: api.Unauthenticated, Code: "first_factor_required",
	Message: "This credential is your second factor; answer with another one first.",
	Rule:    "the first factor is of a credential that was added as one", Received: "a second factor", Expected: "a first factor"}

func (v *Verifier) verifySignature(p *VerifiedFactor, request Request, owner store.Owner, known bool) error {
	record, err := recordOf(owner.Credential, known)
	switch {
	case err != nil:
		return err
	case p.Kind == api.KindFido2:
		return v.verifyPasskey(p, request, owner, record)
	}
	return keycredential.VerifyAssertion(
		keycredential.AssertionResponse{ClientData: p.ClientData, Signature: p.Signature},
		keycredential.AssertionPolicy{Challenge: request.Challenge}, record.PublicKey, record.Algorithm)
}

// mayAnswer reports whether the owner has a credential that may answer: the user's own or the
// access token's, of the named kind, for this relying party, and no recovery key.
func (v *Verifier) mayAnswer(f Factor, request Request, owner store.Owner) bool {
	c := owner.Credential
	return owner.Found && owner.CredentialFound && f.standsFor(c.Kind) && c.UserID == owner.User.ID && c.TokenID == request.TokenID &&
		c.Factor != store.FactorRecovery &&
		(f.Kind != api.KindFido2 || c.RPID == request.RPID && v.Site.Of(owner.Organisation).ID == request.RPID)
}

// standsFor reports whether the factor may be an answer by a credential of that kind. A
// PasswordProtectedKey may answer as Key, as the browser signer of the SDK does: the assertion
// has the same form, and what is particular to the kind follows the stored credential.
func (f Factor) standsFor(kind string) bool {
	return f.Kind == kind || f.Kind == api.KindKey && kind == api.KindPasswordProtectedKey
}

// checkUserHandle is WebAuthn L3 §7.2 step 6. If the user was named, a handle that names nobody
// is ignored: old clients send none or a malformed one. Otherwise the handle must name the user.
func checkUserHandle(f Factor, request Request, owner store.Owner) error {
	named := f.namedUser()
	if f.Kind != api.KindFido2 || named == owner.User.ID || named == "" && request.Named {
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

// decoy is a key whose private half nobody has. Without a credential, signatures are verified
// against it, so that this takes as long as with one.
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

func (v *Verifier) verifyPasskey(p *VerifiedFactor, request Request, owner store.Owner, record webauthn.CredentialRecord) error {
	// The demands must not depend on whether there is an owner. So a ceremony without an
	// organisation has the site's own origins and requires user verification.
	origins, userVerification := v.Site.Of(store.Organisation{}).Origins, true
	if request.OrgID != "" {
		origins, userVerification = v.Site.Of(owner.Organisation).Origins, owner.Organisation.UserVerification == "required"
	}
	read, err := webauthn.VerifyAssertion(
		webauthn.AssertionResponse{ClientDataJSON: p.ClientData, AuthenticatorData: p.AuthenticatorData, Signature: p.Signature},
		webauthn.AssertionPolicy{
			Challenge:               request.Challenge,
			RPIDs:                   []string{request.RPID},
			Origins:                 origins,
			RequireUserVerification: userVerification,
		}, record)
	if err != nil {
		return err
	}
	p.use.SignCount, p.use.BackupEligible, p.use.BackupState = int64(read.SignCount), read.BackupEligible, read.BackupState
	v.applyPolicies(p, owner, read)
	return nil
}

// checkActive refuses a deactivated user or credential. Call it only after the signature has
// verified: nobody else may learn this.
func checkActive(owner store.Owner) error {
	switch {
	case !owner.User.Active:
		return auth.ErrUserInactive
	case !owner.Credential.Active:
		return auth.ErrCredentialInactive
	}
	return nil
}

// forOperator adds, for the operator alone, that there was nothing to verify against.
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
