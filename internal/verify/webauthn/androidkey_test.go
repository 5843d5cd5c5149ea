package webauthn

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"testing"
)

// androidParts are the parts of an android-key statement that a test may change.
type androidParts struct {
	c             *ceremony
	template      *x509.Certificate
	ca            *x509.Certificate
	pub           crypto.PublicKey
	signer        crypto.Signer
	alg           int64
	challenge     func(hash []byte) []byte
	software, tee []byte // contents of the authorisation lists
	description   func(challenge []byte) []byte
	stmt          func(alg, sig, x5c []byte) []byte
}

func newAndroidParts() *androidParts {
	p := &androidParts{c: newCeremony(), template: certTemplate(), ca: caTemplate(), pub: &p256Key().PublicKey, signer: p256Key(), alg: -7}
	p.template.ExtraExtensions = nil
	p.software = authorization(701, mustDER(1_700_000_000_000))
	p.tee = slices.Concat(purposes(2, 3), authorization(2, mustDER(3)), authorization(503, mustDER(asn1.NullRawValue)), origin(0))
	p.description = func(challenge []byte) []byte { return keyDescriptionOf(challenge, p.software, p.tee) }
	p.c.format, p.c.statement = "android-key", p.statement
	return p
}

func (p *androidParts) statement(authData []byte, hash [32]byte) []byte {
	challenge := hash[:]
	if p.challenge != nil {
		challenge = p.challenge(challenge)
	}
	if d := p.description(challenge); d != nil {
		p.template.ExtraExtensions = []pkix.Extension{{Id: oidAndroidKeyDescription, Value: d}}
	}
	leaf := issueFrom(p.template, p.ca, p.pub, caKey())
	x5c := cX5C(leaf, issueFrom(p.ca, p.ca, &caKey().PublicKey, caKey()))
	alg, sig := cInt(p.alg), cBytes(signWith(p.signer, slices.Concat(authData, hash[:])))
	if p.stmt != nil {
		return p.stmt(alg, sig, x5c)
	}
	return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), x5c)
}

// authorization is a member of an AuthorizationList under its explicit tag.
func authorization(tag int, content []byte) []byte {
	return mustDER(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: content})
}

func purposes(values ...int) []byte { return authorization(tagPurpose, mustDER(values, "set")) }
func origin(value int) []byte       { return authorization(tagOrigin, mustDER(value)) }

func keyDescriptionOf(challenge, software, tee []byte) []byte {
	return derOf(0x30, mustDER(4), derOf(0x0a, []byte{1}), mustDER(41), derOf(0x0a, []byte{1}),
		mustDER(challenge), mustDER([]byte{}), derOf(0x30, software), derOf(0x30, tee))
}

func TestAndroidKeyAccepted(t *testing.T) {
	reg := newAndroidParts().c.accepted(t)
	if reg.Format != "android-key" || reg.AttestationType != AttestationBasic || len(reg.TrustPath) != 2 {
		t.Errorf("got %+v", reg)
	}
	for name, change := range map[string]func(*androidParts){
		"software key":        func(p *androidParts) { p.software, p.tee = p.tee, nil },
		"both lists empty":    func(p *androidParts) { p.software, p.tee = nil, nil },
		"only signs":          func(p *androidParts) { p.tee = slices.Concat(purposes(2), origin(0)) },
		"factory certificate": func(p *androidParts) { p.ca.NotAfter = testNow.AddDate(-1, 0, 0) },
		"P-384": func(p *androidParts) {
			p.pub, p.signer, p.alg, p.c.cose = &p384Key().PublicKey, p384Key(), -35, coseOf(&p384Key().PublicKey)
		},
		"RSA": func(p *androidParts) {
			p.pub, p.signer, p.alg, p.c.cose = &rsaKey().PublicKey, rsaKey(), -257, coseOf(&rsaKey().PublicKey)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newAndroidParts()
			change(p)
			p.c.accepted(t)
		})
	}
}

