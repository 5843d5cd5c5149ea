package webauthn

import (
	"errors"
	"fmt"

	"github.com/countersign/countersign/api"
)

// attestationObject is that of WebAuthn L3 §6.5.4. Its slices share memory with the bytes
// that were parsed.
type attestationObject struct {
	format    string
	statement []byte // attStmt, one well-formed CBOR item, not yet interpreted
	authData  []byte
}

// parseAttestationObject reads a map of exactly fmt, attStmt and authData, in any order.
// The syntax of §6.5.4 allows no further members, and clients strip those that CTAP2 adds,
// so a further member is refused and not skipped unverified.
func parseAttestationObject(b []byte) (attestationObject, error) {
	var o attestationObject
	r := cborReader{data: b}
	n, err := r.mapLen()
	if err != nil {
		return o, err
	}
	if n != 3 {
		return o, fmt.Errorf("attestation object of %d members", n)
	}
	seen := map[string]bool{}
	for range n {
		name, err := r.text()
		if err != nil {
			return o, err
		}
		if seen[name] {
			return o, fmt.Errorf("member %s twice", api.Shown(name))
		}
		seen[name] = true
		switch name {
		case "fmt":
			o.format, err = r.text()
		case "attStmt":
			o.statement, err = parseStatementItem(&r)
		case "authData":
			o.authData, err = r.byteString()
		default:
			err = fmt.Errorf("unknown member %s of the attestation object", api.Shown(name))
		}
		if err != nil {
			return o, err
		}
	}
	return o, r.end() // three different members of three, so none is missing
}

// parseStatementItem reads attStmt, which is a map or an array.
func parseStatementItem(r *cborReader) ([]byte, error) {
	b, err := r.item()
	if err != nil {
		return nil, err
	}
	if major := b[0] >> 5; major != cborMap && major != cborArray {
		return nil, errors.New("attStmt is neither a map nor an array")
	}
	return b, nil
}
