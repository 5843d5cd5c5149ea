package webauthn

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"slices"
	"testing"
)

// TestFIDOU2FOfAnotherCurve has the attestation key sign a P-384 credential, which a U2F
// authenticator cannot make.
func TestFIDOU2FOfAnotherCurve(t *testing.T) {
	p := newU2FParts()
	p.c.cose = coseOf(&p384Key().PublicKey)
	p.message = func(m []byte) []byte {
		x, y := coordinates(&p384Key().PublicKey)
		return slices.Concat(m[:len(m)-64], x, y)
	}
	p.c.refused(t, CodeAttestationInvalid)
}

// u2fParts are the parts of a fido-u2f statement that a test may change.
type u2fParts struct {
	c        *ceremony
	template *x509.Certificate
	pub      crypto.PublicKey
	signer   crypto.Signer
	certs    int
	message  func(m []byte) []byte
	stmt     func(sig, x5c []byte) []byte
}

func newU2FParts() *u2fParts {
	p := &u2fParts{c: newCeremony(), template: certTemplate(), pub: &attKey().PublicKey, signer: attKey(), certs: 1}
	p.c.aaguid = [16]byte{}
	p.c.flags &^= flagUserVerified
	p.c.format, p.c.statement = "fido-u2f", p.statement
	return p
}

func (p *u2fParts) statement(authData []byte, hash [32]byte) []byte {
	x, y := coordinates(&p256Key().PublicKey)
	message := slices.Concat([]byte{0}, authData[:32], hash[:], p.c.credID, []byte{4}, x, y)
	if p.message != nil {
		message = p.message(message)
	}
	x5c := cX5C(slices.Repeat([][]byte{issue(p.template, p.pub)}, p.certs)...)
	sig := cBytes(signWith(p.signer, message))
	if p.stmt != nil {
		return p.stmt(sig, x5c)
	}
	return cMap(cText("sig"), sig, cText("x5c"), x5c)
}

func TestFIDOU2FAccepted(t *testing.T) {
	reg := newU2FParts().c.accepted(t)
	if reg.Format != "fido-u2f" || reg.AttestationType != AttestationBasic || len(reg.TrustPath) != 1 || reg.UserVerified {
		t.Errorf("got %+v", reg)
	}
	p := newU2FParts()
	p.template = &x509.Certificate{SerialNumber: p.template.SerialNumber, NotBefore: p.template.NotBefore, NotAfter: p.template.NotAfter}
	p.c.accepted(t) // §8.6 requires nothing of the certificate but its key
}

func TestFIDOU2FRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*u2fParts)
		code   string
	}{
		{"an AAGUID", func(p *u2fParts) { p.c.aaguid = testAAGUID }, CodeAttestationInvalid},
		{"an AAGUID of one bit, the last", func(p *u2fParts) { p.c.aaguid[15] = 1 }, CodeAttestationInvalid},
		{"an AAGUID of one bit, the first", func(p *u2fParts) { p.c.aaguid[0] = 0x80 }, CodeAttestationInvalid},
		{"an AAGUID of ones", func(p *u2fParts) { p.c.aaguid = [16]byte(bytes.Repeat([]byte{0xff}, 16)) }, CodeAttestationInvalid},
		{"the AAGUID of no authenticator", func(p *u2fParts) { p.c.aaguid = [16]byte([]byte("00000000-0000-00")) }, CodeAttestationInvalid},
		{"two certificates", func(p *u2fParts) { p.certs = 2 }, CodeAttestationInvalid},
		{"no certificate", func(p *u2fParts) { p.certs = 0 }, CodeAttestationMalformed},
		{"certificate of P-384", func(p *u2fParts) { p.pub, p.signer = &p384Key().PublicKey, p384Key() }, CodeAttestationCertificate},
		{"certificate of RSA", func(p *u2fParts) { p.pub, p.signer = &rsaKey().PublicKey, rsaKey() }, CodeAttestationCertificate},
		{"certificate of Ed25519", func(p *u2fParts) { p.pub, p.signer = edKey().Public(), edKey() }, CodeAttestationCertificate},
		{"credential of P-384", func(p *u2fParts) { p.c.cose = coseOf(&p384Key().PublicKey) }, CodeAttestationInvalid},
		{"credential of Ed25519", func(p *u2fParts) { p.c.cose = coseOf(edKey().Public()) }, CodeAttestationInvalid},
		{"another credential key", func(p *u2fParts) { p.c.cose = coseOf(&caKey().PublicKey) }, CodeAttestationInvalid},
		{"another signer", func(p *u2fParts) { p.signer = p256Key() }, CodeAttestationInvalid},
		{"the message of packed", func(p *u2fParts) { p.message = func(m []byte) []byte { return m[1:] } }, CodeAttestationInvalid},
		{"first byte 5, an assertion", func(p *u2fParts) {
			p.message = func(m []byte) []byte { return append([]byte{5}, m[1:]...) }
		}, CodeAttestationInvalid},
		{"expired", func(p *u2fParts) { p.template.NotAfter = testNow.AddDate(0, 0, -1) }, CodeAttestationCertificate},
		{"with alg", func(p *u2fParts) {
			p.stmt = func(sig, x5c []byte) []byte {
				return cMap(cText("alg"), cInt(-7), cText("sig"), sig, cText("x5c"), x5c)
			}
		}, CodeAttestationMalformed},
		{"no sig", func(p *u2fParts) {
			p.stmt = func(sig, x5c []byte) []byte { return cMap(cText("x5c"), x5c) }
		}, CodeAttestationMalformed},
		{"no x5c", func(p *u2fParts) {
			p.stmt = func(sig, x5c []byte) []byte { return cMap(cText("sig"), sig) }
		}, CodeAttestationMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newU2FParts()
			test.change(p)
			p.c.refused(t, test.code)
		})
	}
}
