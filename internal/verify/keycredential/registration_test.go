package keycredential

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k1ecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

const issued = "Zm9ydHktdGhyZWUgY2hhcmFjdGVycyBvZiBjaGFsbGU"

// client is a key pair that registers like the SDKs. It shares no code with what it tests: its
// JSON comes from encoding/json.
type client struct {
	kind string
	pem  string
	sign func(h crypto.Hash, message []byte) []byte
}

func sum(h crypto.Hash, m []byte) []byte {
	w := h.New()
	w.Write(m)
	return w.Sum(nil)
}

func spkiPEM(t testing.TB, pub any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func ecClient(t testing.TB, c elliptic.Curve) client {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return ecClientOf(t, k)
}

func ecClientOf(t testing.TB, k *ecdsa.PrivateKey) client {
	return client{k.Params().Name, spkiPEM(t, &k.PublicKey), func(h crypto.Hash, m []byte) []byte {
		s, err := ecdsa.SignASN1(rand.Reader, k, sum(h, m))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}}
}

func edClient(t testing.TB) client {
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	return edClientOf(t, private)
}

func edClientOf(t testing.TB, private ed25519.PrivateKey) client {
	return client{"Ed25519", spkiPEM(t, private.Public()), func(_ crypto.Hash, m []byte) []byte { return ed25519.Sign(private, m) }}
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func rsaClient(t testing.TB) client {
	return client{"RSA", spkiPEM(t, &rsaKey().PublicKey), func(h crypto.Hash, m []byte) []byte {
		s, err := rsa.SignPKCS1v15(nil, rsaKey(), h, sum(h, m))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}}
}

func k1Client(t testing.TB) client {
	t.Helper()
	k, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k1ClientOf(t, k)
}

func k1ClientOf(t testing.TB, k *secp256k1.PrivateKey) client {
	type identifier struct{ Key, Curve asn1.ObjectIdentifier }
	der, err := asn1.Marshal(struct {
		Algorithm identifier
		Point     asn1.BitString
	}{
		identifier{asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, asn1.ObjectIdentifier{1, 3, 132, 0, 10}},
		asn1.BitString{Bytes: k.PubKey().SerializeUncompressed(), BitLength: 65 * 8},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client{"secp256k1", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		func(h crypto.Hash, m []byte) []byte { return k1ecdsa.Sign(k, sum(h, m)[:32]).Serialize() }}
}

func clients(t testing.TB) []client {
	return []client{ecClient(t, elliptic.P256()), ecClient(t, elliptic.P384()), ecClient(t, elliptic.P521()),
		k1Client(t), edClient(t), rsaClient(t)}
}

// text is JSON.stringify: encoding/json without its HTML escapes.
func text(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// attest returns the signature over client data and key.
func (c client) attest(t testing.TB, h crypto.Hash, clientData []byte) string {
	digest := sha256.Sum256(clientData)
	return hex.EncodeToString(c.sign(h, text(t, struct {
		ClientDataHash string `json:"clientDataHash"`
		PublicKey      string `json:"publicKey"`
	}{hex.EncodeToString(digest[:]), c.pem})))
}

// register makes a whole response, without an algorithm if that is "".
func (c client) register(t testing.TB, clientData string, h crypto.Hash, algorithm string) RegistrationResponse {
	m := map[string]string{"publicKey": c.pem, "signature": c.attest(t, h, []byte(clientData))}
	if algorithm != "" {
		m["algorithm"] = algorithm
	}
	return RegistrationResponse{ClientData: []byte(clientData), AttestationData: text(t, m)}
}

const plainClientData = `{"type":"key.create","challenge":"` + issued + `"}`

var policy = RegistrationPolicy{Challenge: issued}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) || e.Code != code || e.Kind != api.Invalid {
		t.Errorf("%s: %v, want code %q", what, err, code)
		return
	}
	if e.Message == "" || e.Rule == "" || strings.Contains(e.Error(), issued) {
		t.Errorf("%s: the refusal says too little or too much: %#v", what, e)
	}
}

func TestEveryKeyAndAlgorithm(t *testing.T) {
	want := map[string]map[string]publickey.Algorithm{
		"P-256":     {"": publickey.ES256, "SHA256": publickey.ES256, "SHA512": publickey.ES256WithSHA512},
		"P-384":     {"": publickey.ES384WithSHA256, "SHA256": publickey.ES384WithSHA256, "SHA512": publickey.ES384WithSHA512},
		"P-521":     {"": publickey.ES512WithSHA256, "SHA256": publickey.ES512WithSHA256, "SHA512": publickey.ES512},
		"secp256k1": {"": publickey.ES256K, "SHA256": publickey.ES256K, "SHA512": publickey.ES256KWithSHA512},
		"Ed25519":   {"": publickey.EdDSA},
		"RSA":       {"": publickey.RS256, "SHA256": publickey.RS256, "RSA-SHA256": publickey.RS256, "SHA512": publickey.RS512},
	}
	for _, c := range clients(t) {
		for _, name := range []string{"", "SHA256", "RSA-SHA256", "SHA512"} {
			h := crypto.SHA256
			if name == "SHA512" {
				h = crypto.SHA512
			}
			got, err := VerifyRegistration(c.register(t, plainClientData, h, name), policy)
			alg, fits := want[c.kind][name]
			if !fits {
				wantCode(t, c.kind+" with "+name, err, CodeAlgorithmUnsupported)
				continue
			}
			if err != nil || got.Algorithm != alg || got.PEM != c.pem || got.PublicKey.Type() != c.kind {
				t.Errorf("%s with %q: %v, %+v", c.kind, name, err, got)
			}
			// The other hash must not pass under the same name.
			if c.kind != "Ed25519" {
				_, err = VerifyRegistration(c.register(t, plainClientData, crypto.SHA256+crypto.SHA512-h, name), policy)
				wantCode(t, c.kind+" signed with the other hash", err, CodeAttestationInvalid)
			}
		}
	}
}

func TestClientDataOfEverySDK(t *testing.T) {
	twice := base64.RawURLEncoding.EncodeToString([]byte(issued))
	c := ecClient(t, elliptic.P256())
	for name, data := range map[string]string{
		"TypeScript":            plainClientData,
		"sorted":                `{"challenge":"` + issued + `","type":"key.create"}`,
		"with origin":           `{"type":"key.create","challenge":"` + issued + `","origin":"https://app.example","crossOrigin":false}`,
		"sorted with origin":    `{"challenge":"` + issued + `","crossOrigin":false,"origin":"https://app.example","type":"key.create"}`,
		"challenge twice coded": `{"type":"key.create","challenge":"` + twice + `"}`,
		"Python, spaced":        `{"type": "key.create", "challenge": "` + issued + `"}`,
		"indented":              "{\n  \"type\": \"key.create\",\n  \"challenge\": \"" + issued + "\"\n}\n",
		"origin of any type":    `{"type":"key.create","challenge":"` + issued + `","origin":null,"crossOrigin":"no"}`,
		"unknown members":       `{"x":{"y":[1,2,{"type":"key.get"}]},"type":"key.create","challenge":"` + issued + `","z":[]}`,
		"escaped letters":       `{"typ\u0065":"key\u002ecreate","challenge":"` + issued + `"}`,
	} {
		if _, err := VerifyRegistration(c.register(t, data, crypto.SHA256, ""), policy); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClientDataThatIsRefused(t *testing.T) {
	thrice := base64.RawURLEncoding.EncodeToString([]byte(base64.RawURLEncoding.EncodeToString([]byte(issued))))
	c := ecClient(t, elliptic.P256())
	for name, v := range map[string]struct{ data, code string }{
		"empty":                     {``, CodeClientDataMalformed},
		"null":                      {`null`, CodeClientDataMalformed},
		"array":                     {`["type","key.create"]`, CodeClientDataMalformed},
		"string":                    {`"key.create"`, CodeClientDataMalformed},
		"no members":                {`{}`, CodeClientDataMalformed},
		"no type":                   {`{"challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"no challenge":              {`{"type":"key.create"}`, CodeClientDataMalformed},
		"type twice":                {`{"type":"key.create","type":"key.create","challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"type twice, one escaped":   {`{"type":"key.create","t\u0079pe":"key.get","challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"challenge twice":           {`{"type":"key.create","challenge":"` + issued + `","challenge":"x"}`, CodeClientDataMalformed},
		"unknown twice":             {`{"a":1,"a":2,"type":"key.create","challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"nested twice":              {`{"a":{"b":1,"b":2},"type":"key.create","challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"Type":                      {`{"Type":"key.create","type":"key.create","challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"CHALLENGE":                 {plainClientData[:len(plainClientData)-1] + `,"CHALLENGE":"x"}`, CodeClientDataMalformed},
		"type a number":             {`{"type":1,"challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"type null":                 {`{"type":null,"challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"type an object":            {`{"type":{"a":"key.create"},"challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"challenge an array":        {`{"type":"key.create","challenge":["` + issued + `"]}`, CodeClientDataMalformed},
		"challenge true":            {`{"type":"key.create","challenge":true}`, CodeClientDataMalformed},
		"second object":             {plainClientData + `{}`, CodeClientDataMalformed},
		"comma after":               {plainClientData + `,`, CodeClientDataMalformed},
		"zero byte after":           {plainClientData + "\x00", CodeClientDataMalformed},
		"cut off":                   {plainClientData[:len(plainClientData)-1], CodeClientDataMalformed},
		"trailing comma":            {plainClientData[:len(plainClientData)-1] + `,}`, CodeClientDataMalformed},
		"single quotes":             {strings.ReplaceAll(plainClientData, `"`, `'`), CodeClientDataMalformed},
		"comment":                   {`/**/` + plainClientData, CodeClientDataMalformed},
		"byte order mark":           {"\ufeff" + plainClientData, CodeClientDataMalformed},
		"invalid UTF-8":             {`{"a":"` + "\xff" + `","type":"key.create","challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"lone surrogate":            {`{"a":"\ud800","type":"key.create","challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"UTF-16":                    {"{\x00}\x00", CodeClientDataMalformed},
		"very deep":                 {strings.Repeat(`{"a":`, 800) + "1" + strings.Repeat("}", 800), CodeClientDataMalformed},
		"very deep and cut":         {strings.Repeat(`[`, 4000), CodeClientDataMalformed},
		"too long":                  {`{"type":"key.create","challenge":"` + issued + `","a":"` + strings.Repeat("a", 5000) + `"}`, CodeClientDataMalformed},
		"made to log in":            {`{"type":"key.get","challenge":"` + issued + `"}`, CodeClientDataType},
		"made by WebAuthn":          {`{"type":"webauthn.create","challenge":"` + issued + `"}`, CodeClientDataType},
		"type in another case":      {`{"type":"Key.create","challenge":"` + issued + `"}`, CodeClientDataType},
		"type with a space":         {`{"type":"key.create ","challenge":"` + issued + `"}`, CodeClientDataType},
		"type with a zero":          {`{"type":"key.create\u0000","challenge":"` + issued + `"}`, CodeClientDataType},
		"empty type":                {`{"type":"","challenge":"` + issued + `"}`, CodeClientDataType},
		"empty challenge":           {`{"type":"key.create","challenge":""}`, CodeChallengeMismatch},
		"another challenge":         {`{"type":"key.create","challenge":"` + strings.ToUpper(issued) + `"}`, CodeChallengeMismatch},
		"part of the challenge":     {`{"type":"key.create","challenge":"` + issued[:42] + `"}`, CodeChallengeMismatch},
		"challenge padded":          {`{"type":"key.create","challenge":"` + issued + `="}`, CodeChallengeMismatch},
		"challenge with a space":    {`{"type":"key.create","challenge":" ` + issued + `"}`, CodeChallengeMismatch},
		"challenge coded thrice":    {`{"type":"key.create","challenge":"` + thrice + `"}`, CodeChallengeMismatch},
		"challenge's last bits":     {`{"type":"key.create","challenge":"` + issued[:42] + `V"}`, CodeChallengeMismatch},
		"challenge, standard coded": {`{"type":"key.create","challenge":"` + base64.StdEncoding.EncodeToString([]byte(issued)) + `"}`, CodeChallengeMismatch},
	} {
		_, err := VerifyRegistration(c.register(t, v.data, crypto.SHA256, ""), policy)
		wantCode(t, name, err, v.code)
	}
}

func TestAnEmptyChallengeMatchesNothing(t *testing.T) {
	c := ecClient(t, elliptic.P256())
	_, err := VerifyRegistration(c.register(t, `{"type":"key.create","challenge":""}`, crypto.SHA256, ""), RegistrationPolicy{})
	wantCode(t, "empty challenge issued", err, CodeChallengeMismatch)
}

func TestAttestationDataThatIsRefused(t *testing.T) {
	c, other := ecClient(t, elliptic.P256()), ecClient(t, elliptic.P256())
	signature := c.attest(t, crypto.SHA256, []byte(plainClientData))
	key := strings.ReplaceAll(c.pem, "\n", `\n`)
	base := `"publicKey":"` + key + `","signature":"` + signature + `"`
	for name, v := range map[string]struct{ data, code string }{
		"empty":                  {``, CodeAttestationMalformed},
		"CBOR":                   {"\xa3cfmtdnone", CodeAttestationMalformed},
		"array":                  {`[]`, CodeAttestationMalformed},
		"no members":             {`{}`, CodeAttestationMalformed},
		"no signature":           {`{"publicKey":"` + key + `"}`, CodeAttestationMalformed},
		"no key":                 {`{"signature":"` + signature + `"}`, CodeAttestationMalformed},
		"key twice":              {`{` + base + `,"publicKey":"` + key + `"}`, CodeAttestationMalformed},
		"signature twice":        {`{` + base + `,"signature":"` + signature + `"}`, CodeAttestationMalformed},
		"PublicKey too":          {`{` + base + `,"PublicKey":"x"}`, CodeAttestationMalformed},
		"Kelvin sign":            {`{` + base + `,"public` + "\u212a" + `ey":"x"}`, CodeAttestationMalformed},
		"key a number":           {`{"publicKey":1,"signature":"` + signature + `"}`, CodeAttestationMalformed},
		"key an object":          {`{"publicKey":{"kty":"EC"},"signature":"` + signature + `"}`, CodeAttestationMalformed},
		"signature null":         {`{"publicKey":"` + key + `","signature":null}`, CodeAttestationMalformed},
		"algorithm a number":     {`{` + base + `,"algorithm":-7}`, CodeAttestationMalformed},
		"algorithm null":         {`{` + base + `,"algorithm":null}`, CodeAttestationMalformed},
		"odd hexadecimal":        {`{"publicKey":"` + key + `","signature":"` + signature[1:] + `"}`, CodeAttestationMalformed},
		"hexadecimal with 0x":    {`{"publicKey":"` + key + `","signature":"0x` + signature + `"}`, CodeAttestationMalformed},
		"hexadecimal and space":  {`{"publicKey":"` + key + `","signature":"` + signature + ` "}`, CodeAttestationMalformed},
		"base64 signature":       {`{"publicKey":"` + key + `","signature":"MEUCIQ=="}`, CodeAttestationMalformed},
		"something after":        {`{` + base + `}x`, CodeAttestationMalformed},
		"too long":               {`{` + base + `,"a":"` + strings.Repeat("a", 9000) + `"}`, CodeAttestationMalformed},
		"unknown algorithm":      {`{` + base + `,"algorithm":"MD5"}`, CodeAlgorithmUnsupported},
		"empty algorithm":        {`{` + base + `,"algorithm":""}`, CodeAlgorithmUnsupported},
		"algorithm in low case":  {`{` + base + `,"algorithm":"sha256"}`, CodeAlgorithmUnsupported},
		"algorithm none":         {`{` + base + `,"algorithm":"none"}`, CodeAlgorithmUnsupported},
		"RSA name, EC key":       {`{` + base + `,"algorithm":"RSA-SHA256"}`, CodeAlgorithmUnsupported},
		"empty key":              {`{"publicKey":"","signature":"` + signature + `"}`, CodeCredentialKeyInvalid},
		"two keys":               {`{"publicKey":"` + key + key + `","signature":"` + signature + `"}`, CodeCredentialKeyInvalid},
		"escaped line breaks":    {`{"publicKey":"` + strings.ReplaceAll(key, `\n`, `\\n`) + `","signature":"` + signature + `"}`, CodeCredentialKeyInvalid},
		"private key":            {`{"publicKey":"` + strings.ReplaceAll(key, "PUBLIC", "PRIVATE") + `","signature":"` + signature + `"}`, CodeCredentialKeyInvalid},
		"certificate":            {`{"publicKey":"` + strings.ReplaceAll(key, "PUBLIC KEY", "CERTIFICATE") + `","signature":"` + signature + `"}`, CodeCredentialKeyInvalid},
		"JSON smuggled in key":   {`{"publicKey":"` + key + `\",\"x\":\"","signature":"` + signature + `"}`, CodeCredentialKeyInvalid},
		"empty signature":        {`{"publicKey":"` + key + `","signature":""}`, CodeAttestationInvalid},
		"another's key":          {`{"publicKey":"` + strings.ReplaceAll(other.pem, "\n", `\n`) + `","signature":"` + signature + `"}`, CodeAttestationInvalid},
		"key without its break":  {`{"publicKey":"` + strings.TrimSuffix(key, `\n`) + `","signature":"` + signature + `"}`, CodeAttestationInvalid},
		"key with CRLF":          {`{"publicKey":"` + strings.ReplaceAll(key, `\n`, `\r\n`) + `","signature":"` + signature + `"}`, CodeAttestationInvalid},
		"signature and a byte":   {`{"publicKey":"` + key + `","signature":"` + signature + `00"}`, CodeAttestationInvalid},
		"signature of zeros":     {`{"publicKey":"` + key + `","signature":"` + strings.Repeat("0", len(signature)) + `"}`, CodeAttestationInvalid},
		"signature of r = s = 1": {`{"publicKey":"` + key + `","signature":"3006020101020101"}`, CodeAttestationInvalid},
	} {
		_, err := VerifyRegistration(RegistrationResponse{[]byte(plainClientData), []byte(v.data)}, policy)
		wantCode(t, name, err, v.code)
	}
	for name, data := range map[string]string{
		"plain":                     `{` + base + `}`,
		"other order, unknown":      `{"v":{"signature":""},"signature":"` + signature + `","publicKey":"` + key + `"}`,
		"upper-case hex":            `{"publicKey":"` + key + `","signature":"` + strings.ToUpper(signature) + `"}`,
		"key with escaped letters":  `{"publicKey":"` + strings.ReplaceAll(key, "-", `\u002d`) + `","signature":"` + signature + `"}`,
		"key with escaped solidus":  `{"publicKey":"` + strings.ReplaceAll(key, "/", `\/`) + `","signature":"` + signature + `"}`,
		"spaces between everything": ` { "publicKey" : "` + key + `" , "signature" : "` + signature + `" } `,
	} {
		if _, err := VerifyRegistration(RegistrationResponse{[]byte(plainClientData), []byte(data)}, policy); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The PEM is signed as it was sent, so each way to write it has its own signature.
func TestPEMIsTakenByteForByte(t *testing.T) {
	c := ecClient(t, elliptic.P384())
	for name, pem := range map[string]string{
		"no final break": strings.TrimSuffix(c.pem, "\n"),
		"CRLF":           strings.ReplaceAll(c.pem, "\n", "\r\n"),
	} {
		v := c
		v.pem = pem
		got, err := VerifyRegistration(v.register(t, plainClientData, crypto.SHA256, ""), policy)
		if err != nil || got.PEM != pem {
			t.Errorf("%s: %v, %q", name, err, got.PEM)
		}
	}
	v := rsaClient(t)
	v.pem = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)}))
	if _, err := VerifyRegistration(v.register(t, plainClientData, crypto.SHA256, ""), policy); err != nil {
		t.Errorf("PKCS #1: %v", err)
	}
}

func TestAnAttestationIsForItsClientDataOnly(t *testing.T) {
	for _, c := range clients(t) {
		r := c.register(t, plainClientData, crypto.SHA256, "")
		r.ClientData = append(r.ClientData, ' ') // the same JSON, other bytes
		_, err := VerifyRegistration(r, policy)
		wantCode(t, c.kind+": a space more", err, CodeAttestationInvalid)

		// A signature of the client data alone is what a login sends.
		r = c.register(t, plainClientData, crypto.SHA256, "")
		r.AttestationData = text(t, map[string]string{
			"publicKey": c.pem, "signature": hex.EncodeToString(c.sign(crypto.SHA256, r.ClientData))})
		_, err = VerifyRegistration(r, policy)
		wantCode(t, c.kind+": an assertion's signature", err, CodeAttestationInvalid)
	}
}

func FuzzAttestationData(f *testing.F) {
	for _, c := range clients(f) {
		f.Add([]byte(plainClientData), c.register(f, plainClientData, crypto.SHA256, "").AttestationData)
		f.Add([]byte(plainClientData), c.register(f, plainClientData, crypto.SHA512, "SHA512").AttestationData)
	}
	f.Add([]byte(`{"type":"key.get"}`), []byte(`{"publicKey":"","signature":"00","algorithm":"x"}`))
	f.Fuzz(func(t *testing.T, clientData, attestation []byte) {
		got, err := VerifyRegistration(RegistrationResponse{clientData, attestation}, policy)
		if err == nil {
			if !json.Valid(clientData) || !json.Valid(attestation) || got.PublicKey == nil {
				t.Errorf("accepted %q with %q", clientData, attestation)
			}
			return
		}
		var e *api.Error
		if !errors.As(err, &e) || e.Kind != api.Invalid || messages[e.Code] != e.Message || e.Rule == "" {
			t.Errorf("%#v is not a full refusal", err)
		}
	})
}
