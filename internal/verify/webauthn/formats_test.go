package webauthn

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"slices"
	"testing"

	"github.com/countersign/countersign/internal/verify/anchor"
)

// chainFormats are the formats that have certificates, each with a ceremony that passes. The leaf
// is issued by the test CA.
var chainFormats = []struct {
	name string
	new  func() *ceremony
}{
	{"packed", func() *ceremony { return packedCeremony() }},
	{"tpm", func() *ceremony { return newTPMParts().c }},
	{"android-key", func() *ceremony { return newAndroidParts().c }},
	{"fido-u2f", func() *ceremony { return newU2FParts().c }},
	{"apple", func() *ceremony { return newAppleParts().c }},
}

// changed has a ceremony send its statement with other members.
func changed(t *testing.T, c *ceremony, change func(members map[string]any)) {
	t.Helper()
	statement := c.statement
	c.statement = func(authData []byte, hash [32]byte) []byte {
		var members map[string]any
		if err := otherCBOR.Unmarshal(statement(authData, hash), &members); err != nil {
			t.Fatal(err)
		}
		change(members)
		encoded, err := otherEncoding.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
}

func leafOf(members map[string]any) []byte { return members["x5c"].([]any)[0].([]byte) }

// TestFormatsAndChains has every format × what can be wrong with its chain or with what it is
// about, with the code. The tables of the formats have what is wrong with each profile.
func TestFormatsAndChains(t *testing.T) {
	x5c := func(change func(leaf []byte) []any) func(*testing.T, *ceremony) {
		return func(t *testing.T, c *ceremony) {
			changed(t, c, func(m map[string]any) { m["x5c"] = change(leafOf(m)) })
		}
	}
	other := issue(certTemplate(), &caKey().PublicKey)
	type violation struct {
		name   string
		change func(*testing.T, *ceremony)
		code   string            // "" if it is accepted
		but    map[string]string // the code of formats where it is another
	}
	for _, v := range []violation{
		{"as it is", func(*testing.T, *ceremony) {}, "", nil},
		{"the leaf alone", x5c(func(leaf []byte) []any { return []any{leaf} }), "", nil},
		{"a leaf that crypto/x509 refuses", x5c(func(leaf []byte) []any {
			return []any{reissued(t, leaf, func(tbs [][]byte) { tbs[1] = unhex("0201ff") })}
		}), "", nil},
		{"a forged signature on the leaf", x5c(func(leaf []byte) []any {
			leaf[len(leaf)-1] ^= 1
			return []any{leaf, caCert()}
		}), CodeAttestationCertificate, map[string]string{"fido-u2f": CodeAttestationInvalid}}, // which has one certificate
		{"out of order", x5c(func(leaf []byte) []any { return []any{caCert(), leaf} }), CodeAttestationCertificate,
			map[string]string{"fido-u2f": CodeAttestationInvalid}},
		{"the leaf twice", x5c(func(leaf []byte) []any { return []any{leaf, leaf} }), CodeAttestationCertificate,
			map[string]string{"fido-u2f": CodeAttestationInvalid}},
		{"cut short", x5c(func(leaf []byte) []any { return []any{leaf[:len(leaf)-1]} }), CodeAttestationCertificate, nil},
		{"a byte after the leaf", x5c(func(leaf []byte) []any { return []any{append(leaf, 0)} }), CodeAttestationCertificate, nil},
		{"a borrowed chain", x5c(func([]byte) []any { return []any{other} }), CodeAttestationInvalid,
			map[string]string{"tpm": CodeAttestationCertificate, "apple": CodeAttestationCertificate}}, // of another profile
		{"the authority as the leaf", x5c(func([]byte) []any { return []any{caCert()} }), CodeAttestationInvalid,
			map[string]string{"tpm": CodeAttestationCertificate, "apple": CodeAttestationCertificate}},
		{"no certificates", x5c(func([]byte) []any { return []any{} }), CodeAttestationMalformed, nil},
		{"nine certificates", x5c(func(leaf []byte) []any { return slices.Repeat([]any{leaf}, maxCertificates+1) }), CodeAttestationMalformed, nil},
		{"no x5c", func(t *testing.T, c *ceremony) { changed(t, c, func(m map[string]any) { delete(m, "x5c") }) },
			CodeAttestationMalformed, map[string]string{"packed": CodeAttestationInvalid}}, // self attestation, by another key
		{"a member more", func(t *testing.T, c *ceremony) { changed(t, c, func(m map[string]any) { m["x"] = 1 }) }, CodeAttestationMalformed, nil},
		{"the number of one device", x5c(func(leaf []byte) []any {
			return []any{reissued(t, leaf, func(tbs [][]byte) { tbs[7] = withExtension(t, tbs[7], oidFIDOSerialNumber, mustDER([]byte("42"))) })}
		}), CodeAttestationCertificate, nil},
		{"a critical extension nobody knows", x5c(func(leaf []byte) []any {
			return []any{reissued(t, leaf, func(tbs [][]byte) { tbs[7] = withExtension(t, tbs[7], asn1.ObjectIdentifier{1, 2, 3}, nil) })}
		}), CodeAttestationCertificate, nil},
		{"expired", func(_ *testing.T, c *ceremony) { c.now = testNow.AddDate(30, 0, 0) }, CodeAttestationCertificate, nil},
		{"not yet valid", func(_ *testing.T, c *ceremony) { c.now = testNow.AddDate(-30, 0, 0) }, CodeAttestationCertificate, nil},
		{"of another ceremony", func(_ *testing.T, c *ceremony) {
			statement := c.statement
			c.statement = func(authData []byte, hash [32]byte) []byte { return statement(authData, [32]byte{1}) }
		}, CodeAttestationInvalid, nil},
		{"of another authenticator data", func(_ *testing.T, c *ceremony) {
			statement := c.statement
			c.statement = func(authData []byte, hash [32]byte) []byte {
				authData = bytes.Clone(authData)
				authData[0] ^= 1 // of the RP ID's hash, which even U2F signs
				return statement(authData, hash)
			}
		}, CodeAttestationInvalid, nil},
		{"of another key", func(_ *testing.T, c *ceremony) { c.cose = coseOf(&caKey().PublicKey) }, CodeAttestationInvalid,
			map[string]string{"packed": ""}}, // which signs the authenticator data that the key is in
	} {
		for _, f := range chainFormats {
			t.Run(v.name+"/"+f.name, func(t *testing.T) {
				c := f.new()
				v.change(t, c)
				code := v.code
				if but, ok := v.but[f.name]; ok {
					code = but
				}
				if code != "" {
					c.refused(t, code)
					return
				}
				reg := c.accepted(t)
				if reg.Format != f.name || len(reg.TrustPath) == 0 {
					t.Errorf("got %s with %d certificates", reg.Format, len(reg.TrustPath))
				}
				if _, err := anchor.NewSet([][]byte{caCert()}).Verify(reg.TrustPath, testNow, reg.Currency()); err != nil {
					t.Errorf("not anchored: %v", err)
				}
			})
		}
	}
}

// A leaf alone with a forged signature is consistent by itself. It is the anchor that shows it.
func TestForgedLeafAlone(t *testing.T) {
	for _, f := range chainFormats {
		c := f.new()
		changed(t, c, func(m map[string]any) {
			leaf := leafOf(m)
			leaf[len(leaf)-1] ^= 1
			m["x5c"] = []any{leaf}
		})
		reg := c.accepted(t)
		_, err := anchor.NewSet([][]byte{caCert()}).Verify(reg.TrustPath, testNow, reg.Currency())
		if e, ok := errors.AsType[*anchor.Error](err); !ok || e.Reason != anchor.Forged {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

// withExtension adds an extension to those of a certificate, critical if it has no value.
func withExtension(t *testing.T, extensions []byte, id asn1.ObjectIdentifier, value []byte) []byte {
	t.Helper()
	wrapped, err := derElements(extensions)
	if err != nil {
		t.Fatal(err)
	}
	list, err := derElements(wrapped[0].Bytes)
	if err != nil {
		t.Fatal(err)
	}
	critical := []byte{}
	if value == nil {
		critical = unhex("0101ff")
	}
	return derOf(0xa3, derOf(0x30, list[0].Bytes, derOf(0x30, mustDER(id), critical, derOf(4, value))))
}