func TestAndroidKeyRefused(t *testing.T) {
	describe := func(d []byte) func(*androidParts) {
		return func(p *androidParts) { p.description = func([]byte) []byte { return d } }
	}
	for _, test := range []struct {
		name   string
		change func(*androidParts)
		code   string
	}{
		{"certificate and signature of another key", func(p *androidParts) { p.pub, p.signer = &attKey().PublicKey, attKey() }, CodeAttestationInvalid},
		{"another signer", func(p *androidParts) { p.signer = attKey() }, CodeAttestationInvalid},
		{"another alg", func(p *androidParts) { p.alg = -35 }, CodeAttestationInvalid},
		{"leaf expired", func(p *androidParts) { p.template.NotAfter = testNow.AddDate(0, 0, -1) }, CodeAttestationCertificate},

		{"no key description", func(p *androidParts) { p.description = func([]byte) []byte { return nil } }, CodeAttestationCertificate},
		{"another challenge", func(p *androidParts) {
			p.challenge = func(h []byte) []byte { return make([]byte, 32) }
		}, CodeAttestationInvalid},
		{"empty challenge", func(p *androidParts) { p.challenge = func(h []byte) []byte { return []byte{} } }, CodeAttestationInvalid},
		{"challenge with more", func(p *androidParts) { p.challenge = func(h []byte) []byte { return append(h, 0) } }, CodeAttestationInvalid},

		{"allApplications in hardware", func(p *androidParts) {
			p.tee = slices.Concat(p.tee, authorization(tagAllApplications, mustDER(asn1.NullRawValue)))
		}, CodeAttestationInvalid},
		{"allApplications in software", func(p *androidParts) {
			p.software = authorization(tagAllApplications, mustDER(asn1.NullRawValue))
		}, CodeAttestationInvalid},
		{"imported", func(p *androidParts) { p.tee = slices.Concat(purposes(2), origin(2)) }, CodeAttestationInvalid},
		{"derived", func(p *androidParts) { p.tee = slices.Concat(purposes(2), origin(1)) }, CodeAttestationInvalid},
		{"imported, says software", func(p *androidParts) { p.software = origin(2) }, CodeAttestationInvalid},
		{"negative origin", func(p *androidParts) { p.tee = origin(-1) }, CodeAttestationInvalid},
		{"decrypts", func(p *androidParts) { p.tee = slices.Concat(purposes(1), origin(0)) }, CodeAttestationInvalid},
		{"signs and decrypts", func(p *androidParts) { p.tee = slices.Concat(purposes(1, 2), origin(0)) }, CodeAttestationInvalid},
		{"only verifies", func(p *androidParts) { p.tee = slices.Concat(purposes(3), origin(0)) }, CodeAttestationInvalid},
		{"no purpose in the set", func(p *androidParts) { p.tee = slices.Concat(purposes(), origin(0)) }, CodeAttestationInvalid},
		{"decrypts, says software", func(p *androidParts) { p.software = purposes(1) }, CodeAttestationInvalid},

		{"origin twice", func(p *androidParts) { p.tee = slices.Concat(origin(0), origin(0)) }, CodeAttestationCertificate},
		{"purpose twice", func(p *androidParts) { p.tee = slices.Concat(purposes(2), purposes(2)) }, CodeAttestationCertificate},
		{"origin of a huge number", func(p *androidParts) {
			p.tee = authorization(tagOrigin, derOf(2, append([]byte{1}, make([]byte, 16)...)))
		}, CodeAttestationCertificate},
		{"origin empty", func(p *androidParts) { p.tee = authorization(tagOrigin, nil) }, CodeAttestationCertificate},
		{"origin not a number", func(p *androidParts) { p.tee = authorization(tagOrigin, mustDER(true)) }, CodeAttestationCertificate},
		{"origin and more", func(p *androidParts) { p.tee = authorization(tagOrigin, slices.Concat(mustDER(0), mustDER(2))) }, CodeAttestationCertificate},
		{"purpose not a set", func(p *androidParts) { p.tee = authorization(tagPurpose, mustDER(2)) }, CodeAttestationCertificate},
		{"purpose a sequence", func(p *androidParts) { p.tee = authorization(tagPurpose, mustDER([]int{2})) }, CodeAttestationCertificate},
		{"a sequence without a tag", func(p *androidParts) { p.tee = mustDER([]int{2}) }, CodeAttestationCertificate},
		{"origin under an implicit tag", func(p *androidParts) { p.tee = unhex("9f853e 01 00") }, CodeAttestationCertificate},
		{"a member without a tag", func(p *androidParts) { p.tee = mustDER(2) }, CodeAttestationCertificate},
		{"list cut short", func(p *androidParts) { p.tee = []byte{0xa1, 5, 2} }, CodeAttestationCertificate},

		{"description empty", describe([]byte{}), CodeAttestationCertificate},
		{"description no sequence", describe(mustDER(1)), CodeAttestationCertificate},
		{"description as a set", func(p *androidParts) {
			p.description = func(h []byte) []byte {
				d := keyDescriptionOf(h, p.software, p.tee)
				d[0] = 0x31
				return d
			}
		}, CodeAttestationCertificate},
		{"description of no elements", describe(derOf(0x30)), CodeAttestationCertificate},
		{"a byte after", func(p *androidParts) {
			p.description = func(h []byte) []byte { return append(keyDescriptionOf(h, p.software, p.tee), 0) }
		}, CodeAttestationCertificate},
		{"two descriptions", func(p *androidParts) {
			p.description = func(h []byte) []byte {
				d := keyDescriptionOf(h, p.software, p.tee)
				return append(slices.Clone(d), d...)
			}
		}, CodeAttestationCertificate},
		{"challenge as text", func(p *androidParts) {
			p.description = func(h []byte) []byte {
				return derOf(0x30, mustDER(4), derOf(0x0a, []byte{1}), mustDER(41), derOf(0x0a, []byte{1}),
					derOf(0x0c, h), mustDER([]byte{}), derOf(0x30), derOf(0x30))
			}
		}, CodeAttestationCertificate},
		{"nine elements", func(p *androidParts) {
			p.description = func(h []byte) []byte {
				return derOf(0x30, mustDER(4), derOf(0x0a, []byte{1}), mustDER(41), derOf(0x0a, []byte{1}),
					mustDER(h), mustDER([]byte{}), derOf(0x30), derOf(0x30), derOf(0x30))
			}
		}, CodeAttestationCertificate},

		{"no alg", func(p *androidParts) {
			p.stmt = func(alg, sig, x5c []byte) []byte { return cMap(cText("sig"), sig, cText("x5c"), x5c) }
		}, CodeAttestationMalformed},
		{"no sig", func(p *androidParts) {
			p.stmt = func(alg, sig, x5c []byte) []byte { return cMap(cText("alg"), alg, cText("x5c"), x5c) }
		}, CodeAttestationMalformed},
		{"no x5c", func(p *androidParts) {
			p.stmt = func(alg, sig, x5c []byte) []byte { return cMap(cText("alg"), alg, cText("sig"), sig) }
		}, CodeAttestationMalformed},
		{"pubArea", func(p *androidParts) {
			p.stmt = func(alg, sig, x5c []byte) []byte {
				return cMap(cText("alg"), alg, cText("sig"), sig, cText("x5c"), x5c, cText("pubArea"), cBytes(nil))
			}
		}, CodeAttestationMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newAndroidParts()
			test.change(p)
			p.c.refused(t, test.code)
		})
	}
}
