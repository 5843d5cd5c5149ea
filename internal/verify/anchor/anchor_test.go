package anchor_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/verify/anchor"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// issued is a certificate with its key.
type issued struct {
	der    []byte
	key    crypto.Signer
	parsed *x509.Certificate
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

// issue has by (nil for itself) sign a certificate for key. edit may change what is in it.
func issue(t testing.TB, name string, by *issued, key crypto.Signer, edit ...func(*x509.Certificate)) *issued {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(5), Subject: pkix.Name{CommonName: name},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), BasicConstraintsValid: true}
	for _, e := range edit {
		e(template)
	}
	parent, signer := template, key
	if by != nil {
		named := *by.parsed
		named.PublicKey = nil // else no name could be borrowed
		parent, signer = &named, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	must(t, err)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	return &issued{der, key, parsed}
}

func authority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.MaxPathLen = true, x509.KeyUsageCertSign, -1
}

// oddSerial returns a certificate with a negative serial number, which crypto/x509 does not read.
func oddSerial(t testing.TB, c, by *issued) *issued {
	t.Helper()
	return resign(t, c, by, []byte{2, 1, 5}, []byte{2, 1, 0x85})
}

// resign returns a certificate in which some bytes are others, so that crypto/x509 does not read it.
func resign(t testing.TB, c, by *issued, was, is []byte) *issued {
	t.Helper()
	var parts struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	_, err := asn1.Unmarshal(c.der, &parts)
	must(t, err)
	tbs := bytes.Replace(parts.TBS.FullBytes, was, is, 1)
	digest := sha256.Sum256(tbs)
	signature, err := by.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	must(t, err)
	parts.TBS = asn1.RawValue{FullBytes: tbs}
	parts.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	der, err := asn1.Marshal(parts)
	must(t, err)
	if _, err := x509.ParseCertificate(der); err == nil {
		t.Fatal("crypto/x509 reads it now")
	}
	return &issued{der, c.key, c.parsed}
}

