package webauthn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
)

// Values of the ceremony that most tests begin with.
const (
	testChallenge = "q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Z0x1C"
	testOrigin    = "https://console.example.org"
	testRPID      = "example.org"
)

var (
	testNow    = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	testAAGUID = [16]byte{0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	testCredID = []byte("credential-id-of-32-bytes-......")
)

// Encoders of CBOR that keep the given order and can write malformed items.

func cborHead(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
	}
	return binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, n)
}

func cInt(n int64) []byte {
	if n < 0 {
		return cborHead(cborNegative, uint64(-1-n))
	}
	return cborHead(cborUnsigned, uint64(n))
}

func cBytes(b []byte) []byte { return append(cborHead(cborBytes, uint64(len(b))), b...) }
func cText(s string) []byte  { return append(cborHead(cborText, uint64(len(s))), s...) }

func cArray(items ...[]byte) []byte {
	return append(cborHead(cborArray, uint64(len(items))), slices.Concat(items...)...)
}

// cMap makes a map of alternating keys and values.
func cMap(items ...[]byte) []byte {
	return append(cborHead(cborMap, uint64(len(items)/2)), slices.Concat(items...)...)
}

func cX5C(certs ...[]byte) []byte {
	items := make([][]byte, len(certs))
	for i, c := range certs {
		items[i] = cBytes(c)
	}
	return cArray(items...)
}

// Keys, made once because they take time.

var (
	p256Key = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey(elliptic.P256()) })
	p384Key = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey(elliptic.P384()) })
	p521Key = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey(elliptic.P521()) })
	attKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey(elliptic.P256()) })
	caKey   = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey(elliptic.P256()) })
	rsaKey  = sync.OnceValue(func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return k
	})
	edKey = sync.OnceValue(func() ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	})
)

func newECKey(c elliptic.Curve) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

// coordinates are the fixed-length coordinates of an EC key.
func coordinates(k crypto.PublicKey) (x, y []byte) {
	b, err := k.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		panic(err)
	}
	n := (len(b) - 1) / 2
	return b[1 : 1+n], b[1+n:]
}

// coseOf encodes a public key as COSE, canonically.
func coseOf(pub crypto.PublicKey) []byte {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		alg, crv := int64(-7), int64(1)
		switch k.Curve {
		case elliptic.P384():
			alg, crv = -35, 2
		case elliptic.P521():
			alg, crv = -36, 3
		}
		x, y := coordinates(k)
		return cMap(cInt(1), cInt(2), cInt(3), cInt(alg), cInt(-1), cInt(crv), cInt(-2), cBytes(x), cInt(-3), cBytes(y))
	case ed25519.PublicKey:
		return cMap(cInt(1), cInt(1), cInt(3), cInt(-8), cInt(-1), cInt(6), cInt(-2), cBytes(k))
	case *rsa.PublicKey:
		e := big.NewInt(int64(k.E)).Bytes()
		return cMap(cInt(1), cInt(3), cInt(3), cInt(-257), cInt(-1), cBytes(k.N.Bytes()), cInt(-2), cBytes(e))
	}
	panic(fmt.Sprintf("no COSE form of %T", pub))
}

// signWith signs a message with the COSE algorithm of the key.
func signWith(k crypto.Signer, message []byte) []byte {
	hash := crypto.SHA256
	switch k := k.(type) {
	case ed25519.PrivateKey:
		hash = 0
	case *ecdsa.PrivateKey:
		switch k.Curve {
		case elliptic.P384():
			hash = crypto.SHA384
		case elliptic.P521():
			hash = crypto.SHA512
		}
	}
	digest := message
	if hash != 0 {
		digest = sum(hash, message)
	}
	sig, err := k.Sign(rand.Reader, digest, hash)
	if err != nil {
		panic(err)
	}
	return sig
}

// ceremony is a registration ceremony of which a test may change any part. Unchanged it passes:
// ES256, fmt none.
type ceremony struct {
	clientData string
	rpID       string
	flags      byte
	signCount  uint32
	aaguid     [16]byte
	credID     []byte
	claimedID  []byte // rawId; credID when nil
	cose       []byte
	extensions []byte
	trailing   []byte // after authenticator data
	format     string
	statement  func(authData []byte, hash [32]byte) []byte // attStmt; an empty map when nil
	object     func(format string, stmt, authData []byte) []byte
	policy     RegistrationPolicy
	now        time.Time
}

func newCeremony() *ceremony {
	return &ceremony{
		clientData: clientDataText("webauthn.create", testChallenge, testOrigin),
		rpID:       testRPID,
		flags:      flagUserPresent | flagUserVerified | flagAttestedData,
		aaguid:     testAAGUID,
		credID:     testCredID,
		cose:       coseOf(&p256Key().PublicKey),
		format:     "none",
		policy: RegistrationPolicy{
			Challenge:   testChallenge,
			RPIDs:       []string{"other.example", testRPID},
			Origins:     []string{"https://example.org", testOrigin},
			Algorithms:  []int{-7, -8, -257, -35, -36},
			Attestation: "direct",
		},
		now: testNow,
	}
}

