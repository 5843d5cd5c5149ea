package webauthn

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// unverified is an attestation statement with everything that its verification procedure
// may need (WebAuthn L3 §6.5.2).
type unverified struct {
	format         string
	raw            []byte // attStmt, CBOR
	authData       *authenticatorData
	clientDataHash [32]byte
	key            *publickey.Key // the credential public key, checked
	algorithm      publickey.Algorithm
	now            time.Time
	enterprise     bool // enterprise attestation was requested
}

// verify is steps 21 and 22: it verifies the statement as one of the format.
func (s unverified) verify(format string) (Statement, error) {
	procedure, err := findFormat(format)
	if err != nil {
		return Statement{}, err
	}
	s.format = format
	out, err := procedure(s)
	if err != nil {
		return Statement{}, err
	}
	out.Format = format
	return out, nil
}

// findFormat is step 21: it returns the verification procedure of a format, whose name is
// case-sensitive.
func findFormat(name string) (func(unverified) (Statement, error), error) {
	const rule, formats = "§7.1 step 21, fmt", "none, packed, tpm, android-key, fido-u2f, apple or compound"
	switch name {
	case "none":
		return verifyNone, nil
	case "packed":
		return verifyPacked, nil
	case "tpm":
		return verifyTPM, nil
	case "android-key":
		return verifyAndroidKey, nil
	case "fido-u2f":
		return verifyFIDOU2F, nil
	case "apple":
		return verifyApple, nil
	case "compound":
		return verifyCompound, nil
	case "android-safetynet":
		// §8.5 is deprecated, and what it rests on was switched off by its maker.
		return nil, refuse(CodeAttestationFormatUnsupported, rule, "android-safetynet, which is deprecated", formats)
	}
	return nil, refuse(CodeAttestationFormatUnsupported, rule, api.Shown(name), formats)
}

// signed is what most formats sign: authenticator data and the hash of client data.
func (s unverified) signed() []byte {
	return slices.Concat(s.authData.raw, s.clientDataHash[:])
}

// member is a set of members of attestation statements.
type member uint

const (
	memberAlg member = 1 << iota
	memberSig
	memberX5C
	memberVer
	memberCertInfo
	memberPubArea
)

var memberNames = map[string]member{
	"alg":      memberAlg,
	"sig":      memberSig,
	"x5c":      memberX5C,
	"ver":      memberVer,
	"certInfo": memberCertInfo,
	"pubArea":  memberPubArea,
}

// fields are the members of a statement of any supported format.
type fields struct {
	has      member
	alg      int64
	sig      []byte
	x5c      [][]byte
	ver      string
	certInfo []byte
	pubArea  []byte
}

// parseStatement reads a statement, in any order of its members. It must have all of the
// required members, may have the optional ones, and no others.
func parseStatement(raw []byte, required, optional member) (fields, error) {
	var f fields
	r := cborReader{data: raw}
	n, err := r.mapLen()
	if err != nil {
		return f, err
	}
	for range n {
		name, err := r.text()
		if err != nil {
			return f, err
		}
		m := memberNames[name]
		if m&(required|optional) == 0 {
			return f, fmt.Errorf("unknown member %s", api.Shown(name))
		}
		if f.has&m != 0 {
			return f, fmt.Errorf("member %q twice", name)
		}
		f.has |= m
		if err := f.read(&r, m); err != nil {
			return f, fmt.Errorf("%s: %w", name, err)
		}
	}
	if f.has&required != required {
		return f, errors.New("a required member is missing")
	}
	return f, r.end()
}

func (f *fields) read(r *cborReader, m member) (err error) {
	switch m {
	case memberAlg:
		f.alg, err = r.integer()
	case memberSig:
		f.sig, err = r.byteString()
	case memberX5C:
		f.x5c, err = readX5C(r)
	case memberVer:
		f.ver, err = r.text()
	case memberCertInfo:
		f.certInfo, err = r.byteString()
	case memberPubArea:
		f.pubArea, err = r.byteString()
	}
	return err
}

// readX5C reads a non-empty array of byte strings.
func readX5C(r *cborReader) ([][]byte, error) {
	n, err := r.arrayLen()
	if err != nil {
		return nil, err
	}
	if n == 0 || n > maxCertificates {
		return nil, r.fail("%d certificates", n)
	}
	x5c := make([][]byte, n)
	for i := range x5c {
		if x5c[i], err = r.byteString(); err != nil {
			return nil, err
		}
	}
	return x5c, nil
}

// procedure names the verification procedure that a refusal comes from: "§8.2 packed".
type procedure string

func (p procedure) rule(what string) string {
	return "§7.1 step 22, " + string(p) + ": " + what
}

// malformed refuses a statement that does not follow the format's syntax.
func (p procedure) malformed(cause error) *api.Error {
	return because(refuse(CodeAttestationMalformed, p.rule("attStmt"), "another structure", "the syntax of that section"), cause)
}

// invalid refuses a statement that does not prove what it claims.
func (p procedure) invalid(what, received, expected string, cause error) *api.Error {
	return because(refuse(CodeAttestationInvalid, p.rule(what), received, expected), cause)
}

// unfit refuses a certificate.
func (p procedure) unfit(what, received, expected string, cause error) *api.Error {
	return because(refuse(CodeAttestationCertificate, p.rule(what), received, expected), cause)
}

// verifySignature checks sig over message with the COSE algorithm alg.
func (p procedure) verifySignature(key *publickey.Key, alg int64, message, sig []byte) error {
	algorithm, ok := algorithmOf(alg)
	if !ok {
		return p.invalid("alg", fmt.Sprintf("COSE algorithm %d", alg), "an algorithm that is supported", nil)
	}
	if err := key.Verify(algorithm, message, sig); err != nil {
		return p.invalid("sig", bytesCount(len(sig)), "a valid "+string(algorithm)+" signature", err)
	}
	return nil
}

// sameAlgorithm checks that alg is the credential's algorithm.
func (p procedure) sameAlgorithm(s unverified, alg int64) error {
	if alg != s.authData.key.algorithm {
		return p.invalid("alg", fmt.Sprintf("COSE algorithm %d", alg),
			fmt.Sprintf("the credential's, %d", s.authData.key.algorithm), nil)
	}
	return nil
}

// hashOf returns the hash function of a signature algorithm, 0 if the algorithm is not known.
func hashOf(alg int64) crypto.Hash {
	if alg == coseRS1 {
		return crypto.SHA1
	}
	algorithm, _ := algorithmOf(alg)
	switch algorithm {
	case publickey.RS256, publickey.ES256, publickey.ES256K:
		return crypto.SHA256
	case publickey.ES384:
		return crypto.SHA384
	case publickey.ES512, publickey.RS512, publickey.EdDSA:
		return crypto.SHA512
	}
	return 0
}
