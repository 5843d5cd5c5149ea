package webauthn

import (
	"bytes"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/countersign/countersign/api"
)

// Each parser has a fuzz target. Besides panics it looks for accepted input in which another,
// ordinary decoder reads something else.

func FuzzVerifyRegistration(f *testing.F) {
	for _, c := range []*ceremony{newCeremony(), packedCeremony(), newU2FParts().c, newAppleParts().c, newAndroidParts().c, newTPMParts().c, compoundOf(compoundParts(), nil)} {
		r := c.response()
		f.Add(r.CredentialID, r.ClientDataJSON, r.AttestationObject)
	}
	policy := newCeremony().policy
	f.Fuzz(func(t *testing.T, id, clientData, object []byte) {
		reg, err := VerifyRegistration(RegistrationResponse{id, clientData, object}, policy, testNow)
		var e *api.Error
		switch {
		case err == nil:
			if reg.PublicKey == nil || !bytes.Equal(reg.CredentialID, id) || len(id) == 0 || len(id) > maxCredentialIDLen {
				t.Errorf("accepted with %+v", reg)
			}
		case !errors.As(err, &e) || e.Kind != api.Invalid || messages[e.Code] == "":
			t.Errorf("refused with %#v", err)
		}
	})
}

// fuzzedAnswers are answers by keys that are the same in every process, so that accepted seeds
// stay accepted in the processes that change them.
func fuzzedAnswers() []*answer {
	extended := newAnswerBy(ecKeyOf(elliptic.P256(), bytes.Repeat([]byte{5}, 32)))
	extended.flags |= flagExtensionData | flagBackupEligible | flagBackupState
	extended.extensions = cMap(cText("credProtect"), cInt(2))
	return []*answer{newAnswerBy(ecKeyOf(elliptic.P256(), bytes.Repeat([]byte{5}, 32))), extended,
		newAnswerBy(edKey()), newAnswerBy(ecKeyOf(elliptic.P384(), bytes.Repeat([]byte{6}, 48)))}
}

// FuzzVerifyAssertion searches for a forgery: what is accepted must be, byte for byte, what one
// of the keys signed.
func FuzzVerifyAssertion(f *testing.F) {
	answers := fuzzedAnswers()
	signed := map[string]bool{}
	for i, a := range answers {
		r := a.response()
		signed[string(r.ClientDataJSON)+string(r.AuthenticatorData)] = true
		f.Add(uint8(i), r.ClientDataJSON, r.AuthenticatorData, r.Signature)
	}
	f.Add(uint8(0), []byte("{}"), newCeremony().authData(), unhex("3006020101020101"))
	f.Fuzz(func(t *testing.T, i uint8, clientData, authData, signature []byte) {
		a := answers[int(i)%len(answers)]
		got, err := VerifyAssertion(AssertionResponse{clientData, authData, signature}, a.policy, a.record)
		if err == nil {
			if !signed[string(clientData)+string(authData)] || got.RPID != testRPID || got.Origin != testOrigin || !bytes.HasSuffix(authData, got.Extensions) {
				t.Errorf("accepted %q, %x, %x as %+v", clientData, authData, signature, got)
			}
			return
		}
		var e *api.Error
		if !errors.As(err, &e) || messages[e.Code] == "" || (e.Kind == api.Unauthenticated) != (e.Code == CodeSignatureInvalid) || !isZero(got) {
			t.Errorf("refused with %#v and %+v", err, got)
		}
	})
}

func FuzzAssertionData(f *testing.F) {
	for _, a := range fuzzedAnswers() {
		f.Add(a.response().AuthenticatorData)
	}
	f.Add(newCeremony().authData())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAssertionData(b)
		if err != nil {
			return
		}
		// It consists of the fixed part and of extensions.
		if !bytes.Equal(b[fixedDataLen:], a.extensions) || !bytes.Equal(a.raw, b) || a.has(flagAttestedData) || a.has(flagExtensionData) != (a.extensions != nil) {
			t.Fatalf("read %+v from %x", a, b)
		}
		if _, err := parseAuthenticatorData(b); err == nil {
			t.Errorf("%x is both a registration's and an assertion's", b)
		}
		if a.extensions == nil {
			return
		}
		if err := anyCBOR.Wellformed(a.extensions); err != nil {
			t.Errorf("another decoder: %v in %x", err, a.extensions)
		}
	})
}

