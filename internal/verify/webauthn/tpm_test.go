package webauthn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// tpmParts are the parts of a tpm statement that a test may change.
type tpmParts struct {
	c        *ceremony
	template *x509.Certificate
	san      []byte // nil leaves it out
	eku      []asn1.ObjectIdentifier
	pub      crypto.PublicKey
	signer   crypto.Signer
	alg      int64
	ver      string
	area     []byte
	name     func(area []byte) []byte
	extra    func(signed []byte) []byte
	info     func(info []byte) []byte
	sig      func(sig []byte) []byte
	without  string // a member of the statement
	with     []byte // a further member
}

func newTPMParts() *tpmParts {
	p := &tpmParts{
		c: newCeremony(), template: certTemplate(), san: tpmAltName("id:494E5443", "Example", "id:00010002"),
		eku: []asn1.ObjectIdentifier{oidAIKCertificate}, pub: &attKey().PublicKey, signer: attKey(), alg: -7, ver: "2.0",
		area: eccArea(&p256Key().PublicKey),
		name: func(area []byte) []byte { d := sha256.Sum256(area); return append([]byte{0, 0x0b}, d[:]...) },
	}
	p.template.Subject = pkix.Name{}
	p.c.format, p.c.statement = "tpm", p.statement
	return p
}

// attestWith has another key as the AIK.
func (p *tpmParts) attestWith(k crypto.Signer, alg int64) {
	p.pub, p.signer, p.alg = k.Public(), k, alg
}

func (p *tpmParts) statement(authData []byte, hash [32]byte) []byte {
	signed := slices.Concat(authData, hash[:])
	h := hashOf(p.alg)
	if h == 0 {
		h = crypto.SHA256
	}
	extra := sum(h, signed)
	if p.extra != nil {
		extra = p.extra(signed)
	}
	info := certInfoOf(extra, p.name(p.area))
	if p.info != nil {
		info = p.info(info)
	}
	sig := p.signed(info)
	if p.sig != nil {
		sig = p.sig(sig)
	}
	p.template.ExtraExtensions = p.template.ExtraExtensions[:0]
	if p.eku != nil {
		p.template.ExtraExtensions = append(p.template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: mustDER(p.eku)})
	}
	if p.san != nil {
		p.template.ExtraExtensions = append(p.template.ExtraExtensions, pkix.Extension{Id: oidSubjectAltName, Critical: true, Value: p.san})
	}
	members := []struct {
		name  string
		value []byte
	}{
		{"alg", cInt(p.alg)}, {"sig", cBytes(sig)}, {"ver", cText(p.ver)},
		{"x5c", cX5C(issue(p.template, p.pub), caCert())}, {"pubArea", cBytes(p.area)}, {"certInfo", cBytes(info)},
	}
	var items [][]byte
	for _, m := range members {
		if m.name != p.without {
			items = append(items, cText(m.name), m.value)
		}
	}
	if p.with != nil {
		items = append(items, p.with, cInt(1))
	}
	return cMap(items...)
}

// signed signs by RS1 if that is the algorithm.
func (p *tpmParts) signed(info []byte) []byte {
	k, ok := p.signer.(*rsa.PrivateKey)
	if !ok || p.alg != coseRS1 {
		return signWith(p.signer, info)
	}
	sig, err := rsa.SignPKCS1v15(nil, k, crypto.SHA1, sum(crypto.SHA1, info))
	if err != nil {
		panic(err)
	}
	return sig
}

