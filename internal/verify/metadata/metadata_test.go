package metadata_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/testing/mdstest"
	"github.com/countersign/countersign/internal/verify/metadata"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

const (
	one = "11111111-1111-4111-8111-111111111111"
	two = "22222222-2222-4222-8222-222222222222"
)

type object = mdstest.Object

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func trust(t testing.TB, s *mdstest.Signer, more ...byte) *metadata.Trust {
	t.Helper()
	tr, err := metadata.NewTrust(append(s.PEM(), more...), mdstest.Host)
	must(t, err)
	return tr
}

func refusedAs(t testing.TB, what string, err error, code string) {
	t.Helper()
	if api.CodeOf(err) != code || api.KindOf(err) != api.Invalid {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func aaguid(t testing.TB, text string) [16]byte {
	t.Helper()
	a, err := metadata.ParseAAGUID(text)
	must(t, err)
	return a
}

func TestRead(t *testing.T) {
	t.Parallel()
	s := mdstest.New(t, now, nil)
	root, _ := pem.Decode(s.PEM())
	key := strings.Repeat("ab", 20)
	u2f := object{"attestationCertificateKeyIdentifiers": []string{key}, "statusReports": []object{
		{"status": "FIDO_CERTIFIED", "effectiveDate": "2020-01-01"}, {"status": "FIDO_CERTIFIED_L2", "effectiveDate": "2021-01-01"},
		{"status": "FIDO_CERTIFIED_L1", "effectiveDate": "2022-01-01", "certificateNumber": "U2F1"}, {"status": "REVOKED", "effectiveDate": "2027-01-01"},
		{"status": "SOMETHING_NEW", "sunsetDate": "2026-01-01", "later": []int{1}}}, "later": object{"x": 1}}
	blob := s.Sign(t, mdstest.Payload(7, now, mdstest.Entry(one, "A key", "REVOKED", root.Bytes), u2f,
		object{"aaid": "1234#5678", "statusReports": []object{}}))
	m, err := metadata.Read(blob, trust(t, s), now)
	must(t, err)
	if m.Number != 7 || !m.NextUpdate.Equal(now.Truncate(24*time.Hour)) || len(m.Entries) != 2 || m.Other != 1 || m.Incomplete != 0 ||
		len(m.LeftOut)+len(m.Ambiguous) != 0 || m.Age(now.Add(time.Hour)) != time.Hour {
		t.Errorf("%+v", m)
	}
	e := m.ByAAGUID(aaguid(t, one))
	if e == nil || e.Description != "A key" || e.ProtocolFamily != "fido2" || e.Version != 5 || !slices.Equal(e.KeyProtection, []string{"hardware", "secure_element"}) ||
		!slices.Equal(e.MatcherProtection, []string{"on_chip"}) || !slices.Equal(e.AttachmentHint, []string{"external", "wired", "nfc"}) ||
		len(e.Roots.Certificates()) != 1 || e.Changed.Format(time.DateOnly) != "2024-02-01" {
		t.Fatalf("%+v", e)
	}
	if c := e.Compromises(now); len(c) != 1 || c[0].Status != metadata.StatusRevoked || e.Level(now) != metadata.NotCertified {
		t.Errorf("%+v", c)
	}
	if m.ByAAGUID(aaguid(t, two)) != nil || m.ByAAGUID([16]byte{}) != nil {
		t.Error("a model is found that is not listed")
	}
	raw, _ := hex.DecodeString(key)
	e = m.ByKeyIdentifier([20]byte(raw))
	if e == nil || e.Level(now) != metadata.CertifiedL1 || e.Level(now.AddDate(-5, 0, 0)) != metadata.CertifiedL2 || len(e.Compromises(now)) != 0 ||
		len(e.Compromises(now.AddDate(1, 0, 0))) != 1 {
		t.Errorf("%+v", e)
	}
	if n := len(e.InEffect(now)); n != 3 {
		t.Errorf("%d reports are in effect, want those that have begun and not ended", n)
	}
	if m.Stale(now) || m.Stale(now.Truncate(24*time.Hour).Add(24*time.Hour-1)) || !m.Stale(now.Truncate(24*time.Hour).Add(24*time.Hour)) {
		t.Error("it is stale at the wrong time")
	}
	var none *metadata.Metadata
	if none.ByAAGUID(aaguid(t, one)) != nil || none.ByKeyIdentifier([20]byte{}) != nil {
		t.Error("no metadata lists a model")
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	s := mdstest.New(t, now, nil)
	payload := mdstest.Payload(1, now)
	good := s.Sign(t, payload)
	with := func(edit func(s *mdstest.Signer)) []byte {
		other := *s
		edit(&other)
		return other.Sign(t, payload)
	}
	parts := strings.Split(string(good), ".")
	part := func(i int, text string) []byte {
		p := slices.Clone(parts)
		p[i] = text
		return []byte(strings.Join(p, "."))
	}
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	header := func(change func(h map[string]any)) string {
		text, err := base64.RawURLEncoding.DecodeString(parts[0])
		must(t, err)
		var h map[string]any
		must(t, json.Unmarshal(text, &h))
		change(h)
		text, err = json.Marshal(h)
		must(t, err)
		return encoded(string(text))
	}
	otherKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	another := mdstest.New(t, now, nil)
	elsewhere := mdstest.New(t, now, func(c *x509.Certificate) { c.DNSNames = []string{"mds.example.com"} })
	old := mdstest.New(t, now, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	smallKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	signature := []byte(parts[2])
	signature[10] = map[bool]byte{true: 'B', false: 'A'}[signature[10] == 'A']

	if _, err := metadata.Read(good, trust(t, s), now); err != nil {
		t.Fatal(err)
	}
	if _, err := metadata.Read(append(good, "\r\n"...), trust(t, s), now); err != nil {
		t.Errorf("with a line break at its end: %v", err)
	}
	for name, test := range map[string]struct {
		blob []byte
		code string
	}{
		"none":         {part(0, header(func(h map[string]any) { h["alg"] = "none" })), "metadata_malformed"},
		"no signature": {part(2, ""), "metadata_signature_invalid"},
		"HS256 by the public key": {with(func(s *mdstest.Signer) {
			leaf, _ := x509.ParseCertificate(s.Chain[0])
			s.Algorithm, s.Key = jose.HS256, leaf.RawSubjectPublicKeyInfo
		}), "metadata_malformed"},
		"another payload":      {part(1, encoded(`{"no":2,"nextUpdate":"2027-01-01","entries":[]}`)), "metadata_signature_invalid"},
		"another signature":    {part(2, string(signature)), "metadata_signature_invalid"},
		"another key":          {with(func(s *mdstest.Signer) { s.Key = otherKey }), "metadata_signature_invalid"},
		"another kind of key":  {with(func(s *mdstest.Signer) { s.Algorithm, s.Key = jose.RS256, smallKey }), "metadata_signature_invalid"},
		"another root":         {another.Sign(t, payload), "metadata_untrusted"},
		"another's chain":      {with(func(s *mdstest.Signer) { s.Chain = another.Chain }), "metadata_untrusted"},
		"no chain":             {with(func(s *mdstest.Signer) { s.Chain = nil }), "metadata_untrusted"},
		"half a chain":         {with(func(s *mdstest.Signer) { s.Chain = s.Chain[:1] }), "metadata_untrusted"},
		"a chain that is none": {with(func(s *mdstest.Signer) { s.Chain = [][]byte{{1, 2, 3}} }), "metadata_malformed"},
		"an authority as leaf": {with(func(s *mdstest.Signer) { s.Chain = s.Chain[1:] }), "metadata_untrusted"},
		"x5u":                  {part(0, header(func(h map[string]any) { h["x5u"] = "https://example.org" })), "metadata_malformed"},
		"a critical header":    {part(0, header(func(h map[string]any) { h["crit"] = []string{"later"} })), "metadata_signature_invalid"},
		"two parts":            {[]byte(parts[0] + "." + parts[1]), "metadata_malformed"},
		"four parts":           {append(slices.Clone(good), ".x"...), "metadata_malformed"},
		"nothing":              {nil, "metadata_malformed"},
		"a page":               {[]byte("<html><body>Sign in to the network.</body></html>"), "metadata_malformed"},
		"a long header":        {part(0, header(func(h map[string]any) { h["x"] = strings.Repeat("x", 100_000) })), "metadata_malformed"},
		"too large":            {bytes.Repeat([]byte("x"), metadata.MaxBlob+1), "metadata_too_large"},
	} {
		_, err := metadata.Read(test.blob, trust(t, s), now)
		refusedAs(t, name, err, test.code)
	}
	_, err = metadata.Read(elsewhere.Sign(t, payload), trust(t, elsewhere), now)
	refusedAs(t, "for another host", err, "metadata_untrusted")
	_, err = metadata.Read(old.Sign(t, payload), trust(t, old), now)
	refusedAs(t, "by a certificate that has expired", err, "metadata_untrusted")
	_, err = metadata.Read(good, trust(t, s), now.AddDate(1, 0, 0))
	refusedAs(t, "a year later", err, "metadata_untrusted")
	fido, err := metadata.NewTrust(nil, "")
	must(t, err)
	_, err = metadata.Read(good, fido, now)
	refusedAs(t, "to who trusts FIDO's root", err, "metadata_untrusted")
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	s := mdstest.New(t, now, nil)
	key := func(k crypto.Signer, err error) crypto.Signer {
		t.Helper()
		must(t, err)
		return k
	}
	large := key(rsa.GenerateKey(rand.Reader, 2048))
	small := key(rsa.GenerateKey(rand.Reader, 1024))
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	for _, test := range []struct {
		algorithm jose.SignatureAlgorithm
		key       crypto.Signer
		code      string // "" if it is accepted
	}{
		{jose.RS256, large, ""}, {jose.RS512, large, ""}, {jose.PS256, large, ""},
		{jose.ES384, key(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), ""},
		{jose.RS256, small, "metadata_untrusted"},
		{jose.EdDSA, edwards, "metadata_malformed"},
	} {
		m, err := metadata.Read(s.With(t, test.algorithm, test.key).Sign(t, mdstest.Payload(1, now)), trust(t, s), now)
		if test.code != "" {
			refusedAs(t, string(test.algorithm), err, test.code)
		} else if err != nil || m.Number != 1 {
			t.Errorf("%s: %v", test.algorithm, err)
		}
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	s := mdstest.New(t, now, nil)
	tr := trust(t, s)
	const reports = `"statusReports":[{"status":"FIDO_CERTIFIED_L1"}]`
	entry := func(members string) string {
		return `{"no":1,"nextUpdate":"2026-12-01","entries":[{` + members + `}]}`
	}
	for name, test := range map[string]struct{ payload, code string }{
		"no object":          {`[]`, "metadata_malformed"},
		"broken":             {`{"no":1,`, "metadata_malformed"},
		"two":                {`{"no":1,"nextUpdate":"2026-12-01","entries":[]}{}`, "metadata_malformed"},
		"a member twice":     {`{"no":1,"no":2,"nextUpdate":"2026-12-01","entries":[]}`, "metadata_malformed"},
		"no number":          {`{"nextUpdate":"2026-12-01","entries":[]}`, "metadata_malformed"},
		"another case":       {`{"No":1,"nextUpdate":"2026-12-01","entries":[]}`, "metadata_malformed"},
		"number zero":        {`{"no":0,"nextUpdate":"2026-12-01","entries":[]}`, "metadata_malformed"},
		"a negative number":  {`{"no":-1,"nextUpdate":"2026-12-01","entries":[]}`, "metadata_malformed"},
		"an enormous number": {`{"no":9223372036854775808,"nextUpdate":"2026-12-01","entries":[]}`, "metadata_malformed"},
		"a fraction":         {`{"no":1.5,"nextUpdate":"2026-12-01","entries":[]}`, "metadata_malformed"},
		"a number as text":   {`{"no":"1","nextUpdate":"2026-12-01","entries":[]}`, "metadata_malformed"},
		"no next update":     {`{"no":1,"entries":[]}`, "metadata_malformed"},
		"no date":            {`{"no":1,"nextUpdate":"soon","entries":[]}`, "metadata_malformed"},
		"no entries":         {`{"no":1,"nextUpdate":"2026-12-01"}`, "metadata_malformed"},
		"entries null":       {`{"no":1,"nextUpdate":"2026-12-01","entries":null}`, "metadata_malformed"},
		"entries an object":  {`{"no":1,"nextUpdate":"2026-12-01","entries":{}}`, "metadata_malformed"},
		"deep":               {entry(`"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)), "metadata_malformed"},
		"very deep":          {strings.Repeat("[", 1_000_000), "metadata_malformed"},
		"not UTF-8":          {entry("\"x\":\"\xff\""), "metadata_malformed"},
		"one of an entry":    {entry(`"aaguid":"` + one + `","aaguid":"` + one + `",` + reports), "metadata_malformed"},
		"one AAGUID twice":   {entry(`"aaguid":"` + one + `",` + reports + `},{"aaguid":"` + one + `",` + reports), "metadata_ambiguous"},
		"in two spellings":   {entry(`"aaguid":"` + strings.ReplaceAll(one, "1", "a") + `",` + reports + `},{"aaguid":"` + strings.ReplaceAll(one, "1", "A") + `",` + reports), "metadata_ambiguous"},
		"a million entries":  {entry(strings.Repeat("},{", 1_000_000)), "metadata_too_large"},
	} {
		_, err := metadata.Read(s.Sign(t, test.payload), tr, now)
		refusedAs(t, name, err, test.code)
	}

	read := func(members string) *metadata.Metadata {
		t.Helper()
		m, err := metadata.Read(s.Sign(t, entry(members+`},{"aaguid":"`+two+`",`+reports)), tr, now)
		must(t, err)
		if m.ByAAGUID(aaguid(t, two)) == nil {
			t.Error("another entry is lost")
		}
		return m
	}
	many := func(text string, n int) string { return strings.TrimSuffix(strings.Repeat(text+",", n), ",") }
	for name, members := range map[string]string{
		"no status":           `"aaguid":"` + one + `"`,
		"a status of no text": `"aaguid":"` + one + `","statusReports":[{"status":1}]`,
		"one without status":  `"aaguid":"` + one + `","statusReports":[{"status":"REVOKED"},{}]`,
		"no list":             `"aaguid":"` + one + `","statusReports":{}`,
		"no AAGUID":           `"aaguid":"1",` + reports,
		"zero AAGUID":         `"aaguid":"00000000-0000-0000-0000-000000000000",` + reports,
		"AAGUID of a number":  `"aaguid":1,` + reports,
		"no key identifier":   `"attestationCertificateKeyIdentifiers":["abcd"],` + reports,
		"too many reports":    `"aaguid":"` + one + `","statusReports":[` + many(`{"status":"X"}`, 1001) + `]`,
		"too many roots":      `"aaguid":"` + one + `",` + reports + `,"metadataStatement":{"attestationRootCertificates":[` + many(`""`, 501) + `]}`,
		"too many keys":       `"attestationCertificateKeyIdentifiers":[` + many(`"`+strings.Repeat("ab", 20)+`"`, 2001) + `],` + reports,
	} {
		if m := read(members); len(m.LeftOut) != 1 || m.ByAAGUID(aaguid(t, one)) != nil || len(m.Entries) != 1 {
			t.Errorf("%s: left out %q, %d entries", name, m.LeftOut, len(m.Entries))
		}
	}
	for name, members := range map[string]string{
		"description":       `"metadataStatement":{"description":1}`,
		"a long one":        `"metadataStatement":{"description":"` + strings.Repeat("x", 5000) + `"}`,
		"statement":         `"metadataStatement":[]`,
		"version":           `"metadataStatement":{"authenticatorVersion":"5"}`,
		"names":             `"metadataStatement":{"friendlyNames":["x"]}`,
		"protection":        `"metadataStatement":{"keyProtection":"hardware"}`,
		"too many words":    `"metadataStatement":{"attachmentHint":[` + many(`"x"`, 101) + `]}`,
		"no Base64":         `"metadataStatement":{"attestationRootCertificates":["?"]}`,
		"no certificate":    `"metadataStatement":{"attestationRootCertificates":["AAAA"]}`,
		"date of a change":  `"timeOfLastStatusChange":"soon"`,
		"date of no report": `"statusReports":[{"status":"REVOKED","effectiveDate":"soon"}]`,
	} {
		if !strings.Contains(members, "statusReports") {
			members += "," + reports
		}
		m := read(`"aaguid":"` + one + `",` + members)
		e := m.ByAAGUID(aaguid(t, one))
		if m.Incomplete != 1 || e == nil || len(e.Incomplete) != 1 || len(m.LeftOut) != 0 {
			t.Errorf("%s: %+v", name, e)
		}
	}
	// A revocation whose date cannot be read holds now.
	if m := read(`"aaguid":"` + one + `","statusReports":[{"status":"REVOKED","effectiveDate":1}]`); len(m.ByAAGUID(aaguid(t, one)).Compromises(now)) != 1 {
		t.Error("a revocation without a date that can be read has no effect")
	}
	// Nobody could say which model a key identifier of two is. The others of both are good.
	a, b, c := strings.Repeat("aa", 20), strings.Repeat("bb", 20), strings.Repeat("cc", 20)
	m := read(fmt.Sprintf(`"attestationCertificateKeyIdentifiers":["%s","%s"],%s},{"attestationCertificateKeyIdentifiers":["%s","%s","%s"],%s`, a, b, reports, b, c, c, reports))
	find := func(text string) *metadata.Entry {
		raw, _ := hex.DecodeString(text)
		return m.ByKeyIdentifier([20]byte(raw))
	}
	if !slices.Equal(m.Ambiguous, []string{b}) || find(a) == nil || find(b) != nil || find(c) == nil {
		t.Errorf("ambiguous: %q", m.Ambiguous)
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	s := mdstest.New(t, now, nil)
	blob := s.Sign(t, mdstest.Payload(1, now))
	read := func(tr *metadata.Trust) *metadata.Metadata {
		t.Helper()
		m, err := metadata.Read(blob, tr, now)
		must(t, err)
		return m
	}
	m := read(trust(t, s))
	if m.Revocation() == "checked" || len(m.RevocationLists()) != 2 || m.RevocationLists()[0] != mdstest.ListURL {
		t.Errorf("without lists: %s, %q", m.Revocation(), m.RevocationLists())
	}
	if err := m.CheckRevocation(s.Lists(t, false, nil), now); err != nil || m.Revocation() != "checked" || len(m.RevocationLists()) != 0 {
		t.Errorf("with lists: %v, %s", err, m.Revocation())
	}
	refusedAs(t, "revoked", read(trust(t, s)).CheckRevocation(s.Lists(t, true, nil), now), "metadata_revoked")
	old := func(l *x509.RevocationList) { l.NextUpdate = l.ThisUpdate.Add(time.Minute) }
	refusedAs(t, "revoked by a list of before", read(trust(t, s)).CheckRevocation(s.Lists(t, true, old), now), "metadata_revoked")

	for name, lists := range map[string][][]byte{
		"another's lists": mdstest.New(t, now, nil).Lists(t, true, nil),
		"old lists":       s.Lists(t, false, old),
		"lists to come":   s.Lists(t, false, func(l *x509.RevocationList) { l.ThisUpdate = now.Add(time.Hour) }),
		"no lists":        {[]byte("<html>"), nil},
		"one list":        s.Lists(t, false, nil)[:1],
	} {
		m := read(trust(t, s))
		if err := m.CheckRevocation(lists, now); err != nil || m.Revocation() == "checked" {
			t.Errorf("%s: %v, %s", name, err, m.Revocation())
		}
	}

	// Lists that the operator gives count when it is read.
	var text []byte
	for _, der := range s.Lists(t, true, nil) {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})...)
	}
	_, err := metadata.Read(blob, trust(t, s, text...), now)
	refusedAs(t, "revoked by a list of the operator's", err, "metadata_revoked")
}

func TestTrust(t *testing.T) {
	t.Parallel()
	a, b := mdstest.New(t, now, nil), mdstest.New(t, now, nil)
	id := func(text []byte, host string) string {
		t.Helper()
		tr, err := metadata.NewTrust(text, host)
		must(t, err)
		return tr.ID()
	}
	both := append(a.PEM(), b.PEM()...)
	fido := id(nil, "")
	if fido != id(nil, metadata.FIDOHost) || fido == id(nil, "example.org") || fido == id(a.PEM(), "") || id(a.PEM(), "") == id(b.PEM(), "") ||
		id(both, "") != id(append(b.PEM(), a.PEM()...), "") || id(both, "") == id(a.PEM(), "") {
		t.Error("two trusts have one id, or one has two")
	}
	var lists []byte
	for _, der := range a.Lists(t, false, nil) {
		lists = append(lists, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})...)
	}
	if id(lists, "") != fido {
		t.Error("a file of revocation lists alone replaces FIDO's root")
	}
	leaf := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Chain[0]})
	for name, text := range map[string]string{
		"half": string(a.PEM()) + "-----BEGIN X509 CRL-----\nAAAA\n", "no Base64": "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n" + string(a.PEM()),
		"no PEM": "secret", "a key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "a leaf": string(leaf),
		"no certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no list": "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
	} {
		if _, err := metadata.NewTrust([]byte(text), ""); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRead reads what comes after the signature was verified.
func FuzzRead(f *testing.F) {
	root, _ := pem.Decode(mdstest.New(f, now, nil).PEM())
	text, err := json.Marshal(mdstest.Payload(1, now, mdstest.Entry(one, "A key", "FIDO_CERTIFIED_L1", root.Bytes),
		object{"attestationCertificateKeyIdentifiers": []string{strings.Repeat("ab", 20)}, "statusReports": []object{{"status": "REVOKED", "certificate": "AAAA"}}}))
	must(f, err)
	f.Add(text)
	f.Add([]byte(`{"no":1,"nextUpdate":"2026-12-01","entries":[{},1,null,{"aaguid":null,"statusReports":null}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := metadata.ReadPayload(payload)
		if err != nil {
			if m != nil || api.KindOf(err) != api.Invalid {
				t.Errorf("%v with %v", err, m)
			}
			return
		}
		if m.Number < 1 || m.ByAAGUID([16]byte{}) != nil {
			t.Errorf("number %d", m.Number)
		}
		for _, e := range m.Entries {
			if len(e.Reports) > 0 {
				e.Level(now)
				e.Compromises(now)
			}
			if e.AAGUID != [16]byte{} && m.ByAAGUID(e.AAGUID) != e {
				t.Error("an entry is not found by its AAGUID")
			}
		}
	})
}
