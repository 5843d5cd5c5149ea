package webauthn

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

func TestRegistrationIsAccepted(t *testing.T) {
	c := newCeremony()
	c.signCount = 0x01020304
	c.flags |= flagBackupEligible | flagBackupState
	reg := c.accepted(t)
	if reg.RPID != testRPID || reg.Origin != testOrigin || reg.CrossOrigin || reg.TopOrigin != "" {
		t.Errorf("client: %+v", reg)
	}
	if !bytes.Equal(reg.CredentialID, testCredID) || reg.AAGUID != testAAGUID || reg.SignCount != 0x01020304 {
		t.Errorf("authenticator: %+v", reg)
	}
	if !reg.UserVerified || !reg.BackupEligible || !reg.BackupState {
		t.Errorf("flags: %+v", reg)
	}
	if reg.Algorithm != publickey.ES256 || reg.PublicKey.Type() != publickey.P256 {
		t.Errorf("key: %s %s", reg.Algorithm, reg.PublicKey.Type())
	}
	if reg.Format != "none" || reg.AttestationType != AttestationNone || reg.TrustPath != nil || reg.Extensions != nil {
		t.Errorf("attestation: %+v", reg)
	}
}

func TestEveryOfferedAlgorithmIsAccepted(t *testing.T) {
	for want, cose := range map[publickey.Algorithm][]byte{
		publickey.ES256: coseOf(&p256Key().PublicKey),
		publickey.ES384: coseOf(&p384Key().PublicKey),
		publickey.ES512: coseOf(&p521Key().PublicKey),
		publickey.EdDSA: coseOf(edKey().Public()),
		publickey.RS256: coseOf(&rsaKey().PublicKey),
	} {
		c := newCeremony()
		c.cose = cose
		if reg := c.accepted(t); reg.Algorithm != want || reg.PublicKey.Type() != want.KeyType() {
			t.Errorf("got %s on %s, want %s", reg.Algorithm, reg.PublicKey.Type(), want)
		}
		offered, _ := want.COSE()
		c.policy.Algorithms = []int{offered + 1, offered - 1}
		c.refused(t, CodeAlgorithmNotOffered)
	}
}

// TestSteps changes one thing for each step of §7.1.
// TestSafetyNetIsRefusedByName has the operator read why.
func TestSafetyNetIsRefusedByName(t *testing.T) {
	c := newCeremony()
	c.format = "android-safetynet"
	if e := c.refused(t, CodeAttestationFormatUnsupported); !strings.Contains(e.Received, "deprecated") {
		t.Errorf("received %q", e.Received)
	}
}