func sizedTPM(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func certInfoOf(extra, name []byte) []byte {
	return slices.Concat(unhex("ff544347 8017"), sizedTPM(bytes.Repeat([]byte{9}, 34)), sizedTPM(extra),
		make([]byte, 17+8), sizedTPM(name), sizedTPM(bytes.Repeat([]byte{8}, 34)))
}

// eccArea is the TPMT_PUBLIC of an EC key as Windows makes it.
func eccArea(k *ecdsa.PublicKey) []byte {
	curve := map[int]byte{256: tpmP256, 384: tpmP384, 521: tpmP521}[k.Curve.Params().BitSize]
	x, y := coordinates(k)
	return slices.Concat(unhex("0023 000b 00060472"), sizedTPM(bytes.Repeat([]byte{7}, 32)),
		unhex("0010 0010"), []byte{0, curve}, unhex("0010"), sizedTPM(x), sizedTPM(y))
}

func rsaArea(k *rsa.PublicKey, exponent uint32) []byte {
	return slices.Concat(unhex("0001 000b 00060472 0000 0010 0010 0800"),
		binary.BigEndian.AppendUint32(nil, exponent), sizedTPM(k.N.Bytes()))
}

func TestTPMAccepted(t *testing.T) {
	reg := newTPMParts().c.accepted(t)
	if reg.Format != "tpm" || reg.AttestationType != AttestationAttCA || len(reg.TrustPath) != 2 {
		t.Errorf("got %+v", reg)
	}
	for name, change := range map[string]func(*tpmParts){
		"AIK of RSA":   func(p *tpmParts) { p.attestWith(rsaKey(), -257) },
		"AIK of P-384": func(p *tpmParts) { p.attestWith(p384Key(), -35) },
		"AIK of P-521": func(p *tpmParts) { p.attestWith(p521Key(), -36) },
		"RSA key": func(p *tpmParts) {
			p.c.cose, p.area = coseOf(&rsaKey().PublicKey), rsaArea(&rsaKey().PublicKey, 0)
		},
		"RSA key with its exponent": func(p *tpmParts) {
			p.c.cose, p.area = coseOf(&rsaKey().PublicKey), rsaArea(&rsaKey().PublicKey, 65537)
		},
		"RSA key with a scheme": func(p *tpmParts) {
			p.c.cose = coseOf(&rsaKey().PublicKey)
			p.area = slices.Concat(unhex("0001 000b 00060472 0000 0010 0014 000b 0800 00000000"), sizedTPM(rsaKey().N.Bytes()))
		},
		"P-384 key": func(p *tpmParts) { p.c.cose, p.area = coseOf(&p384Key().PublicKey), eccArea(&p384Key().PublicKey) },
		"P-521 key": func(p *tpmParts) { p.c.cose, p.area = coseOf(&p521Key().PublicKey), eccArea(&p521Key().PublicKey) },
		"ECDSA scheme": func(p *tpmParts) {
			x, y := coordinates(&p256Key().PublicKey)
			p.area = slices.Concat(unhex("0023 000b 00060472 0000 0010 0018 000b 0003 0010"), sizedTPM(x), sizedTPM(y))
		},
		"name by SHA-384": func(p *tpmParts) {
			p.area[3] = tpmSHA384
			p.name = func(area []byte) []byte { return append([]byte{0, tpmSHA384}, sum(crypto.SHA384, area)...) }
		},
		"name by SHA-512": func(p *tpmParts) {
			p.area[3] = tpmSHA512
			p.name = func(area []byte) []byte { return append([]byte{0, tpmSHA512}, sum(crypto.SHA512, area)...) }
		},
		"AIK with more usages": func(p *tpmParts) {
			p.eku = []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 21, 36}, oidAIKCertificate}
		},
		"signature as TPMT_SIGNATURE, ECDSA": func(p *tpmParts) {
			p.sig = func(sig []byte) []byte { return tpmtECDSA(sig) }
		},
		"signature as TPMT_SIGNATURE, RSA": func(p *tpmParts) {
			p.attestWith(rsaKey(), -257)
			p.sig = func(sig []byte) []byte { return append(unhex("0014 000b"), sizedTPM(sig)...) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTPMParts()
			change(p)
			p.c.accepted(t)
		})
	}
}

