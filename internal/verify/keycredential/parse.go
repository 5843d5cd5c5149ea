package keycredential

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Longest texts that are read, in bytes. Client data has a few hundred; attestation data has
// at most about 4,000, for an RSA key of 8192 bits.
const (
	maxClientData      = 4096
	maxAttestationData = 8192
)

// clientData holds the members of client data that are read. Other members, such as origin
// and crossOrigin, may hold anything.
type clientData struct {
	kind      string // the member "type"
	challenge string
}

func parseClientData(b []byte) (clientData, error) {
	if len(b) > maxClientData {
		return clientData{}, refuse(CodeClientDataMalformed, "client data, size", fmt.Sprintf("%d bytes", len(b)), "at most 4096 bytes")
	}
	m, err := textMembers(b, "type", "challenge")
	if err != nil {
		return clientData{}, malformed(CodeClientDataMalformed, "client data", err)
	}
	kind, hasKind := m["type"]
	challenge, hasChallenge := m["challenge"]
	if !hasKind || !hasChallenge {
		return clientData{}, refuse(CodeClientDataMalformed, "client data", "type or challenge missing", "both")
	}
	return clientData{kind, challenge}, nil
}

type attestationData struct {
	publicKey    string // PEM, as received
	signature    []byte
	algorithm    string
	hasAlgorithm bool
}

func parseAttestationData(b []byte) (attestationData, error) {
	if len(b) > maxAttestationData {
		return attestationData{}, refuse(CodeAttestationMalformed, "attestation data, size", fmt.Sprintf("%d bytes", len(b)), "at most 8192 bytes")
	}
	m, err := textMembers(b, "publicKey", "signature", "algorithm")
	if err != nil {
		return attestationData{}, malformed(CodeAttestationMalformed, "attestation data", err)
	}
	pem, hasKey := m["publicKey"]
	signature, hasSignature := m["signature"]
	if !hasKey || !hasSignature {
		return attestationData{}, refuse(CodeAttestationMalformed, "attestation data", "publicKey or signature missing", "both")
	}
	sig, err := hex.DecodeString(signature)
	if err != nil {
		return attestationData{}, malformed(CodeAttestationMalformed, "attestation data, signature in hexadecimal", err)
	}
	algorithm, hasAlgorithm := m["algorithm"]
	return attestationData{pem, sig, algorithm, hasAlgorithm}, nil
}

func malformed(code, rule string, cause error) error {
	e := refuse(code, rule, "other bytes", "a JSON object with members of the right type, each once")
	e.Cause = cause
	return e
}

// textMembers reads a JSON object (RFC 8259, valid UTF-8, no repeated names at any depth)
// and returns the named members that are present. They must be strings. A name that differs
// from one of them only in case is refused, because readers could disagree about it; other
// members are skipped.
func textMembers(b []byte, names ...string) (map[string]string, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(b))
	if tok, err := dec.ReadToken(); err != nil {
		return nil, err
	} else if tok.Kind() != '{' {
		return nil, errors.New("not an object")
	}
	members := make(map[string]string)
	for dec.PeekKind() != '}' {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := tok.String()
		known, err := match(name, names)
		if err != nil {
			return nil, err
		}
		if !known {
			if err := dec.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		value, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		if value.Kind() != '"' {
			return nil, fmt.Errorf("member %q is not a string", name)
		}
		members[name] = value.String()
	}
	if _, err := dec.ReadToken(); err != nil { // the closing brace
		return nil, err
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	return members, nil
}

func match(name string, names []string) (bool, error) {
	for _, n := range names {
		if name == n {
			return true, nil
		}
		if strings.EqualFold(name, n) {
			return false, fmt.Errorf("member %q is misspelt", n)
		}
	}
	return false, nil
}