// TestChains has each chain verified by crypto/x509 and, with a leaf that it cannot read, without it.
func TestChains(t *testing.T) {
	t.Parallel()
	root := issue(t, "Root", nil, newKey(t), authority)
	middle := issue(t, "Middle", root, newKey(t), authority)
	leaf := issue(t, "Leaf", middle, newKey(t))
	direct := issue(t, "Direct", root, newKey(t))

	otherRoot := issue(t, "Other root", nil, newKey(t), authority)
	sameName := issue(t, "Root", nil, newKey(t), authority)
	borrowed := issue(t, "Middle", &issued{key: newKey(t), parsed: root.parsed}, newKey(t), authority)
	underBorrowed := issue(t, "Leaf", borrowed, newKey(t))
	notIssued := issue(t, "Leaf", &issued{key: newKey(t), parsed: middle.parsed}, newKey(t))

	expired := func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }
	early := func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }
	oldLeaf := issue(t, "Leaf", middle, newKey(t), expired)
	earlyLeaf := issue(t, "Leaf", middle, newKey(t), early)
	oldMiddle := issue(t, "Old middle", root, newKey(t), authority, expired)
	underOldMiddle := issue(t, "Leaf", oldMiddle, newKey(t))
	oldRoot := issue(t, "Old root", nil, newKey(t), authority, expired)
	underOldRoot := issue(t, "Leaf", oldRoot, newKey(t))

	noAuthority := issue(t, "Middle without authority", root, newKey(t))
	underNoAuthority := issue(t, "Leaf", noAuthority, newKey(t))
	noSigning := issue(t, "Middle that may not sign", root, newKey(t), authority, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	underNoSigning := issue(t, "Leaf", noSigning, newKey(t))
	silent := issue(t, "Middle without constraints", root, newKey(t), func(c *x509.Certificate) { c.BasicConstraintsValid = false })
	underSilent := issue(t, "Leaf", silent, newKey(t))

	shortRoot := issue(t, "Short root", nil, newKey(t), authority, func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	underShort := issue(t, "Leaf", shortRoot, newKey(t))
	shortMiddle := issue(t, "Middle", shortRoot, newKey(t), authority)
	tooFar := issue(t, "Leaf", shortMiddle, newKey(t))

	strange := issue(t, "Leaf", middle, newKey(t), func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
	})
	model, err := asn1.Marshal(asn1.RawValue{Class: 0, Tag: 16, IsCompound: true, Bytes: []byte{0xa4, 2, 0x30, 0}})
	must(t, err)
	tpm := issue(t, "Leaf", middle, newKey(t), func(c *x509.Certificate) { // WebAuthn L3 §8.3.1
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: model}}
	})

	chain := func(all ...*issued) []*issued { return all }
	for name, test := range map[string]struct {
		anchors, chain []*issued
		signer         *issued // of the leaf
		when           anchor.Currency
		want           anchor.Reason // "" if it ends in the first anchor
	}{
		"valid":                            {chain(root), chain(leaf, middle), middle, anchor.WholeChain, ""},
		"without a middle":                 {chain(root), chain(direct), root, anchor.WholeChain, ""},
		"with its root":                    {chain(root), chain(leaf, middle, root), middle, anchor.WholeChain, ""},
		"several anchors":                  {chain(root, otherRoot, sameName), chain(leaf, middle), middle, anchor.WholeChain, ""},
		"several of one name":              {chain(sameName, root), chain(leaf, middle), middle, anchor.WholeChain, "second"},
		"the middle is the anchor":         {chain(middle), chain(leaf), middle, anchor.WholeChain, ""},
		"the middle, and it is sent":       {chain(middle), chain(leaf, middle), middle, anchor.WholeChain, ""},
		"the middle, and more is sent":     {chain(middle), chain(leaf, middle, root), middle, anchor.WholeChain, ""},
		"of a TPM":                         {chain(root), chain(tpm, middle), middle, anchor.WholeChain, ""},
		"an old middle of Android":         {chain(root), chain(underOldMiddle, oldMiddle), oldMiddle, anchor.LeafOnly, ""},
		"an old root of Android":           {chain(oldRoot), chain(underOldRoot), oldRoot, anchor.LeafOnly, ""},
		"just within the path":             {chain(shortRoot), chain(underShort), shortRoot, anchor.WholeChain, ""},
		"another root":                     {chain(otherRoot), chain(leaf, middle), middle, anchor.WholeChain, anchor.Unknown},
		"no anchors":                       {nil, chain(leaf, middle), middle, anchor.WholeChain, anchor.Unknown},
		"truncated":                        {chain(root), chain(leaf), middle, anchor.WholeChain, anchor.Unknown},
		"reordered":                        {chain(root), chain(leaf, root, middle), middle, anchor.WholeChain, anchor.OutOfOrder},
		"a middle first":                   {chain(root), chain(middle, leaf), root, anchor.WholeChain, anchor.OutOfOrder},
		"a root of the same name":          {chain(sameName), chain(leaf, middle), middle, anchor.WholeChain, anchor.Forged},
		"the same, and the other is sent":  {chain(sameName), chain(leaf, middle, root), middle, anchor.WholeChain, anchor.Forged},
		"a middle of the same name":        {chain(root), chain(underBorrowed, borrowed), borrowed, anchor.WholeChain, anchor.Forged},
		"a leaf that the middle never saw": {chain(root), chain(notIssued, middle), notIssued, anchor.WholeChain, anchor.Forged},
		"an expired leaf":                  {chain(root), chain(oldLeaf, middle), middle, anchor.WholeChain, anchor.NotCurrent},
		"an expired leaf of Android":       {chain(root), chain(oldLeaf, middle), middle, anchor.LeafOnly, anchor.NotCurrent},
		"an early leaf":                    {chain(root), chain(earlyLeaf, middle), middle, anchor.WholeChain, anchor.NotCurrent},
		"an expired middle":                {chain(root), chain(underOldMiddle, oldMiddle), oldMiddle, anchor.WholeChain, anchor.NotCurrent},
		"an expired root":                  {chain(oldRoot), chain(underOldRoot), oldRoot, anchor.WholeChain, anchor.NotCurrent},
		"no authority between":             {chain(root), chain(underNoAuthority, noAuthority), noAuthority, anchor.WholeChain, anchor.NotCA},
		"no authority, of Android":         {chain(root), chain(underNoAuthority, noAuthority), noAuthority, anchor.LeafOnly, anchor.NotCA},
		"an authority that may not sign":   {chain(root), chain(underNoSigning, noSigning), noSigning, anchor.WholeChain, anchor.NotCA},
		"no word of authority":             {chain(root), chain(underSilent, silent), silent, anchor.WholeChain, anchor.NotCA},
		"an anchor without authority":      {chain(noAuthority), chain(underNoAuthority), noAuthority, anchor.WholeChain, anchor.NotCA},
		"beyond the path":                  {chain(shortRoot), chain(tooFar, shortMiddle), shortMiddle, anchor.WholeChain, anchor.TooLong},
		"beyond the path, of Android":      {chain(shortRoot), chain(tooFar, shortMiddle), shortMiddle, anchor.LeafOnly, anchor.TooLong},
		"a critical extension":             {chain(root), chain(strange, middle), middle, anchor.WholeChain, anchor.Unfit},
		"nothing":                          {chain(root), nil, nil, anchor.WholeChain, anchor.Malformed},
		"too many":                         {chain(root), chain(leaf, middle, root, root, root, root, root, root, root), middle, anchor.WholeChain, anchor.Malformed},
	} {
		for _, odd := range []bool{false, true} {
			sent := slices.Clone(test.chain)
			if odd {
				if len(sent) == 0 {
					continue
				}
				by := test.signer
				if name == "a leaf that the middle never saw" {
					by = &issued{key: newKey(t)}
				}
				sent[0] = oddSerial(t, sent[0], by)
			}
			got, err := anchor.NewSet(ders(test.anchors)).Verify(ders(sent), now, test.when)
			refusal, refused := errors.AsType[*anchor.Error](err)
			switch {
			case test.want == "" && (err != nil || !bytes.Equal(got.DER, test.anchors[0].der)):
				t.Errorf("%s (odd %t): %v", name, odd, err)
			case test.want == "second" && (err != nil || !bytes.Equal(got.DER, test.anchors[1].der)):
				t.Errorf("%s (odd %t): %v", name, odd, err)
			case test.want != "" && test.want != "second" && (!refused || refusal.Reason != test.want || got != nil):
				t.Errorf("%s (odd %t): %v, want %s", name, odd, err, test.want)
			}
		}
	}
}

