package webauthn

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"testing"
)

// packedParts are the parts of a packed x5c statement that a test may change.
type packedParts struct {
	template *x509.Certificate
	pub      crypto.PublicKey
	signer   crypto.Signer
	alg      int64
	more     [][]byte                   // certificates after the leaf
	message  func(signed []byte) []byte // what is signed; the right thing when nil
	stmt     func(alg, sig, x5c []byte) []byte
}

func (p packedParts) statement(authData []byte, hash [32]byte) []byte {
	message := slices.Concat(authData, hash[:])
	if p.message != nil {
		message = p.message(message)
	}
	x5c := cX5C(append([][]byte{issue(p.template, p.pub)}, p.more...)...)
	alg, sig := cInt(p.alg), cBytes(signWith(p.signer, message))
	if p.stmt != nil {
		return p.stmt(alg, sig, x5c)
	}
	return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), x5c)
}

func newPackedParts() packedParts {
	return packedParts{template: certTemplate(), pub: &attKey().PublicKey, signer: attKey(), alg: -7}
}

// packedCeremony is one that passes with packed attestation and a chain of two.
func packedCeremony() *ceremony {
	p := newPackedParts()
	p.more = [][]byte{caCert()}
	c := newCeremony()
	c.format, c.statement = "packed", p.statement
	return c
}

func aaguidExtension(aaguid []byte) pkix.Extension {
	return pkix.Extension{Id: oidFIDOAAGUID, Value: mustDER(aaguid)}
}

func TestPackedAccepted(t *testing.T) {
	reg := packedCeremony().accepted(t)
	if reg.Format != "packed" || reg.AttestationType != AttestationBasic || len(reg.TrustPath) != 2 || !bytes.Equal(reg.TrustPath[1], caCert()) {
		t.Errorf("got %s %s, %d certificates", reg.Format, reg.AttestationType, len(reg.TrustPath))
	}
	for name, change := range map[string]func(*packedParts){
		"leaf alone":      func(p *packedParts) { p.more = nil },
		"with the AAGUID": func(p *packedParts) { p.template.ExtraExtensions = []pkix.Extension{aaguidExtension(testAAGUID[:])} },
		"signed with ES384": func(p *packedParts) {
			p.pub, p.signer, p.alg = &p384Key().PublicKey, p384Key(), -35
		},
		"signed with EdDSA": func(p *packedParts) { p.pub, p.signer, p.alg = edKey().Public(), edKey(), -8 },
		"signed with RS256": func(p *packedParts) { p.pub, p.signer, p.alg = &rsaKey().PublicKey, rsaKey(), -257 },
		"members in another order": func(p *packedParts) {
			p.stmt = func(alg, sig, x5c []byte) []byte {
				return cMap(cText("x5c"), x5c, cText("sig"), sig, cText("alg"), alg)
			}
		},
		"firmware extension": func(p *packedParts) {
			p.template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 5}, Value: []byte{2, 1, 42}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPackedParts()
			change(&p)
			c := newCeremony()
			c.format, c.statement = "packed", p.statement
			c.accepted(t)
		})
	}
}

