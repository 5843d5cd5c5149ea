package authenticator

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// KeyTypes lists every type of key that NewKeySigner makes.
var KeyTypes = []string{publickey.P256, publickey.P384, publickey.P521,
	publickey.Secp256k1, publickey.Ed25519, publickey.RSA}

// KeySigner makes credentials that are bare key pairs, like the key signers of the SDKs. Its
// fields may be changed before Create. After that it is safe for concurrent use.
type KeySigner struct {
	// CredentialID is chosen by the client: 32 random bytes as base64url.
	CredentialID string
	// PEM is the public key in the form that is sent and signed: SPKI with a final line break.
	PEM string
	// Algorithm is sent in the attestation unless it is "". With SHA512 the key signs with
	// SHA-512.
	Algorithm string
	// EncryptedPrivateKey is sent with the kinds PasswordProtectedKey and RecoveryKey.
	EncryptedPrivateKey string
	// Name is the credential's name.
	Name string

	ClientData      func([]byte) []byte // changes client data before it is signed
	SentClientData  func([]byte) []byte // and after
	AttestationData func([]byte) []byte // changes the JSON of key and signature

	key     *publickey.Key
	private crypto.Signer
}

// NewKeySigner makes a new key pair of one of KeyTypes. It panics on other types.
func NewKeySigner(keyType string) *KeySigner {
	s := &KeySigner{EncryptedPrivateKey: "opaque to the server"}
	var err error
	if s.private, err = newSignerKey(keyType); err != nil {
		panic("authenticator: " + err.Error())
	}
	if s.key, err = publicKey(s.private.Public()); err != nil {
		panic("authenticator: " + err.Error())
	}
	id := make([]byte, 32)
	rand.Read(id)
	s.CredentialID = encode(id)
	s.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: s.key.SPKI()}))
	return s
}

// newSignerKey makes a key pair. Package client makes those on secp256k1.
func newSignerKey(keyType string) (crypto.Signer, error) {
	if keyType != publickey.Secp256k1 {
		return newPrivateKey(rand.Reader, keyType)
	}
	k, err := client.GenerateKeySigner(client.Secp256k1)
	if err != nil {
		return nil, err
	}
	return k.PrivateKey(), nil
}

// sign signs the hash of a message; Ed25519 takes the message itself.
func (s *KeySigner) sign(h crypto.Hash, message []byte) []byte {
	if s.key.Type() == publickey.Ed25519 {
		h = 0
	} else {
		message = hash(h, message)
	}
	signature, err := s.private.Sign(nil, message, h)
	if err != nil {
		panic("authenticator: " + err.Error()) // a sound key and a known hash cannot fail
	}
	return signature
}

// PublicKey returns the signer's public key.
func (s *KeySigner) PublicKey() *publickey.Key { return s.key }

// Create answers a challenge with the key as a credential of the given kind: api.KindKey,
// KindPasswordProtectedKey or KindRecoveryKey.
func (s *KeySigner) Create(challenge, kind string) api.CredentialAttestation {
	clientData := change(s.ClientData, keyClientData("key.create", challenge))
	signature := hex.EncodeToString(s.sign(s.hash(), keyFingerprint(clientData, s.PEM)))

	data := append([]byte(`{"publicKey":`), appendText(nil, s.PEM)...)
	data = append(data, `,"signature":"`+signature+`"`...)
	if s.Algorithm != "" {
		data = append(append(data, `,"algorithm":`...), appendText(nil, s.Algorithm)...)
	}
	data = append(data, '}')

	out := api.CredentialAttestation{
		CredentialKind: kind,
		CredentialInfo: api.CredentialAttestationInfo{
			CredID:          s.CredentialID,
			ClientData:      encode(change(s.SentClientData, clientData)),
			AttestationData: encode(change(s.AttestationData, data)),
		},
		CredentialName: s.Name,
	}
	if kind == api.KindPasswordProtectedKey || kind == api.KindRecoveryKey {
		out.EncryptedPrivateKey = s.EncryptedPrivateKey
	}
	return out
}

// Assert answers a challenge to log in or to sign. The signature is over the bytes of client
// data.
func (s *KeySigner) Assert(challenge string) (clientData, signature []byte) {
	clientData = change(s.ClientData, keyClientData("key.get", challenge))
	return change(s.SentClientData, clientData), s.sign(s.hash(), clientData)
}

func (s *KeySigner) hash() crypto.Hash {
	if s.Algorithm == "SHA512" {
		return crypto.SHA512
	}
	return crypto.SHA256
}

func keyClientData(kind, challenge string) []byte {
	b := appendText([]byte(`{"type":`), kind)
	return append(appendText(append(b, `,"challenge":`...), challenge), '}')
}

// keyFingerprint is the text that a new key signs.
func keyFingerprint(clientData []byte, pem string) []byte {
	sum := sha256.Sum256(clientData)
	b := append([]byte(`{"clientDataHash":"`), hex.EncodeToString(sum[:])...)
	return append(appendText(append(b, `","publicKey":`...), pem), '}')
}
