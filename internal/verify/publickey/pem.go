package publickey

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/countersign/countersign/api"
)

// maxPEM is the longest PEM text that is read, in bytes: an RSA key of 8192 bits takes
// about 1,500 when its lines are short.
const maxPEM = 4096

const (
	labelSPKI  = "PUBLIC KEY"
	labelPKCS1 = "RSA PUBLIC KEY"
)

// ParsePEM reads one PEM block (RFC 7468) labelled PUBLIC KEY, a SubjectPublicKeyInfo,
// or RSA PUBLIC KEY, an RSAPublicKey (RFC 8017 §A.1.1). Nothing may precede it, only one
// line break may follow, and it has no headers. Lines end in LF or CRLF and may have any
// length, because browsers export long ones, but may not be empty. Base64 is strict, and the
// DER inside is canonical, as for ParseSPKI.
func ParsePEM(text string) (*Key, error) {
	label, der, err := decodePEM(text)
	if err != nil {
		return nil, err
	}
	if label == labelSPKI {
		return ParseSPKI(der)
	}
	return parsePKCS1(der, minExponent)
}

// ParseMember is ParsePEM for the member publicKey of a request. Its errors are of Kind
// Invalid and name the member.
func ParseMember(text string) (*Key, error) {
	if text == "" {
		return nil, api.Missing("publicKey")
	}
	key, err := ParsePEM(text)
	if err != nil {
		e := *api.AsError(err)
		e.Code, e.Message = "public_key_invalid",
			"The member /publicKey must be a public key in PEM: P-256, P-384, P-521, secp256k1, Ed25519 or RSA of 2048 bits and more."
		return nil, &e
	}
	return key, nil
}

// decodePEM is stricter than encoding/pem, which skips what it does not understand.
func decodePEM(text string) (label string, der []byte, err error) {
	if len(text) > maxPEM {
		return "", nil, malformed("PEM, size", fmt.Sprintf("%d bytes", len(text)), "at most 4096 bytes")
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	lines := strings.Split(text, "\n")
	for i := range lines[:len(lines)-1] {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	first, last := lines[0], lines[len(lines)-1]
	switch {
	case first == "-----BEGIN "+labelSPKI+"-----" && last == "-----END "+labelSPKI+"-----":
		label = labelSPKI
	case first == "-----BEGIN "+labelPKCS1+"-----" && last == "-----END "+labelPKCS1+"-----":
		label = labelPKCS1
	default:
		return "", nil, malformed("RFC 7468 §3, PEM", "other text", "one block PUBLIC KEY or RSA PUBLIC KEY")
	}
	body := lines[1 : len(lines)-1]
	for _, line := range body {
		if line == "" {
			return "", nil, malformed("RFC 7468 §3, PEM", "an empty line", "lines of base64")
		}
	}
	joined := strings.Join(body, "")
	if strings.ContainsRune(joined, '\r') { // the decoder would skip it
		return "", nil, malformed("RFC 7468 §3, PEM", "a carriage return inside a line", "lines of base64")
	}
	der, err = base64.StdEncoding.Strict().DecodeString(joined)
	if err != nil {
		e := malformed("RFC 7468 §3, PEM", "other text", "strict base64")
		e.Cause = err
		return "", nil, e
	}
	return label, der, nil
}
