package authenticator

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

const issued = "3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

var now = time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC)

var challenge = api.RegistrationChallenge{
	User:      api.ChallengeUser{ID: "us-00000-00000-0000000000000000", Name: "ada", DisplayName: "ada"},
	Challenge: issued,
	RP:        &api.RelyingParty{ID: "example.org", Name: "Example"},
	PubKeyCredParams: []api.PubKeyCredParam{{Type: "public-key", Alg: -7}, {Type: "public-key", Alg: -8},
		{Type: "public-key", Alg: -257}, {Type: "public-key", Alg: -35}, {Type: "public-key", Alg: -36}},
}

func policy() webauthn.RegistrationPolicy {
	return webauthn.RegistrationPolicy{
		Challenge: issued, RPIDs: []string{"example.org"}, Origins: []string{"https://example.org"},
		Algorithms: []int{-7, -8, -257, -35, -36}, RequireUserVerification: true, Attestation: "direct",
	}
}

func decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verify(t testing.TB, a api.CredentialAttestation, p webauthn.RegistrationPolicy) (webauthn.Registration, error) {
	t.Helper()
	return webauthn.VerifyRegistration(webauthn.RegistrationResponse{
		CredentialID:      decode(t, a.CredentialInfo.CredID),
		ClientDataJSON:    decode(t, a.CredentialInfo.ClientData),
		AttestationObject: decode(t, a.CredentialInfo.AttestationData),
	}, p, now)
}

// algorithmsOf lists what each format can attest.
func algorithmsOf(format string) []publickey.Algorithm {
	switch format {
	case FIDOU2F, Apple, AndroidKey:
		return []publickey.Algorithm{publickey.ES256}
	case TPM:
		return []publickey.Algorithm{publickey.ES256, publickey.ES384, publickey.ES512, publickey.RS256}
	}
	return []publickey.Algorithm{publickey.ES256, publickey.ES384, publickey.ES512, publickey.EdDSA, publickey.RS256}
}

