package client_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/countersign/countersign/client"
)

// Keys as OpenSSL writes them, each with the public key that OpenSSL derives from it.
func TestKeysByOpenSSL(t *testing.T) {
	for name, keyType := range map[string]string{
		"p256-sec1": client.P256, "p256-sec1-with-parameters": client.P256, "p384-pkcs8": client.P384,
		"p521-sec1": client.P521, "ed25519-pkcs8": client.Ed25519, "rsa-pkcs1": client.RSA, "rsa-pkcs8": client.RSA,
		"secp256k1-sec1": client.Secp256k1, "secp256k1-sec1-with-parameters": client.Secp256k1, "secp256k1-pkcs8": client.Secp256k1,
	} {
		text := file(t, name+".pem")
		for form, text := range map[string][]byte{
			"as it is":            text,
			"CRLF":                bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
			"without final break": bytes.TrimSuffix(text, []byte("\n")),
			"words before":        append([]byte("Bag Attributes\n    friendlyName: test\n"), text...),
			"blank lines after":   append(bytes.Clone(text), "\n\n  \n"...),
		} {
			k, err := client.NewKeySigner("aWQ", text)
			if err != nil {
				t.Errorf("%s, %s: %v", name, form, err)
				continue
			}
			if k.KeyType() != keyType || k.PublicKeyPEM() != string(file(t, "public", name+".pem")) {
				t.Errorf("%s, %s: read as the %s key %s", name, form, k.KeyType(), k.PublicKeyPEM())
			}
			signs(t, k, registered(t, k))
		}
	}
	// OpenSSL writes the same PKCS #8 on secp256k1.
	k, err := client.NewKeySigner("aWQ", file(t, "secp256k1-sec1.pem"))
	if err != nil || string(k.PrivateKeyPEM()) != string(file(t, "secp256k1-pkcs8.pem")) {
		t.Errorf("PKCS #8 on secp256k1 differs from OpenSSL's: %v", err)
	}
}

// Every key in every form that its type has.
func TestEveryFormOfEveryKey(t *testing.T) {
	for _, keyType := range keyTypes {
		k := signer(t, keyType)
		forms := map[string][]byte{"PRIVATE KEY": unpem(t, k.PrivateKeyPEM())}
		switch private := k.PrivateKey().(type) {
		case *ecdsa.PrivateKey:
			der, err := x509.MarshalECPrivateKey(private)
			if err != nil {
				t.Fatal(err)
			}
			forms["EC PRIVATE KEY"] = der
		case *rsa.PrivateKey:
			forms["RSA PRIVATE KEY"] = x509.MarshalPKCS1PrivateKey(private)
		case ed25519.PrivateKey: // has no other
		default:
			if keyType != client.Secp256k1 {
				t.Fatalf("%s: %T", keyType, private)
			}
		}
		for label, der := range forms {
			got, err := client.NewKeySigner(k.CredentialID(), topem(label, der))
			if err != nil || got.PublicKeyPEM() != k.PublicKeyPEM() {
				t.Errorf("%s as %s: %v", keyType, label, err)
			}
		}
	}
}

func unpem(t testing.TB, text []byte) []byte {
	t.Helper()
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		t.Fatalf("not one PEM block: %d bytes", len(text))
	}
	return block.Bytes
}

func topem(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func TestKeysThatCannotSignHere(t *testing.T) {
	for name, words := range map[string]string{
		"encrypted-pkcs8": "it is encrypted", "encrypted-sec1": "it is encrypted", "encrypted-pkcs1": "it is encrypted",
		"public-key": "it is a public key", "public-pkcs1": "it is a public key", "certificate": "it is a certificate",
		"openssh": "OpenSSH's own form", "dsa": "DSA, which is not supported", "rsa-pss-pkcs8": "RSA-PSS, which is not supported",
		"x25519-pkcs8": "X25519, which is not supported", "ed448-pkcs8": "Ed448, which is not supported",
		"rsa-1024-pkcs8": "RSA key of 1024 bits", "p224-sec1": "curve 1.3.132.0.33, which is not supported",
		"brainpool-sec1": "curve 1.3.36.3.3.2.8.1.1.7, which", "explicit-parameters-sec1": "does not name its curve",
	} {
		refusedKey(t, name, file(t, "refused", name+".pem"), words)
	}
}

// refusedKey requires an error of one sentence with those words and without any of the key.
func refusedKey(t *testing.T, name string, text []byte, words string) {
	t.Helper()
	k, err := client.NewKeySigner("aWQ", text)
	if err == nil || k != nil {
		t.Errorf("%s: accepted as %v", name, k)
		return
	}
	if !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v, want %q", name, err, words)
	}
	if strings.Contains(err.Error(), "\n") || len(err.Error()) > 200 {
		t.Errorf("%s: not one sentence: %v", name, err)
	}
	for _, line := range bytes.Split(text, []byte("\n")) {
		if len(line) > 20 && !bytes.HasPrefix(line, []byte("-----")) && strings.Contains(err.Error(), string(line[:20])) {
			t.Errorf("%s: tells the key: %v", name, err)
		}
	}
}

