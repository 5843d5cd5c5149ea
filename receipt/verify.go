package receipt

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strconv"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/useraction"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

// Verify checks a document from its first byte to its last and says in words what it proves.
// It must be sealed by one of the trusted keys. If trusted is nil, the key in the document is
// used, and the report asks the reader to compare it.
//
// The error is an *api.Error of Kind Invalid whose Code is one of this package's
// constants.
func Verify(document []byte, trusted []ed25519.PublicKey) (Receipt, Report, error) {
	r, err := read(document)
	if err != nil {
		return Receipt{}, Report{}, err
	}
	if err := checkLayout(r, document); err != nil {
		return Receipt{}, Report{}, err
	}
	if err := checkSeal(r, trusted); err != nil {
		return Receipt{}, Report{}, err
	}
	if err := checkTimes(r); err != nil {
		return Receipt{}, Report{}, err
	}
	statement, err := checkStatement(r)
	if err != nil {
		return Receipt{}, Report{}, err
	}
	first, err := checkFactor("", r.Credential, r.Assertion, statement.Challenge())
	if err != nil {
		return Receipt{}, Report{}, err
	}
	factors := []verifiedFactor{first}
	if r.SecondFactor != nil {
		second, err := checkFactor("secondFactor.", r.SecondFactor.Credential, r.SecondFactor.Assertion, statement.Challenge())
		if err != nil {
			return Receipt{}, Report{}, err
		}
		if first.key.Equal(second.key) || r.Credential.UUID == r.SecondFactor.Credential.UUID {
			return Receipt{}, Report{}, refuse(CodeCredential, "The second factor is the first one again.",
				"secondFactor.credential", "the same credential", "another one")
		}
		factors = append(factors, second)
	}
	return r, report(r, statement, factors, trusted != nil), nil
}

// checkLayout checks that the document has the only layout of a receipt, so that no byte of
// it can be changed unnoticed and no two readers can understand it differently.
func checkLayout(r Receipt, document []byte) error {
	want, err := r.layout()
	if err == nil && bytes.Equal(want, document) {
		return nil
	}
	at := 0
	for at < len(want) && at < len(document) && want[at] == document[at] {
		at++
	}
	return because(refuse(CodeLayout, "The document is not byte for byte as it was sealed: it differs from byte "+
		strconv.Itoa(at+1)+" on.", "layout", "another layout", "the layout of a sealed receipt"), err)
}

func checkSeal(r Receipt, trusted []ed25519.PublicKey) error {
	key, err := sealingKey(r.SealedBy.X)
	if err != nil {
		return because(refuse(CodeSeal, "The sealing key of the receipt is not a sound Ed25519 key.",
			"sealedBy.x", api.Shown(r.SealedBy.X), "32 bytes in base64url, a point of large order"), err)
	}
	if trusted != nil && !slices.ContainsFunc(trusted, func(k ed25519.PublicKey) bool { return k.Equal(key) }) {
		return refuse(CodeKeyUnknown, "The receipt is sealed by a key that is not among the trusted ones.",
			"sealedBy.x", r.SealedBy.X, "one of the trusted keys")
	}
	message, err := r.sealedMessage()
	signature, ok := decode(r.Signature)
	if err != nil || !ok || !ed25519.Verify(key, message, signature) {
		return because(refuse(CodeSeal, "The seal does not verify: the receipt was changed after it was sealed.",
			"seal, RFC 8032 §5.1.7", "a seal that does not verify", "the seal of this document"), err)
	}
	return nil
}

// timeLayout is the form of ISO 8601 that Countersign writes everywhere.
const timeLayout = "2006-01-02T15:04:05.000Z"

// checkTimes checks only the form of the times, not their order: the clocks of several servers
// differ a little, and a receipt must not fail for that years later.
func checkTimes(r Receipt) error {
	for _, m := range []struct {
		name, text string
		optional   bool
	}{
		{"issuedAt", r.IssuedAt, false}, {"action.signedAt", r.Action.SignedAt, false},
		{"action.usedAt", r.Action.UsedAt, r.Action.UsedFor == ""},
	} {
		if m.text == "" && m.optional {
			continue
		}
		if !isTime(m.text) {
			return refuse(CodeMalformed, "A time in the receipt cannot be read: "+m.name+".", m.name, api.Shown(m.text), timeLayout)
		}
	}
	return nil
}

func isTime(text string) bool {
	t, err := time.Parse(timeLayout, text)
	return err == nil && t.Format(timeLayout) == text
}

