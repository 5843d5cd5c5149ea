package client

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/countersign/countersign/api"
)

// Signer answers a challenge with a credential: to log in, or to sign an action. A Session
// may call it from several goroutines at once.
type Signer interface {
	Sign(ctx context.Context, c api.SigningChallenge) (api.CredentialAssertion, error)
}

// ErrNotAllowed is the error of a KeySigner whose credential is not in the challenge. The
// user or organisation may be wrong, since the server lists made-up credentials for unknown
// users, or the credential or its user may not be active any more.
var ErrNotAllowed = errors.New("the credential is not among those that may answer this challenge")

// KeySigner signs with a private key in memory. It is immutable and safe for concurrent use.
// Printing it does not print the key.
type KeySigner struct {
	credentialID string
	keyType      string
	publicPEM    string
	secret       *secret
}

// secret is behind a pointer because fmt does not follow pointers inside a value, not even
// with the verbs that ignore Format.
type secret struct {
	key crypto.Signer
	pem []byte
}

// NewKeySigner returns a signer with the key that was registered with that credential ID, the
// base64url text that the client chose. The PEM holds one unencrypted private key, as PKCS #8,
// SEC 1 (EC PRIVATE KEY) or PKCS #1 (RSA PRIVATE KEY). The key is on P-256, P-384, P-521 or
// secp256k1, or is Ed25519, or RSA of 2048 to 8192 bits.
func NewKeySigner(credentialID string, privateKeyPEM []byte) (*KeySigner, error) {
	if credentialID == "" {
		return nil, errors.New("client: a signer needs the credential ID that its key was registered with")
	}
	key, err := parse(privateKeyPEM)
	if err != nil {
		return nil, fmt.Errorf("client: the private key cannot be used: %w", err)
	}
	return newKeySigner(credentialID, key)
}

// GenerateKeySigner makes a new key of the type P256, P384, P521, Secp256k1, Ed25519 or RSA,
// with a new credential ID. Register it, and store both: nothing else can sign with this
// credential.
func GenerateKeySigner(keyType string) (*KeySigner, error) {
	key, err := generate(keyType)
	if err != nil {
		return nil, err
	}
	var id [32]byte
	rand.Read(id[:]) // never fails: crypto/rand aborts the program instead
	return newKeySigner(base64url(id[:]), key)
}

func newKeySigner(credentialID string, key crypto.Signer) (k *KeySigner, err error) {
	k = &KeySigner{credentialID: credentialID, secret: &secret{key: key}}
	if k.keyType, err = check(key); err != nil {
		return nil, err
	}
	if k.secret.pem, err = privatePEM(key); err != nil {
		return nil, err
	}
	if k.publicPEM, err = publicPEM(key); err != nil {
		return nil, err
	}
	return k, nil
}

// CredentialID returns the base64url text that names the credential.
func (k KeySigner) CredentialID() string { return k.credentialID }

// KeyType returns the type of the key: P256, P384, P521, Secp256k1, Ed25519 or RSA.
func (k KeySigner) KeyType() string { return k.keyType }

// PrivateKeyPEM returns the private key as PKCS #8, even if it was read from another form.
func (k KeySigner) PrivateKeyPEM() []byte { return slices.Clone(k.secret.pem) }

// PublicKeyPEM returns the public key as SubjectPublicKeyInfo, the text that Register
// sends.
func (k KeySigner) PublicKeyPEM() string { return k.publicPEM }

// PrivateKey returns the private key. A key on secp256k1 has a type of this package, whose
// Sign takes a digest and returns DER.
func (k KeySigner) PrivateKey() crypto.Signer { return k.secret.key }

// String names the signer without its key.
func (k KeySigner) String() string { return "key signer " + k.credentialID + " (" + k.keyType + ")" }

// Format writes String, so that no verb of fmt prints the key.
func (k KeySigner) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// Register answers a registration challenge with this key as a credential of kind Key.
func (k KeySigner) Register(challenge api.RegistrationChallenge) (api.CredentialAttestation, error) {
	return k.RegisterAs(api.KindKey, challenge.Challenge)
}

