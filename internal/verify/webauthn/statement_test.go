package webauthn

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"testing"

	"github.com/countersign/countersign/internal/verify/anchor"
)

// TestStatementFacts has each format say what a policy needs.
func TestStatementFacts(t *testing.T) {
	if s := newCeremony().accepted(t).Statement; s.Hash != 0 || s.WeakHash() || s.TrustPath != nil || s.Format != "none" {
		t.Errorf("none: %+v", s)
	}
	self := newCeremony()
	self.format, self.statement = "packed", selfStatement(-7, p256Key())
	if s := self.accepted(t).Statement; s.Hash != crypto.SHA256 || s.TrustPath != nil {
		t.Errorf("self: %+v", s)
	}
	for alg, want := range map[int64]crypto.Hash{-7: crypto.SHA256, -35: crypto.SHA384, -36: crypto.SHA512, -8: crypto.SHA512, -257: crypto.SHA256,
		-47: crypto.SHA256, -259: crypto.SHA512, -65535: crypto.SHA1, -999: 0} {
		if got := hashOf(alg); got != want {
			t.Errorf("hash of %d: %v", alg, got)
		}
	}

	p := newPackedParts()
	if s := p.ceremony().accepted(t).Statement; s.CertificateAAGUID != nil || s.SerialNumber != nil || s.Currency() != anchor.WholeChain {
		t.Errorf("packed: %+v", s)
	}
	p.template.ExtraExtensions = []pkix.Extension{aaguidExtension(testAAGUID[:])}
	if s := p.ceremony().accepted(t).Statement; s.CertificateAAGUID == nil || *s.CertificateAAGUID != testAAGUID {
		t.Errorf("packed with an AAGUID: %+v", s)
	}

	u2f := newU2FParts()
	u2f.template.ExtraExtensions = []pkix.Extension{aaguidExtension(testAAGUID[:])}
	s := u2f.c.accepted(t).Statement
	point, _ := attKey().PublicKey.Bytes()
	if s.KeyIdentifier != sha1.Sum(point) || s.Hash != crypto.SHA256 || s.CertificateAAGUID == nil || *s.CertificateAAGUID != testAAGUID {
		t.Errorf("fido-u2f: %+v", s)
	}
	u2f.template.ExtraExtensions = []pkix.Extension{{Id: oidFIDOAAGUID, Value: testAAGUID[:]}}
	if s := u2f.c.accepted(t).Statement; s.CertificateAAGUID != nil {
		t.Errorf("fido-u2f with another extension: %x", *s.CertificateAAGUID)
	}
	u2f.c.policy.Attestation = "none"
	if s := u2f.c.accepted(t).Statement; s.KeyIdentifier != [20]byte{} || s.TrustPath != nil {
		t.Errorf("identity although none was requested: %+v", s)
	}

	if s := newAppleParts().c.accepted(t).Statement; s.Hash != crypto.SHA256 {
		t.Errorf("apple: %v", s.Hash)
	}
	if s := newTPMParts().c.accepted(t).Statement; s.TPM == nil || *s.TPM != (TPM{"id:494E5443", "Intel", "Example", "id:00010002"}) {
		t.Errorf("tpm: %+v", s.TPM)
	}
	unknown := newTPMParts()
	unknown.san = tpmAltName("id:01020304", "Example", "id:1")
	if s := unknown.c.accepted(t).Statement; s.TPM == nil || s.TPM.Vendor != "" || s.TPM.Manufacturer != "id:01020304" {
		t.Errorf("tpm of an unknown vendor: %+v", s.TPM)
	}
}

func (p packedParts) ceremony() *ceremony {
	c := newCeremony()
	c.format, c.statement = "packed", p.statement
	return c
}

func rootOfTrustOf(elements ...[]byte) []byte {
	return authorization(tagRootOfTrust, derOf(0x30, elements...))
}

