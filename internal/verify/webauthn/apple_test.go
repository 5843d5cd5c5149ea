package webauthn

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"testing"
)

// appleParts are the parts of an apple statement that a test may change.
type appleParts struct {
	c        *ceremony
	template *x509.Certificate
	pub      crypto.PublicKey
	nonce    func(nonce []byte) []byte // the value of the extension; nil leaves it out
	stmt     func(x5c []byte) []byte
}

func newAppleParts() *appleParts {
	p := &appleParts{c: newCeremony(), template: certTemplate(), pub: &p256Key().PublicKey}
	p.nonce = func(nonce []byte) []byte { return slices.Concat(appleNoncePrefix, nonce) }
	p.c.format, p.c.statement = "apple", p.statement
	return p
}

func (p *appleParts) statement(authData []byte, hash [32]byte) []byte {
	nonce := sha256.Sum256(slices.Concat(authData, hash[:]))
	if p.nonce != nil {
		p.template.ExtraExtensions = []pkix.Extension{{Id: oidAppleNonce, Value: p.nonce(nonce[:])}}
	}
	x5c := cX5C(issue(p.template, p.pub), caCert())
	if p.stmt != nil {
		return p.stmt(x5c)
	}
	return cMap(cText("x5c"), x5c)
}

func TestAppleAccepted(t *testing.T) {
	reg := newAppleParts().c.accepted(t)
	if reg.Format != "apple" || reg.AttestationType != AttestationAnonCA || len(reg.TrustPath) != 2 {
		t.Errorf("got %+v", reg)
	}
	p := newAppleParts() // what iPhones send
	p.stmt = func(x5c []byte) []byte { return cMap(cText("alg"), cInt(-7), cText("x5c"), x5c) }
	p.c.accepted(t)
}

func TestAppleRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*appleParts)
		code   string
	}{
		{"no nonce", func(p *appleParts) { p.nonce = nil }, CodeAttestationCertificate},
		{"another nonce", func(p *appleParts) {
			p.nonce = func(n []byte) []byte { return slices.Concat(appleNoncePrefix, make([]byte, 32)) }
		}, CodeAttestationInvalid},
		{"nonce without its tag", func(p *appleParts) {
			p.nonce = func(n []byte) []byte { return derOf(0x30, derOf(4, n)) }
		}, CodeAttestationInvalid},
		{"bare nonce", func(p *appleParts) { p.nonce = func(n []byte) []byte { return n } }, CodeAttestationInvalid},
		{"short nonce", func(p *appleParts) {
			p.nonce = func(n []byte) []byte { return derOf(0x30, derOf(0xa1, derOf(4, n[:31]))) }
		}, CodeAttestationInvalid},
		{"something after the nonce", func(p *appleParts) {
			p.nonce = func(n []byte) []byte { return append(slices.Concat(appleNoncePrefix, n), 0) }
		}, CodeAttestationInvalid},
		{"a second element", func(p *appleParts) {
			p.nonce = func(n []byte) []byte {
				return derOf(0x30, derOf(0xa1, derOf(4, n)), derOf(0xa1, derOf(4, make([]byte, 32))))
			}
		}, CodeAttestationInvalid},
		{"empty nonce", func(p *appleParts) { p.nonce = func(n []byte) []byte { return nil } }, CodeAttestationInvalid},
		{"certificate of another key", func(p *appleParts) { p.pub = &attKey().PublicKey }, CodeAttestationInvalid},
		{"expired", func(p *appleParts) { p.template.NotAfter = testNow.AddDate(0, 0, -1) }, CodeAttestationCertificate},
		{"another alg", func(p *appleParts) {
			p.stmt = func(x5c []byte) []byte { return cMap(cText("alg"), cInt(-257), cText("x5c"), x5c) }
		}, CodeAttestationInvalid},
		{"with sig", func(p *appleParts) {
			p.stmt = func(x5c []byte) []byte { return cMap(cText("sig"), cBytes(nil), cText("x5c"), x5c) }
		}, CodeAttestationMalformed},
		{"no x5c", func(p *appleParts) { p.stmt = func([]byte) []byte { return cMap() } }, CodeAttestationMalformed},
		{"empty x5c", func(p *appleParts) {
			p.stmt = func([]byte) []byte { return cMap(cText("x5c"), cArray()) }
		}, CodeAttestationMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newAppleParts()
			test.change(p)
			p.c.refused(t, test.code)
		})
	}
}