func TestSteps(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*ceremony)
		code   string // "": accepted
		rule   string // part of the rule
	}{
		{"login response", func(c *ceremony) { c.clientData = clientDataText("webauthn.get", testChallenge, testOrigin) },
			CodeClientDataType, "step 7"},
		{"key credential", func(c *ceremony) { c.clientData = clientDataText("key.create", testChallenge, testOrigin) },
			CodeClientDataType, "step 7"},
		{"type in another case", func(c *ceremony) { c.clientData = clientDataText("WebAuthn.create", testChallenge, testOrigin) },
			CodeClientDataType, "step 7"},
		{"type with a space", func(c *ceremony) { c.clientData = clientDataText("webauthn.create ", testChallenge, testOrigin) },
			CodeClientDataType, "step 7"},

		{"challenge encoded twice", func(c *ceremony) { c.clientData = clientDataText("webauthn.create", twice(testChallenge), testOrigin) },
			"", ""},
		{"challenge encoded three times", func(c *ceremony) {
			c.clientData = clientDataText("webauthn.create", twice(twice(testChallenge)), testOrigin)
		}, CodeChallengeMismatch, "step 8"},
		{"padded challenge", func(c *ceremony) { c.clientData = clientDataText("webauthn.create", testChallenge+"=", testOrigin) },
			CodeChallengeMismatch, "step 8"},
		{"shortened challenge", func(c *ceremony) { c.clientData = clientDataText("webauthn.create", testChallenge[:42], testOrigin) },
			CodeChallengeMismatch, "step 8"},
		{"empty challenge", func(c *ceremony) { c.clientData = clientDataText("webauthn.create", "", testOrigin) },
			CodeChallengeMismatch, "step 8"},
		{"nothing was issued", func(c *ceremony) {
			c.policy.Challenge = ""
			c.clientData = clientDataText("webauthn.create", "", testOrigin)
		}, CodeChallengeMismatch, "step 8"},
		{"challenge of the same bytes in another alphabet", func(c *ceremony) {
			c.policy.Challenge = "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8"
			c.clientData = clientDataText("webauthn.create", strings.NewReplacer("-", "+", "_", "/").Replace(c.policy.Challenge), testOrigin)
		}, CodeChallengeMismatch, "step 8"},

		{"origin with a slash", withOrigin(testOrigin + "/"), CodeOriginNotAllowed, "step 9"},
		{"origin with the default port", withOrigin(testOrigin + ":443"), CodeOriginNotAllowed, "step 9"},
		{"origin in another case", withOrigin("https://Console.example.org"), CodeOriginNotAllowed, "step 9"},
		{"plain http", withOrigin("http://console.example.org"), CodeOriginNotAllowed, "step 9"},
		{"origin as a suffix", withOrigin("https://evil.example/?https://console.example.org"), CodeOriginNotAllowed, "step 9"},
		{"origin as a prefix", withOrigin("https://console.example.org.evil.example"), CodeOriginNotAllowed, "step 9"},
		{"empty origin", withOrigin(""), CodeOriginNotAllowed, "step 9"},
		{"null origin", withOrigin("null"), CodeOriginNotAllowed, "step 9"},
		{"no origin is allowed", func(c *ceremony) { c.policy.Origins = nil }, CodeOriginNotAllowed, "step 9"},
		{"the other allowed origin", withOrigin("https://example.org"), "", ""},

		{"in a frame", withMembers(`,"crossOrigin":true`), CodeCrossOriginNotAllowed, "step 10"},
		{"in a frame with top", withMembers(`,"crossOrigin":true,"topOrigin":"https://top.example"`), CodeCrossOriginNotAllowed, "step 10"},
		{"in an expected frame", framed(`,"crossOrigin":true,"topOrigin":"https://top.example"`), "", ""},
		{"in a frame of an older client", framed(`,"crossOrigin":true`), "", ""},
		{"in another frame", framed(`,"crossOrigin":true,"topOrigin":"https://evil.example"`), CodeTopOriginNotAllowed, "step 11"},
		{"empty topOrigin", framed(`,"crossOrigin":true,"topOrigin":""`), CodeTopOriginNotAllowed, "step 11"},
		{"topOrigin without a frame", framed(`,"crossOrigin":false,"topOrigin":"https://top.example"`), CodeTopOriginNotAllowed, "step 11"},
		{"topOrigin alone", framed(`,"topOrigin":"https://top.example"`), CodeTopOriginNotAllowed, "step 11"},
		{"no frame where one may be", framed(``), "", ""},

		{"another relying party", func(c *ceremony) { c.rpID = "evil.example" }, CodeRPIDMismatch, "step 14"},
		{"a subdomain of the relying party", func(c *ceremony) { c.rpID = "console.example.org" }, CodeRPIDMismatch, "step 14"},
		{"RP ID in another case", func(c *ceremony) { c.rpID = "Example.org" }, CodeRPIDMismatch, "step 14"},
		{"RP ID as a URL", func(c *ceremony) { c.rpID = "https://example.org" }, CodeRPIDMismatch, "step 14"},
		{"the other relying party", func(c *ceremony) { c.rpID = "other.example" }, "", ""},
		{"no relying party", func(c *ceremony) { c.policy.RPIDs = nil }, CodeRPIDMismatch, "step 14"},

		{"nobody present", func(c *ceremony) { c.flags &^= flagUserPresent }, CodeUserNotPresent, "step 15"},
		{"nobody verified", func(c *ceremony) { c.flags &^= flagUserVerified }, "", ""},
		{"verification required", func(c *ceremony) { c.policy.RequireUserVerification = true }, "", ""},
		{"verification required and missing", func(c *ceremony) {
			c.flags &^= flagUserVerified
			c.policy.RequireUserVerification = true
		}, CodeUserNotVerified, "step 16"},
		{"backed up but not eligible", func(c *ceremony) { c.flags |= flagBackupState }, CodeBackupFlagsInconsistent, "step 17"},
		{"eligible but not backed up", func(c *ceremony) { c.flags |= flagBackupEligible }, "", ""},
		{"reserved flags", func(c *ceremony) { c.flags |= 1<<1 | 1<<5 }, "", ""},

		{"nothing was offered", func(c *ceremony) { c.policy.Algorithms = nil }, CodeAlgorithmNotOffered, "step 20"},
		{"another was offered", func(c *ceremony) { c.policy.Algorithms = []int{-8, -257} }, CodeAlgorithmNotOffered, "step 20"},

		{"SafetyNet", func(c *ceremony) { c.format = "android-safetynet" }, CodeAttestationFormatUnsupported, "step 21"},
		{"compound of empty statements", func(c *ceremony) {
			c.format = "compound"
			c.statement = func([]byte, [32]byte) []byte {
				sub := cMap(cText("fmt"), cText("packed"), cText("attStmt"), cMap(cText("x5c"), cArray(cBytes(nil))))
				return cArray(sub, sub)
			}
		}, CodeAttestationMalformed, "step 22"},
		{"format in another case", func(c *ceremony) { c.format = "None" }, CodeAttestationFormatUnsupported, "step 21"},
		{"format with a NUL", func(c *ceremony) { c.format = "none\x00" }, CodeAttestationFormatUnsupported, "step 21"},
		{"empty format", func(c *ceremony) { c.format = "" }, CodeAttestationFormatUnsupported, "step 21"},
		{"none with a statement", func(c *ceremony) {
			c.statement = func([]byte, [32]byte) []byte { return cMap(cText("alg"), cInt(-7)) }
		}, CodeAttestationMalformed, "step 22"},
		{"none with an array", func(c *ceremony) {
			c.statement = func([]byte, [32]byte) []byte { return cArray() }
		}, CodeAttestationMalformed, "step 22"},

		{"credential ID of 1023 bytes", func(c *ceremony) { c.credID = make([]byte, 1023) }, "", ""},
		{"credential ID of 1024 bytes", func(c *ceremony) { c.credID = make([]byte, 1024) }, CodeCredentialIDTooLong, "step 25"},
		{"credential ID of 65535 bytes", func(c *ceremony) { c.credID = make([]byte, 65535) }, CodeAttestationMalformed, "step 13"},
		{"credential ID of 60000 bytes", func(c *ceremony) { c.credID = make([]byte, 60000) }, CodeCredentialIDTooLong, "step 25"},
		{"credential ID of one byte", func(c *ceremony) { c.credID = []byte{0} }, "", ""},
		{"another rawId", func(c *ceremony) { c.claimedID = []byte("another") }, CodeCredentialIDMismatch, "rawId"},
		{"empty rawId", func(c *ceremony) { c.claimedID = []byte{} }, CodeCredentialIDMismatch, "rawId"},
		{"rawId with more", func(c *ceremony) { c.claimedID = append(bytes.Clone(testCredID), 0) }, CodeCredentialIDMismatch, "rawId"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCeremony()
			test.change(c)
			if test.code == "" {
				c.accepted(t)
				return
			}
			if e := c.refused(t, test.code); !strings.Contains(e.Rule, test.rule) {
				t.Errorf("rule %q, want %q in it", e.Rule, test.rule)
			}
		})
	}
}

