package webauthn

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"
)

// chained is a packed ceremony with the given chain for the leaf key.
func chained(x5c ...[]byte) *ceremony {
	c := newCeremony()
	c.format = "packed"
	c.statement = func(authData []byte, hash [32]byte) []byte {
		sig := signWith(attKey(), append(bytes.Clone(authData), hash[:]...))
		return cMap(cText("alg"), cInt(-7), cText("sig"), cBytes(sig), cText("x5c"), cX5C(x5c...))
	}
	return c
}

func TestChainOfThree(t *testing.T) {
	middleKey := newECKey(elliptic.P384())
	middle := caTemplate()
	middle.Subject.CommonName = "Example Intermediate"
	leaf := issueFrom(certTemplate(), middle, &attKey().PublicKey, middleKey)
	middleCert := issueFrom(middle, caTemplate(), &middleKey.PublicKey, caKey())

	if reg := chained(leaf, middleCert, caCert()).accepted(t); len(reg.TrustPath) != 3 {
		t.Errorf("%d certificates", len(reg.TrustPath))
	}
	chained(leaf, middleCert).accepted(t)
	chained(leaf).accepted(t)
	for name, x5c := range map[string][][]byte{
		"out of order":        {leaf, caCert(), middleCert},
		"middle left out":     {leaf, caCert()},
		"leaf last":           {caCert(), middleCert, leaf},
		"leaf twice":          {leaf, leaf, middleCert},
		"root twice and leaf": {leaf, middleCert, caCert(), leaf},
	} {
		t.Run(name, func(t *testing.T) { chained(x5c...).refused(t, CodeAttestationCertificate) })
	}
}

func TestChainRefused(t *testing.T) {
	leaf := issue(certTemplate(), &attKey().PublicKey)
	forged := func(change func(*x509.Certificate)) []byte {
		template := caTemplate()
		change(template)
		return issueFrom(template, template, &caKey().PublicKey, caKey())
	}
	otherKey := newECKey(elliptic.P256())
	for name, x5c := range map[string][][]byte{
		"leaf not DER":           {[]byte("not a certificate")},
		"leaf empty":             {nil},
		"leaf cut short":         {leaf[:len(leaf)-1]},
		"a byte after the leaf":  {append(bytes.Clone(leaf), 0)},
		"PEM":                    {[]byte("-----BEGIN CERTIFICATE-----\n")},
		"issuer not DER":         {leaf, []byte{0x30}},
		"issuer of another name": {leaf, forged(func(c *x509.Certificate) { c.Subject.CommonName = "Someone Else" })},
		"issuer is no CA":        {leaf, forged(func(c *x509.Certificate) { c.IsCA = false })},
		"issuer may not sign":    {leaf, forged(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })},
		"issuer's key is another": {leaf,
			issueFrom(caTemplate(), caTemplate(), &otherKey.PublicKey, otherKey)},
		"issuer expired": {leaf, forged(func(c *x509.Certificate) { c.NotAfter = testNow.Add(-time.Second) })},
		"issuer's version 1 look-alike": {leaf, forged(func(c *x509.Certificate) {
			c.BasicConstraintsValid = false
			c.IsCA = false
		})},
	} {
		t.Run(name, func(t *testing.T) { chained(x5c...).refused(t, CodeAttestationCertificate) })
	}
}

func TestChainAtTheLimitsOfItsValidity(t *testing.T) {
	template := certTemplate()
	template.NotBefore, template.NotAfter = testNow, testNow
	c := chained(issue(template, &attKey().PublicKey))
	c.accepted(t)
	c.now = testNow.Add(time.Second)
	c.refused(t, CodeAttestationCertificate)
	c.now = testNow.Add(-time.Second)
	c.refused(t, CodeAttestationCertificate)
}

// TestHugeKeyIsNotUsed has an issuer whose RSA key would occupy a processor.
func TestHugeKeyIsNotUsed(t *testing.T) {
	modulus := new(big.Int).Lsh(big.NewInt(1), 100_000)
	modulus.Sub(modulus, big.NewInt(1))
	spki := mustDER(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue},
		asn1.BitString{Bytes: mustDER(struct {
			N *big.Int
			E int
		}{modulus, 1<<31 - 1})},
	})
	ca, err := x509.ParseCertificate(caCert())
	if err != nil {
		t.Fatal(err)
	}
	huge := bytes.Replace(ca.RawTBSCertificate, ca.RawSubjectPublicKeyInfo, spki, 1)
	var tbs asn1.RawValue
	// Only the length of the outer element is wrong now.
	if _, err := asn1.Unmarshal(ca.RawTBSCertificate, &tbs); err != nil {
		t.Fatal(err)
	}
	head := len(tbs.FullBytes) - len(tbs.Bytes)
	der := derOf(0x30, derOf(0x30, huge[head:]),
		mustDER(pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}),
		mustDER(asn1.BitString{Bytes: ca.Signature, BitLength: len(ca.Signature) * 8}))
	if _, err := x509.ParseCertificate(der); err != nil {
		t.Fatalf("the certificate must parse for the test to mean anything: %v", err)
	}
	template := certTemplate()
	template.SignatureAlgorithm = x509.SHA256WithRSA
	small, err := x509.ParseCertificate(issueFrom(template, caTemplate(), &attKey().PublicKey, rsaKey()))
	if err != nil {
		t.Fatal(err)
	}
	// As long as the modulus; otherwise its length would be refused first.
	sig := bytes.Repeat([]byte{1}, 100_000/8)
	leaf := derOf(0x30, small.RawTBSCertificate,
		mustDER(pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: asn1.NullRawValue}),
		mustDER(asn1.BitString{Bytes: sig, BitLength: len(sig) * 8}))
	start := time.Now()
	if e := chained(leaf, der).refused(t, CodeAttestationCertificate); !strings.Contains(e.Cause.Error(), "RSA key of 100000 bits") {
		t.Errorf("refused for %q, %v", e.Received, e.Cause)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
}

// TestSHA1IsNotTrusted has a chain signed with SHA-1.
func TestSHA1IsNotTrusted(t *testing.T) {
	root := caTemplate()
	rootCert := issueFrom(root, root, &rsaKey().PublicKey, rsaKey())
	leaf := issueFrom(certTemplate(), root, &attKey().PublicKey, rsaKey())
	chained(leaf, rootCert).accepted(t)

	cert, err := x509.ParseCertificate(leaf)
	if err != nil {
		t.Fatal(err)
	}
	sha256RSA := mustDER(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11})
	sha1RSA := mustDER(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5})
	weak := bytes.ReplaceAll(cert.Raw, sha256RSA, sha1RSA)
	chained(weak, rootCert).refused(t, CodeAttestationCertificate)
}

// TestCertificateKeysAreChecked has leaves whose keys publickey does not accept.
func TestCertificateKeysAreChecked(t *testing.T) {
	weak, err := x509.ParseCertificate(issue(certTemplate(), &newECKey(elliptic.P224()).PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	chained(weak.Raw).refused(t, CodeAttestationCertificate)
	chained(weak.Raw, caCert()).refused(t, CodeAttestationCertificate)
}