// Most Windows computers attest by RS1. It is accepted, and told apart; each of its parts is
// checked like those of the others.
func TestTPMBySHA1(t *testing.T) {
	windows := func() *tpmParts {
		p := newTPMParts()
		p.attestWith(rsaKey(), coseRS1)
		p.c.cose, p.area = coseOf(&rsaKey().PublicKey), rsaArea(&rsaKey().PublicKey, 0)
		return p
	}
	if reg := windows().c.accepted(t); reg.AttestationType != AttestationAttCASHA1 || reg.Algorithm != publickey.RS256 || len(reg.TrustPath) != 2 {
		t.Errorf("got %s, %s", reg.AttestationType, reg.Algorithm)
	}
	whole := windows()
	whole.sig = func(sig []byte) []byte { return append(unhex("0014 0004"), sizedTPM(sig)...) }
	if reg := whole.c.accepted(t); reg.AttestationType != AttestationAttCASHA1 {
		t.Errorf("as TPMT_SIGNATURE: %s", reg.AttestationType)
	}
	for name, change := range map[string]func(*tpmParts){
		"extraData by SHA-256": func(p *tpmParts) { p.extra = func(signed []byte) []byte { return sum(crypto.SHA256, signed) } },
		"extraData of another ceremony": func(p *tpmParts) {
			p.extra = func(signed []byte) []byte { return sum(crypto.SHA1, signed[1:]) }
		},
		"no extraData":        func(p *tpmParts) { p.extra = func([]byte) []byte { return nil } },
		"a changed signature": func(p *tpmParts) { p.sig = func(sig []byte) []byte { sig[9] ^= 1; return sig } },
		"signed by SHA-256":   func(p *tpmParts) { p.sig = nil; p.signer = onlySHA256{rsaKey()} },
		"an EC certificate":   func(p *tpmParts) { p.pub, p.signer = &attKey().PublicKey, attKey() },
		"name by SHA-1": func(p *tpmParts) {
			p.area[3] = 4
			p.name = func(area []byte) []byte { return append([]byte{0, 4}, sum(crypto.SHA1, area)...) }
		},
		"name of another key": func(p *tpmParts) {
			p.name = func(area []byte) []byte { return append([]byte{0, 0x0b}, sum(crypto.SHA256, area[1:])...) }
		},
		"the RS1 of a neighbour": func(p *tpmParts) { p.alg = coseRS1 - 1 },
	} {
		t.Run(name, func(t *testing.T) {
			p := windows()
			change(p)
			p.c.refused(t, CodeAttestationInvalid)
		})
	}
}

// onlySHA256 hides the type of an RSA key from tpmParts.signed.
type onlySHA256 struct{ crypto.Signer }

// tpmtECDSA turns a DER signature into a TPMT_SIGNATURE.
func tpmtECDSA(sig []byte) []byte {
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &rs); err != nil {
		panic(err)
	}
	return slices.Concat(unhex("0018 000b"), sizedTPM(rs.R.FillBytes(make([]byte, 32))), sizedTPM(rs.S.FillBytes(make([]byte, 32))))
}

// TestTPMShortCoordinate has a TPM leave out the leading zeros of a coordinate.
func TestTPMShortCoordinate(t *testing.T) {
	for range 2000 {
		k := newECKey(p256Key().Curve)
		x, y := coordinates(&k.PublicKey)
		if x[0] != 0 {
			continue
		}
		p := newTPMParts()
		p.c.cose = coseOf(&k.PublicKey)
		p.area = slices.Concat(unhex("0023 000b 00060472 0000 0010 0010 0003 0010"), sizedTPM(bytes.TrimLeft(x, "\x00")), sizedTPM(y))
		p.c.accepted(t)
		return
	}
	t.Fatal("no key with a short coordinate in 2000")
}

