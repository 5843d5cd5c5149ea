package webauthn

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// answer is an authentication ceremony of which a test may change any part: all but sent
// before the credential signs. Unchanged it passes: ES256, the user verified, and a counter
// that goes from 41 to 42.
type answer struct {
	clientData string
	rpID       string
	flags      byte
	signCount  uint32
	extensions []byte
	trailing   []byte // after authenticator data
	signer     crypto.Signer
	sent       func(*AssertionResponse)
	policy     AssertionPolicy
	record     CredentialRecord
}

func newAnswer() *answer { return newAnswerBy(p256Key()) }

func newAnswerBy(k crypto.Signer) *answer {
	key, algorithm := recorded(k.Public())
	return &answer{
		clientData: clientDataText("webauthn.get", testChallenge, testOrigin),
		rpID:       testRPID,
		flags:      flagUserPresent | flagUserVerified,
		signCount:  42,
		signer:     k,
		policy: AssertionPolicy{
			Challenge: testChallenge,
			RPIDs:     []string{"other.example", testRPID},
			Origins:   []string{"https://example.org", testOrigin},
		},
		record: CredentialRecord{PublicKey: key, Algorithm: algorithm, SignCount: 41},
	}
}

// recorded is what a registration with a public key would have stored.
func recorded(pub crypto.PublicKey) (*publickey.Key, publickey.Algorithm) {
	r := cborReader{data: coseOf(pub)}
	k, err := readCOSEKey(&r)
	if err != nil {
		panic(err)
	}
	key, algorithm, err := k.publicKey()
	if err != nil {
		panic(err)
	}
	return key, algorithm
}

// assertionSigners are keys of every algorithm that is offered to passkeys.
func assertionSigners() []crypto.Signer {
	return []crypto.Signer{p256Key(), p384Key(), p521Key(), edKey(), rsaKey()}
}

func (a *answer) response() AssertionResponse {
	c := ceremony{rpID: a.rpID, flags: a.flags &^ flagAttestedData, signCount: a.signCount, extensions: a.extensions, trailing: a.trailing}
	authData := c.authData()
	authData[32] = a.flags
	hash := sha256.Sum256([]byte(a.clientData))
	r := AssertionResponse{
		ClientDataJSON:    []byte(a.clientData),
		AuthenticatorData: authData,
		Signature:         signWith(a.signer, slices.Concat(authData, hash[:])),
	}
	if a.sent != nil {
		a.sent(&r)
	}
	return r
}

func (a *answer) verify() (Assertion, error) {
	return VerifyAssertion(a.response(), a.policy, a.record)
}

// accepted requires that verification succeeds.
func (a *answer) accepted(t *testing.T) Assertion {
	t.Helper()
	got, err := a.verify()
	if err != nil {
		t.Fatalf("refused: %v\nreceived %q, expected %q", err, api.AsError(err).Received, api.AsError(err).Expected)
	}
	return got
}

// refused requires a refusal with the given code and a complete error that does not reveal what
// was wrong with the credential.
func (a *answer) refused(t *testing.T, code string) *api.Error {
	t.Helper()
	got, err := a.verify()
	if err == nil {
		t.Fatalf("accepted, want %s", code)
	}
	e := api.AsError(err)
	if e.Code != code {
		t.Fatalf("refused with %v (cause %v), want %s", err, e.Cause, code)
	}
	kind := api.Invalid
	if code == CodeSignatureInvalid {
		kind = api.Unauthenticated
	}
	if e.Kind != kind || e.Message == "" || e.Rule == "" || e.Received == "" || e.Expected == "" {
		t.Errorf("incomplete error %#v", e)
	}
	if !isZero(got) {
		t.Errorf("a refusal came with the assertion %+v", got)
	}
	for _, text := range []string{"registration", " made on", " made inside", "creating", testChallenge, testOrigin, testRPID} {
		if bytes.Contains([]byte(e.Message), []byte(text)) {
			t.Errorf("message %q says %q", e.Message, text)
		}
	}
	if bytes.Contains([]byte(e.Error()+e.Received+e.Expected), []byte(testChallenge)) {
		t.Errorf("%v, %q, %q: the challenge must not be logged", e, e.Received, e.Expected)
	}
	return e
}

func isZero(a Assertion) bool {
	extensions := a.Extensions
	a.Extensions = nil
	return extensions == nil && a.RPID+a.Origin+a.TopOrigin == "" && a.SignCount == 0 && !a.CrossOrigin &&
		!a.UserVerified && !a.BackupEligible && !a.BackupState && !a.SignCountOutOfLine && !a.BackupEligibilityChanged
}