func TestTextsThatAreNotKeys(t *testing.T) {
	k1 := file(t, "secp256k1-pkcs8.pem")
	sec1 := unpem(t, file(t, "secp256k1-sec1.pem"))
	p256 := unpem(t, file(t, "p256-sec1.pem"))
	good := string(k1)
	const order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
	for name, c := range map[string]struct {
		text  []byte
		words string
	}{
		"nothing":               {nil, "it is not PEM"},
		"spaces":                {[]byte(" \n"), "it is not PEM"},
		"DER":                   {sec1, "it is not PEM"},
		"no BEGIN":              {[]byte(base64.StdEncoding.EncodeToString(sec1)), "it is not PEM"},
		"BEGIN only":            {[]byte("-----BEGIN PRIVATE KEY-----\n"), "it is not PEM"},
		"labels differ":         {[]byte(strings.Replace(good, "END PRIVATE", "END EC PRIVATE", 1)), "it is not PEM"},
		"escaped breaks":        {[]byte(strings.ReplaceAll(good, "\n", `\n`)), "line breaks"},
		"half a header":         {[]byte(strings.Replace(good, "KEY-----\n", "KEY-----\nDEK-Info: AES-128-CBC,00\n\n", 1)), "it is encrypted"},
		"two keys":              {append(bytes.Clone(k1), k1...), "after the first key"},
		"words after":           {append(bytes.Clone(k1), "see wiki"...), "after the first key"},
		"parameters only":       {[]byte("-----BEGIN EC PARAMETERS-----\nBgUrgQQACg==\n-----END EC PARAMETERS-----\n"), "it is not PEM"},
		"another label":         {topem("PGP PRIVATE KEY BLOCK", sec1), `labelled "PGP PRIVATE KEY BLOCK"`},
		"a long label":          {topem(strings.Repeat("A", 500), sec1), "AAA…"},
		"no DER":                {topem("PRIVATE KEY", nil), "damaged"},
		"zeros":                 {topem("PRIVATE KEY", make([]byte, 64)), "damaged"},
		"SEC 1 as PKCS 8":       {topem("PRIVATE KEY", p256), "damaged"},
		"SEC 1 as PKCS 1":       {topem("RSA PRIVATE KEY", p256), "damaged"},
		"PKCS 8 as SEC 1":       {topem("EC PRIVATE KEY", unpem(t, k1)), "damaged"},
		"PKCS 1 as SEC 1":       {topem("EC PRIVATE KEY", unpem(t, file(t, "rsa-pkcs1.pem"))), "damaged"},
		"PKCS 8 as PKCS 1":      {topem("RSA PRIVATE KEY", unpem(t, file(t, "rsa-pkcs8.pem"))), "damaged"},
		"a byte after PKCS 8":   {topem("PRIVATE KEY", append(unpem(t, k1), 0)), "damaged"},
		"a byte after SEC 1":    {topem("EC PRIVATE KEY", append(bytes.Clone(sec1), 0)), "damaged"},
		"cut PKCS 1":            {topem("RSA PRIVATE KEY", unpem(t, file(t, "rsa-pkcs1.pem"))[:600]), "damaged"},
		"SEC 1 without curve":   {topem("EC PRIVATE KEY", sec1Of(t, unhex(t, "01"), nil, nil)), "does not name its curve"},
		"secp256k1, zero":       {secp256k1PEM(t, make([]byte, 32), nil), "sound key on secp256k1"},
		"secp256k1, no number":  {secp256k1PEM(t, nil, nil), "sound key on secp256k1"},
		"secp256k1, the order":  {secp256k1PEM(t, unhex(t, order), nil), "sound key on secp256k1"},
		"secp256k1, over it":    {secp256k1PEM(t, bytes.Repeat([]byte{0xff}, 32), nil), "sound key on secp256k1"},
		"secp256k1, 33 bytes":   {secp256k1PEM(t, bytes.Repeat([]byte{1}, 33), nil), "sound key on secp256k1"},
		"secp256k1, other's":    {secp256k1PEM(t, unhex(t, "02"), generator(t)), "sound key on secp256k1"},
		"secp256k1, no point":   {secp256k1PEM(t, unhex(t, "01"), []byte{4, 1, 2}), "sound key on secp256k1"},
		"secp256k1 in P-256":    {pkcs8Of(t, oidP256, sec1Of(t, unhex(t, "01"), oidK1, nil)), "damaged"},
		"P-256 in secp256k1":    {pkcs8Of(t, oidK1, sec1Of(t, unhex(t, "01"), oidP256, nil)), "sound key on secp256k1"},
		"PKCS 8 on a curve":     {pkcs8Of(t, asn1.ObjectIdentifier{1, 3, 132, 0, 33}, sec1Of(t, unhex(t, "01"), nil, nil)), "1.3.132.0.33"},
		"PKCS 8 without curve":  {pkcs8Of(t, nil, sec1Of(t, unhex(t, "01"), nil, nil)), "does not name its curve"},
		"EC parameters of text": {pkcs8With(t, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("P-256")}, p256), "does not name its curve"},
	} {
		refusedKey(t, name, c.text, c.words)
	}
	if k, err := client.NewKeySigner("", k1); err == nil || k != nil || !strings.Contains(err.Error(), "credential ID") {
		t.Errorf("without a credential ID: %v", err)
	}
}