// TestFirstFailureIsNamed has several failures: the refusal names the first step.
func TestFirstFailureIsNamed(t *testing.T) {
	c := newCeremony()
	c.clientData = clientDataText("webauthn.get", "wrong", "https://evil.example")
	c.rpID, c.flags = "evil.example", flagAttestedData
	c.refused(t, CodeClientDataType)
	c.clientData = clientDataText("webauthn.create", "wrong", "https://evil.example")
	c.refused(t, CodeChallengeMismatch)
	c.clientData = clientDataText("webauthn.create", testChallenge, "https://evil.example")
	c.refused(t, CodeOriginNotAllowed)
	c.clientData = clientDataText("webauthn.create", testChallenge, testOrigin)
	c.refused(t, CodeRPIDMismatch)
	c.rpID = testRPID
	c.refused(t, CodeUserNotPresent)
}

func TestSizesAreLimited(t *testing.T) {
	c := newCeremony()
	c.clientData = strings.Replace(c.clientData, "{", `{"pad":"`+strings.Repeat("x", maxClientDataLen)+`",`, 1)
	c.refused(t, CodeClientDataMalformed)

	c = newCeremony()
	c.flags |= flagExtensionData
	c.extensions = cMap(cText("pad"), cBytes(make([]byte, maxAttestationObjectLen)))
	c.refused(t, CodeAttestationMalformed)
}

