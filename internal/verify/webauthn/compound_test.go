package webauthn

import (
	"bytes"
	"crypto"
	"slices"
	"testing"
)

// part is one statement of a compound one.
type part struct {
	format    string
	statement func(authData []byte, hash [32]byte) []byte
}

func (p part) encode(authData []byte, hash [32]byte) []byte {
	return cMap(cText("fmt"), cText(p.format), cText("attStmt"), p.statement(authData, hash))
}

func noneStatement([]byte, [32]byte) []byte { return cMap() }

// compoundParts are the statements of a compound one that passes: every format that one key can
// have at once. The TPM attests by SHA-1.
func compoundParts() []part {
	tpm := newTPMParts()
	tpm.attestWith(rsaKey(), coseRS1)
	return []part{{"packed", newPackedParts().statement}, {"tpm", tpm.statement},
		{"android-key", newAndroidParts().statement}, {"apple", newAppleParts().statement}}
}

// compoundOf is a ceremony with these statements; change may replace their encoding.
func compoundOf(parts []part, change func(parts [][]byte) []byte) *ceremony {
	c := newCeremony()
	c.format = "compound"
	c.statement = func(authData []byte, hash [32]byte) []byte {
		var encoded [][]byte
		for _, p := range parts {
			encoded = append(encoded, p.encode(authData, hash))
		}
		if change != nil {
			return change(encoded)
		}
		return cArray(encoded...)
	}
	return c
}

func TestCompoundAccepted(t *testing.T) {
	reg := compoundOf(compoundParts(), nil).accepted(t)
	if reg.Format != "compound" || reg.AttestationType != AttestationCompound || reg.TrustPath != nil || len(reg.Parts) != 4 || !reg.WeakHash() {
		t.Fatalf("got %+v", reg.Statement)
	}
	for i, want := range []struct {
		format, kind string
		certificates int
		hash         crypto.Hash
	}{
		{"packed", AttestationBasic, 1, crypto.SHA256}, {"tpm", AttestationAttCASHA1, 2, crypto.SHA1},
		{"android-key", AttestationBasic, 2, crypto.SHA256}, {"apple", AttestationAnonCA, 2, crypto.SHA256},
	} {
		p := reg.Parts[i]
		if p.Format != want.format || p.AttestationType != want.kind || len(p.TrustPath) != want.certificates || p.Hash != want.hash {
			t.Errorf("part %d: %s %s, %d certificates, %v", i, p.Format, p.AttestationType, len(p.TrustPath), p.Hash)
		}
	}
	if reg.Parts[1].TPM == nil || reg.Parts[2].Android == nil {
		t.Errorf("without facts: %+v", reg.Parts)
	}

	self := part{"packed", selfStatement(-7, p256Key())}
	if reg := compoundOf([]part{self, compoundParts()[0]}, nil).accepted(t); reg.Parts[0].AttestationType != AttestationSelf || reg.WeakHash() {
		t.Errorf("self and basic: %+v", reg.Statement)
	}
	compoundOf(compoundParts()[:2], func(parts [][]byte) []byte { // attStmt before fmt
		first := parts[0][1:]
		format := cText("fmt")
		format = append(format, cText("packed")...)
		return cArray(append(cborHead(cborMap, 2), slices.Concat(first[len(format):], format)...), parts[1])
	}).accepted(t)

	c := compoundOf(compoundParts(), nil)
	c.policy.Attestation = "none"
	for _, p := range c.accepted(t).Parts {
		if p.TrustPath != nil {
			t.Errorf("%s: certificates although none were requested", p.Format)
		}
	}
}