func TestEveryFormatAndAlgorithmVerifies(t *testing.T) {
	a := New()
	types := map[string]string{None: "None", PackedSelf: "Self", PackedX5C: "Basic", FIDOU2F: "Basic",
		Apple: "AnonCA", AndroidKey: "Basic", TPM: "AttCA"}
	for _, format := range Formats {
		for _, alg := range algorithmsOf(format) {
			out, c, err := a.Create(challenge, Options{Format: format, Algorithm: alg, SignCount: 7})
			if err != nil {
				t.Errorf("%s, %s: %v", format, alg, err)
				continue
			}
			got, err := verify(t, out, policy())
			if err != nil {
				t.Errorf("%s, %s: %v", format, alg, err)
				continue
			}
			key, err := c.PublicKey()
			if err != nil || !got.PublicKey.Equal(key) || got.Algorithm != alg || !bytes.Equal(got.CredentialID, c.ID) ||
				got.AttestationType != types[format] || got.SignCount != 7 || !got.UserVerified {
				t.Errorf("%s, %s: %v, %+v", format, alg, err, got)
			}
			wantAAGUID := a.AAGUID
			if format == FIDOU2F {
				wantAAGUID = [16]byte{}
			}
			if got.AAGUID != wantAAGUID {
				t.Errorf("%s: AAGUID %x", format, got.AAGUID)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	a := New()
	framed := policy()
	framed.TopOrigins = []string{"https://portal.example"}
	unverified := policy()
	unverified.RequireUserVerification = false
	elsewhere := policy()
	elsewhere.RPIDs, elsewhere.Origins = []string{"other.example"}, []string{"https://login.other.example:8443"}
	for name, c := range map[string]struct {
		o     Options
		p     webauthn.RegistrationPolicy
		check func(webauthn.Registration) bool
	}{
		"zero": {Options{}, policy(), func(r webauthn.Registration) bool {
			return r.Algorithm == publickey.ES256 && r.Format == "none" && !r.BackupEligible && r.SignCount == 0
		}},
		"challenge encoded twice": {Options{DoubleEncodeChallenge: true}, policy(), func(webauthn.Registration) bool { return true }},
		"synced passkey": {Options{BackupEligible: true, BackupState: true}, policy(),
			func(r webauthn.Registration) bool { return r.BackupEligible && r.BackupState }},
		"in a frame": {Options{CrossOrigin: true, TopOrigin: "https://portal.example"}, framed,
			func(r webauthn.Registration) bool { return r.CrossOrigin && r.TopOrigin == "https://portal.example" }},
		"not verified": {Options{WithoutUserVerification: true}, unverified, func(r webauthn.Registration) bool { return !r.UserVerified }},
		"elsewhere": {Options{RPID: "other.example", Origin: "https://login.other.example:8443"}, elsewhere,
			func(r webauthn.Registration) bool {
				return r.RPID == "other.example" && r.Origin == "https://login.other.example:8443"
			}},
		"extensions":       {Options{Extensions: map[string]any{"credProtect": 2}}, policy(), func(r webauthn.Registration) bool { return len(r.Extensions) > 0 }},
		"long credential":  {Options{CredentialID: bytes.Repeat([]byte{7}, 1023)}, policy(), func(r webauthn.Registration) bool { return len(r.CredentialID) == 1023 }},
		"short credential": {Options{CredentialID: []byte{7}}, policy(), func(r webauthn.Registration) bool { return len(r.CredentialID) == 1 }},
	} {
		out, _, err := a.Create(challenge, c.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := verify(t, out, c.p); err != nil || !c.check(got) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
	out, _, err := a.Create(challenge, Options{Name: "laptop", Transports: []string{"internal"}})
	if err != nil || out.CredentialName != "laptop" || !slices.Equal(out.Transports, []string{"internal"}) || out.CredentialKind != api.KindFido2 {
		t.Errorf("name and transports: %v, %+v", err, out)
	}
}

func TestOptionsThatContradict(t *testing.T) {
	a := New()
	_, es256, err := a.Create(challenge)
	if err != nil {
		t.Fatal(err)
	}
	none := challenge
	none.PubKeyCredParams = nil
	for name, c := range map[string]struct {
		challenge api.RegistrationChallenge
		o         Options
	}{
		"unknown format":          {challenge, Options{Format: "android-safetynet"}},
		"unknown algorithm":       {challenge, Options{Algorithm: publickey.ES256K}},
		"no algorithm offered":    {none, Options{}},
		"U2F with Ed25519":        {challenge, Options{Format: FIDOU2F, Algorithm: publickey.EdDSA}},
		"Apple with RSA":          {challenge, Options{Format: Apple, Algorithm: publickey.RS256}},
		"Android with P-384":      {challenge, Options{Format: AndroidKey, Algorithm: publickey.ES384}},
		"TPM with Ed25519":        {challenge, Options{Format: TPM, Algorithm: publickey.EdDSA}},
		"reused for another kind": {challenge, Options{Reuse: es256, Algorithm: publickey.EdDSA}},
	} {
		if _, _, err := a.Create(c.challenge, c.o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReuseKeepsTheKeyAndChangesTheID(t *testing.T) {
	a := New()
	_, first, err := a.Create(challenge)
	if err != nil {
		t.Fatal(err)
	}
	out, second, err := a.Create(challenge, Options{Reuse: first})
	if err != nil {
		t.Fatal(err)
	}
	k1, _ := first.PublicKey()
	k2, _ := second.PublicKey()
	if !k1.Equal(k2) || bytes.Equal(first.ID, second.ID) {
		t.Error("a reused key is another, or its credential ID the same")
	}
	if _, err := verify(t, out, policy()); err != nil {
		t.Error(err)
	}
}

func TestDeterministicAuthenticatorsAgree(t *testing.T) {
	make3 := func(seed string) (all []api.CredentialAttestation) {
		a := NewDeterministic(seed)
		for _, format := range []string{None, PackedX5C, Apple, AndroidKey, FIDOU2F} {
			out, _, err := a.Create(challenge, Options{Format: format})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, out)
		}
		for _, alg := range []publickey.Algorithm{publickey.ES384, publickey.ES512, publickey.EdDSA} {
			out, _, err := a.Create(challenge, Options{Format: PackedSelf, Algorithm: alg})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, out)
		}
		return all
	}
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	one, again, other := make3("seed"), make3("seed"), make3("other")
	for i := range one {
		if text(one[i]) != text(again[i]) {
			t.Errorf("credential %d differs for the same seed", i)
		}
		if text(one[i]) == text(other[i]) {
			t.Errorf("credential %d is the same for another seed", i)
		}
	}
}

// The attestation object is written by hand: a strict decoder must find it canonical
// CBOR, member order aside.
func TestAttestationObjectIsStrictCBOR(t *testing.T) {
	strict, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden,
		TagsMd: cbor.TagsForbidden, UTF8: cbor.UTF8RejectInvalid}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 100, 200, 900} { // heads of one, two and three bytes
		out, _, err := New().Create(challenge, Options{CredentialID: make([]byte, n)})
		if err != nil {
			t.Fatal(err)
		}
		var object struct {
			Fmt      string         `cbor:"fmt"`
			AttStmt  map[string]any `cbor:"attStmt"`
			AuthData []byte         `cbor:"authData"`
		}
		raw := decode(t, out.CredentialInfo.AttestationData)
		if err := strict.Unmarshal(raw, &object); err != nil {
			t.Fatal(err)
		}
		again := encodeCBOR(map[string]any{"fmt": object.Fmt, "attStmt": object.AttStmt, "authData": object.AuthData})
		if !bytes.Equal(again, raw) {
			t.Errorf("%d bytes of credential ID: not in shortest form", n)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	for _, a := range []*Authenticator{New(), NewDeterministic("seed")} {
		var wg sync.WaitGroup
		ids := make(chan string, 32)
		for range 4 {
			wg.Go(func() {
				for _, format := range []string{None, PackedX5C, AndroidKey, FIDOU2F} {
					out, _, err := a.Create(challenge, Options{Format: format})
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := verify(t, out, policy()); err != nil {
						t.Errorf("%s: %v", format, err)
					}
					ids <- out.CredentialInfo.CredID
				}
			})
		}
		wg.Wait()
		close(ids)
		seen := map[string]bool{}
		for id := range ids {
			if seen[id] {
				t.Error("a credential ID came twice")
			}
			seen[id] = true
		}
	}
}

func TestAssertion(t *testing.T) {
	a := New()
	for _, alg := range algorithmsOf(None) {
		_, c, err := a.Create(challenge, Options{Algorithm: alg, SignCount: 41})
		if err != nil {
			t.Fatal(err)
		}
		key, err := c.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		for _, count := range []uint32{42, 43} {
			got, err := c.Assert(issued)
			if err != nil {
				t.Fatal(err)
			}
			digest := sha256.Sum256(got.ClientDataJSON)
			if err := key.Verify(alg, append(slices.Clone(got.AuthenticatorData), digest[:]...), got.Signature); err != nil {
				t.Errorf("%s: %v", alg, err)
			}
			rpIDHash := sha256.Sum256([]byte("example.org"))
			if len(got.AuthenticatorData) != 37 || !bytes.Equal(got.AuthenticatorData[:32], rpIDHash[:]) ||
				got.AuthenticatorData[32] != flagUP|flagUV || binary.BigEndian.Uint32(got.AuthenticatorData[33:]) != count {
				t.Errorf("%s: authenticator data %x", alg, got.AuthenticatorData)
			}
			want := `{"type":"webauthn.get","challenge":"` + issued + `","origin":"https://example.org","crossOrigin":false}`
			if string(got.ClientDataJSON) != want || string(got.UserHandle) != challenge.User.ID || !bytes.Equal(got.CredentialID, c.ID) {
				t.Errorf("%s: %+v", alg, got)
			}
		}
	}
}

func BenchmarkCreateES256None(b *testing.B) {
	a := New()
	for b.Loop() {
		if _, _, err := a.Create(challenge); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateES256NoneReusedKey(b *testing.B) {
	a := New()
	_, c, err := a.Create(challenge)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := a.Create(challenge, Options{Reuse: c}); err != nil {
			b.Fatal(err)
		}
	}
}