func TestEmptyResponse(t *testing.T) {
	_, err := VerifyRegistration(RegistrationResponse{}, RegistrationPolicy{}, testNow)
	wantCode(t, err, CodeClientDataMalformed)
	c := newCeremony()
	r := c.response()
	r.AttestationObject = nil
	_, err = VerifyRegistration(r, c.policy, testNow)
	wantCode(t, err, CodeAttestationMalformed)
}

// TestResponseIsNotChanged checks that the bytes are verified as received.
func TestResponseIsNotChanged(t *testing.T) {
	c := packedCeremony()
	r := c.response()
	clientData, object, id := bytes.Clone(r.ClientDataJSON), bytes.Clone(r.AttestationObject), bytes.Clone(r.CredentialID)
	reg, err := VerifyRegistration(r, c.policy, c.now)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(reg.CredentialID, 0xff)    // the capacity ends with the slice,
	_ = append(reg.TrustPath[0], 0xff)    // so appending reaches nothing else
	_ = append(reg.TrustPath, []byte{42}) //
	if !bytes.Equal(r.ClientDataJSON, clientData) || !bytes.Equal(r.AttestationObject, object) || !bytes.Equal(r.CredentialID, id) {
		t.Error("the response was changed")
	}
}

func TestCertificatesThatWereNotRequestedAreDropped(t *testing.T) {
	c := packedCeremony()
	c.policy.Attestation = "none"
	if reg := c.accepted(t); reg.TrustPath != nil || reg.AttestationType != AttestationBasic {
		t.Errorf("got %s with %d certificates", reg.AttestationType, len(reg.TrustPath))
	}
}

func TestEveryCodeHasASentence(t *testing.T) {
	for code, message := range messages {
		if !strings.HasSuffix(message, ".") || strings.ToLower(code) != code {
			t.Errorf("%s: %q", code, message)
		}
		kind := api.Invalid
		if code == CodeSignatureInvalid {
			kind = api.Unauthenticated
		}
		if e := refuse(code, "§0", "", ""); e.Message != message || e.Kind != kind {
			t.Errorf("%s gives %+v", code, e)
		}
	}
	for code, message := range assertionMessages {
		if !strings.HasSuffix(message, ".") || messages[code] == "" || messages[code] == message {
			t.Errorf("%s in an assertion: %q", code, message)
		}
	}
}

// twice is what the TypeScript browser signer makes of a challenge.
func twice(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func withOrigin(origin string) func(*ceremony) {
	return func(c *ceremony) { c.clientData = clientDataText("webauthn.create", testChallenge, origin) }
}

// withMembers makes client data with further members after the three required ones.
func withMembers(members string) func(*ceremony) {
	return func(c *ceremony) {
		c.clientData = `{"type":"webauthn.create","challenge":"` + testChallenge + `","origin":"` + testOrigin + `"` + members + `}`
	}
}

func framed(members string) func(*ceremony) {
	return func(c *ceremony) {
		withMembers(members)(c)
		c.policy.TopOrigins = []string{"https://top.example"}
	}
}