func clientDataText(kind, challenge, origin string) string {
	return fmt.Sprintf(`{"type":%q,"challenge":%q,"origin":%q,"crossOrigin":false}`, kind, challenge, origin)
}

func (c *ceremony) authData() []byte {
	rpIDHash := sha256.Sum256([]byte(c.rpID))
	b := append(rpIDHash[:], c.flags)
	b = binary.BigEndian.AppendUint32(b, c.signCount)
	if c.flags&flagAttestedData != 0 {
		b = append(b, c.aaguid[:]...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(c.credID)))
		b = slices.Concat(b, c.credID, c.cose)
	}
	return slices.Concat(b, c.extensions, c.trailing)
}

func (c *ceremony) response() RegistrationResponse {
	authData := c.authData()
	stmt := cMap()
	if c.statement != nil {
		stmt = c.statement(authData, sha256.Sum256([]byte(c.clientData)))
	}
	object := attestationObjectOf
	if c.object != nil {
		object = c.object
	}
	claimed := c.claimedID
	if claimed == nil {
		claimed = c.credID
	}
	return RegistrationResponse{
		CredentialID:      claimed,
		ClientDataJSON:    []byte(c.clientData),
		AttestationObject: object(c.format, stmt, authData),
	}
}

func attestationObjectOf(format string, stmt, authData []byte) []byte {
	return cMap(cText("fmt"), cText(format), cText("attStmt"), stmt, cText("authData"), cBytes(authData))
}

func (c *ceremony) verify() (Registration, error) {
	return VerifyRegistration(c.response(), c.policy, c.now)
}

// accepted requires that verification succeeds.
func (c *ceremony) accepted(t *testing.T) Registration {
	t.Helper()
	reg, err := c.verify()
	if err != nil {
		t.Fatalf("refused: %v\nreceived %q, expected %q", err, api.AsError(err).Received, api.AsError(err).Expected)
	}
	return reg
}

// refused requires a refusal with the given code and a complete error.
func (c *ceremony) refused(t *testing.T, code string) *api.Error {
	t.Helper()
	reg, err := c.verify()
	if err == nil {
		t.Fatalf("accepted, want %s", code)
	}
	e := api.AsError(err)
	if e.Code != code {
		t.Fatalf("refused with %v (cause %v), want %s", err, e.Cause, code)
	}
	if e.Kind != api.Invalid || e.Message == "" || e.Rule == "" || e.Expected == "" {
		t.Errorf("incomplete error %#v", e)
	}
	if reg.PublicKey != nil || reg.CredentialID != nil {
		t.Errorf("a refusal came with the registration %+v", reg)
	}
	for _, secret := range []string{testChallenge, testOrigin, testRPID} {
		if bytes.Contains([]byte(e.Message), []byte(secret)) {
			t.Errorf("message %q gives away %q", e.Message, secret)
		}
	}
	if bytes.Contains([]byte(e.Error()+e.Received+e.Expected), []byte(testChallenge)) {
		t.Errorf("%v, %q, %q: the challenge must not be logged", e, e.Received, e.Expected)
	}
	return e
}

// Certificates.

// certTemplate is an end-entity certificate that §8.2.1 accepts.
func certTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(42),
		Subject: pkix.Name{
			Country:            []string{"SE"},
			Organization:       []string{"Example AB"},
			OrganizationalUnit: []string{"Authenticator Attestation"},
			CommonName:         "Example Authenticator",
		},
		NotBefore:             testNow.AddDate(-1, 0, 0),
		NotAfter:              testNow.AddDate(10, 0, 0),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
}

func caTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Example Attestation CA"},
		NotBefore:             testNow.AddDate(-2, 0, 0),
		NotAfter:              testNow.AddDate(20, 0, 0),
		BasicConstraintsValid: true,
		IsCA:                  true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
}

// issue makes the certificate of pub, signed by the test CA.
func issue(template *x509.Certificate, pub crypto.PublicKey) []byte {
	return issueFrom(template, caTemplate(), pub, caKey())
}

func issueFrom(template, parent *x509.Certificate, pub crypto.PublicKey, signer crypto.Signer) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, signer)
	if err != nil {
		panic(err)
	}
	return der
}

var caCert = sync.OnceValue(func() []byte {
	return issueFrom(caTemplate(), caTemplate(), &caKey().PublicKey, caKey())
})

// mustDER encodes a value as DER.
func mustDER(v any, params ...string) []byte {
	p := ""
	if len(params) > 0 {
		p = params[0]
	}
	der, err := asn1.MarshalWithParams(v, p)
	if err != nil {
		panic(err)
	}
	return der
}