func TestCompoundRefused(t *testing.T) {
	good := compoundParts()
	forged := newPackedParts()
	forged.signer = caKey()
	badProfile := newPackedParts()
	badProfile.template.Subject.Country = nil
	u2f := newU2FParts() // about an authenticator that has an AAGUID
	two := func(p part) []part { return []part{good[0], p} }
	encoded := func(change func(parts [][]byte) []byte) *ceremony { return compoundOf(good[:2], change) }
	for _, test := range []struct {
		name string
		c    *ceremony
		code string
	}{
		{"one", compoundOf(good[:1], nil), CodeAttestationMalformed},
		{"nothing", compoundOf(nil, nil), CodeAttestationMalformed},
		{"five", compoundOf(append(slices.Clone(good), good[0]), nil), CodeAttestationMalformed},
		{"none within", compoundOf(two(part{"none", noneStatement}), nil), CodeAttestationInvalid},
		{"none twice", compoundOf([]part{{"none", noneStatement}, {"none", noneStatement}}, nil), CodeAttestationInvalid},
		{"compound within", compoundOf(two(part{"compound", func(a []byte, h [32]byte) []byte {
			return cArray(good[0].encode(a, h), good[1].encode(a, h))
		}}), nil), CodeAttestationInvalid},
		{"safetynet within", compoundOf(two(part{"android-safetynet", noneStatement}), nil), CodeAttestationFormatUnsupported},
		{"unknown within", compoundOf(two(part{"x", noneStatement}), nil), CodeAttestationFormatUnsupported},
		{"the last is forged", compoundOf(append(slices.Clone(good[1:]), part{"packed", forged.statement}), nil), CodeAttestationInvalid},
		{"the first is forged", compoundOf([]part{{"packed", forged.statement}, good[1]}, nil), CodeAttestationInvalid},
		{"one breaks its profile", compoundOf(two(part{"packed", badProfile.statement}), nil), CodeAttestationCertificate},
		{"fido-u2f with an AAGUID", compoundOf(two(part{"fido-u2f", u2f.statement}), nil), CodeAttestationInvalid},
		{"a statement under another name", compoundOf(two(part{"tpm", good[0].statement}), nil), CodeAttestationMalformed},
		{"of another ceremony", compoundOf(two(part{"packed", func(a []byte, h [32]byte) []byte {
			return good[0].statement(a, [32]byte{1})
		}}), nil), CodeAttestationInvalid},
		{"a map", encoded(func(p [][]byte) []byte { return cMap(cText("0"), p[0], cText("1"), p[1]) }), CodeAttestationMalformed},
		{"statements that are no maps", encoded(func(p [][]byte) []byte { return cArray(cInt(1), cInt(2)) }), CodeAttestationMalformed},
		{"a member more", encoded(func(p [][]byte) []byte {
			return cArray(p[0], slices.Concat(cborHead(cborMap, 3), p[1][1:], cText("x"), cInt(1)))
		}), CodeAttestationMalformed},
		{"a member less", encoded(func(p [][]byte) []byte { return cArray(p[0], cMap(cText("fmt"), cText("packed"))) }), CodeAttestationMalformed},
		{"an unknown member", encoded(func(p [][]byte) []byte {
			return cArray(p[0], cMap(cText("fmt"), cText("packed"), cText("attstmt"), cMap()))
		}), CodeAttestationMalformed},
		{"a statement that is no map", encoded(func(p [][]byte) []byte {
			return cArray(p[0], cMap(cText("fmt"), cText("packed"), cText("attStmt"), cInt(1)))
		}), CodeAttestationMalformed},
	} {
		t.Run(test.name, func(t *testing.T) { test.c.refused(t, test.code) })
	}
}

// TestCompoundMembersTwice reads parts by themselves: the attestation object refuses them before.
func TestCompoundMembersTwice(t *testing.T) {
	for name, raw := range map[string][]byte{
		"fmt":     cMap(cText("fmt"), cText("packed"), cText("fmt"), cText("tpm")),
		"attStmt": cMap(cText("attStmt"), cMap(), cText("attStmt"), cMap()),
	} {
		if format, stmt, err := readPart(&cborReader{data: raw}); err == nil {
			t.Errorf("%s twice: %q, %x", name, format, stmt)
		}
	}
	good := cArray(cMap(), cMap())
	if _, err := verifyCompound(unverified{raw: append(bytes.Clone(good), 0)}); err == nil {
		t.Error("accepted with a byte after it")
	}
}
