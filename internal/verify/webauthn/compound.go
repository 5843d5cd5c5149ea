package webauthn

import (
	"fmt"

	"github.com/countersign/countersign/api"
)

const compound = procedure("§8.9 compound")

// maxParts is how many statements a compound one has at most. Each costs the verification of a
// chain; real ones have two.
const maxParts = 4

// verifyCompound is WebAuthn L3 §8.9: statements of other formats about the same authenticator
// data. The standard leaves it to policy how many must verify. Here all must, since an
// authenticator that makes a false one is not to be trusted about the others. A none would prove
// nothing and yet count.
func verifyCompound(s unverified) (Statement, error) {
	r := cborReader{data: s.raw}
	n, err := r.arrayLen()
	if err != nil {
		return Statement{}, compound.malformed(err)
	}
	if n < 2 || n > maxParts {
		return Statement{}, compound.malformed(fmt.Errorf("%d statements, from 2 to %d are accepted", n, maxParts))
	}
	out := Statement{AttestationType: AttestationCompound, Parts: make([]Statement, n)}
	for i := range out.Parts {
		format, raw, err := readPart(&r)
		if err != nil {
			return Statement{}, compound.malformed(err)
		}
		if format == "none" || format == "compound" {
			return Statement{}, compound.invalid("fmt", api.Shown(format), "formats that are neither none nor compound", nil)
		}
		s.raw = raw
		if out.Parts[i], err = s.verify(format); err != nil {
			return Statement{}, err
		}
	}
	if err := r.end(); err != nil {
		return Statement{}, compound.malformed(err)
	}
	return out, nil
}

// readPart reads a map of exactly fmt and attStmt, in any order.
func readPart(r *cborReader) (format string, raw []byte, err error) {
	n, err := r.mapLen()
	if err != nil {
		return "", nil, err
	}
	if n != 2 {
		return "", nil, r.fail("a statement of %d members", n)
	}
	hasFormat := false
	for range n {
		name, err := r.text()
		if err != nil {
			return "", nil, err
		}
		switch {
		case name == "fmt" && !hasFormat:
			hasFormat = true
			format, err = r.text()
		case name == "attStmt" && raw == nil:
			raw, err = parseStatementItem(r)
		default:
			err = fmt.Errorf("unknown or repeated member %s of a statement", api.Shown(name))
		}
		if err != nil {
			return "", nil, err
		}
	}
	return format, raw, nil
}