func ders(all []*issued) (list [][]byte) {
	for _, c := range all {
		list = append(list, c.der)
	}
	return list
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Some roots say in another way than DER's that they are authorities.
func TestOddBoolean(t *testing.T) {
	t.Parallel()
	root := issue(t, "Root", nil, newKey(t), authority)
	leaf := issue(t, "Leaf", root, newKey(t))
	odd := resign(t, root, root, []byte{0x30, 3, 1, 1, 0xff}, []byte{0x30, 3, 1, 1, 1})
	if _, err := anchor.NewSet([][]byte{odd.der}).Verify([][]byte{leaf.der}, now, anchor.WholeChain); err != nil {
		t.Error(err)
	}
}

// An attestation certificate may be listed itself, even if nobody can read what is in it.
func TestTheLeafIsTheAnchor(t *testing.T) {
	t.Parallel()
	root := issue(t, "Root", nil, newKey(t), authority)
	leaf, other := issue(t, "Leaf", root, newKey(t)), issue(t, "Leaf", root, newKey(t))
	set := anchor.NewSet([][]byte{leaf.der})
	if a, err := set.Verify([][]byte{leaf.der}, now, anchor.WholeChain); err != nil || !bytes.Equal(a.DER, leaf.der) {
		t.Errorf("the listed certificate: %v", err)
	}
	if _, err := set.Verify([][]byte{leaf.der, root.der}, now, anchor.WholeChain); err != nil {
		t.Errorf("with its root: %v", err)
	}
	if _, err := set.Verify([][]byte{leaf.der}, now.AddDate(2, 0, 0), anchor.LeafOnly); err == nil {
		t.Error("the listed certificate is good after it has expired")
	}
	if _, err := set.Verify([][]byte{other.der}, now, anchor.WholeChain); err == nil {
		t.Error("another leaf of the same name is good")
	}
	forged := issue(t, "Forged", &issued{key: leaf.key, parsed: leaf.parsed}, newKey(t))
	_, err := set.Verify([][]byte{forged.der}, now, anchor.WholeChain)
	if e, ok := errors.AsType[*anchor.Error](err); !ok || e.Reason != anchor.NotCA {
		t.Errorf("a certificate that a listed leaf issued: %v", err)
	}
}

// A middle of version 1 could be any certificate of the vendor; an anchor of version 1 is what it is.
func TestOldVersions(t *testing.T) {
	t.Parallel()
	old := func(c *x509.Certificate) { c.BasicConstraintsValid = false }
	root := issue(t, "Root", nil, newKey(t), old)
	if root.parsed.Version != 3 {
		t.Fatal("the version of a certificate without constraints is", root.parsed.Version)
	}
	// crypto/x509 creates version 3 alone: take the version out and sign again.
	root = asVersion1(t, root, root)
	leaf := issue(t, "Leaf", root, newKey(t))
	if _, err := anchor.NewSet([][]byte{root.der}).Verify([][]byte{leaf.der}, now, anchor.WholeChain); err != nil {
		t.Errorf("an anchor of version 1: %v", err)
	}
	top := issue(t, "Top", nil, newKey(t), authority)
	middle := asVersion1(t, issue(t, "Middle", top, newKey(t), old), top)
	under := issue(t, "Leaf", middle, newKey(t))
	for _, when := range []anchor.Currency{anchor.WholeChain, anchor.LeafOnly} {
		_, err := anchor.NewSet([][]byte{top.der}).Verify([][]byte{under.der, middle.der}, now, when)
		if e, ok := errors.AsType[*anchor.Error](err); !ok || e.Reason != anchor.NotCA {
			t.Errorf("a middle of version 1: %v", err)
		}
	}
}

func asVersion1(t testing.TB, c, by *issued) *issued {
	t.Helper()
	var tbs struct {
		Version    int `asn1:"explicit,tag:0"`
		Serial     asn1.RawValue
		Algorithm  pkix.AlgorithmIdentifier
		Issuer     asn1.RawValue
		Validity   asn1.RawValue
		Subject    asn1.RawValue
		Key        asn1.RawValue
		Extensions asn1.RawValue `asn1:"optional,explicit,tag:3"`
	}
	_, err := asn1.Unmarshal(c.parsed.RawTBSCertificate, &tbs)
	must(t, err)
	one, err := asn1.Marshal(struct {
		Serial                             asn1.RawValue
		Algorithm                          pkix.AlgorithmIdentifier
		Issuer, Validity, Subject, KeyInfo asn1.RawValue
	}{tbs.Serial, tbs.Algorithm, tbs.Issuer, tbs.Validity, tbs.Subject, tbs.Key})
	must(t, err)
	digest := sha256.Sum256(one)
	signature, err := by.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	must(t, err)
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: one}, tbs.Algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	must(t, err)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	if parsed.Version != 1 {
		t.Fatalf("version %d", parsed.Version)
	}
	return &issued{der, c.key, parsed}
}