func TestTPMRefused(t *testing.T) {
	area := func(hex string, keys ...[]byte) func(*tpmParts) {
		return func(p *tpmParts) { p.area = append(unhex(hex), slices.Concat(keys...)...) }
	}
	x, y := coordinates(&p256Key().PublicKey)
	sx, sy := sizedTPM(x), sizedTPM(y)
	for _, test := range []struct {
		name   string
		change func(*tpmParts)
		code   string
	}{
		{"ver 1.2", func(p *tpmParts) { p.ver = "1.2" }, CodeAttestationInvalid},
		{"no ver", func(p *tpmParts) { p.without = "ver" }, CodeAttestationMalformed},
		{"no alg", func(p *tpmParts) { p.without = "alg" }, CodeAttestationMalformed},
		{"no x5c", func(p *tpmParts) { p.without = "x5c" }, CodeAttestationMalformed},
		{"no sig", func(p *tpmParts) { p.without = "sig" }, CodeAttestationMalformed},
		{"no certInfo", func(p *tpmParts) { p.without = "certInfo" }, CodeAttestationMalformed},
		{"no pubArea", func(p *tpmParts) { p.without = "pubArea" }, CodeAttestationMalformed},
		{"ecdaaKeyId", func(p *tpmParts) { p.with = cText("ecdaaKeyId") }, CodeAttestationMalformed},

		{"pubArea of another key", func(p *tpmParts) { p.area = eccArea(&caKey().PublicKey) }, CodeAttestationInvalid},
		{"pubArea of another curve", func(p *tpmParts) { p.area = eccArea(&p384Key().PublicKey) }, CodeAttestationInvalid},
		{"pubArea of another type", func(p *tpmParts) { p.area = rsaArea(&rsaKey().PublicKey, 0) }, CodeAttestationInvalid},
		{"pubArea with the same modulus, another exponent", func(p *tpmParts) {
			p.c.cose, p.area = coseOf(&rsaKey().PublicKey), rsaArea(&rsaKey().PublicKey, 3)
		}, CodeAttestationInvalid},
		{"pubArea empty", func(p *tpmParts) { p.area = nil }, CodeAttestationInvalid},
		{"pubArea with a byte more", func(p *tpmParts) { p.area = append(p.area, 0) }, CodeAttestationInvalid},
		{"pubArea as TPM2B_PUBLIC", func(p *tpmParts) { p.area = sizedTPM(p.area) }, CodeAttestationInvalid},
		{"pubArea swaps x and y", area("0023 000b 00060472 0000 0010 0010 0003 0010", sy, sx), CodeAttestationInvalid},
		{"pubArea of a storage key", area("0023 000b 00060472 0000 0006 0080 0043 0010 0003 0010", sx, sy), CodeAttestationInvalid},
		{"pubArea with ECDAA", area("0023 000b 00060472 0000 0010 001a 000b 0000 0003 0010", sx, sy), CodeAttestationInvalid},
		{"pubArea with PSS", area("0023 000b 00060472 0000 0010 0016 000b 0003 0010", sx, sy), CodeAttestationInvalid},
		{"pubArea named by SHA-1", area("0023 0004 00060472 0000 0010 0010 0003 0010", sx, sy), CodeAttestationInvalid},
		{"pubArea of a keyed hash", area("0008 000b 00060472 0000 0010 0010 0000"), CodeAttestationInvalid},
		{"pubArea of an unknown curve", area("0023 000b 00060472 0000 0010 0010 0010 0010", sx, sy), CodeAttestationInvalid},
		{"pubArea with a long coordinate", area("0023 000b 00060472 0000 0010 0010 0003 0010", sizedTPM(append([]byte{0}, x...)), sy), CodeAttestationInvalid},
		{"pubArea with lying lengths", area("0023 000b 00060472 ffff 0010 0010 0003 0010", sx, sy), CodeAttestationInvalid},

		{"magic", func(p *tpmParts) { p.info = changedByte(0) }, CodeAttestationInvalid},
		{"another attestation type", func(p *tpmParts) {
			p.info = func(b []byte) []byte { return slices.Concat(b[:4], unhex("8018"), b[6:]) } // TPM_ST_ATTEST_QUOTE
		}, CodeAttestationInvalid},
		{"certInfo with a byte more", func(p *tpmParts) { p.info = func(b []byte) []byte { return append(b, 0) } }, CodeAttestationInvalid},
		{"certInfo empty", func(p *tpmParts) { p.info = func(b []byte) []byte { return nil } }, CodeAttestationInvalid},
		{"certInfo of a name only", func(p *tpmParts) { p.info = func(b []byte) []byte { return b[:len(b)-36] } }, CodeAttestationInvalid},
		{"extraData of another ceremony", func(p *tpmParts) { p.extra = func([]byte) []byte { return make([]byte, 32) } }, CodeAttestationInvalid},
		{"extraData empty", func(p *tpmParts) { p.extra = func([]byte) []byte { return nil } }, CodeAttestationInvalid},
		{"extraData not hashed", func(p *tpmParts) { p.extra = func(b []byte) []byte { return b } }, CodeAttestationInvalid},
		{"extraData by SHA-512", func(p *tpmParts) { p.extra = func(b []byte) []byte { return sum(crypto.SHA512, b) } }, CodeAttestationInvalid},
		{"name of another key", func(p *tpmParts) {
			p.name = func(a []byte) []byte { return append([]byte{0, 11}, make([]byte, 32)...) }
		}, CodeAttestationInvalid},
		{"name without its algorithm", func(p *tpmParts) { p.name = func(a []byte) []byte { return sum(crypto.SHA256, a) } }, CodeAttestationInvalid},
		{"name by another hash", func(p *tpmParts) {
			p.name = func(a []byte) []byte { return append([]byte{0, tpmSHA384}, sum(crypto.SHA384, a)...) }
		}, CodeAttestationInvalid},
		{"name empty", func(p *tpmParts) { p.name = func(a []byte) []byte { return nil } }, CodeAttestationInvalid},

		{"another signer", func(p *tpmParts) { p.signer = p256Key() }, CodeAttestationInvalid},
		{"alg of another curve", func(p *tpmParts) { p.alg = -35 }, CodeAttestationInvalid},
		{"alg EdDSA", func(p *tpmParts) { p.attestWith(edKey(), -8) }, CodeAttestationInvalid},
		{"alg RS1 with an EC key", func(p *tpmParts) { p.alg = coseRS1 }, CodeAttestationInvalid},
		{"sig empty", func(p *tpmParts) { p.sig = func([]byte) []byte { return nil } }, CodeAttestationInvalid},
		{"TPMT_SIGNATURE cut short", func(p *tpmParts) {
			p.sig = func(s []byte) []byte { s = tpmtECDSA(s); return s[:len(s)-1] }
		}, CodeAttestationInvalid},
		{"TPMT_SIGNATURE with more", func(p *tpmParts) {
			p.sig = func(s []byte) []byte { return append(tpmtECDSA(s), 0) }
		}, CodeAttestationInvalid},
		{"TPMT_SIGNATURE of zeros", func(p *tpmParts) {
			p.sig = func([]byte) []byte { return slices.Concat(unhex("0018 000b"), sizedTPM(nil), sizedTPM(nil)) }
		}, CodeAttestationInvalid},

		{"AIK with a subject", func(p *tpmParts) { p.template.Subject.CommonName = "TPM" }, CodeAttestationCertificate},
		{"AIK that is a CA", func(p *tpmParts) { p.template.IsCA = true; p.template.KeyUsage = x509.KeyUsageCertSign }, CodeAttestationCertificate},
		{"AIK without basic constraints", func(p *tpmParts) { p.template.BasicConstraintsValid = false }, CodeAttestationCertificate},
		{"AIK without usage", func(p *tpmParts) { p.eku = nil }, CodeAttestationCertificate},
		{"AIK of an endorsement key", func(p *tpmParts) { p.eku = []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}} }, CodeAttestationCertificate},
		{"AIK for servers", func(p *tpmParts) { p.eku = []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 1}} }, CodeAttestationCertificate},
		{"AIK for any usage", func(p *tpmParts) { p.eku = []asn1.ObjectIdentifier{{2, 5, 29, 37, 0}} }, CodeAttestationCertificate},
		{"AIK without a name", func(p *tpmParts) { p.san = nil }, CodeAttestationCertificate},
		{"AIK without a manufacturer", func(p *tpmParts) { p.san = tpmAltName("", "Example", "id:1") }, CodeAttestationCertificate},
		{"AIK with another manufacturer", func(p *tpmParts) { p.san = tpmAltName("Intel", "Example", "id:1") }, CodeAttestationCertificate},
		{"AIK without a model", func(p *tpmParts) { p.san = tpmAltName("id:494E5443", "", "id:1") }, CodeAttestationCertificate},
		{"AIK without a version", func(p *tpmParts) { p.san = tpmAltName("id:494E5443", "Example", "") }, CodeAttestationCertificate},
		{"AIK with a DNS name", func(p *tpmParts) { p.san = derOf(0x30, derOf(0x82, []byte("example.org"))) }, CodeAttestationCertificate},
		{"AIK with a name that is no DER", func(p *tpmParts) { p.san = derOf(0x30, derOf(0xa4, []byte{0x30, 9})) }, CodeAttestationCertificate},
		{"AIK expired", func(p *tpmParts) { p.template.NotAfter = testNow.AddDate(0, 0, -1) }, CodeAttestationCertificate},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newTPMParts()
			test.change(p)
			p.c.refused(t, test.code)
		})
	}
}