// Zeros before a number may be missing or too many: writers differ.
func TestNumbersOnSecp256k1AreReadAsNumbers(t *testing.T) {
	for name, number := range map[string][]byte{
		"short": {1}, "full": append(make([]byte, 31), 1), "long": append(make([]byte, 40), 1),
	} {
		for form, text := range map[string][]byte{
			"with its point": secp256k1PEM(t, number, generator(t)), "without": secp256k1PEM(t, number, nil),
			"PKCS #8": pkcs8Of(t, oidK1, sec1Of(t, number, nil, nil)),
		} {
			k, err := client.NewKeySigner("aWQ", text)
			if err != nil {
				t.Errorf("%s, %s: %v", name, form, err)
				continue
			}
			if der := unpem(t, []byte(k.PublicKeyPEM())); !bytes.HasSuffix(der, generator(t)) {
				t.Errorf("%s, %s: 1·G is %x", name, form, der)
			}
			signs(t, k, registered(t, k))
		}
	}
}

var (
	oidK1   = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
	oidP256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidEC   = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
)

// generator is the base point of secp256k1 (SEC 2 §2.4.1), the public key of the number 1.
func generator(t testing.TB) []byte {
	return unhex(t, "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"+
		"483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sec1Of(t testing.TB, number []byte, curve asn1.ObjectIdentifier, point []byte) []byte {
	return marshal(t, struct {
		Version int
		Number  []byte
		Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
		Point   asn1.BitString        `asn1:"optional,explicit,tag:1"`
	}{1, number, curve, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
}

func secp256k1PEM(t testing.TB, number, point []byte) []byte {
	return topem("EC PRIVATE KEY", sec1Of(t, number, oidK1, point))
}

func pkcs8Of(t testing.TB, curve asn1.ObjectIdentifier, inner []byte) []byte {
	if curve == nil {
		return pkcs8With(t, asn1.NullRawValue, inner)
	}
	return pkcs8With(t, asn1.RawValue{FullBytes: marshal(t, curve)}, inner)
}

func pkcs8With(t testing.TB, parameters asn1.RawValue, inner []byte) []byte {
	type algorithm struct {
		ID         asn1.ObjectIdentifier
		Parameters asn1.RawValue
	}
	return topem("PRIVATE KEY", marshal(t, struct {
		Version   int
		Algorithm algorithm
		Key       []byte
	}{0, algorithm{oidEC, parameters}, inner}))
}

// Every key that is read can sign, and can be read again from what is written.
func FuzzNewKeySigner(f *testing.F) {
	files, err := openSSL()
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range files {
		if block, _ := pem.Decode(text); block != nil {
			f.Add(block.Type, block.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, label string, der []byte) {
		k, err := client.NewKeySigner("aWQ", topem(label, der))
		if err != nil {
			return
		}
		signs(t, k, registered(t, k))
		again, err := client.NewKeySigner("aWQ", k.PrivateKeyPEM())
		if err != nil || again.PublicKeyPEM() != k.PublicKeyPEM() {
			t.Errorf("what it writes it does not read: %v", err)
		}
	})
}
