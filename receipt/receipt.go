package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// Version is the only version of Receipt there is.
const Version = 1

// MaxSize is the longest document that is read, in bytes. A payload of 32 KiB with every byte
// escaped takes a fifth of it.
const MaxSize = 1 << 20

// Receipt is the document. Times are ISO 8601 in UTC with milliseconds, bytes are
// unpadded base64url. Seal fills SealedBy and Signature.
type Receipt struct {
	Version      int        `json:"countersignReceipt"`
	Issuer       string     `json:"issuer"` // the server's public URL
	IssuedAt     string     `json:"issuedAt"`
	Who          Who        `json:"who"`
	Action       Action     `json:"action"`
	Statement    string     `json:"statement"` // exact text; its labelled digest is the challenge
	Credential   Credential `json:"credential"`
	Assertion    Assertion  `json:"assertion"`
	SecondFactor *Factor    `json:"secondFactor,omitempty"`
	SealedBy     Key        `json:"sealedBy"`
	Signature    string     `json:"seal"` // Ed25519 (RFC 8032), of what sealedMessage returns
}

// Who is the user or service account that signed.
type Who struct {
	OrgID        string `json:"orgId"`
	Organisation string `json:"organisation"` // its name
	UserID       string `json:"userId"`
	Username     string `json:"username"`
}

// Action is the request that was signed, and how the signature was used before the receipt
// was issued.
type Action struct {
	ID       string `json:"id"`
	Method   string `json:"method"`
	Path     string `json:"path"`                      // as signed, query included
	Payload  string `json:"payload"`                   // as signed
	Withheld string `json:"payloadWithheld,omitempty"` // why the server did not keep it: WithheldSecret; the statement has its digest
	SignedAt string `json:"signedAt"`
	UsedAt   string `json:"usedAt,omitempty"`  // absent: not used when the receipt was issued
	UsedFor  string `json:"usedFor,omitempty"` // the operation, or the call that consumed it
}

// WithheldSecret says that a payload added a password, or a private key that is encrypted under one, and so was not kept.
const WithheldSecret = "secret"

// Credential is the public key that verifies the signature.
type Credential struct {
	UUID         string `json:"uuid"`
	Kind         string `json:"kind"` // Fido2, Key or PasswordProtectedKey
	Name         string `json:"name"`
	CredentialID string `json:"credentialId"`
	PublicKey    string `json:"publicKey"` // PEM, SubjectPublicKeyInfo
	Algorithm    string `json:"algorithm"`
	RPID         string `json:"rpId,omitempty"`    // Fido2 only
	TokenID      string `json:"tokenId,omitempty"` // "to-…", the access token of the key; absent for the user's own credential
}

// Assertion is what the credential answered, byte for byte. Authenticator data and origins
// belong to Fido2. The origins repeat those in the client data: with them the server says
// that it accepted them.
type Assertion struct {
	ClientData        string `json:"clientData"`
	AuthenticatorData string `json:"authenticatorData,omitempty"`
	Signature         string `json:"signature"`
	Origin            string `json:"origin,omitempty"`
	TopOrigin         string `json:"topOrigin,omitempty"`
}

// Factor is a further credential that signed the same statement.
type Factor struct {
	Credential Credential `json:"credential"`
	Assertion  Assertion  `json:"assertion"`
}

// Key is the server's key that sealed the receipt, as in its key set (RFC 8037 §2).
type Key struct {
	ID string `json:"kid"`
	X  string `json:"x"`
}

// PEM returns a DER SubjectPublicKeyInfo in the form of Credential.PublicKey.
func PEM(spki []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
}

// NewAssertion returns the assertion of a credential of that kind, from bytes that the server
// verified.
func NewAssertion(kind string, clientData, authenticatorData, signature []byte) Assertion {
	a := Assertion{ClientData: encode(clientData), Signature: encode(signature)}
	if kind != api.KindFido2 {
		return a
	}
	a.AuthenticatorData = encode(authenticatorData)
	var origins struct {
		Origin    string `json:"origin"`
		TopOrigin string `json:"topOrigin"`
	}
	// Client data that cannot be read was never verified, and Verify will refuse it.
	_ = json.Unmarshal(bytes.TrimPrefix(clientData, []byte("\ufeff")), &origins)
	a.Origin, a.TopOrigin = origins.Origin, origins.TopOrigin
	return a
}

// Seal signs the receipt with the server's key of that kid and returns the document in the
// only layout that Verify accepts. It fails on text that is not UTF-8.
func (r Receipt) Seal(kid string, key ed25519.PrivateKey) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("receipt: not an Ed25519 private key")
	}
	r.Version = Version
	r.SealedBy = Key{ID: kid, X: encode(key.Public().(ed25519.PublicKey))}
	message, err := r.sealedMessage()
	if err != nil {
		return nil, err
	}
	r.Signature = encode(ed25519.Sign(key, message))
	return r.layout()
}

// sealedMessage is what the seal signs: a line that nothing else that the server signs begins
// with, and the document with an empty seal.
func (r Receipt) sealedMessage() ([]byte, error) {
	r.Signature = ""
	document, err := r.layout()
	return append([]byte("countersign receipt 1\n"), document...), err
}

func (r Receipt) layout() ([]byte, error) {
	document, err := json.Marshal(r, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return append(document, '\n'), nil
}

// Restore returns a receipt in the layout of Seal. A receipt loses that layout inside another
// JSON document, or in a program that writes JSON in its own way. Verify finds every other
// change.
func Restore(document []byte) ([]byte, error) {
	r, err := read(document)
	if err != nil {
		return nil, err
	}
	return r.layout()
}

func read(document []byte) (Receipt, error) {
	if len(document) > MaxSize {
		return Receipt{}, refuse(CodeMalformed, "The document is too large to be a receipt.", "size",
			fmt.Sprintf("%d bytes", len(document)), fmt.Sprintf("at most %d", MaxSize))
	}
	var r Receipt
	if err := json.Unmarshal(document, &r, json.RejectUnknownMembers(true)); err != nil {
		return Receipt{}, because(refuse(CodeMalformed, "The document is not a receipt.", "JSON of a receipt",
			"another document", "the members of a receipt, each once"), err)
	}
	if r.Version != Version {
		return Receipt{}, refuse(CodeMalformed, "The receipt has a version that this program does not know.",
			"countersignReceipt", fmt.Sprint(r.Version), fmt.Sprint(Version))
	}
	return r, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode accepts only what encode writes.
func decode(text string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return b, err == nil && encode(b) == text // the decoder would skip line breaks
}

// publicKey reads a key in the form that PEM writes.
func publicKey(text string) (*publickey.Key, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not PEM")
	}
	key, err := publickey.ParseStored(block.Bytes)
	if err != nil {
		return nil, err
	}
	if PEM(key.SPKI()) != text {
		return nil, errors.New("the PEM is not written in its one form")
	}
	return key, nil
}
