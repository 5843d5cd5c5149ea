package keycredential

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// RegistrationResponse is what the client sent, decoded from base64url, as received.
type RegistrationResponse struct {
	ClientData      []byte // JSON with type and challenge
	AttestationData []byte // JSON with publicKey, signature and perhaps algorithm
}

// RegistrationPolicy is what was issued.
type RegistrationPolicy struct {
	// Challenge is the challenge as issued, unpadded base64url text. The client may
	// return it as it is or base64url-encoded once more.
	Challenge string
}

// Registration is the verdict on a key that its holder has proved to possess.
type Registration struct {
	PublicKey *publickey.Key
	Algorithm publickey.Algorithm // what the key signed with, and will sign with
	PEM       string              // the public key's text exactly as received
}

// VerifyRegistration verifies that the client holds the private key of the public key
// it sends, and that it made the proof for this challenge. It refuses with an
// *api.Error of Kind Invalid whose Code is one of this package's constants.
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

// pemEscapes writes a PEM text as JSON.stringify does. A text that publickey accepted
// holds no other character that JSON escapes.
var pemEscapes = strings.NewReplacer("\n", `\n`, "\r", `\r`)

// signedText rebuilds what the client signed: the digest of its client data, and its
// public key byte for byte as sent.
func signedText(clientData []byte, pem string) []byte {
	sum := sha256.Sum256(clientData)
	return []byte(`{"clientDataHash":"` + hex.EncodeToString(sum[:]) +
		`","publicKey":"` + pemEscapes.Replace(pem) + `"}`)
}

// sha256Algorithms and sha512Algorithms give the algorithm for each type of key: keys
// sign with SHA-256 on every curve unless they say otherwise. Ed25519 has no choice.
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

// DefaultAlgorithm is what a key signs with whose holder did not say.
func DefaultAlgorithm(key *publickey.Key) publickey.Algorithm {
	if key.Type() == publickey.Ed25519 {
		return publickey.EdDSA
	}
	return sha256Algorithms[key.Type()]
}

// chooseAlgorithm turns the optional member "algorithm" into what the key must have
// signed with. A name that speaks of RSA is for RSA keys alone, and one that names a
// hash is not for Ed25519.
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
