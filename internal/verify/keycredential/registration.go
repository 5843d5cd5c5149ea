package keycredential

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// RegistrationResponse is what the client sent, decoded from base64url and otherwise as
// received.
type RegistrationResponse struct {
	ClientData      []byte // JSON with type and challenge
	AttestationData []byte // JSON with publicKey, signature and optionally algorithm
}

// RegistrationPolicy is what was issued.
type RegistrationPolicy struct {
	// Challenge is the text that was issued: unpadded base64url. The client may return it
	// unchanged or base64url-encoded once more.
	Challenge string
}

// Registration is a new credential whose client proved that it has the private key.
type Registration struct {
	PublicKey *publickey.Key
	Algorithm publickey.Algorithm // the key signed with it, and must always do so
	PEM       string              // the public key's text exactly as received
}

// VerifyRegistration verifies that the client data is for this challenge and that the client
// has the private key of the public key it sent. The error is an *api.Error of Kind Invalid
// whose Code is one of this package's constants.
func VerifyRegistration(r RegistrationResponse, p RegistrationPolicy) (Registration, error) {
	if err := creating.verifyClientData(r.ClientData, p.Challenge); err != nil {
		return Registration{}, err
	}
	attestation, err := parseAttestationData(r.AttestationData)
	if err != nil {
		return Registration{}, err
	}
	key, err := publickey.ParsePEM(attestation.publicKey)
	if err != nil {
		return Registration{}, because(CodeCredentialKeyInvalid, "attestation data, publicKey", err)
	}
	algorithm, err := chooseAlgorithm(key, attestation)
	if err != nil {
		return Registration{}, err
	}
	message := signedText(r.ClientData, attestation.publicKey)
	if err := key.Verify(algorithm, message, attestation.signature); err != nil {
		return Registration{}, because(CodeAttestationInvalid, "attestation data, signature", err)
	}
	return Registration{PublicKey: key, Algorithm: algorithm, PEM: attestation.publicKey}, nil
}

// pemEscapes escapes a PEM text as JSON.stringify does. A text that publickey accepts has no
// other characters that JSON escapes.
var pemEscapes = strings.NewReplacer("\n", `\n`, "\r", `\r`)

// signedText rebuilds what the client signed: the digest of its client data, and its public
// key byte for byte as it was sent.
func signedText(clientData []byte, pem string) []byte {
	sum := sha256.Sum256(clientData)
	return []byte(`{"clientDataHash":"` + hex.EncodeToString(sum[:]) +
		`","publicKey":"` + pemEscapes.Replace(pem) + `"}`)
}

// sha256Algorithms and sha512Algorithms give the algorithm for each type of key. Keys sign
// with SHA-256 on every curve unless they name another hash. Ed25519 has no choice.
var (
	sha256Algorithms = map[string]publickey.Algorithm{
		publickey.P256:      publickey.ES256,
		publickey.P384:      publickey.ES384WithSHA256,
		publickey.P521:      publickey.ES512WithSHA256,
		publickey.Secp256k1: publickey.ES256K,
		publickey.RSA:       publickey.RS256,
	}
	sha512Algorithms = map[string]publickey.Algorithm{
		publickey.P256:      publickey.ES256WithSHA512,
		publickey.P384:      publickey.ES384WithSHA512,
		publickey.P521:      publickey.ES512,
		publickey.Secp256k1: publickey.ES256KWithSHA512,
		publickey.RSA:       publickey.RS512,
	}
)

// DefaultAlgorithm returns the algorithm of a key that was registered without naming one.
func DefaultAlgorithm(key *publickey.Key) publickey.Algorithm {
	if key.Type() == publickey.Ed25519 {
		return publickey.EdDSA
	}
	return sha256Algorithms[key.Type()]
}

// chooseAlgorithm returns the algorithm that the key must have signed with, by the optional
// member "algorithm". RSA-SHA256 is for RSA keys only, and the names of hashes are not for
// Ed25519.
func chooseAlgorithm(key *publickey.Key, a attestationData) (publickey.Algorithm, error) {
	var algorithm publickey.Algorithm
	switch {
	case !a.hasAlgorithm:
		algorithm = DefaultAlgorithm(key)
	case a.algorithm == "SHA256":
		algorithm = sha256Algorithms[key.Type()]
	case a.algorithm == "SHA512":
		algorithm = sha512Algorithms[key.Type()]
	case a.algorithm == "RSA-SHA256" && key.Type() == publickey.RSA:
		algorithm = publickey.RS256
	}
	if algorithm == "" {
		return "", refuse(CodeAlgorithmUnsupported, "attestation data, algorithm",
			api.Shown(a.algorithm)+" with a key of type "+key.Type(), "RSA-SHA256, SHA256 or SHA512, as the key allows, or none")
	}
	return algorithm, nil
}
