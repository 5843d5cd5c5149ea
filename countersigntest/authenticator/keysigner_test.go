package authenticator

import (
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/publickey"
)

func verifyKey(t testing.TB, a api.CredentialAttestation) (keycredential.Registration, error) {
	t.Helper()
	return keycredential.VerifyRegistration(keycredential.RegistrationResponse{
		ClientData:      decode(t, a.CredentialInfo.ClientData),
		AttestationData: decode(t, a.CredentialInfo.AttestationData),
	}, keycredential.RegistrationPolicy{Challenge: issued})
}

func TestEveryTypeOfKeyVerifies(t *testing.T) {
	for _, keyType := range KeyTypes {
		for _, algorithm := range []string{"", "SHA256", "SHA512"} {
			if keyType == publickey.Ed25519 && algorithm != "" {
				continue // has no choice of hash
			}
			s := NewKeySigner(keyType)
			s.Algorithm = algorithm
			got, err := verifyKey(t, s.Create(issued, api.KindKey))
			if err != nil || !got.PublicKey.Equal(s.PublicKey()) || got.PEM != s.PEM {
				t.Errorf("%s, %q: %v", keyType, algorithm, err)
				continue
			}
			clientData, signature := s.Assert(issued)
			if err := got.PublicKey.Verify(got.Algorithm, clientData, signature); err != nil {
				t.Errorf("%s, %q, assertion: %v", keyType, algorithm, err)
			}
			if want := `{"type":"key.get","challenge":"` + issued + `"}`; string(clientData) != want {
				t.Errorf("assertion's client data %s", clientData)
			}
		}
	}
}

func TestKindsOfKey(t *testing.T) {
	s := NewKeySigner(publickey.P256)
	s.Name = "ci"
	for kind, want := range map[string]string{
		api.KindKey: "", api.KindPasswordProtectedKey: s.EncryptedPrivateKey, api.KindRecoveryKey: s.EncryptedPrivateKey,
	} {
		got := s.Create(issued, kind)
		if got.CredentialKind != kind || got.EncryptedPrivateKey != want || got.CredentialName != "ci" ||
			got.CredentialInfo.CredID != s.CredentialID {
			t.Errorf("%s: %+v", kind, got)
		}
		if _, err := verifyKey(t, got); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestPEMAsTheCallerWantsIt(t *testing.T) {
	s := NewKeySigner(publickey.RSA)
	block, _ := pem.Decode([]byte(s.PEM))
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := public.(interface{ Size() int })
	if key.Size() != 256 {
		t.Errorf("an RSA key of %d bytes", key.Size())
	}
	s.PEM = strings.TrimSuffix(s.PEM, "\n")
	if got, err := verifyKey(t, s.Create(issued, api.KindKey)); err != nil || got.PEM != s.PEM {
		t.Errorf("without final line break: %v", err)
	}
}

func TestChangedKeyCredentials(t *testing.T) {
	put := func(s string) func([]byte) []byte { return func([]byte) []byte { return []byte(s) } }
	swap := func(from, to string) func([]byte) []byte {
		return func(b []byte) []byte { return []byte(strings.Replace(string(b), from, to, 1)) }
	}
	for name, c := range map[string]struct {
		tamper func(*KeySigner)
		code   string
	}{
		"client data, signed":        {func(s *KeySigner) { s.ClientData = swap("key.create", "key.get") }, "client_data_type"},
		"client data, not an object": {func(s *KeySigner) { s.ClientData = put("[]") }, "client_data_malformed"},
		"client data, after":         {func(s *KeySigner) { s.SentClientData = swap(`{`, `{ `) }, "attestation_invalid"},
		"attestation data":           {func(s *KeySigner) { s.AttestationData = put("{}") }, "attestation_malformed"},
		"algorithm":                  {func(s *KeySigner) { s.Algorithm = "SHA1" }, "algorithm_unsupported"},
		"another's key":              {func(s *KeySigner) { s.PEM = NewKeySigner(publickey.P256).PEM }, "attestation_invalid"},
		"no key":                     {func(s *KeySigner) { s.PEM = "" }, "credential_key_invalid"},
	} {
		s := NewKeySigner(publickey.P256)
		c.tamper(s)
		if _, err := verifyKey(t, s.Create(issued, api.KindKey)); api.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestUnknownTypeOfKeyPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewKeySigner("P-224")
}

// The standard library agrees with publickey about the types of the signer's keys.
func TestKeysAreWhatTheyAreCalled(t *testing.T) {
	seen := map[string]bool{}
	for _, keyType := range KeyTypes {
		s := NewKeySigner(keyType)
		block, rest := pem.Decode([]byte(s.PEM))
		if block == nil || len(rest) > 0 || block.Type != "PUBLIC KEY" {
			t.Errorf("%s: %q", keyType, s.PEM)
			continue
		}
		_, err := x509.ParsePKIXPublicKey(block.Bytes)
		if known := keyType != publickey.Secp256k1; (err == nil) != known {
			t.Errorf("%s: crypto/x509 says %v", keyType, err)
		}
		if id := new(big.Int).SetBytes(decode(t, s.CredentialID)).String(); seen[id] {
			t.Errorf("%s: credential ID given twice", keyType)
		} else {
			seen[id] = true
		}
	}
}