func FuzzClientData(f *testing.F) {
	f.Add([]byte(newCeremony().clientData))
	f.Add([]byte("\ufeff{" + required + `,"x":[{"a":1}],"topOrigin":"https://top.example"}`))
	f.Add([]byte(`{` + required + `,"Type":1,"crossOrigin":true}`))
	f.Add([]byte(`{` + required + `,"tokenBinding":{"status":"present","id":"AAEC","x":[{}]}}`))
	f.Add([]byte(`{` + required + `,"tokenBinding":{"status":"absent"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseClientData(b)
		if err != nil {
			return
		}
		var other map[string]any
		if err := json.Unmarshal(bytes.TrimPrefix(b, byteOrderMark), &other); err != nil {
			t.Fatalf("encoding/json: %v in %q", err, b)
		}
		if other["type"] != c.kind || other["challenge"] != c.challenge || other["origin"] != c.origin {
			t.Errorf("read %+v, encoding/json %v", c, other)
		}
		top, hasTop := other["topOrigin"]
		if hasTop != c.hasTopOrigin || hasTop && top != c.topOrigin {
			t.Errorf("topOrigin %q, encoding/json %v", c.topOrigin, top)
		}
		if cross, _ := other["crossOrigin"].(bool); cross != c.crossOrigin {
			t.Errorf("crossOrigin %t, encoding/json %v", c.crossOrigin, other["crossOrigin"])
		}
	})
}

// otherCBOR is an ordinary decoder, set to be as strict as it can.
var otherCBOR = func() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey:       cbor.DupMapKeyEnforcedAPF,
		IndefLength:     cbor.IndefLengthForbidden,
		TagsMd:          cbor.TagsForbidden,
		MaxNestedLevels: 16,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// anyCBOR is an ordinary decoder that takes all that is well-formed.
var anyCBOR = func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxNestedLevels: 16, UTF8: cbor.UTF8DecodeInvalid}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// otherEncoding encodes as CTAP2 requires.
var otherEncoding = func() cbor.EncMode {
	m, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

func FuzzCBOR(f *testing.F) {
	for _, s := range []string{"00", "a201000200", "8301617861f6", "fb3ff0000000000000", "a1 00 a1 00 81 40", "bf00ff", "bf0000ff", "5f4100ff", "9f9fffff", "1800", "c000"} {
		f.Add(unhex(strings.ReplaceAll(s, "f6", "")))
	}
	f.Add(newCeremony().response().AttestationObject)
	f.Fuzz(func(t *testing.T, b []byte) {
		tolerant := cborReader{data: b}
		if tolerant.skipAnySpelling(1) == nil {
			if err := anyCBOR.Wellformed(b[:tolerant.pos]); err != nil {
				t.Errorf("another decoder: %v in %x", err, b[:tolerant.pos])
			}
		}
		r := cborReader{data: b}
		item, err := r.item()
		if err != nil {
			return
		}
		if !bytes.HasPrefix(b, item) || len(item) == 0 {
			t.Fatalf("item %x of %x", item, b)
		}
		if err := otherCBOR.Wellformed(item); err != nil {
			t.Errorf("another decoder: %v in %x", err, item)
		}
		if tolerant.pos != r.pos {
			t.Errorf("%x ends at %d and at %d", b, r.pos, tolerant.pos)
		}
	})
}

func FuzzAttestationObject(f *testing.F) {
	for _, c := range []*ceremony{newCeremony(), packedCeremony(), newTPMParts().c} {
		f.Add(c.response().AttestationObject)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := parseAttestationObject(b)
		if err != nil {
			return
		}
		var other struct {
			Format    string          `cbor:"fmt"`
			Statement cbor.RawMessage `cbor:"attStmt"`
			AuthData  []byte          `cbor:"authData"`
		}
		if err := otherCBOR.Unmarshal(b, &other); err != nil {
			t.Fatalf("another decoder: %v in %x", err, b)
		}
		if other.Format != o.format || !bytes.Equal(other.Statement, o.statement) || !bytes.Equal(other.AuthData, o.authData) {
			t.Errorf("read %+v, another decoder %+v", o, other)
		}
	})
}

func FuzzAuthenticatorData(f *testing.F) {
	c := newCeremony()
	f.Add(c.authData())
	c.flags |= flagExtensionData
	c.extensions = cMap(cText("credProtect"), cInt(2))
	f.Add(c.authData())
	c.extensions = cMap(cText("x"), unhex("9f1800ff"), cText("a"), unhex("c07f6161ff"))
	f.Add(c.authData())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAuthenticatorData(b)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(b[fixedDataLen+attestedDataLen:], a.credentialID) || !bytes.HasSuffix(b, a.extensions) {
			t.Errorf("read %+v from %x", a, b)
		}
		// Between them is only the key, in its one encoding.
		key := b[fixedDataLen+attestedDataLen+len(a.credentialID) : len(b)-len(a.extensions)]
		var other map[int64]any
		if err := otherCBOR.Unmarshal(key, &other); err != nil {
			t.Fatalf("another decoder: %v in %x", err, key)
		}
		again, err := otherEncoding.Marshal(other)
		if err != nil || !bytes.Equal(again, key) {
			t.Errorf("key %x is canonically %x (%v)", key, again, err)
		}
	})
}

func FuzzCOSEKey(f *testing.F) {
	for _, k := range [][]byte{coseOf(&p256Key().PublicKey), coseOf(&p521Key().PublicKey), coseOf(edKey().Public()), coseOf(&rsaKey().PublicKey)} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := cborReader{data: b}
		k, err := readCOSEKey(&r)
		if err != nil {
			return
		}
		key, alg, err := k.publicKey()
		if err != nil {
			return
		}
		if key.Type() != alg.KeyType() {
			t.Errorf("a key of type %s for %s", key.Type(), alg)
		}
		var again coseKey
		r = cborReader{data: b[:r.pos]}
		if again, err = readCOSEKey(&r); err != nil || !reflect.DeepEqual(k, again) {
			t.Errorf("read again: %+v, %v", again, err)
		}
	})
}

// FuzzStatement has each format verify any statement. None is accepted: that would take the
// key, and the seeds are about other client data.
func FuzzStatement(f *testing.F) {
	formats := []string{"none", "packed", "tpm", "android-key", "fido-u2f", "apple", "compound"}
	for i, c := range []*ceremony{newCeremony(), packedCeremony(), newTPMParts().c, newAndroidParts().c, newU2FParts().c, newAppleParts().c, compoundOf(compoundParts(), nil)} {
		o, err := parseAttestationObject(c.response().AttestationObject)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), o.statement)
	}
	c := newCeremony()
	authData, err := parseAuthenticatorData(c.authData())
	if err != nil {
		f.Fatal(err)
	}
	key, algorithm, err := authData.key.publicKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, format uint8, raw []byte) {
		name := formats[int(format)%len(formats)]
		a, err := unverified{raw: raw, authData: authData, clientDataHash: [32]byte{1}, key: key, algorithm: algorithm, now: testNow}.verify(name)
		if err == nil && (name != "none" || a.AttestationType != AttestationNone || !bytes.Equal(raw, cMap())) {
			t.Errorf("%s accepted %x", name, raw)
		}
	})
}

func FuzzKeyDescription(f *testing.F) {
	f.Add(keyDescriptionOf(make([]byte, 32), origin(0), purposes(2, 3)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := parseKeyDescription(b); err == nil {
			d.checkAuthorizations()
		}
	})
}

func FuzzTPM(f *testing.F) {
	f.Add(eccArea(&p256Key().PublicKey))
	f.Add(rsaArea(&rsaKey().PublicKey, 0))
	f.Add(certInfoOf(make([]byte, 32), make([]byte, 34)))
	f.Add(certInfoOf(make([]byte, 20), make([]byte, 34))) // SHA-1
	f.Add(tpmtECDSA(signWith(p256Key(), nil)))
	f.Add(tpmAltName("id:494E5443", "Example", "id:1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := parsePubArea(b); err == nil {
			if _, ok := tpmHash(b[2:4]); !ok {
				t.Errorf("area %x has no known nameAlg", b)
			}
			a.publicKey()
		}
		parseCertInfo(b)
		plainSignature(-7, b)
		plainSignature(-257, b)
		readTPMName(b)
	})
}