// The identifier is of the key's bits alone: for ECDSA, of the point.
func TestKeyIdentifier(t *testing.T) {
	t.Parallel()
	leaf := issue(t, "Leaf", nil, newKey(t))
	c, err := anchor.Parse(leaf.der)
	must(t, err)
	point, err := leaf.key.Public().(*ecdsa.PublicKey).Bytes()
	must(t, err)
	if id := c.KeyIdentifier(); id != sha1.Sum(point) {
		t.Errorf("%x", id)
	}
}

// An enormous key must not occupy a processor, whoever reads the certificate.
func TestSizesOfKeys(t *testing.T) {
	t.Parallel()
	n := new(big.Int).Lsh(big.NewInt(1), 60_000)
	n.Add(n, big.NewInt(1))
	root := issue(t, "Root", nil, newKey(t), authority)
	huge := issue(t, "Huge", root, fakeKey{&rsa.PublicKey{N: n, E: 1<<31 - 1}}, authority)
	signer := newKey(t)
	leaf := issue(t, "Leaf", &issued{key: signer, parsed: huge.parsed}, newKey(t))
	for _, chain := range [][][]byte{{leaf.der, huge.der}, {oddSerial(t, leaf, &issued{key: signer}).der, huge.der}} {
		began := time.Now()
		if _, err := anchor.NewSet([][]byte{root.der}).Verify(chain, now, anchor.WholeChain); err == nil || !strings.Contains(err.Error(), "an RSA key of 60001 bits") {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

// fakeKey is a public key whose private key nobody has.
type fakeKey struct{ public crypto.PublicKey }

func (k fakeKey) Public() crypto.PublicKey { return k.public }
func (k fakeKey) Sign(_ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no private key")
}

func FuzzParse(f *testing.F) {
	root := issue(f, "Root", nil, newKey(f), authority)
	leaf := issue(f, "Leaf", root, newKey(f))
	f.Add(leaf.der)
	f.Add(oddSerial(f, leaf, root).der)
	set := anchor.NewSet([][]byte{root.der})
	f.Fuzz(func(t *testing.T, der []byte) {
		if bytes.Equal(der, root.der) {
			return
		}
		if _, err := set.Verify([][]byte{der}, now, anchor.WholeChain); err == nil {
			// Only who holds the root's key could have made another one.
			if c, err := anchor.Parse(der); err != nil || c.Parsed != nil && c.Parsed.CheckSignatureFrom(root.parsed) != nil {
				t.Errorf("%x is good: %v", der, err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	root := issue(b, "Root", nil, newKey(b), authority)
	middle := issue(b, "Middle", root, newKey(b), authority)
	leaf := issue(b, "Leaf", middle, newKey(b))
	set := anchor.NewSet([][]byte{root.der})
	for name, chain := range map[string][][]byte{
		"crypto/x509": {leaf.der, middle.der},
		"own":         {oddSerial(b, leaf, middle).der, middle.der},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := set.Verify(chain, now, anchor.WholeChain); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