func TestAndroidFacts(t *testing.T) {
	key, hash := mustDER(make([]byte, 32)), mustDER(make([]byte, 32))
	locked, verified := []byte{1, 1, 0xff}, []byte{0x0a, 1, 0}
	enforced := slices.Concat(purposes(2, 3), origin(0))
	describe := func(version, attestation, keeper byte) func(p *androidParts) {
		return func(p *androidParts) {
			p.description = func(challenge []byte) []byte {
				return derOf(0x30, mustDER(int(version)), []byte{0x0a, 1, attestation}, mustDER(41), []byte{0x0a, 1, keeper},
					mustDER(challenge), mustDER([]byte{}), derOf(0x30, p.software), derOf(0x30, p.tee))
			}
		}
	}
	for name, test := range map[string]struct {
		change func(*androidParts)
		want   AndroidKey
	}{
		"as it is": {func(*androidParts) {}, AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, true, "", false}},
		"verified and locked": {func(p *androidParts) {
			p.tee = slices.Concat(enforced, rootOfTrustOf(key, locked, verified, hash))
		}, AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, true, BootVerified, true}},
		"unlocked, of version 2": {func(p *androidParts) {
			p.tee = slices.Concat(enforced, rootOfTrustOf(key, []byte{1, 1, 0}, []byte{0x0a, 1, 2}))
		}, AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, true, BootUnverified, false}},
		"true in another way": {func(p *androidParts) {
			p.tee = slices.Concat(enforced, rootOfTrustOf(key, []byte{1, 1, 1}, []byte{0x0a, 1, 1}, hash))
		}, AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, true, BootSelfSigned, true}},
		"an unknown state": {func(p *androidParts) {
			p.tee = slices.Concat(enforced, rootOfTrustOf(key, locked, []byte{0x0a, 1, 9}, hash))
		}, AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, true, "9", true}},
		"a boot state that the software claims": {func(p *androidParts) {
			p.software = rootOfTrustOf(key, locked, verified, hash)
		}, AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, true, "", false}},
		"strongbox":                     {describe(100, 2, 2), AndroidKey{100, SecurityStrongBox, SecurityStrongBox, true, "", false}},
		"an unknown level":              {describe(100, 1, 7), AndroidKey{100, SecurityTrustedEnvironment, "7", true, "", false}},
		"software that claims hardware": {describe(100, 0, 0), AndroidKey{100, SecuritySoftware, SecuritySoftware, false, "", false}},
		"enforced by software": {func(p *androidParts) { p.software, p.tee = enforced, nil },
			AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, false, "", false}},
		"purpose by software": {func(p *androidParts) { p.software, p.tee = purposes(2), origin(0) },
			AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, false, "", false}},
		"origin by software": {func(p *androidParts) { p.software, p.tee = origin(0), purposes(2) },
			AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, false, "", false}},
		"in no list": {func(p *androidParts) { p.software, p.tee = nil, nil },
			AndroidKey{4, SecurityTrustedEnvironment, SecurityTrustedEnvironment, false, "", false}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newAndroidParts()
			test.change(p)
			s := p.c.accepted(t).Statement
			if s.Android == nil || *s.Android != test.want {
				t.Errorf("got %+v, want %+v", s.Android, test.want)
			}
			if s.Currency() != anchor.LeafOnly {
				t.Error("the whole chain must be current")
			}
		})
	}
	for name, root := range map[string][]byte{
		"empty":                  rootOfTrustOf(),
		"two elements":           rootOfTrustOf(key, locked),
		"five elements":          rootOfTrustOf(key, locked, verified, hash, hash),
		"a number for the state": rootOfTrustOf(key, locked, mustDER(0), hash),
		"no boolean":             rootOfTrustOf(key, mustDER(1), verified, hash),
		"a boolean of two bytes": rootOfTrustOf(key, []byte{1, 2, 0, 0xff}, verified, hash),
		"no sequence":            authorization(tagRootOfTrust, verified),
		"something after it":     authorization(tagRootOfTrust, slices.Concat(derOf(0x30, key, locked, verified), verified)),
		"cut short":              authorization(tagRootOfTrust, []byte{0x30, 9, 4}),
		"twice":                  slices.Concat(rootOfTrustOf(key, locked, verified), rootOfTrustOf(key, locked, verified)),
	} {
		t.Run("root of trust: "+name, func(t *testing.T) {
			p := newAndroidParts()
			p.tee = slices.Concat(enforced, root)
			p.c.refused(t, CodeAttestationCertificate)
		})
	}
}

