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
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

const getClientData = `{"type":"key.get","challenge":"` + issued + `"}`

var getPolicy = AssertionPolicy{Challenge: issued}

// registered is what the registration of c stores.
func (c client) registered(t testing.TB) (*publickey.Key, publickey.Algorithm) {
	t.Helper()
	r, err := VerifyRegistration(c.register(t, plainClientData, crypto.SHA256, ""), policy)
	if err != nil {
		t.Fatal(err)
	}
	return r.PublicKey, r.Algorithm
}

// wantRefusal is wantCode for an assertion, which has other sentences.
func wantRefusal(t *testing.T, what string, err error, code string) {
	t.Helper()
	kind := api.Invalid
	if code == CodeSignatureInvalid {
		kind = api.Unauthenticated
	}
	var e *api.Error
	if !errors.As(err, &e) || e.Code != code || e.Kind != kind {
		t.Errorf("%s: %v, want code %q", what, err, code)
		return
	}
	if e.Message == "" || e.Rule == "" || e.Received == "" || e.Expected == "" || strings.Contains(e.Error()+e.Received+e.Expected, issued) {
		t.Errorf("%s: the refusal says too little or too much: %#v", what, e)
	}
	if strings.Contains(e.Message, "registration") || strings.Contains(e.Message, "creating") {
		t.Errorf("%s: %q is said of a registration", what, e.Message)
	}
}

func TestEveryKeyAsserts(t *testing.T) {
	all := clients(t)
	for _, c := range all {
		for _, name := range []string{"", "SHA512"} {
			h := crypto.SHA256
			if name == "SHA512" {
				h = crypto.SHA512
			}
			if c.kind == "Ed25519" && name != "" {
				continue // hashes by itself, and is registered without a name
			}
			r, err := VerifyRegistration(c.register(t, plainClientData, h, name), policy)
			if err != nil {
				t.Fatal(err)
			}
			good := AssertionResponse{[]byte(getClientData), c.sign(h, []byte(getClientData))}
			if err := VerifyAssertion(good, getPolicy, r.PublicKey, r.Algorithm); err != nil {
				t.Errorf("%s with %q: %v", c.kind, name, err)
			}
			// A key must sign with the hash it was registered with.
			if c.kind != "Ed25519" {
				other := AssertionResponse{good.ClientData, c.sign(crypto.SHA256+crypto.SHA512-h, good.ClientData)}
				wantRefusal(t, c.kind+" with the other hash", VerifyAssertion(other, getPolicy, r.PublicKey, r.Algorithm), CodeSignatureInvalid)
			}
			for _, o := range all {
				key, algorithm := o.registered(t)
				if o.kind != c.kind {
					wantRefusal(t, c.kind+" as "+o.kind, VerifyAssertion(good, getPolicy, key, algorithm), CodeSignatureInvalid)
					wantRefusal(t, c.kind+" under the algorithm of "+o.kind, VerifyAssertion(good, getPolicy, r.PublicKey, algorithm), CodeSignatureInvalid)
				}
			}
		}
	}
}

func TestARecordWithoutAKeyAcceptsNothing(t *testing.T) {
	c := ecClient(t, elliptic.P256())
	key, algorithm := c.registered(t)
	r := AssertionResponse{[]byte(getClientData), c.sign(crypto.SHA256, []byte(getClientData))}
	wantRefusal(t, "no key", VerifyAssertion(r, getPolicy, nil, algorithm), CodeSignatureInvalid)
	for _, name := range []publickey.Algorithm{"", "none", "HS256", "es256"} {
		wantRefusal(t, "algorithm "+string(name), VerifyAssertion(r, getPolicy, key, name), CodeSignatureInvalid)
	}
}

