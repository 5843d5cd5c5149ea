package authenticator

import (
	"bytes"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

var assertionPolicy = webauthn.AssertionPolicy{
	Challenge:               issued,
	RPIDs:                   []string{"example.org"},
	Origins:                 []string{"https://example.org"},
	RequireUserVerification: true,
}

// newRecorded makes a passkey and its record as a relying party would store it.
func newRecorded(t *testing.T, o Options) (*Credential, webauthn.CredentialRecord) {
	t.Helper()
	_, c, err := New().Create(challenge, o)
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return c, webauthn.CredentialRecord{PublicKey: key, Algorithm: c.Algorithm, SignCount: c.SignCount, BackupEligible: c.BackupEligible}
}

func verifyAssertion(a Assertion, record webauthn.CredentialRecord) (webauthn.Assertion, error) {
	return webauthn.VerifyAssertion(webauthn.AssertionResponse{
		ClientDataJSON: a.ClientDataJSON, AuthenticatorData: a.AuthenticatorData, Signature: a.Signature,
	}, assertionPolicy, record)
}

func TestAssertionsAreAccepted(t *testing.T) {
	for _, o := range []Options{
		{}, {SignCount: 7}, {DoubleEncodeChallenge: true},
		{BackupEligible: true}, {BackupEligible: true, BackupState: true},
		{Extensions: map[string]any{"credProtect": 2}},
	} {
		for _, alg := range algorithmsOf(None) {
			o.Algorithm = alg
			c, record := newRecorded(t, o)
			asserting := Options{DoubleEncodeChallenge: o.DoubleEncodeChallenge, Extensions: o.Extensions}
			for range 2 {
				a, err := c.Assert(issued, asserting)
				if err != nil {
					t.Fatal(err)
				}
				got, err := verifyAssertion(a, record)
				if err != nil {
					t.Fatalf("%s, %+v: %v", alg, o, err)
				}
				if got.BackupEligible != o.BackupEligible || got.BackupState != o.BackupState || got.BackupEligibilityChanged ||
					got.SignCountOutOfLine || (got.Extensions != nil) != (o.Extensions != nil) {
					t.Errorf("%s, %+v: %+v", alg, o, got)
				}
				record.SignCount = got.SignCount
			}
		}
	}
}

// TestFindings has authenticators that are copied, broken or just backed up.
func TestFindings(t *testing.T) {
	c, record := newRecorded(t, Options{SignCount: 7, BackupEligible: true})
	twin := *c
	for _, copied := range []*Credential{c, &twin} {
		a, err := copied.Assert(issued)
		if err != nil {
			t.Fatal(err)
		}
		got, err := verifyAssertion(a, record)
		if err != nil {
			t.Fatal(err)
		}
		if got.SignCount != 8 || got.SignCountOutOfLine != (copied == &twin) {
			t.Errorf("copied: %+v", got)
		}
		record.SignCount = got.SignCount
	}
	a, err := c.Assert(issued, Options{BackupState: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := verifyAssertion(a, record); err != nil || !got.BackupState || got.BackupEligibilityChanged || !c.BackupState {
		t.Errorf("backed up: %v, %+v", err, got)
	}
	c.BackupEligible, c.BackupState = false, false
	if a, err = c.Assert(issued); err != nil {
		t.Fatal(err)
	}
	if got, err := verifyAssertion(a, record); err != nil || got.BackupEligible || !got.BackupEligibilityChanged {
		t.Errorf("no longer eligible: %v, %+v", err, got)
	}
}

func TestChangedAssertions(t *testing.T) {
	for name, s := range map[string]struct {
		o    Options
		code string
	}{
		"client data of a registration": {Options{Tamper: Tamper{ClientData: swap("webauthn.get", "webauthn.create")}}, webauthn.CodeClientDataType},
		"client data with two types":    {Options{Tamper: Tamper{ClientData: swap(`{`, `{"type":"webauthn.get",`)}}, webauthn.CodeClientDataMalformed},
		"another challenge":             {Options{Tamper: Tamper{ClientData: swap(issued, "AAAA")}}, webauthn.CodeChallengeMismatch},
		"another origin":                {Options{Origin: "https://example.org.evil.example"}, webauthn.CodeOriginNotAllowed},
		"in a frame":                    {Options{CrossOrigin: true}, webauthn.CodeCrossOriginNotAllowed},
		"top without a frame":           {Options{TopOrigin: "https://example.org"}, webauthn.CodeTopOriginNotAllowed},
		"another relying party":         {Options{RPID: "evil.example", Origin: "https://example.org"}, webauthn.CodeRPIDMismatch},
		"nobody there":                  {Options{WithoutUserPresence: true}, webauthn.CodeUserNotPresent},
		"not verified":                  {Options{WithoutUserVerification: true}, webauthn.CodeUserNotVerified},
		"backed up, not eligible":       {Options{BackupState: true}, webauthn.CodeBackupFlagsInconsistent},
		"attested data flag":            {Options{Tamper: Tamper{AuthenticatorData: flags(flagAT, 0)}}, webauthn.CodeAuthenticatorDataMalformed},
		"extension flag, no data":       {Options{Tamper: Tamper{AuthenticatorData: flags(flagED, 0)}}, webauthn.CodeAuthenticatorDataMalformed},
		"extension data, no flag":       {Options{Tamper: Tamper{AuthenticatorData: add(0xa0)}}, webauthn.CodeAuthenticatorDataMalformed},
		"cut short":                     {Options{Tamper: Tamper{SentAuthenticatorData: cut(1)}}, webauthn.CodeAuthenticatorDataMalformed},
		"client data sent with a space": {Options{Tamper: Tamper{SentClientData: add(' ')}}, webauthn.CodeSignatureInvalid},
		"counter raised when sent":      {Options{Tamper: Tamper{SentAuthenticatorData: setByte(-1, flip)}}, webauthn.CodeSignatureInvalid},
	} {
		c, record := newRecorded(t, Options{})
		a, err := c.Assert(issued, s.o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifyAssertion(a, record); api.CodeOf(err) != s.code {
			t.Errorf("%s: %v, want %s", name, err, s.code)
		}
	}
}

func TestKeyAssertionsAreAccepted(t *testing.T) {
	for _, keyType := range KeyTypes {
		s := NewKeySigner(keyType)
		algorithm := map[string]publickey.Algorithm{
			publickey.P256: publickey.ES256, publickey.P384: publickey.ES384WithSHA256, publickey.P521: publickey.ES512WithSHA256,
			publickey.Secp256k1: publickey.ES256K, publickey.Ed25519: publickey.EdDSA, publickey.RSA: publickey.RS256,
		}[keyType]
		check := func() error {
			clientData, signature := s.Assert(issued)
			return keycredential.VerifyAssertion(keycredential.AssertionResponse{ClientData: clientData, Signature: signature},
				keycredential.AssertionPolicy{Challenge: issued}, s.PublicKey(), algorithm)
		}
		if err := check(); err != nil {
			t.Errorf("%s: %v", keyType, err)
		}
		s.ClientData = swap("key.get", "key.create")
		if err := check(); api.CodeOf(err) != keycredential.CodeClientDataType {
			t.Errorf("%s of a registration: %v", keyType, err)
		}
		s.ClientData, s.SentClientData = nil, func(b []byte) []byte { return append(bytes.Clone(b), '\n') }
		if err := check(); api.CodeOf(err) != keycredential.CodeSignatureInvalid {
			t.Errorf("%s with a line break: %v", keyType, err)
		}
	}
}
