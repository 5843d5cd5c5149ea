package client_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/publickey"
)

const issued = "Zm9ydHktdGhyZWUgY2hhcmFjdGVycyBvZiBjaGFsbGU"

var keyTypes = []string{client.P256, client.P384, client.P521, client.Secp256k1, client.Ed25519, client.RSA}

// made are signers by type. They are made once, because RSA keys take time.
var (
	madeMu sync.Mutex
	made   = map[string]*client.KeySigner{}
)

func signer(t testing.TB, keyType string) *client.KeySigner {
	t.Helper()
	madeMu.Lock()
	defer madeMu.Unlock()
	if made[keyType] == nil {
		k, err := client.GenerateKeySigner(keyType)
		if err != nil {
			t.Fatal(err)
		}
		made[keyType] = k
	}
	return made[keyType]
}

func decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// registered verifies what the signer registers, as the server would.
func registered(t testing.TB, k *client.KeySigner) keycredential.Registration {
	t.Helper()
	a, err := k.Register(api.RegistrationChallenge{Challenge: issued})
	if err != nil {
		t.Fatal(err)
	}
	if a.CredentialKind != api.KindKey || a.CredentialInfo.CredID != k.CredentialID() {
		t.Errorf("registers %s %s", a.CredentialKind, a.CredentialInfo.CredID)
	}
	got, err := keycredential.VerifyRegistration(keycredential.RegistrationResponse{
		ClientData:      decode(t, a.CredentialInfo.ClientData),
		AttestationData: decode(t, a.CredentialInfo.AttestationData),
	}, keycredential.RegistrationPolicy{Challenge: issued})
	if err != nil {
		t.Fatalf("the registration does not verify: %v", err)
	}
	if got.PEM != k.PublicKeyPEM() {
		t.Errorf("registers %q, not its public key", got.PEM)
	}
	return got
}

func listing(ids ...string) api.SigningChallenge {
	c := api.SigningChallenge{Challenge: issued, ChallengeIdentifier: "ticket"}
	for _, id := range ids {
		c.AllowCredentials.Key = append(c.AllowCredentials.Key, api.CredentialDescriptor{Type: "public-key", ID: id})
	}
	return c
}

// signs has the signer answer and verifies the answer with the registered key.
func signs(t testing.TB, k *client.KeySigner, reg keycredential.Registration) {
	t.Helper()
	a, err := k.Sign(context.Background(), listing("b3RoZXI", k.CredentialID()))
	if err != nil {
		t.Fatal(err)
	}
	clientData := decode(t, a.CredentialAssertion.ClientData)
	if want := `{"type":"key.get","challenge":"` + issued + `"}`; string(clientData) != want {
		t.Errorf("client data %s, want %s", clientData, want)
	}
	if a.Kind != api.KindKey || a.CredentialAssertion.CredID != k.CredentialID() {
		t.Errorf("signs as %s %s", a.Kind, a.CredentialAssertion.CredID)
	}
	if err := reg.PublicKey.Verify(reg.Algorithm, clientData, decode(t, a.CredentialAssertion.Signature)); err != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
}

// The algorithm of each type of key in the wire contract: SHA-256 on every curve.
var algorithms = map[string]publickey.Algorithm{
	client.P256: publickey.ES256, client.P384: publickey.ES384WithSHA256, client.P521: publickey.ES512WithSHA256,
	client.Secp256k1: publickey.ES256K, client.Ed25519: publickey.EdDSA, client.RSA: publickey.RS256,
}

func TestEveryTypeOfKeyRegistersAndSigns(t *testing.T) {
	seen := map[string]bool{}
	for _, keyType := range keyTypes {
		k := signer(t, keyType)
		reg := registered(t, k)
		if k.KeyType() != keyType || reg.PublicKey.Type() != keyType || reg.Algorithm != algorithms[keyType] {
			t.Errorf("%s is registered as %s, %s", keyType, reg.PublicKey.Type(), reg.Algorithm)
		}
		for range 20 { // r, s and leading zeros differ
			signs(t, k, reg)
		}
		if id := decode(t, k.CredentialID()); len(id) != 32 || seen[k.CredentialID()] {
			t.Errorf("%s: credential ID %q", keyType, k.CredentialID())
		}
		seen[k.CredentialID()] = true

		again, err := client.NewKeySigner(k.CredentialID(), k.PrivateKeyPEM())
		if err != nil {
			t.Errorf("%s: what it writes it does not read: %v", keyType, err)
			continue
		}
		if again.PublicKeyPEM() != k.PublicKeyPEM() || string(again.PrivateKeyPEM()) != string(k.PrivateKeyPEM()) || again.KeyType() != keyType {
			t.Errorf("%s: read again it is another key", keyType)
		}
		signs(t, again, reg)
	}
}