// TestEnterpriseAttestation has certificates with the number of one device.
func TestEnterpriseAttestation(t *testing.T) {
	number := []byte("device 42")
	extension := pkix.Extension{Id: oidFIDOSerialNumber, Value: mustDER(number)}
	for _, conveyance := range []string{"none", "indirect", "direct", "enterprise"} {
		p := newPackedParts()
		p.template.ExtraExtensions = []pkix.Extension{extension}
		c := p.ceremony()
		c.policy.Attestation = conveyance
		if conveyance == "enterprise" {
			if reg := c.accepted(t); !bytes.Equal(reg.SerialNumber, number) {
				t.Errorf("serial number %x", reg.SerialNumber)
			}
			continue
		}
		if e := c.refused(t, CodeAttestationCertificate); bytes.Contains([]byte(e.Received+e.Error()), []byte("42")) {
			t.Errorf("%s: the refusal gives away the number: %v", conveyance, e)
		}
		c = compoundOf([]part{{"packed", newPackedParts().statement}, {"packed", p.statement}}, nil)
		c.policy.Attestation = conveyance
		c.refused(t, CodeAttestationCertificate)
	}
	for name, e := range map[string]pkix.Extension{
		"critical":     {Id: oidFIDOSerialNumber, Critical: true, Value: mustDER(number)},
		"wrapped once": {Id: oidFIDOSerialNumber, Value: number},
		"a number":     {Id: oidFIDOSerialNumber, Value: mustDER(42)},
		"with more":    {Id: oidFIDOSerialNumber, Value: append(mustDER(number), 0)},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPackedParts()
			p.template.ExtraExtensions = []pkix.Extension{e}
			c := p.ceremony()
			c.policy.Attestation = "enterprise"
			c.refused(t, CodeAttestationCertificate)
		})
	}
}

// reissued changes the elements of a certificate that the test CA issued, and signs it again.
func reissued(t *testing.T, der []byte, change func(tbs [][]byte)) []byte {
	t.Helper()
	var cert struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}
	if err := unmarshalWhole(der, &cert, ""); err != nil {
		t.Fatal(err)
	}
	elements, err := derElements(cert.TBS.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	tbs := make([][]byte, len(elements))
	for i, e := range elements {
		tbs[i] = e.FullBytes
	}
	change(tbs)
	signed := derOf(0x30, tbs...)
	sig := signWith(caKey(), signed)
	return derOf(0x30, signed, cert.Algorithm.FullBytes, mustDER(asn1.BitString{Bytes: sig, BitLength: len(sig) * 8}))
}