// TestTPMAAGUID has the AIK certificate name an AAGUID.
func TestTPMAAGUID(t *testing.T) {
	for aaguid, code := range map[[16]byte]string{testAAGUID: "", {1}: CodeAttestationInvalid} {
		p := newTPMParts()
		p.eku = nil
		p.template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidAIKCertificate}
		p.san = nil
		c := p.c
		c.statement = func(authData []byte, hash [32]byte) []byte {
			p.template.ExtraExtensions = []pkix.Extension{
				{Id: oidSubjectAltName, Critical: true, Value: tpmAltName("id:494E5443", "Example", "id:1")}, aaguidExtension(aaguid[:])}
			info := certInfoOf(sum(crypto.SHA256, slices.Concat(authData, hash[:])), p.name(p.area))
			return cMap(cText("alg"), cInt(-7), cText("sig"), cBytes(signWith(attKey(), info)), cText("ver"), cText("2.0"),
				cText("x5c"), cX5C(issue(p.template, p.pub)), cText("pubArea"), cBytes(p.area), cText("certInfo"), cBytes(info))
		}
		if code == "" {
			c.accepted(t)
		} else {
			c.refused(t, code)
		}
	}
}

// TestTPMStructuresEveryPrefix cuts both structures short at every byte.
func TestTPMStructuresEveryPrefix(t *testing.T) {
	area := eccArea(&p256Key().PublicKey)
	for n := range len(area) {
		if _, err := parsePubArea(area[:n]); err == nil {
			t.Errorf("pubArea of %d bytes accepted", n)
		}
	}
	area = rsaArea(&rsaKey().PublicKey, 0)
	for n := range len(area) {
		if _, err := parsePubArea(area[:n]); err == nil {
			t.Errorf("RSA pubArea of %d bytes accepted", n)
		}
	}
	info := certInfoOf(make([]byte, 32), make([]byte, 34))
	for n := range len(info) {
		if _, err := parseCertInfo(info[:n]); err == nil {
			t.Errorf("certInfo of %d bytes accepted", n)
		}
	}
}

