package receipt_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/useraction"
	"github.com/countersign/countersign/receipt"
)

const (
	rpID    = "example.org"
	origin  = "https://app.example.org"
	payload = `{"amount":"900719925474099312345.67","to":"Zoë","note":"a\nb \u0000"}`
)

// sealing is the key of the server in these tests.
var sealing = newKey("the server")

func newKey(seed string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte(seed))
	return ed25519.NewKeyFromSeed(sum[:])
}

func public(k ed25519.PrivateKey) []ed25519.PublicKey {
	return []ed25519.PublicKey{k.Public().(ed25519.PublicKey)}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func challengeOf(statement string) string {
	s, _ := useraction.ReadStatement(statement)
	return s.Challenge()
}

// unsigned is a receipt of an action that nobody has signed.
func unsigned() receipt.Receipt {
	s := useraction.NewStatement(useraction.Statement{
		Issuer: "https://sign.example.org", OrgID: "or-4k8de-0vu8r-9c4v4l1p7f6ois1u", UserID: "us-4k8de-0vu8r-83h2cm7q5qa8e0lt",
		Username: "zoë@example.org", Method: "POST", Path: "https://bank.example.org/transfers?dry=false",
	}, payload, time.Date(2026, 11, 23, 9, 30, 0, 250e6, time.UTC))
	return receipt.Receipt{
		Issuer:   s.Issuer,
		IssuedAt: "2026-11-23T10:00:00.000Z",
		Who:      receipt.Who{OrgID: s.OrgID, Organisation: "Analytical Engines", UserID: s.UserID, Username: s.Username},
		Action: receipt.Action{ID: "ua-4k8df-1vu8r-8a1b2c3d4e5f6g7h", Method: s.Method, Path: s.Path, Payload: payload,
			SignedAt: "2026-11-23T09:30:04.500Z", UsedAt: "2026-11-23T09:30:05.000Z", UsedFor: "POST /countersign/actions/consume"},
		Statement: s.Text(),
	}
}

// passkey signs the statement with a new passkey.
func passkey(t testing.TB, statement string, algorithm publickey.Algorithm, o authenticator.Options) (receipt.Credential, receipt.Assertion) {
	t.Helper()
	registration := authenticator.Options{Algorithm: algorithm, RPID: rpID, Origin: origin}
	_, held, err := authenticator.New().Create(api.RegistrationChallenge{Challenge: encode(make([]byte, 32))}, registration)
	must(t, err)
	o.Origin = origin
	a, err := held.Assert(challengeOf(statement), o)
	must(t, err)
	key, err := held.PublicKey()
	must(t, err)
	return receipt.Credential{UUID: "cr-4k8de-0vu8r-9aaaaaaaaaaaaaaa", Kind: api.KindFido2, Name: "Zoë's laptop", CredentialID: encode(held.ID),
			PublicKey: receipt.PEM(key.SPKI()), Algorithm: string(algorithm), RPID: rpID},
		receipt.NewAssertion(api.KindFido2, a.ClientDataJSON, a.AuthenticatorData, a.Signature)
}

// algorithms are those of each type of key.
var algorithms = map[string]publickey.Algorithm{publickey.P256: publickey.ES256, publickey.P384: publickey.ES384WithSHA256,
	publickey.P521: publickey.ES512WithSHA256, publickey.Secp256k1: publickey.ES256K, publickey.Ed25519: publickey.EdDSA, publickey.RSA: publickey.RS256}

// key signs the statement with a new key pair.
func key(statement, keyType, kind string) (receipt.Credential, receipt.Assertion) {
	signer := authenticator.NewKeySigner(keyType)
	clientData, signature := signer.Assert(challengeOf(statement))
	return receipt.Credential{UUID: "cr-4k8de-0vu8r-9bbbbbbbbbbbbbbb", Kind: kind, Name: "build machine", CredentialID: signer.CredentialID,
			PublicKey: receipt.PEM(signer.PublicKey().SPKI()), Algorithm: string(algorithms[keyType])},
		receipt.NewAssertion(kind, clientData, nil, signature)
}

// kinds makes a signed receipt of every kind.
var kinds = map[string]func(t testing.TB) receipt.Receipt{
	"passkey ES256":      withPasskey(publickey.ES256),
	"passkey RS256":      withPasskey(publickey.RS256),
	"passkey EdDSA":      withPasskey(publickey.EdDSA),
	"key Ed25519":        withKey(publickey.Ed25519, api.KindKey),
	"key secp256k1":      withKey(publickey.Secp256k1, api.KindKey),
	"key P-521":          withKey(publickey.P521, api.KindKey),
	"password-protected": withKey(publickey.P256, api.KindPasswordProtectedKey),
	"second factor":      withSecondFactor,
	"without payload":    withheld,
}

func withPasskey(algorithm publickey.Algorithm) func(t testing.TB) receipt.Receipt {
	return func(t testing.TB) receipt.Receipt {
		r := unsigned()
		r.Credential, r.Assertion = passkey(t, r.Statement, algorithm, authenticator.Options{})
		return r
	}
}

func withKey(keyType, kind string) func(t testing.TB) receipt.Receipt {
	return func(t testing.TB) receipt.Receipt {
		r := unsigned()
		r.Credential, r.Assertion = key(r.Statement, keyType, kind)
		return r
	}
}

// withheld is a receipt whose payload was not kept.
func withheld(t testing.TB) receipt.Receipt {
	r := withKey(publickey.P256, api.KindKey)(t)
	r.Action.Payload, r.Action.Withheld = "", receipt.WithheldSecret
	return r
}

func withSecondFactor(t testing.TB) receipt.Receipt {
	r := withPasskey(publickey.ES256)(t)
	c, a := key(r.Statement, publickey.Secp256k1, api.KindKey)
	r.SecondFactor = &receipt.Factor{Credential: c, Assertion: a}
	return r
}

// seal seals r with the server's key.
func seal(t testing.TB, r receipt.Receipt) []byte { return sealWith(t, r, "sk-1", sealing) }

func sealWith(t testing.TB, r receipt.Receipt, kid string, key ed25519.PrivateKey) []byte {
	t.Helper()
	document, err := r.Seal(kid, key)
	must(t, err)
	return document
}

// replaced is the document with the only occurrence of old replaced.
func replaced(t testing.TB, document []byte, old, new string) []byte {
	t.Helper()
	if n := bytes.Count(document, []byte(old)); n != 1 {
		t.Fatalf("%q is in the document %d times", old, n)
	}
	return bytes.Replace(document, []byte(old), []byte(new), 1)
}

// wantCode requires a refusal with one of the codes and a reason.
func wantCode(t testing.TB, what string, err error, codes ...string) {
	t.Helper()
	e := api.AsError(err)
	if e == nil {
		t.Errorf("%s: accepted", what)
		return
	}
	for _, c := range codes {
		if e.Code == c && e.Kind == api.Invalid && e.Message != "" && e.Rule != "" {
			return
		}
	}
	t.Errorf("%s: %v, want a reason with one of the codes %q", what, err, codes)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