func TestPackedRefused(t *testing.T) {
	shape := func(stmt func(alg, sig, x5c []byte) []byte) func(*packedParts) {
		return func(p *packedParts) { p.stmt = stmt }
	}
	for _, test := range []struct {
		name   string
		change func(*packedParts)
		code   string
	}{
		{"another key signed", func(p *packedParts) { p.signer = p256Key() }, CodeAttestationInvalid},
		{"only authenticator data signed", func(p *packedParts) { p.message = func(b []byte) []byte { return b[:len(b)-32] } }, CodeAttestationInvalid},
		{"only the hash signed", func(p *packedParts) { p.message = func(b []byte) []byte { return b[len(b)-32:] } }, CodeAttestationInvalid},
		{"alg of another curve", func(p *packedParts) { p.alg = -35 }, CodeAttestationInvalid},
		{"alg of another type", func(p *packedParts) { p.alg = -257 }, CodeAttestationInvalid},
		{"unknown alg", func(p *packedParts) { p.alg = -999 }, CodeAttestationInvalid},
		{"alg RS1", func(p *packedParts) { p.pub, p.signer, p.alg = &rsaKey().PublicKey, rsaKey(), -65535 }, CodeAttestationInvalid},
		{"alg of 64 bits", func(p *packedParts) { p.alg = -7 - 1<<32 }, CodeAttestationInvalid},

		{"no sig", shape(func(alg, sig, x5c []byte) []byte { return cMap(cText("alg"), alg, cText("x5c"), x5c) }), CodeAttestationMalformed},
		{"no alg", shape(func(alg, sig, x5c []byte) []byte { return cMap(cText("sig"), sig, cText("x5c"), x5c) }), CodeAttestationMalformed},
		{"empty", shape(func(alg, sig, x5c []byte) []byte { return cMap() }), CodeAttestationMalformed},
		{"an array", shape(func(alg, sig, x5c []byte) []byte { return cArray(alg, sig, x5c) }), CodeAttestationMalformed},
		{"ecdaaKeyId", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), sig, cText("ecdaaKeyId"), cBytes([]byte("id")))
		}), CodeAttestationMalformed},
		{"unknown member", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), x5c, cText("x"), cInt(1))
		}), CodeAttestationMalformed},
		{"member of another format", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), x5c, cText("ver"), cText("2.0"))
		}), CodeAttestationMalformed},
		{"integer member", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), sig, cInt(1), x5c)
		}), CodeAttestationMalformed},
		{"empty x5c", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), cArray())
		}), CodeAttestationMalformed},
		{"x5c null", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), []byte{0xf6})
		}), CodeAttestationMalformed},
		{"x5c a byte string", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), x5c[1:])
		}), CodeAttestationMalformed},
		{"x5c of text", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), cArray(cText("MII")))
		}), CodeAttestationMalformed},
		{"x5c of too many", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), cX5C(make([][]byte, maxCertificates+1)...))
		}), CodeAttestationMalformed},
		{"sig as text", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), cText("sig"), cText("x5c"), x5c)
		}), CodeAttestationMalformed},
		{"alg as text", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), cText("ES256"), cText("sig"), sig, cText("x5c"), x5c)
		}), CodeAttestationMalformed},
		{"empty sig", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), cBytes(nil), cText("x5c"), x5c)
		}), CodeAttestationInvalid},
		{"a byte after sig", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), cBytes(append(sig[2:len(sig):len(sig)], 0)), cText("x5c"), x5c)
		}), CodeAttestationInvalid},
		{"sig as r||s", shape(func(alg, sig, x5c []byte) []byte {
			return cMap(cText("alg"), alg, cText("sig"), cBytes(make([]byte, 64)), cText("x5c"), x5c)
		}), CodeAttestationInvalid},

		{"another AAGUID", func(p *packedParts) {
			p.template.ExtraExtensions = []pkix.Extension{aaguidExtension(make([]byte, 16))}
		}, CodeAttestationInvalid},
		{"AAGUID wrapped once", func(p *packedParts) {
			p.template.ExtraExtensions = []pkix.Extension{{Id: oidFIDOAAGUID, Value: testAAGUID[:]}}
		}, CodeAttestationInvalid},
		{"AAGUID too long", func(p *packedParts) {
			p.template.ExtraExtensions = []pkix.Extension{aaguidExtension(append(testAAGUID[:], 0))}
		}, CodeAttestationInvalid},
		{"AAGUID critical", func(p *packedParts) {
			e := aaguidExtension(testAAGUID[:])
			e.Critical = true
			p.template.ExtraExtensions = []pkix.Extension{e}
		}, CodeAttestationCertificate},
		{"AAGUID twice", func(p *packedParts) {
			p.template.ExtraExtensions = []pkix.Extension{aaguidExtension(testAAGUID[:]), aaguidExtension(make([]byte, 16))}
		}, CodeAttestationCertificate},

		{"no country", func(p *packedParts) { p.template.Subject.Country = nil }, CodeAttestationCertificate},
		{"country by name", func(p *packedParts) { p.template.Subject.Country = []string{"Sweden"} }, CodeAttestationCertificate},
		{"country in lower case", func(p *packedParts) { p.template.Subject.Country = []string{"se"} }, CodeAttestationCertificate},
		{"country of no code", func(p *packedParts) { p.template.Subject.Country = []string{"AB"} }, CodeAttestationCertificate},
		{"country of the European Union, reserved", func(p *packedParts) { p.template.Subject.Country = []string{"EU"} }, CodeAttestationCertificate},
		{"country UK, reserved", func(p *packedParts) { p.template.Subject.Country = []string{"UK"} }, CodeAttestationCertificate},
		{"country of the Soviet Union, withdrawn", func(p *packedParts) { p.template.Subject.Country = []string{"SU"} }, CodeAttestationCertificate},
		{"country across two codes", func(p *packedParts) { p.template.Subject.Country = []string{"D "} }, CodeAttestationCertificate},
		{"country QA's neighbour", func(p *packedParts) { p.template.Subject.Country = []string{"QL"} }, CodeAttestationCertificate},
		{"country by three letters", func(p *packedParts) { p.template.Subject.Country = []string{"SWE"} }, CodeAttestationCertificate},
		{"country by number", func(p *packedParts) { p.template.Subject.Country = []string{"75"} }, CodeAttestationCertificate},
		{"two countries", func(p *packedParts) { p.template.Subject.Country = []string{"SE", "US"} }, CodeAttestationCertificate},
		{"no organisation", func(p *packedParts) { p.template.Subject.Organization = nil }, CodeAttestationCertificate},
		{"no unit", func(p *packedParts) { p.template.Subject.OrganizationalUnit = nil }, CodeAttestationCertificate},
		{"another unit", func(p *packedParts) { p.template.Subject.OrganizationalUnit = []string{"authenticator attestation"} }, CodeAttestationCertificate},
		{"two units", func(p *packedParts) {
			p.template.Subject.OrganizationalUnit = []string{"Authenticator Attestation", "Web Servers"}
		}, CodeAttestationCertificate},
		{"no name", func(p *packedParts) { p.template.Subject.CommonName = "" }, CodeAttestationCertificate},
		{"a CA", func(p *packedParts) { p.template.IsCA = true; p.template.KeyUsage = x509.KeyUsageCertSign }, CodeAttestationCertificate},
		{"no basic constraints", func(p *packedParts) { p.template.BasicConstraintsValid = false }, CodeAttestationCertificate},
		{"expired", func(p *packedParts) { p.template.NotAfter = testNow.AddDate(0, 0, -1) }, CodeAttestationCertificate},
		{"not yet valid", func(p *packedParts) { p.template.NotBefore = testNow.AddDate(0, 0, 1) }, CodeAttestationCertificate},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPackedParts()
			test.change(&p)
			c := newCeremony()
			c.format, c.statement = "packed", p.statement
			c.refused(t, test.code)
		})
	}
}

