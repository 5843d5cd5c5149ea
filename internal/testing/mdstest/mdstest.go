// Package mdstest signs FIDO metadata for tests, under roots of their own.
package mdstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Host is the host name that signers have certificates for.
const Host = "mds.example.org"

// ListURL is where the certificates of signers say that revocation lists are. Nobody is there.
const ListURL = "http://127.0.0.1:1/list.crl"

// Signer signs BLOBs. Its fields can be changed to have them signed wrongly.
type Signer struct {
	Algorithm jose.SignatureAlgorithm
	Key       crypto.PrivateKey
	Chain     [][]byte // x5c: the leaf and an authority between it and the root

	root, middle authority
	at           time.Time
}

// authority is a certificate that issues others.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// New returns a signer whose certificates are valid for a year around at. edit, if not nil, may change its
// leaf.
func New(t testing.TB, at time.Time, edit func(leaf *x509.Certificate)) *Signer {
	t.Helper()
	s := &Signer{Algorithm: jose.ES256, at: at}
	s.root = s.issue(t, authority{}, "Metadata root", nil)
	s.middle = s.issue(t, s.root, "Metadata authority", nil)
	s.sign(t, newKey(t), edit)
	return s
}

// With returns a signer under the same root with another key, for another algorithm.
func (s *Signer) With(t testing.TB, algorithm jose.SignatureAlgorithm, key crypto.Signer) *Signer {
	t.Helper()
	other := *s
	other.Algorithm = algorithm
	other.sign(t, key, nil)
	return &other
}

// sign issues the leaf for key.
func (s *Signer) sign(t testing.TB, key crypto.Signer, edit func(leaf *x509.Certificate)) {
	t.Helper()
	leaf := s.issueFor(t, key, s.middle, Host, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.DNSNames = false, x509.KeyUsageDigitalSignature, []string{Host}
		if edit != nil {
			edit(c)
		}
	})
	s.Key, s.Chain = key, [][]byte{leaf.cert.Raw, s.middle.cert.Raw}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func (s *Signer) issue(t testing.TB, by authority, name string, edit func(*x509.Certificate)) authority {
	t.Helper()
	return s.issueFor(t, newKey(t), by, name, edit)
}

func (s *Signer) issueFor(t testing.TB, key crypto.Signer, by authority, name string, edit func(*x509.Certificate)) authority {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name},
		NotBefore: s.at.AddDate(0, -6, 0), NotAfter: s.at.AddDate(0, 6, 0), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, CRLDistributionPoints: []string{ListURL}}
	if edit != nil {
		edit(template)
	}
	if by.cert == nil {
		by = authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return authority{cert, key}
}

// PEM returns the root as --metadata-root takes it.
func (s *Signer) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.root.cert.Raw})
}

// Lists returns the revocation lists of the root and the authority below it, in DER. The latter's revokes the
// leaf if revoked.
func (s *Signer) Lists(t testing.TB, revoked bool, edit func(*x509.RevocationList)) [][]byte {
	t.Helper()
	var lists [][]byte
	for _, a := range []authority{s.root, s.middle} {
		l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: s.at.Add(-time.Hour), NextUpdate: s.at.AddDate(0, 0, 7)}
		if revoked && a == s.middle {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(int64(len(Host))), RevocationTime: s.at.Add(-time.Hour)}}
		}
		if edit != nil {
			edit(l)
		}
		der, err := x509.CreateRevocationList(rand.Reader, l, a.cert, a.key)
		must(t, err)
		lists = append(lists, der)
	}
	return lists
}

// Sign signs a payload: text as it is, anything else as its JSON.
func (s *Signer) Sign(t testing.TB, payload any) []byte {
	t.Helper()
	var text []byte
	switch p := payload.(type) {
	case []byte:
		text = p
	case string:
		text = []byte(p)
	default:
		var err error
		text, err = json.Marshal(p)
		must(t, err)
	}
	options := &jose.SignerOptions{}
	if s.Chain != nil {
		x5c := make([]string, len(s.Chain))
		for i, der := range s.Chain {
			x5c[i] = base64.StdEncoding.EncodeToString(der)
		}
		options = options.WithHeader("x5c", x5c)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: s.Algorithm, Key: s.Key}, options.WithType("JWT"))
	must(t, err)
	signed, err := signer.Sign(text)
	must(t, err)
	compact, err := signed.CompactSerialize()
	must(t, err)
	return []byte(compact)
}

// Object is a JSON object.
type Object = map[string]any

// Payload returns what a BLOB holds.
func Payload(number int, nextUpdate time.Time, entries ...Object) Object {
	if entries == nil {
		entries = []Object{}
	}
	return Object{"legalHeader": "For tests.", "no": number, "nextUpdate": nextUpdate.Format(time.DateOnly), "entries": entries}
}

// Entry returns the entry of a model of FIDO2. roots are certificates in DER.
func Entry(aaguid, description string, status string, roots ...[]byte) Object {
	texts := []string{}
	for _, der := range roots {
		texts = append(texts, base64.StdEncoding.EncodeToString(der))
	}
	return Object{"aaguid": aaguid, "timeOfLastStatusChange": "2024-02-01",
		"statusReports": []Object{{"status": status, "effectiveDate": "2024-02-01"}},
		"metadataStatement": Object{"aaguid": aaguid, "description": description, "protocolFamily": "fido2", "authenticatorVersion": 5,
			"attestationTypes": []string{"basic_full"}, "keyProtection": []string{"hardware", "secure_element"},
			"matcherProtection": []string{"on_chip"}, "attachmentHint": []string{"external", "wired", "nfc"},
			"attestationRootCertificates": texts, "icon": "data:image/png;base64,AAAA"}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