// RegisterAs answers any challenge for a new credential with this key, of kind Key or RecoveryKey.
func (k KeySigner) RegisterAs(kind, challenge string) (api.CredentialAttestation, error) {
	clientData, err := keyClientData("key.create", challenge)
	if err != nil {
		return api.CredentialAttestation{}, err
	}
	sum := sha256.Sum256(clientData)
	// The server rebuilds this text, so its form is fixed: these members in this order,
	// without spaces.
	fingerprint, err := json.Marshal(struct {
		ClientDataHash string `json:"clientDataHash"`
		PublicKey      string `json:"publicKey"`
	}{hex.EncodeToString(sum[:]), k.publicPEM})
	if err != nil {
		return api.CredentialAttestation{}, err
	}
	signature, err := k.sign(fingerprint)
	if err != nil {
		return api.CredentialAttestation{}, err
	}
	data, err := json.Marshal(struct {
		PublicKey string `json:"publicKey"`
		Signature string `json:"signature"`
	}{k.publicPEM, hex.EncodeToString(signature)})
	return api.CredentialAttestation{CredentialKind: kind, CredentialInfo: api.CredentialAttestationInfo{
		CredID: k.credentialID, ClientData: base64url(clientData), AttestationData: base64url(data)}}, err
}

// Sign answers a challenge that lists the signer's credential. For any other it fails with
// ErrNotAllowed.
func (k KeySigner) Sign(ctx context.Context, c api.SigningChallenge) (api.CredentialAssertion, error) {
	if err := ctx.Err(); err != nil {
		return api.CredentialAssertion{}, err
	}
	kind, err := k.kindIn(c.AllowCredentials)
	if err != nil {
		return api.CredentialAssertion{}, err
	}
	return k.assert(kind, c.Challenge)
}

// SignRecovery completes a recovery: this key, which is a recovery key, signs the new credentials.
func (k KeySigner) SignRecovery(in api.RegistrationRequest) (api.RecoverRequest, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return api.RecoverRequest{}, err
	}
	recovery, err := k.assert(api.KindRecoveryKey, base64url(text))
	return api.RecoverRequest{Recovery: &recovery, NewCredentials: &in}, err
}

func (k KeySigner) assert(kind, challenge string) (api.CredentialAssertion, error) {
	clientData, err := keyClientData("key.get", challenge)
	if err != nil {
		return api.CredentialAssertion{}, err
	}
	signature, err := k.sign(clientData)
	return api.CredentialAssertion{Kind: kind, CredentialAssertion: api.AssertionData{CredID: k.credentialID,
		ClientData: base64url(clientData), Signature: base64url(signature)}}, err
}

// kindIn returns the kind that the signer's credential has in a challenge. IDs may be padded
// or not.
func (k KeySigner) kindIn(allowed api.AllowCredentials) (string, error) {
	id := strings.TrimRight(k.credentialID, "=")
	for _, d := range allowed.Key {
		if strings.TrimRight(d.ID, "=") == id {
			return api.KindKey, nil
		}
	}
	for _, d := range allowed.PasswordProtectedKey {
		if strings.TrimRight(d.ID, "=") == id {
			return api.KindPasswordProtectedKey, nil
		}
	}
	return "", fmt.Errorf("client: %q cannot sign: %w", k.credentialID, ErrNotAllowed)
}

// sign hashes with SHA-256 on every curve, as the wire contract says; Ed25519 takes the
// message itself.
func (k KeySigner) sign(message []byte) ([]byte, error) {
	if k.keyType == Ed25519 {
		return k.secret.key.Sign(rand.Reader, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	return k.secret.key.Sign(rand.Reader, digest[:], crypto.SHA256)
}

// keyClientData writes client data like the official SDK: these members in this order.
func keyClientData(kind, challenge string) ([]byte, error) {
	if challenge == "" {
		return nil, errors.New("client: the challenge is empty")
	}
	return json.Marshal(struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
	}{kind, challenge})
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
