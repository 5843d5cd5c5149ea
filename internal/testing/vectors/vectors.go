// Package vectors has the registrations of WebAuthn Level 3 §16 as bytes, with the certificate that
// their chains end in, for tests of what trusts them. Package webauthn derives them as §16 says, and
// its tests hold this file to what they derive (go test ./internal/verify/webauthn -update).
package vectors

import (
	_ "embed"
	"encoding/json"
)

// The relying party of all vectors.
const (
	RPID      = "example.org"
	Origin    = "https://example.org"
	TopOrigin = "https://example.com" // of those in a frame
)

// Vector is one registration.
type Vector struct {
	Name      string `json:"name"`      // as §16 derives it: packed.ES256, …
	Format    string `json:"format"`    // of the attestation statement
	Challenge string `json:"challenge"` // base64url

	CredentialID      []byte `json:"credentialId"`
	ClientDataJSON    []byte `json:"clientDataJSON"`
	AttestationObject []byte `json:"attestationObject"`

	// Refused is the code that package webauthn refuses it with, "" if it is accepted: Ed448 is not
	// supported, and the one of fido-u2f has an AAGUID.
	Refused string `json:"refused,omitempty"`
}

// File is what the file holds.
type File struct {
	// Root is the self-signed certificate of the key and the name that §16 has all certificates be
	// issued by (§16.1).
	Root    []byte   `json:"root"`
	Vectors []Vector `json:"vectors"`
}

//go:embed vectors.json
var text []byte

// Read returns them.
func Read() File {
	var f File
	if err := json.Unmarshal(text, &f); err != nil {
		panic(err) // the file is part of the program
	}
	return f
}