func TestNoSuchTypeOfKey(t *testing.T) {
	for _, keyType := range []string{"", "P-224", "p-256", "RSA-2048"} {
		if k, err := client.GenerateKeySigner(keyType); err == nil || k != nil || !strings.Contains(err.Error(), "secp256k1") {
			t.Errorf("%q: %v", keyType, err)
		}
	}
}

func TestASignerAnswersOnlyForItsCredential(t *testing.T) {
	k := signer(t, client.Ed25519)
	id := k.CredentialID()
	protected := api.SigningChallenge{Challenge: issued, AllowCredentials: api.AllowCredentials{
		PasswordProtectedKey: []api.EncryptedCredentialDescriptor{{Type: "public-key", ID: id}}}}
	passkeys := api.SigningChallenge{Challenge: issued, AllowCredentials: api.AllowCredentials{
		WebAuthn: []api.CredentialDescriptor{{Type: "public-key", ID: id}}}}

	a, err := k.Sign(context.Background(), protected)
	if err != nil || a.Kind != api.KindPasswordProtectedKey {
		t.Errorf("as password protected key: %s, %v", a.Kind, err)
	}
	if a, err = k.Sign(context.Background(), listing(id+"=")); err != nil || a.Kind != api.KindKey {
		t.Errorf("with padding: %s, %v", a.Kind, err)
	}
	for name, c := range map[string]api.SigningChallenge{
		"nothing": listing(), "another's": listing("b3RoZXI"), "a longer one": listing(id + "A"),
		"another case": listing(strings.ToUpper(id)), "as passkey": passkeys, "nobody's": listing(""),
	} {
		a, err := k.Sign(context.Background(), c)
		if !errors.Is(err, client.ErrNotAllowed) || a.CredentialAssertion.Signature != "" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}

	empty := listing(id)
	empty.Challenge = ""
	if a, err := k.Sign(context.Background(), empty); err == nil || a.CredentialAssertion.Signature != "" {
		t.Errorf("signs no challenge: %v", err)
	}
	if a, err := k.Register(api.RegistrationChallenge{}); err == nil || a.CredentialInfo.AttestationData != "" {
		t.Errorf("registers without a challenge: %v", err)
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := k.Sign(over, listing(id)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// A challenge with quotes and escapes stays one string.
func TestAChallengeIsQuoted(t *testing.T) {
	k := signer(t, client.P256)
	c := listing(k.CredentialID())
	c.Challenge = `x","type":"key.create"}` + "\u2028<"
	a, err := k.Sign(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(decode(t, a.CredentialAssertion.ClientData), &got); err != nil || len(got) != 2 ||
		got["type"] != "key.get" || got["challenge"] != c.Challenge {
		t.Errorf("%v: %v", got, err)
	}
}

func TestSigningFromManyGoroutines(t *testing.T) {
	for _, keyType := range keyTypes {
		k := signer(t, keyType)
		reg := registered(t, k)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { signs(t, k, reg) })
		}
		all.Wait()
	}
}

func TestNothingPrintsThePrivateKey(t *testing.T) {
	for _, keyType := range keyTypes {
		k := signer(t, keyType)
		block, _ := pem.Decode(k.PrivateKeyPEM())
		secret := fmt.Sprint(block.Bytes[len(block.Bytes)-8:])
		secret = secret[1 : len(secret)-1]
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%p"} {
			for _, v := range []any{k, *k, []any{k}, struct{ K *client.KeySigner }{k}, struct{ S client.Signer }{k}} {
				out := fmt.Sprintf(verb, v)
				if strings.Contains(out, secret) || strings.Contains(out, "PRIVATE") || len(out) > 900 {
					t.Errorf("%s, %s of %T prints %.300s", keyType, verb, v, out)
				}
			}
		}
		if out, err := json.Marshal([]any{k}); err != nil || string(out) != "[{}]" {
			t.Errorf("%s as JSON: %s, %v", keyType, out, err)
		}
		if got := k.String(); !strings.Contains(got, k.CredentialID()) || !strings.Contains(got, keyType) {
			t.Errorf("%s is called %q", keyType, got)
		}
	}
}

// Changing a returned value does not change the signer.
func TestASignerIsImmutable(t *testing.T) {
	k := signer(t, client.P256)
	before := string(k.PrivateKeyPEM())
	clear(k.PrivateKeyPEM())
	if string(k.PrivateKeyPEM()) != before {
		t.Error("the private key was changed from outside")
	}
}