// checkStatement compares what was signed with what the receipt says was signed.
func checkStatement(r Receipt) (useraction.Statement, error) {
	s, ok := useraction.ReadStatement(r.Statement)
	if !ok || !isTime(s.IssuedAt) {
		return s, refuse(CodeStatement, "The statement cannot be read.", "statement", api.Shown(r.Statement),
			"the text of a statement of version 1 or "+strconv.Itoa(useraction.StatementVersion))
	}
	payload := useraction.PayloadDigest([]byte(r.Action.Payload))
	if r.Action.Withheld != "" {
		if r.Action.Withheld != WithheldSecret || r.Action.Payload != "" || s.PayloadSHA256 == payload {
			return s, refuse(CodeStatement, "The receipt says that a payload is withheld, for a reason that is none or beside one.",
				"action.payloadWithheld", api.Shown(r.Action.Withheld), WithheldSecret+", without a payload")
		}
		payload = s.PayloadSHA256
	}
	for _, m := range [][3]string{
		{"issuer", s.Issuer, r.Issuer},
		{"who.orgId", s.OrgID, r.Who.OrgID},
		{"who.userId", s.UserID, r.Who.UserID},
		{"who.username", s.Username, r.Who.Username},
		{"action.method", s.Method, r.Action.Method},
		{"action.path", s.Path, r.Action.Path},
		{"action.payload", s.PayloadSHA256, payload},
	} {
		if m[1] != m[2] {
			return s, refuse(CodeStatement, "The receipt differs from the statement that was signed in "+m[0]+".",
				m[0], api.Shown(m[2]), api.Shown(m[1]))
		}
	}
	return s, nil
}

// verifiedFactor is a credential whose signature of the statement was verified.
type verifiedFactor struct {
	credential Credential
	key        *publickey.Key
	passkey    *webauthn.Assertion // nil for a key
}

// checkFactor verifies that the credential signed the statement with that challenge.
func checkFactor(where string, c Credential, a Assertion, challenge string) (verifiedFactor, error) {
	unreadable := func(member, received, expected string, cause error) error {
		return because(refuse(CodeCredential, "A part of the evidence cannot be read: "+where+member+".",
			where+member, received, expected), cause)
	}
	key, err := publicKey(c.PublicKey)
	if err != nil {
		return verifiedFactor{}, unreadable("credential.publicKey", "another text", "PEM of a sound public key", err)
	}
	if id, ok := decode(c.CredentialID); !ok || len(id) == 0 {
		return verifiedFactor{}, unreadable("credential.credentialId", api.Shown(c.CredentialID), "unpadded base64url", nil)
	}
	clientData, ok := decode(a.ClientData)
	if !ok {
		return verifiedFactor{}, unreadable("assertion.clientData", api.Shown(a.ClientData), "unpadded base64url", nil)
	}
	signature, ok := decode(a.Signature)
	if !ok {
		return verifiedFactor{}, unreadable("assertion.signature", api.Shown(a.Signature), "unpadded base64url", nil)
	}
	authenticatorData, ok := decode(a.AuthenticatorData)
	if !ok {
		return verifiedFactor{}, unreadable("assertion.authenticatorData", api.Shown(a.AuthenticatorData), "unpadded base64url", nil)
	}
	algorithm := publickey.Algorithm(c.Algorithm)
	f := verifiedFactor{credential: c, key: key}
	switch c.Kind {
	case api.KindFido2:
		// The framing page "" stands for one that a client of Level 2 did not name.
		policy := webauthn.AssertionPolicy{Challenge: challenge, RPIDs: []string{c.RPID},
			Origins: []string{a.Origin}, TopOrigins: []string{a.TopOrigin}}
		var found webauthn.Assertion
		found, err = webauthn.VerifyAssertion(webauthn.AssertionResponse{
			ClientDataJSON: clientData, AuthenticatorData: authenticatorData, Signature: signature,
		}, policy, webauthn.CredentialRecord{PublicKey: key, Algorithm: algorithm})
		if err == nil && found.TopOrigin != a.TopOrigin {
			return verifiedFactor{}, unreadable("assertion.topOrigin", api.Shown(a.TopOrigin), api.Shown(found.TopOrigin), nil)
		}
		f.passkey = &found
	case api.KindKey, api.KindPasswordProtectedKey:
		if c.RPID != "" || a.AuthenticatorData != "" || a.Origin != "" || a.TopOrigin != "" {
			return verifiedFactor{}, unreadable("assertion", "members of a passkey with a key", "none", nil)
		}
		err = keycredential.VerifyAssertion(keycredential.AssertionResponse{ClientData: clientData, Signature: signature},
			keycredential.AssertionPolicy{Challenge: challenge}, key, algorithm)
	default:
		return verifiedFactor{}, unreadable("credential.kind", api.Shown(c.Kind), "Fido2, Key or PasswordProtectedKey", nil)
	}
	if err != nil {
		e := api.AsError(err)
		return verifiedFactor{}, because(refuse(CodeSignature, "The credential "+strconv.Quote(c.UUID)+" did not sign this statement.",
			where+"assertion: "+e.Rule, e.Received, e.Expected), err)
	}
	return f, nil
}
