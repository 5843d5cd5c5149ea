package webauthn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign/countersign/api"
)

// Flags of authenticator data (WebAuthn L3 §6.1). Bits 1 and 5 are reserved and
// ignored.
const (
	flagUserPresent    = 1 << 0
	flagUserVerified   = 1 << 2
	flagBackupEligible = 1 << 3
	flagBackupState    = 1 << 4
	flagAttestedData   = 1 << 6
	flagExtensionData  = 1 << 7
)

// authenticatorData is WebAuthn L3 §6.1. In a registration it always has attested
// credential data, in an assertion it never has. Its slices share memory with the bytes
// that were parsed.
type authenticatorData struct {
	raw          []byte // all of it, as signed
	rpIDHash     []byte // 32 bytes
	flags        byte
	signCount    uint32
	aaguid       [16]byte
	credentialID []byte
	key          coseKey
	extensions   []byte // a CBOR map, nil without the ED flag
}

func (a *authenticatorData) has(flag byte) bool { return a.flags&flag != 0 }

const (
	fixedDataLen    = 37     // rpIdHash, flags, signCount
	attestedDataLen = 16 + 2 // aaguid, credentialIdLength
)

// parseAuthenticatorData reads a registration's authenticator data to its last byte. After
// the credential key come the extensions that the ED flag announces, or nothing.
func parseAuthenticatorData(b []byte) (*authenticatorData, error) {
	a, err := readFixed(b)
	if err != nil {
		return nil, err
	}
	if !a.has(flagAttestedData) {
		return nil, errors.New("no attested credential data (AT flag)")
	}
	rest, err := a.readAttested(b[fixedDataLen:])
	if err != nil {
		return nil, err
	}
	r := cborReader{data: rest}
	if a.key, err = readCOSEKey(&r); err != nil {
		return nil, fmt.Errorf("credential public key: %w", err)
	}
	return a, a.readRest(&r)
}

// parseAssertionData reads an assertion's authenticator data to its last byte. An assertion
// must not have the AT flag (§6.1), so a signature that attests a new credential never
// passes for an assertion.
func parseAssertionData(b []byte) (*authenticatorData, error) {
	a, err := readFixed(b)
	if err != nil {
		return nil, err
	}
	if a.has(flagAttestedData) {
		return nil, errors.New("attested credential data (AT flag) in an assertion")
	}
	return a, a.readRest(&cborReader{data: b[fixedDataLen:]})
}

// readFixed reads the part that all authenticator data begins with.
func readFixed(b []byte) (*authenticatorData, error) {
	if len(b) < fixedDataLen {
		return nil, fmt.Errorf("%d bytes, at least %d needed", len(b), fixedDataLen)
	}
	return &authenticatorData{
		raw:       b,
		rpIDHash:  b[:32],
		flags:     b[32],
		signCount: binary.BigEndian.Uint32(b[33:]),
	}, nil
}

// readRest reads the extensions, if the ED flag announces them. Nothing may follow.
func (a *authenticatorData) readRest(r *cborReader) (err error) {
	if a.has(flagExtensionData) {
		if a.extensions, err = readExtensions(r); err != nil {
			return fmt.Errorf("extensions: %w", err)
		}
	}
	return r.end()
}

// readAttested reads the fixed part of attested credential data (§6.5.1) and the
// credential ID, and returns what follows. Step 25 limits the ID to 1023 bytes.
func (a *authenticatorData) readAttested(b []byte) (rest []byte, err error) {
	if len(b) < attestedDataLen {
		return nil, errors.New("attested credential data is cut short")
	}
	copy(a.aaguid[:], b)
	n := int(binary.BigEndian.Uint16(b[16:]))
	b = b[attestedDataLen:]
	if n == 0 {
		return nil, errors.New("the credential ID is empty")
	}
	if n > len(b) {
		return nil, fmt.Errorf("credential ID of %d bytes, %d left", n, len(b))
	}
	a.credentialID = b[:n:n]
	return b[n:], nil
}

// readExtensions reads a map from extension identifiers to outputs (§9.5). It may hold any
// extensions, in any order, with outputs in any spelling: nobody reads them, and those that nobody
// requested are ignored. An identifier comes once, in the one spelling, for those who will.
func readExtensions(r *cborReader) ([]byte, error) {
	start := r.pos
	n, err := r.mapLen()
	if err != nil {
		return nil, err
	}
	seen := make([]string, 0, n)
	for range n {
		identifier, err := r.text()
		if err != nil {
			return nil, err
		}
		if slices.Contains(seen, identifier) {
			return nil, r.fail("extension %s twice", api.Shown(identifier))
		}
		seen = append(seen, identifier)
		if err := r.skipAnySpelling(2); err != nil {
			return nil, err
		}
	}
	return r.data[start:r.pos:r.pos], nil
}