// TestAssertionOfEverySDK has the client data that each SDK signs.
func TestAssertionOfEverySDK(t *testing.T) {
	twice := base64.RawURLEncoding.EncodeToString([]byte(issued))
	c := edClient(t)
	key, algorithm := c.registered(t)
	for name, data := range map[string]string{
		"TypeScript":            getClientData,
		"TypeScript, older":     `{"type":"key.get","challenge":"` + issued + `","origin":"https://app.example","crossOrigin":false}`,
		"Go":                    `{"challenge":"` + issued + `","crossOrigin":false,"type":"key.get"}`,
		"Python":                `{"type": "key.get", "challenge": "` + issued + `", "origin": "https://app.dfns.io", "crossOrigin": false}`,
		"challenge twice coded": `{"type":"key.get","challenge":"` + twice + `"}`,
		"origin of any type":    `{"type":"key.get","challenge":"` + issued + `","origin":[1],"crossOrigin":null}`,
		"unknown members":       `{"x":{"type":"key.create"},"type":"key.get","challenge":"` + issued + `"}`,
	} {
		r := AssertionResponse{[]byte(data), c.sign(crypto.SHA256, []byte(data))}
		if err := VerifyAssertion(r, getPolicy, key, algorithm); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAssertedClientDataThatIsRefused(t *testing.T) {
	twice := base64.RawURLEncoding.EncodeToString([]byte(issued))
	c := edClient(t)
	key, algorithm := c.registered(t)
	for name, v := range map[string]struct{ data, code string }{
		"empty":                  {``, CodeClientDataMalformed},
		"null":                   {`null`, CodeClientDataMalformed},
		"no type":                {`{"challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"no challenge":           {`{"type":"key.get"}`, CodeClientDataMalformed},
		"two types":              {`{"type":"key.create","type":"key.get","challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"two challenges":         {`{"type":"key.get","challenge":"x","challenge":"` + issued + `"}`, CodeClientDataMalformed},
		"Challenge too":          {`{"type":"key.get","challenge":"` + issued + `","Challenge":"x"}`, CodeClientDataMalformed},
		"two objects":            {getClientData + getClientData, CodeClientDataMalformed},
		"not UTF-8":              {`{"type":"key.get","challenge":"` + issued + "\",\"a\":\"\xff\"}", CodeClientDataMalformed},
		"too long":               {`{"type":"key.get","challenge":"` + issued + `","a":"` + strings.Repeat("a", 5000) + `"}`, CodeClientDataMalformed},
		"made to register":       {plainClientData, CodeClientDataType},
		"made by WebAuthn":       {`{"type":"webauthn.get","challenge":"` + issued + `"}`, CodeClientDataType},
		"type in another case":   {`{"type":"KEY.GET","challenge":"` + issued + `"}`, CodeClientDataType},
		"empty type":             {`{"type":"","challenge":"` + issued + `"}`, CodeClientDataType},
		"another challenge":      {`{"type":"key.get","challenge":"` + strings.ToLower(issued) + `"}`, CodeChallengeMismatch},
		"empty challenge":        {`{"type":"key.get","challenge":""}`, CodeChallengeMismatch},
		"challenge padded":       {`{"type":"key.get","challenge":"` + issued + `="}`, CodeChallengeMismatch},
		"challenge's last bits":  {`{"type":"key.get","challenge":"` + issued[:42] + `V"}`, CodeChallengeMismatch},
		"challenge coded thrice": {`{"type":"key.get","challenge":"` + base64.RawURLEncoding.EncodeToString([]byte(twice)) + `"}`, CodeChallengeMismatch},
	} {
		r := AssertionResponse{[]byte(v.data), c.sign(crypto.SHA256, []byte(v.data))}
		wantRefusal(t, name, VerifyAssertion(r, getPolicy, key, algorithm), v.code)
	}
	data := []byte(`{"type":"key.get","challenge":""}`)
	r := AssertionResponse{data, c.sign(crypto.SHA256, data)}
	wantRefusal(t, "no challenge was issued", VerifyAssertion(r, AssertionPolicy{}, key, algorithm), CodeChallengeMismatch)
}

// The bytes are verified as received, and nothing else that a key signs is an assertion.
func TestASignatureIsForItsClientDataOnly(t *testing.T) {
	for _, c := range clients(t) {
		key, algorithm := c.registered(t)
		data := []byte(getClientData)
		sig := c.sign(crypto.SHA256, data)
		for name, r := range map[string]AssertionResponse{
			"a space more":           {append(bytes.Clone(data), ' '), sig},
			"members in other order": {[]byte(`{"challenge":"` + issued + `","type":"key.get"}`), sig},
			"the type escaped":       {[]byte(strings.Replace(getClientData, ".", `\u002e`, 1)), sig},
			"a byte after":           {data, append(bytes.Clone(sig), 0)},
			"a byte less":            {data, sig[:len(sig)-1]},
			"a bit flipped":          {data, flipped(sig)},
			"no signature":           {data, nil},
			"zeros":                  {data, make([]byte, len(sig))},
			"in base64":              {data, []byte(base64.StdEncoding.EncodeToString(sig))},
			"the attestation":        {data, c.sign(crypto.SHA256, signedText(data, c.pem))},
			"signed digest":          {data, c.sign(crypto.SHA256, sum(crypto.SHA256, data))},
		} {
			wantRefusal(t, c.kind+", "+name, VerifyAssertion(r, getPolicy, key, algorithm), CodeSignatureInvalid)
		}
	}
}

func flipped(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// TestMalformedECDSA rewrites a valid signature in each way that a lenient reader accepts.
func TestMalformedECDSA(t *testing.T) {
	for _, c := range clients(t) {
		key, algorithm := c.registered(t)
		order := map[string]*big.Int{
			"P-256": elliptic.P256().Params().N, "P-384": elliptic.P384().Params().N, "P-521": elliptic.P521().Params().N,
			"secp256k1": k1Order,
		}[c.kind]
		if order == nil {
			continue
		}
		data := []byte(getClientData)
		var good struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(c.sign(crypto.SHA256, data), &good); err != nil {
			t.Fatal(err)
		}
		negative := func(n *big.Int) *big.Int { return new(big.Int).Sub(n, order) }
		beyond := func(n *big.Int) *big.Int { return new(big.Int).Add(n, order) }
		for name, sig := range map[string][]byte{
			"negative r":              pair(t, negative(good.R), good.S),
			"negative s":              pair(t, good.R, negative(good.S)),
			"r beyond the order":      pair(t, beyond(good.R), good.S),
			"s beyond the order":      pair(t, good.R, beyond(good.S)),
			"r and s swapped":         pair(t, good.S, good.R),
			"r zero":                  pair(t, new(big.Int), good.S),
			"s zero":                  pair(t, good.R, new(big.Int)),
			"both one":                pair(t, big.NewInt(1), big.NewInt(1)),
			"r not shortest":          element(0x30, element(2, append([]byte{0, 0}, good.R.Bytes()...)), integer(t, good.S)),
			"r negative by its sign":  element(0x30, element(2, append([]byte{0xff}, good.R.Bytes()...)), integer(t, good.S)),
			"length not shortest":     longer(pair(t, good.R, good.S)),
			"indefinite":              append(append([]byte{0x30, 0x80}, append(integer(t, good.R), integer(t, good.S)...)...), 0, 0),
			"a third integer":         element(0x30, integer(t, good.R), integer(t, good.S), integer(t, big.NewInt(1))),
			"bytes after the pair":    append(pair(t, good.R, good.S), 5, 0),
			"a SET":                   element(0x31, integer(t, good.R), integer(t, good.S)),
			"octet strings":           element(0x30, element(4, good.R.Bytes()), element(4, good.S.Bytes())),
			"raw r and s":             append(good.R.FillBytes(make([]byte, (order.BitLen()+7)/8)), good.S.FillBytes(make([]byte, (order.BitLen()+7)/8))...),
			"wrapped in another pair": element(0x30, pair(t, good.R, good.S)),
		} {
			wantRefusal(t, c.kind+", "+name, VerifyAssertion(AssertionResponse{data, sig}, getPolicy, key, algorithm), CodeSignatureInvalid)
		}
		// s may be in either half: signers do not normalise it.
		other := pair(t, good.R, new(big.Int).Sub(order, good.S))
		if err := VerifyAssertion(AssertionResponse{data, other}, getPolicy, key, algorithm); err != nil {
			t.Errorf("%s, the other half of s: %v", c.kind, err)
		}
	}
}

var k1Order, _ = new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)

func integer(t testing.TB, n *big.Int) []byte {
	t.Helper()
	der, err := asn1.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pair(t testing.TB, r, s *big.Int) []byte {
	return element(0x30, integer(t, r), integer(t, s))
}

func element(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	if len(content) < 128 {
		return append([]byte{tag, byte(len(content))}, content...)
	}
	return append([]byte{tag, 0x81, byte(len(content))}, content...)
}

// longer writes the length of the outer element with one byte more than it needs.
func longer(der []byte) []byte {
	if der[1] < 128 {
		return append([]byte{der[0], 0x81}, der[1:]...)
	}
	return append([]byte{der[0], 0x82, 0}, der[2:]...)
}

func TestMalformedEd25519(t *testing.T) {
	c := edClient(t)
	key, algorithm := c.registered(t)
	data := []byte(getClientData)
	sig := c.sign(0, data)

	// S is below the group order L; S+L satisfies the equation and is not canonical.
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := new(big.Int).Add(new(big.Int).SetBytes(reversed(sig[32:])), order)
	high := append(bytes.Clone(sig[:32]), reversed(s.FillBytes(make([]byte, 32)))...)
	identity := append(append([]byte{1}, make([]byte, 31)...), make([]byte, 32)...) // R the neutral element, S zero
	digest := sha256.Sum256(data)
	for name, sig := range map[string][]byte{
		"S not below the order": high,
		"R of small order":      identity,
		"halves swapped":        append(bytes.Clone(sig[32:]), sig[:32]...),
		"as DER":                element(0x30, element(2, sig[:32]), element(2, sig[32:])),
		"as an octet string":    element(4, sig),
		"hashed first":          c.sign(0, digest[:]),
	} {
		wantRefusal(t, name, VerifyAssertion(AssertionResponse{data, sig}, getPolicy, key, algorithm), CodeSignatureInvalid)
	}
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[len(b)-1-i] = b[i]
	}
	return out
}

func TestMalformedRSA(t *testing.T) {
	c := rsaClient(t)
	key, algorithm := c.registered(t)
	data := []byte(getClientData)
	good := c.sign(crypto.SHA256, data)
	digest := sha256.Sum256(data)
	pss, err := rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, digest[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := rsa.SignPKCS1v15(nil, rsaKey(), 0, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, sig := range map[string][]byte{
		"PSS":                pss,
		"no DigestInfo":      bare,
		"SHA-512":            c.sign(crypto.SHA512, data),
		"a leading zero":     append([]byte{0}, good...),
		"beyond the modulus": new(big.Int).Add(new(big.Int).SetBytes(good), rsaKey().N).Bytes(),
		"the modulus":        rsaKey().N.Bytes(),
		"one":                append(make([]byte, 255), 1),
	} {
		wantRefusal(t, name, VerifyAssertion(AssertionResponse{data, sig}, getPolicy, key, algorithm), CodeSignatureInvalid)
	}
}

// TestBadSignaturesAreAlike: the caller gets the same refusal for all of them, and the same as
// for a passkey.
func TestBadSignaturesAreAlike(t *testing.T) {
	c := ecClient(t, elliptic.P256())
	key, algorithm := c.registered(t)
	for name, err := range map[string]error{
		"no key":    VerifyAssertion(AssertionResponse{[]byte(getClientData), nil}, getPolicy, nil, ""),
		"malformed": VerifyAssertion(AssertionResponse{[]byte(getClientData), []byte("x")}, getPolicy, key, algorithm),
		"wrong":     VerifyAssertion(AssertionResponse{[]byte(getClientData), c.sign(crypto.SHA256, []byte("other"))}, getPolicy, key, algorithm),
	} {
		e := api.AsError(err)
		if e == nil || e.Message != "This passkey or key is not accepted here." || e.Code != "signature_invalid" || e.Details != nil {
			t.Errorf("%s: %#v", name, e)
		}
	}
}

// FuzzVerifyAssertion searches for a forgery: what is accepted must be, byte for byte, what one
// of the keys signed. The keys are the same in every process, so that accepted seeds stay
// accepted in the processes that change them.
func FuzzVerifyAssertion(f *testing.F) {
	seed := bytes.Repeat([]byte{5}, 32)
	ec, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed)
	if err != nil {
		f.Fatal(err)
	}
	all := []client{ecClientOf(f, ec), k1ClientOf(f, secp256k1.PrivKeyFromBytes(seed)), edClientOf(f, ed25519.NewKeyFromSeed(seed))}
	keys, algorithms := make([]*publickey.Key, len(all)), make([]publickey.Algorithm, len(all))
	for i, c := range all {
		keys[i], algorithms[i] = c.registered(f)
		f.Add(uint8(i), []byte(getClientData), c.sign(crypto.SHA256, []byte(getClientData)))
	}
	f.Add(uint8(0), []byte(plainClientData), []byte("0\x06\x02\x01\x01\x02\x01\x01"))
	f.Fuzz(func(t *testing.T, i uint8, clientData, signature []byte) {
		n := int(i) % len(all)
		err := VerifyAssertion(AssertionResponse{clientData, signature}, getPolicy, keys[n], algorithms[n])
		if err == nil {
			if string(clientData) != getClientData {
				t.Errorf("%s accepted %q", all[n].kind, clientData)
			}
			return
		}
		var e *api.Error
		if !errors.As(err, &e) || messages[e.Code] == "" || e.Rule == "" || (e.Kind == api.Unauthenticated) != (e.Code == CodeSignatureInvalid) {
			t.Errorf("%#v is not a full refusal", err)
		}
	})
}

func BenchmarkVerifyAssertion(b *testing.B) {
	for _, c := range clients(b) {
		key, algorithm := c.registered(b)
		r := AssertionResponse{[]byte(getClientData), c.sign(crypto.SHA256, []byte(getClientData))}
		b.Run(c.kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := VerifyAssertion(r, getPolicy, key, algorithm); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