// TestCertificatesThatGoRefuses has certificates as authenticators have them and crypto/x509 does
// not read. They are judged by what they say.
func TestCertificatesThatGoRefuses(t *testing.T) {
	const serial, subject, extensions = 1, 5, 7
	good := issue(certTemplate(), &attKey().PublicKey)
	ca, err := x509.ParseCertificate(caCert())
	if err != nil {
		t.Fatal(err)
	}
	replace := func(i int, old, new []byte) func([][]byte) {
		return func(tbs [][]byte) {
			if bytes.Count(tbs[i], old) != 1 {
				t.Fatalf("%x is %d times in %x", old, bytes.Count(tbs[i], old), tbs[i])
			}
			tbs[i] = bytes.Replace(tbs[i], old, new, 1)
		}
	}
	for name, der := range map[string][]byte{
		"negative serial number": reissued(t, good, func(tbs [][]byte) { tbs[serial] = unhex("0201ff") }),
		"serial number padded":   reissued(t, good, func(tbs [][]byte) { tbs[serial] = unhex("0202002a") }),
		"an underscore in PrintableString": reissued(t, good, replace(subject,
			mustDER("Example AB", "printable"), derOf(0x13, []byte("Example_AB")))),
		"a boolean of BER":       reissued(t, good, replace(extensions, unhex("551d13 0101ff"), unhex("551d13 010101"))),
		"a count of unused bits": bytes.Replace(good, good[signatureAt(good):], append([]byte{1}, good[signatureAt(good)+1:]...), 1),
	} {
		t.Run(name, func(t *testing.T) {
			if cert, err := x509.ParseCertificate(der); err == nil && cert.CheckSignatureFrom(ca) == nil {
				t.Error("crypto/x509 accepts it, so the test proves nothing")
			}
			chain := [][]byte{der, caCert()}
			reg := chained(chain...).accepted(t)
			if _, err := anchor.NewSet([][]byte{caCert()}).Verify(reg.TrustPath, testNow, reg.Currency()); err != nil {
				t.Errorf("not anchored: %v", err)
			}
			forged := bytes.Clone(der)
			forged[len(forged)-1] ^= 1
			chained(forged, caCert()).refused(t, CodeAttestationCertificate)
		})
	}
	// And those that it reads, and that are odd nevertheless.
	for name, der := range map[string][]byte{
		"serial number zero": reissued(t, good, func(tbs [][]byte) { tbs[serial] = unhex("020100") }),
		"a long serial number": reissued(t, good, func(tbs [][]byte) {
			tbs[serial] = mustDER(asn1.RawValue{Tag: asn1.TagInteger, Bytes: bytes.Repeat([]byte{1}, 40)})
		}),
		"a name of BMPString": reissued(t, good, func(tbs [][]byte) { tbs[subject] = namedIn(0x1e, utf16BE) }),
		"a name of T61String": reissued(t, good, func(tbs [][]byte) { tbs[subject] = namedIn(0x14, func(s string) []byte { return []byte(s) }) }),
	} {
		t.Run(name, func(t *testing.T) { chained(der, caCert()).accepted(t) })
	}
	// The profile is checked all the same.
	chained(reissued(t, good, replace(subject, mustDER("SE", "printable"), derOf(0x13, []byte("S_")))), caCert()).refused(t, CodeAttestationCertificate)
	negativeAndCA := certTemplate()
	negativeAndCA.IsCA, negativeAndCA.KeyUsage = true, x509.KeyUsageCertSign
	chained(reissued(t, issue(negativeAndCA, &attKey().PublicKey), func(tbs [][]byte) { tbs[serial] = unhex("0201ff") }), caCert()).
		refused(t, CodeAttestationCertificate)

	p224 := newECKey(elliptic.P224())
	weaker := issueFrom(caTemplate(), caTemplate(), &p224.PublicKey, p224)
	chained(issueFrom(certTemplate(), caTemplate(), &attKey().PublicKey, p224), weaker).accepted(t)
}

// signatureAt is where the bits of a certificate's signature begin, with the count of unused ones.
func signatureAt(der []byte) int {
	var cert struct {
		TBS, Algorithm, Signature asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &cert); err != nil {
		panic(err)
	}
	return len(der) - len(cert.Signature.Bytes)
}

// namedIn is the subject of certTemplate with strings of a type.
func namedIn(tag byte, encode func(string) []byte) []byte {
	rdn := func(last int, value string) []byte {
		return derOf(0x31, derOf(0x30, mustDER(asn1.ObjectIdentifier{2, 5, 4, last}), derOf(tag, encode(value))))
	}
	return derOf(0x30, rdn(6, "SE"), rdn(10, "Example AB"), rdn(11, "Authenticator Attestation"), rdn(3, "Example Authenticator"))
}

func utf16BE(s string) (b []byte) {
	for _, c := range s {
		b = append(b, byte(c>>8), byte(c))
	}
	return b
}