func changedByte(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[at] ^= 1
		return b
	}
}

func TestTPMNames(t *testing.T) {
	good := tpmAltName("id:494E5443", "Example", "id:1")
	names := good[2:] // one directory name
	name := names[2:] // the Name in it
	dns := derOf(0x82, []byte("example.org"))
	for label, test := range map[string]struct {
		der  []byte
		good bool
	}{
		"alone":                      {good, true},
		"after a DNS name":           {derOf(0x30, dns, names), true},
		"before a DNS name":          {derOf(0x30, names, dns), true},
		"twice the same":             {derOf(0x30, names, names), false},
		"two manufacturers":          {derOf(0x30, names, tpmAltName("id:414D4400", "", "")[2:]), false},
		"in two directory names":     {derOf(0x30, tpmAltName("id:414D4400", "", "")[2:], tpmAltName("", "Example", "id:1")[2:]), true},
		"followed by a byte":         {append(bytes.Clone(good), 0), false},
		"Name followed by a byte":    {derOf(0x30, derOf(0xa4, name, []byte{5, 0})), false},
		"in an octet string":         {derOf(0x30, derOf(0x04, name)), false},
		"under the tag of x400":      {derOf(0x30, derOf(0xa3, name)), false},
		"no names":                   {derOf(0x30), false},
		"nothing":                    {nil, false},
		"a set of names":             {derOf(0x31, names), false},
		"a Name alone":               {name, false},
		"attributes that are no SET": {derOf(0x30, derOf(0xa4, derOf(0x30, derOf(0x30)))), false},
	} {
		if _, err := readTPMName(test.der); (err == nil) != test.good {
			t.Errorf("%s: %v", label, err)
		}
	}
}