// TestPackedVersion1 uses a certificate of X.509 version 1, which has no extensions.
func TestPackedVersion1(t *testing.T) {
	der := issue(certTemplate(), &attKey().PublicKey)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	var tbs []asn1.RawValue
	if err := unmarshalWhole(cert.RawTBSCertificate, &tbs, ""); err != nil {
		t.Fatal(err)
	}
	var body []byte
	for _, e := range tbs[1 : len(tbs)-1] { // without version and extensions
		body = append(body, e.FullBytes...)
	}
	newTBS := derOf(0x30, body)
	sig := signDeterministically(caKey(), newTBS)
	der = derOf(0x30, newTBS, mustDER(pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}),
		mustDER(asn1.BitString{Bytes: sig, BitLength: len(sig) * 8}))
	cert, err = x509.ParseCertificate(der)
	if err != nil || cert.Version != 1 {
		t.Fatalf("not version 1: %v", err)
	}
	c := newCeremony()
	c.format = "packed"
	c.statement = func(authData []byte, hash [32]byte) []byte {
		sig := signWith(attKey(), slices.Concat(authData, hash[:]))
		return cMap(cText("alg"), cInt(-7), cText("sig"), cBytes(sig), cText("x5c"), cX5C(der))
	}
	c.refused(t, CodeAttestationCertificate)
}

// selfStatement is self attestation by the given key.
func selfStatement(alg int64, signer crypto.Signer) func([]byte, [32]byte) []byte {
	return func(authData []byte, hash [32]byte) []byte {
		return cMap(cText("alg"), cInt(alg), cText("sig"), cBytes(signWith(signer, slices.Concat(authData, hash[:]))))
	}
}

func TestPackedSelf(t *testing.T) {
	for alg, key := range map[int64]crypto.Signer{-7: p256Key(), -35: p384Key(), -36: p521Key(), -8: edKey(), -257: rsaKey()} {
		c := newCeremony()
		c.cose = coseOf(key.Public())
		c.format, c.statement = "packed", selfStatement(alg, key)
		if reg := c.accepted(t); reg.AttestationType != AttestationSelf || reg.TrustPath != nil {
			t.Errorf("got %s, %d certificates", reg.AttestationType, len(reg.TrustPath))
		}
		for _, other := range []int64{-7, -35, -36, -8, -257, -47, 0} {
			if other != alg {
				c.statement = selfStatement(other, key)
				if e := c.refused(t, CodeAttestationInvalid); !strings.HasSuffix(e.Rule, "packed: alg") {
					t.Errorf("rule %q", e.Rule)
				}
			}
		}
		c.statement = selfStatement(alg, attKey())
		c.refused(t, CodeAttestationInvalid)
	}
}

// TestPackedSelfOfAnotherCeremony replays a statement over other client data.
func TestPackedSelfOfAnotherCeremony(t *testing.T) {
	c := newCeremony()
	c.format = "packed"
	c.statement = func(authData []byte, hash [32]byte) []byte {
		hash[0] ^= 1
		return selfStatement(-7, p256Key())(authData, hash)
	}
	c.refused(t, CodeAttestationInvalid)
}

func TestCountries(t *testing.T) {
	n := 0
	for a := byte('A'); a <= 'Z'; a++ {
		for b := byte('A'); b <= 'Z'; b++ {
			if isCountry(string([]byte{a, b})) {
				n++
			}
		}
	}
	if want := 249 + 2 + 14 + 26; n != want { // assigned; AA and ZZ; QM to QZ; XA to XZ
		t.Errorf("%d codes, want %d", n, want)
	}
	for _, c := range []string{"US", "SE", "TW", "GB", "AA", "XK", "QM", "ZZ", "SX"} {
		if !isCountry(c) {
			t.Errorf("%s is refused", c)
		}
	}
}
