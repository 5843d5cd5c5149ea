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

// MaxSize is the longest document that is read, in bytes: a payload of 32 KiB, every
// byte of it escaped, takes a fifth.
const MaxSize = 1 << 20

// Receipt is the document. Times are ISO 8601 in UTC with milliseconds, bytes are
// unpadded base64url. Seal fills SealedBy and Signature.
type Receipt struct {
	Version      int        `json:"countersignReceipt"`
	Issuer       string     `json:"issuer"` // the server's public URL
	IssuedAt     string     `json:"issuedAt"`
	Who          Who        `json:"who"`
	Action       Action     `json:"action"`
	Statement    string     `json:"statement"` // exact text; its SHA-256 is the challenge
	Credential   Credential `json:"credential"`
	Assertion    Assertion  `json:"assertion"`
	SecondFactor *Factor    `json:"secondFactor,omitempty"`
	SealedBy     Key        `json:"sealedBy"`
	Signature    string     `json:"seal"` // Ed25519 (RFC 8032) over sealed
}

// Who is the person or machine that signed.
type Who struct {
	OrgID        string `json:"orgId"`
	Organisation string `json:"organisation"` // its name
	UserID       string `json:"userId"`
	Username     string `json:"username"`
}

// Action is the request that was signed, and what became of it until the receipt was
// issued.
type Action struct {
	ID       string `json:"id"`
	Method   string `json:"method"`
	Path     string `json:"path"`    // as signed, query included
	Payload  string `json:"payload"` // as signed
	SignedAt string `json:"signedAt"`
	UsedAt   string `json:"usedAt,omitempty"`  // absent: not used when the receipt was issued
	UsedFor  string `json:"usedFor,omitempty"` // the operation, or what consumed it
}

// Credential is the public key that verifies the signature.
type Credential struct {
	UUID         string `json:"uuid"`
	Kind         string `json:"kind"` // Fido2, Key or PasswordProtectedKey
	Name         string `json:"name"`
	CredentialID string `json:"credentialId"`
	PublicKey    string `json:"publicKey"` // PEM, SubjectPublicKeyInfo
	Algorithm    string `json:"algorithm"`
	RPID         string `json:"rpId,omitempty"`    // Fido2 only
	TokenID      string `json:"tokenId,omitempty"` // the access token that the key signs for, "to-…"; absent for the user's own
}

// Assertion is what the credential answered, byte for byte. Authenticator data and
// origins belong to Fido2. The origins repeat those inside the client data: the server
// says by them that they were ones it accepts.
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

// Key is the server's key that sealed the receipt, as its key set has it (RFC 8037 §2).
type Key struct {
	ID string `json:"kid"`
	X  string `json:"x"`
}

// PEM writes a DER SubjectPublicKeyInfo as Credential.PublicKey has it.
func PEM(spki []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
}

// NewAssertion returns the assertion of a credential of that kind, from bytes that were
// verified when they came.
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
	// Client data that cannot be read was never verified; Verify will say so.
	_ = json.Unmarshal(bytes.TrimPrefix(clientData, []byte("\ufeff")), &origins)
	a.Origin, a.TopOrigin = origins.Origin, origins.TopOrigin
	return a
}

// Seal signs the receipt with the server's key of that kid and returns the document: the
// one layout that Verify accepts, which ends with a line break. It fails on text that is
// not UTF-8.
func (r Receipt) Seal(kid string, key ed25519.PrivateKey) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("receipt: not an Ed25519 private key")
	}
	r.Version = Version
	r.SealedBy = Key{ID: kid, X: encode(key.Public().(ed25519.PublicKey))}
	message, err := r.sealed()
	if err != nil {
		return nil, err
	}
	r.Signature = encode(ed25519.Sign(key, message))
	return r.layout()
}

// sealed is what the seal signs: a line that no other signature of the server begins
// with, then the document as it is laid out while its seal is "".
func (r Receipt) sealed() ([]byte, error) {
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

// Restore lays out a receipt as Seal did. A receipt that came as a member of another
// JSON document, or went through a program that writes JSON its own way, has lost its
// layout; nothing else may have changed, and Verify will see if it has.
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
		return Receipt{}, refuse(CodeMalformed, "The receipt is of a version that this program does not know.",
			"countersignReceipt", fmt.Sprint(r.Version), fmt.Sprint(Version))
	}
	return r, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode accepts exactly what encode writes.
func decode(text string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return b, err == nil && encode(b) == text // the decoder would skip line breaks
}

// publicKey reads a PEM as PEM writes it.
func publicKey(text string) (*publickey.Key, error) {
	key, err := publickey.ParsePEM(text)
	if err != nil {
		return nil, err
	}
	if PEM(key.SPKI()) != text {
		return nil, errors.New("the PEM is not written in its one form")
	}
	return key, nil
}
