package authenticator

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

func swap(from, to string) func([]byte) []byte {
	return func(b []byte) []byte { return []byte(strings.Replace(string(b), from, to, 1)) }
}

func put(b []byte) func([]byte) []byte { return func([]byte) []byte { return b } }

func add(extra ...byte) func([]byte) []byte {
	return func(b []byte) []byte { return append(slices.Clone(b), extra...) }
}

func cut(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }

// setByte sets one byte, counted from the end if i is negative.
func setByte(i int, f func(byte) byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b = slices.Clone(b)
		j := i
		if j < 0 {
			j += len(b)
		}
		b[j] = f(b[j])
		return b
	}
}

func flip(b byte) byte { return b ^ 1 }

// flags changes the flags of authenticator data.
func flags(set, clear byte) func([]byte) []byte {
	return setByte(32, func(b byte) byte { return b&^clear | set })
}

// Changes that no signature covers, because nothing is signed with attestation none.
func TestChangedCredentials(t *testing.T) {
	a := New()
	p384, err := newPrivateKey(a.random, publickey.P384)
	if err != nil {
		t.Fatal(err)
	}
	p384AsES256, err := coseKey(publickey.ES256, p384.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    Options
		code string
	}{
		"client data of a login":     {Options{Tamper: Tamper{ClientData: swap("webauthn.create", "webauthn.get")}}, webauthn.CodeClientDataType},
		"client data with two types": {Options{Tamper: Tamper{ClientData: swap(`{`, `{"type":"webauthn.create",`)}}, webauthn.CodeClientDataMalformed},
		"client data empty":          {Options{Tamper: Tamper{SentClientData: put(nil)}}, webauthn.CodeClientDataMalformed},
		"another challenge":          {Options{Tamper: Tamper{ClientData: swap(issued, "AAAA")}}, webauthn.CodeChallengeMismatch},
		"another origin":             {Options{Origin: "https://example.org.evil.example"}, webauthn.CodeOriginNotAllowed},
		"origin with a slash":        {Options{Origin: "https://example.org/"}, webauthn.CodeOriginNotAllowed},
		"in a frame":                 {Options{CrossOrigin: true}, webauthn.CodeCrossOriginNotAllowed},
		"another relying party":      {Options{RPID: "evil.example", Origin: "https://example.org"}, webauthn.CodeRPIDMismatch},
		"nobody there":               {Options{WithoutUserPresence: true}, webauthn.CodeUserNotPresent},
		"not verified":               {Options{WithoutUserVerification: true}, webauthn.CodeUserNotVerified},
		"backed up, not eligible":    {Options{BackupState: true}, webauthn.CodeBackupFlagsInconsistent},
		"no attested data flag":      {Options{Tamper: Tamper{AuthenticatorData: flags(0, flagAT)}}, webauthn.CodeAuthenticatorDataMalformed},
		"extension flag, no data":    {Options{Tamper: Tamper{AuthenticatorData: flags(flagED, 0)}}, webauthn.CodeAuthenticatorDataMalformed},
		"extension data, no flag":    {Options{Tamper: Tamper{AuthenticatorData: add(0xa0)}}, webauthn.CodeAuthenticatorDataMalformed},
		"authenticator data cut":     {Options{Tamper: Tamper{AuthenticatorData: cut(1)}}, webauthn.CodeAuthenticatorDataMalformed},
		"authenticator data empty":   {Options{Tamper: Tamper{AuthenticatorData: put(nil)}}, webauthn.CodeAuthenticatorDataMalformed},
		"credential ID of 1024":      {Options{CredentialID: make([]byte, 1024)}, webauthn.CodeCredentialIDTooLong},
		"another credential ID":      {Options{Tamper: Tamper{Attestation: func(c *api.CredentialAttestation) { c.CredentialInfo.CredID = "AAAA" }}}, webauthn.CodeCredentialIDMismatch},
		"point off the curve":        {Options{Tamper: Tamper{CredentialKey: setByte(-1, flip)}}, webauthn.CodeCredentialKeyInvalid},
		"P-384 key called ES256":     {Options{Tamper: Tamper{CredentialKey: put(p384AsES256)}}, webauthn.CodeCredentialKeyInvalid},
		"algorithm not offered":      {Options{Algorithm: publickey.RS256}, webauthn.CodeAlgorithmNotOffered},
		"a byte after the object":    {Options{Tamper: Tamper{AttestationObject: add(0)}}, webauthn.CodeAttestationMalformed},
		"object cut":                 {Options{Tamper: Tamper{AttestationObject: cut(1)}}, webauthn.CodeAttestationMalformed},
		"object of indefinite size":  {Options{Tamper: Tamper{AttestationObject: func(b []byte) []byte { return append(append([]byte{0xbf}, b[1:]...), 0xff) }}}, webauthn.CodeAttestationMalformed},
		"statement in none":          {Options{Tamper: Tamper{Statement: func(m map[string]any) { m["alg"] = -7 }}}, webauthn.CodeAttestationMalformed},
		"unknown format":             {Options{Tamper: Tamper{AttestationObject: swap("dnone", "dnoni")}}, webauthn.CodeAttestationFormatUnsupported},
	} {
		out, _, err := a.Create(challenge, c.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p := policy()
		p.Algorithms = []int{-7, -8}
		if _, err := verify(t, out, p); api.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

// Every change after signing is refused, in each format, by the check of the signature or before.
func TestChangesAfterSigningAreRefused(t *testing.T) {
	a := New()
	for _, format := range Formats {
		if format == None {
			continue // signs nothing
		}
		for name, tamper := range map[string]Tamper{
			"sign count":       {SentAuthenticatorData: setByte(36, flip)},
			"user verified":    {SentAuthenticatorData: flags(flagBE, 0)},
			"client data":      {SentClientData: swap(`{"type"`, `{ "type"`)},
			"credential's key": {SentAuthenticatorData: func(b []byte) []byte { return otherKey(t, a, b) }},
		} {
			if format == FIDOU2F && (name == "sign count" || name == "user verified") {
				continue // U2F signs neither
			}
			out, _, err := a.Create(challenge, Options{Format: format, Tamper: tamper})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verify(t, out, policy()); api.CodeOf(err) != webauthn.CodeAttestationInvalid {
				t.Errorf("%s, %s: %v", format, name, err)
			}
		}
		if format == Apple {
			continue // has no signature
		}
		out, _, err := a.Create(challenge, Options{Format: format, Tamper: Tamper{Statement: func(m map[string]any) {
			m["sig"] = setByte(-1, flip)(m["sig"].([]byte))
		}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t, out, policy()); api.CodeOf(err) != webauthn.CodeAttestationInvalid {
			t.Errorf("%s, signature: %v", format, err)
		}
	}
}

// otherKey puts another P-256 key of the same length into authenticator data.
func otherKey(t *testing.T, a *Authenticator, b []byte) []byte {
	_, c, err := a.Create(challenge)
	if err != nil {
		t.Fatal(err)
	}
	return append(slices.Clone(b[:len(b)-len(c.coseKey)]), c.coseKey...)
}

func TestChangedCertificates(t *testing.T) {
	a := New()
	stranger := New()
	other, err := stranger.issuer()
	if err != nil {
		t.Fatal(err)
	}
	otherKey, err := newPrivateKey(a.random, publickey.P256)
	if err != nil {
		t.Fatal(err)
	}
	describe := func(f func(*KeyDescription)) func(*Template) {
		return func(full *Template) {
			var d KeyDescription
			if _, err := asn1.Unmarshal(full.ExtraExtensions[0].Value, &d); err != nil {
				t.Fatal(err)
			}
			f(&d)
			e, err := d.Extension()
			if err != nil {
				t.Fatal(err)
			}
			full.ExtraExtensions[0] = e
		}
	}
	everyApplication := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 600, IsCompound: true, Bytes: []byte{5, 0}}
	for name, c := range map[string]struct {
		format string
		tamper func(*Template)
		code   string
	}{
		"packed, a CA":                   {PackedX5C, func(f *Template) { f.IsCA = true }, webauthn.CodeAttestationCertificate},
		"packed, no basic constraints":   {PackedX5C, func(f *Template) { f.BasicConstraintsValid = false }, webauthn.CodeAttestationCertificate},
		"packed, other unit":             {PackedX5C, func(f *Template) { f.Subject.OrganizationalUnit = []string{"Sales"} }, webauthn.CodeAttestationCertificate},
		"packed, no country":             {PackedX5C, func(f *Template) { f.Subject.Country = nil }, webauthn.CodeAttestationCertificate},
		"packed, no name":                {PackedX5C, func(f *Template) { f.Subject.CommonName = "" }, webauthn.CodeAttestationCertificate},
		"packed, expired":                {PackedX5C, func(f *Template) { f.NotAfter = notBefore.Add(time.Hour) }, webauthn.CodeAttestationCertificate},
		"packed, not yet valid":          {PackedX5C, func(f *Template) { f.NotBefore = notAfter.Add(-time.Hour) }, webauthn.CodeAttestationCertificate},
		"packed, another's CA":           {PackedX5C, func(f *Template) { f.IssuerKey = other.private; f.Issuer = other.certificate }, webauthn.CodeAttestationCertificate},
		"packed, chain in wrong order":   {PackedX5C, func(f *Template) { f.Chain = [][]byte{other.x5c[0], f.Chain[0]} }, webauthn.CodeAttestationCertificate},
		"packed, rubbish in the chain":   {PackedX5C, func(f *Template) { f.Chain = [][]byte{{0x30, 0}} }, webauthn.CodeAttestationCertificate},
		"packed, another's key":          {PackedX5C, func(f *Template) { f.PublicKey = otherKey.Public() }, webauthn.CodeAttestationInvalid},
		"packed, another AAGUID":         {PackedX5C, func(f *Template) { f.ExtraExtensions[0].Value[5] ^= 1 }, webauthn.CodeAttestationInvalid},
		"packed, AAGUID critical":        {PackedX5C, func(f *Template) { f.ExtraExtensions[0].Critical = true }, webauthn.CodeAttestationCertificate},
		"U2F, two certificates":          {FIDOU2F, func(f *Template) { f.Chain = other.x5c }, webauthn.CodeAttestationInvalid},
		"U2F, another's key":             {FIDOU2F, func(f *Template) { f.PublicKey = otherKey.Public() }, webauthn.CodeAttestationInvalid},
		"apple, another nonce":           {Apple, func(f *Template) { f.ExtraExtensions[0].Value[10] ^= 1 }, webauthn.CodeAttestationInvalid},
		"apple, no nonce":                {Apple, func(f *Template) { f.ExtraExtensions = nil }, webauthn.CodeAttestationCertificate},
		"apple, another's key":           {Apple, func(f *Template) { f.PublicKey = otherKey.Public() }, webauthn.CodeAttestationInvalid},
		"android, no description":        {AndroidKey, func(f *Template) { f.ExtraExtensions = nil }, webauthn.CodeAttestationCertificate},
		"android, another challenge":     {AndroidKey, describe(func(d *KeyDescription) { d.AttestationChallenge = make([]byte, 32) }), webauthn.CodeAttestationInvalid},
		"android, imported key":          {AndroidKey, describe(func(d *KeyDescription) { d.TEEEnforced.Origin = 2 }), webauthn.CodeAttestationInvalid},
		"android, key for encryption":    {AndroidKey, describe(func(d *KeyDescription) { d.TEEEnforced.Purpose = []int{0} }), webauthn.CodeAttestationInvalid},
		"android, every app (TEE)":       {AndroidKey, describe(func(d *KeyDescription) { d.TEEEnforced.AllApplications = everyApplication }), webauthn.CodeAttestationInvalid},
		"android, every app (software)":  {AndroidKey, describe(func(d *KeyDescription) { d.SoftwareEnforced.AllApplications = everyApplication }), webauthn.CodeAttestationInvalid},
		"android, another's key":         {AndroidKey, func(f *Template) { f.PublicKey = otherKey.Public() }, webauthn.CodeAttestationInvalid},
		"tpm, a subject":                 {TPM, func(f *Template) { f.Subject = pkix.Name{CommonName: "TPM"} }, webauthn.CodeAttestationCertificate},
		"tpm, no key usage":              {TPM, func(f *Template) { f.UnknownExtKeyUsage = nil }, webauthn.CodeAttestationCertificate},
		"tpm, no alternative name":       {TPM, func(f *Template) { f.ExtraExtensions = f.ExtraExtensions[1:] }, webauthn.CodeAttestationCertificate},
		"tpm, manufacturer without id":   {TPM, func(f *Template) { f.ExtraExtensions[0] = altName(t, "MSFT") }, webauthn.CodeAttestationCertificate},
		"tpm, a CA":                      {TPM, func(f *Template) { f.IsCA = true }, webauthn.CodeAttestationCertificate},
		"tpm, another AAGUID":            {TPM, func(f *Template) { f.ExtraExtensions[1].Value[5] ^= 1 }, webauthn.CodeAttestationInvalid},
		"tpm, serial number of nothing":  {TPM, func(f *Template) { f.SerialNumber = big.NewInt(1) }, ""}, // unusual, not forbidden
		"packed, serial number of three": {PackedX5C, func(f *Template) { f.SerialNumber = big.NewInt(3) }, ""},
	} {
		out, _, err := a.Create(challenge, Options{Format: c.format, Tamper: Tamper{Certificate: c.tamper}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := verify(t, out, policy()); api.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
		// Changing one credential must not change the next.
		if out, _, err = a.Create(challenge, Options{Format: c.format}); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t, out, policy()); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

func altName(t *testing.T, manufacturer string) pkix.Extension {
	e, err := TPMAltName(manufacturer, "model", "id:0001")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestChangedTPMStructures(t *testing.T) {
	a := New()
	for _, alg := range []publickey.Algorithm{publickey.ES256, publickey.RS256} {
		_, key, err := a.Create(challenge, Options{Algorithm: alg})
		if err != nil {
			t.Fatal(err)
		}
		for name, tamper := range map[string]Tamper{
			"magic":                  {CertInfo: setByte(0, flip)},
			"type":                   {CertInfo: setByte(5, flip)},
			"extra data":             {CertInfo: swapExtraData},
			"attested name":          {CertInfo: func(b []byte) []byte { return setByte(attestedName(b), flip)(b) }},
			"certInfo and a byte":    {CertInfo: add(0)},
			"certInfo cut":           {CertInfo: cut(1)},
			"certInfo empty":         {CertInfo: put([]byte{})},
			"pubArea's type":         {PubArea: setByte(1, func(b byte) byte { return b ^ 0x22 })},
			"pubArea's key":          {PubArea: setByte(-1, func(b byte) byte { return b ^ 2 })},
			"pubArea's name hash":    {PubArea: setByte(3, flip)},
			"pubArea and a byte":     {PubArea: add(0)},
			"pubArea cut":            {PubArea: cut(1)},
			"pubArea empty":          {PubArea: put([]byte{})},
			"pubArea's policy huge":  {PubArea: setByte(8, func(byte) byte { return 0xff })},
			"certInfo's signer huge": {CertInfo: setByte(6, func(byte) byte { return 0xff })},
		} {
			out, _, err := a.Create(challenge, Options{Format: TPM, Reuse: key, Tamper: tamper})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verify(t, out, policy()); api.CodeOf(err) != webauthn.CodeAttestationInvalid {
				t.Errorf("%s, %s: %v", alg, name, err)
			}
		}
	}
}

// swapExtraData changes what the TPM was asked to sign: magic 4, type 2, then a sized
// qualifiedSigner, then a sized extraData.
func swapExtraData(b []byte) []byte {
	i := 6 + 2 + int(binary.BigEndian.Uint16(b[6:]))
	return setByte(i+2, flip)(b)
}

// attestedName is where the digest in the attested name begins, after extraData and
// clockInfo (17 bytes) and firmwareVersion (8).
func attestedName(b []byte) int {
	i := 6 + 2 + int(binary.BigEndian.Uint16(b[6:]))
	i += 2 + int(binary.BigEndian.Uint16(b[i:])) + 17 + 8
	return i + 4
}

func TestStatementsThatLackOrAddAMember(t *testing.T) {
	a := New()
	for _, format := range Formats {
		var members []string
		if _, _, err := a.Create(challenge, Options{Format: format, Tamper: Tamper{Statement: func(m map[string]any) {
			for k := range m {
				members = append(members, k)
			}
		}}}); err != nil {
			t.Fatal(err)
		}
		for _, k := range members {
			if format == PackedX5C && k == "x5c" {
				continue // becomes self attestation, refused as invalid: TestPackedWithoutItsCertificate
			}
			refused(t, a, format, func(m map[string]any) { delete(m, k) }, webauthn.CodeAttestationMalformed)
			refused(t, a, format, func(m map[string]any) { m[k] = nil }, webauthn.CodeAttestationMalformed)
			refused(t, a, format, func(m map[string]any) { m[k] = map[string]any{} }, webauthn.CodeAttestationMalformed)
		}
		refused(t, a, format, func(m map[string]any) { m["ecdaaKeyId"] = []byte{1} }, webauthn.CodeAttestationMalformed)
		if slices.Contains(members, "x5c") {
			refused(t, a, format, func(m map[string]any) { m["x5c"] = []any{} }, webauthn.CodeAttestationMalformed)
			refused(t, a, format, func(m map[string]any) { m["x5c"] = bytes.Repeat([]byte{0x30}, 10) }, webauthn.CodeAttestationMalformed)
		}
	}
}

func TestPackedWithoutItsCertificate(t *testing.T) {
	refused(t, New(), PackedX5C, func(m map[string]any) { delete(m, "x5c") }, webauthn.CodeAttestationInvalid)
}

func refused(t *testing.T, a *Authenticator, format string, tamper func(map[string]any), code string) {
	t.Helper()
	out, _, err := a.Create(challenge, Options{Format: format, Tamper: Tamper{Statement: tamper}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t, out, policy()); api.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", format, err, code)
	}
}
