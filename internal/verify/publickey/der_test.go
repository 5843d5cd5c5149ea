package publickey

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/countersign/countersign/api"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// k1SPKI builds the SubjectPublicKeyInfo of a secp256k1 key by hand.
func k1SPKI(t testing.TB) []byte {
	k, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	head := unhex(t, "3056 3010 06072a8648ce3d0201 06052b8104000a 034200")
	return append(head, k.PubKey().SerializeUncompressed()...)
}

// allSPKI returns one canonical encoding of every type of key.
func allSPKI(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{Secp256k1: k1SPKI(t)}
	edPub, _, _ := ed25519.GenerateKey(rand.Reader)
	for kind, pub := range map[string]any{
		P256: &newEC(t, elliptic.P256()).PublicKey, P384: &newEC(t, elliptic.P384()).PublicKey,
		P521: &newEC(t, elliptic.P521()).PublicKey, Ed25519: edPub, RSA: &testRSA().PublicKey,
	} {
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = der
	}
	return out
}

func TestEveryTruncationAndExtensionOfSPKIIsRefused(t *testing.T) {
	for kind, der := range allSPKI(t) {
		if k, err := ParseSPKI(der); err != nil || k.Type() != kind {
			t.Fatalf("%s: %v", kind, err)
		}
		for i := range der {
			if _, err := ParseSPKI(der[:i]); err == nil {
				t.Errorf("%s cut to %d bytes is accepted", kind, i)
			}
		}
		for _, extra := range []byte{0, 0x30, 0xff} {
			if _, err := ParseSPKI(append(bytes.Clone(der), extra)); err == nil {
				t.Errorf("%s with a byte after it is accepted", kind)
			}
		}
	}
}

// A changed byte may give another sound key (a modulus, say), but never one that
// encodes differently from what was read.
func TestEveryChangedByteOfSPKIIsRefusedOrAnotherKey(t *testing.T) {
	for kind, der := range allSPKI(t) {
		for i := range der {
			for _, mask := range []byte{0x01, 0x80, 0xff} {
				changed := bytes.Clone(der)
				changed[i] ^= mask
				k, err := ParseSPKI(changed)
				if err == nil && !bytes.Equal(k.SPKI(), changed) {
					t.Errorf("%s with byte %d changed is read as another key", kind, i)
				}
				if err == nil && i < 12 {
					t.Errorf("%s with byte %d of its header changed is accepted", kind, i)
				}
			}
		}
	}
}

func TestSPKIThatIsRefused(t *testing.T) {
	x, y := point(t, &newEC(t, elliptic.P256()).PublicKey)
	pt := append(append([]byte{4}, x...), y...)
	compressed := append([]byte{2 + y[31]&1}, x...)
	k1 := k1SPKI(t)
	k1Hybrid := bytes.Clone(k1)
	k1Hybrid[23] = 6 + k1[87]&1
	hybrid := append([]byte{6 + y[31]&1}, pt[1:]...)
	ecHead := "301306072a8648ce3d020106082a8648ce3d030107"
	edPub, _, _ := ed25519.GenerateKey(rand.Reader)
	join := func(head string, tail []byte) []byte { return append(unhex(t, head), tail...) }
	rsaKey := allSPKI(t)[RSA]
	for name, c := range map[string]struct {
		der  []byte
		code string
	}{
		"empty":                      {nil, "public_key_malformed"},
		"zeros":                      {make([]byte, 64), "public_key_malformed"},
		"indefinite length":          {join("3080"+ecHead+"034200", append(bytes.Clone(pt), 0, 0)), "public_key_malformed"},
		"length in the long form":    {join("308159"+ecHead+"034200", pt), "public_key_malformed"},
		"length of four bytes":       {join("308400000059"+ecHead+"034200", pt), "public_key_malformed"},
		"huge length":                {unhex(t, "30847fffffff"), "public_key_malformed"},
		"compressed point":           {join("3039"+ecHead+"032200", compressed), "public_key_invalid"},
		"hybrid point":               {join("3059"+ecHead+"034200", hybrid), "public_key_invalid"},
		"hybrid point on secp256k1":  {k1Hybrid, "public_key_invalid"},
		"infinity":                   {unhex(t, "3019"+ecHead+"03020000"), "public_key_invalid"},
		"unused bits":                {join("3059"+ecHead+"034201", pt), "public_key_malformed"},
		"no curve":                   {join("304d300906072a8648ce3d0201"+"034200", pt[:64]), "public_key_malformed"},
		"implicit curve":             {join("3051300b06072a8648ce3d02010500"+"034200", pt), "public_key_unsupported"},
		"unknown curve P-224":        {join("3056301006072a8648ce3d020106052b81040021"+"034200", pt), "public_key_unsupported"},
		"something after the curve":  {join("305b301506072a8648ce3d020106082a8648ce3d0301070500"+"034200", pt), "public_key_malformed"},
		"something after the key":    {append(join("305b"+ecHead+"034200", pt), 5, 0), "public_key_malformed"},
		"P-384 named, P-256 point":   {join("3056301006072a8648ce3d020106052b81040022"+"034200", pt), "public_key_invalid"},
		"Ed25519 with NULL":          {join("302c300706032b65700500"+"032100", edPub), "public_key_malformed"},
		"Ed25519 of 31 bytes":        {join("3029300506032b6570"+"032000", edPub[:31]), "public_key_invalid"},
		"X25519":                     {join("302a300506032b656e"+"032100", edPub), "public_key_unsupported"},
		"Ed448":                      {join("302a300506032b6571"+"032100", edPub), "public_key_unsupported"},
		"RSA without NULL":           {bytes.Replace(bytes.Replace(rsaKey, unhex(t, "300d06092a864886f70d0101010500"), unhex(t, "300b06092a864886f70d010101"), 1), unhex(t, "30820122"), unhex(t, "30820120"), 1), "public_key_malformed"},
		"RSA-PSS":                    {bytes.Replace(rsaKey, unhex(t, "2a864886f70d010101"), unhex(t, "2a864886f70d01010a"), 1), "public_key_unsupported"},
		"negative modulus":           {bytes.Replace(rsaKey, unhex(t, "0282010100"), unhex(t, "0282010180"), 1), "public_key_malformed"},
		"two thousand bytes":         {bytes.Repeat([]byte{0x30}, 2000), "public_key_malformed"},
		"a private key (PKCS #8 EC)": {unhex(t, "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420"), "public_key_malformed"},
	} {
		_, err := ParseSPKI(c.der)
		wantCode(t, name, err, c.code)
	}
}

func TestPEM(t *testing.T) {
	for kind, der := range allSPKI(t) {
		standard := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		oneLine := "-----BEGIN PUBLIC KEY-----\n" + base64.StdEncoding.EncodeToString(der) + "\n-----END PUBLIC KEY-----"
		for name, text := range map[string]string{
			"as OpenSSL writes it": standard,
			"without final break":  strings.TrimSuffix(standard, "\n"),
			"CRLF":                 strings.ReplaceAll(standard, "\n", "\r\n"),
			"CRLF, no final break": strings.TrimSuffix(strings.ReplaceAll(standard, "\n", "\r\n"), "\r\n"),
			"one long line":        oneLine,
			"one long line, break": oneLine + "\n",
		} {
			k, err := ParsePEM(text)
			if err != nil || k.Type() != kind || !bytes.Equal(k.SPKI(), der) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(&testRSA().PublicKey)
	k, err := ParsePEM(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1})))
	if err != nil || !bytes.Equal(k.SPKI(), allSPKI(t)[RSA]) {
		t.Errorf("RSA PUBLIC KEY: %v", err)
	}
}

func TestPEMThatIsRefused(t *testing.T) {
	der := allSPKI(t)[P256]
	good := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	body := base64.StdEncoding.EncodeToString(der)
	begin, end := "-----BEGIN PUBLIC KEY-----\n", "-----END PUBLIC KEY-----\n"
	pkcs1 := x509.MarshalPKCS1PublicKey(&testRSA().PublicKey)
	padded := base64.StdEncoding.EncodeToString(k1SPKI(t)) // 88 bytes: ends in "=="
	last := len(padded) - 3
	stray := padded[:last] + string(padded[last]+1) + "==" // one of the four unused bits set
	for name, text := range map[string]string{
		"empty":                       "",
		"line break only":             "\n",
		"not PEM":                     body,
		"text before":                 "x\n" + good,
		"line break before":           "\n" + good,
		"space before":                " " + good,
		"byte order mark before":      "\ufeff" + good,
		"text after":                  good + "x",
		"two line breaks after":       good + "\n",
		"space after":                 good + " ",
		"two blocks":                  good + good,
		"headers":                     begin + "Proc-Type: 4,ENCRYPTED\n\n" + body + "\n" + end,
		"empty line inside":           begin + "\n" + body + "\n" + end,
		"no line break after BEGIN":   strings.TrimSuffix(begin, "\n") + body + "\n" + end,
		"no line break before END":    begin + body + end,
		"all on one line":             strings.ReplaceAll(good, "\n", ""),
		"escaped line breaks":         strings.ReplaceAll(good, "\n", `\n`),
		"lone carriage returns":       strings.ReplaceAll(good, "\n", "\r"),
		"carriage return in a line":   begin + body[:8] + "\r" + body[8:] + "\n" + end,
		"space in a line":             begin + body[:8] + " " + body[8:] + "\n" + end,
		"tab in a line":               begin + body[:8] + "\t" + body[8:] + "\n" + end,
		"zero byte in a line":         begin + body[:8] + "\x00" + body[8:] + "\n" + end,
		"no body":                     begin + end,
		"missing END":                 begin + body + "\n",
		"only END":                    end,
		"only BEGIN":                  begin,
		"other label":                 strings.ReplaceAll(good, "PUBLIC KEY", "CERTIFICATE"),
		"private key label":           strings.ReplaceAll(good, "PUBLIC KEY", "PRIVATE KEY"),
		"labels differ":               begin + body + "\n-----END RSA PUBLIC KEY-----\n",
		"label in lower case":         strings.ReplaceAll(good, "PUBLIC KEY", "public key"),
		"four dashes":                 strings.ReplaceAll(good, "-----", "----"),
		"base64url":                   begin + base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xfb, 0xff}, 40)) + "\n" + end,
		"no padding":                  begin + strings.TrimRight(padded, "=") + "\n" + end,
		"stray bits under padding":    begin + stray + "\n" + end,
		"padding in the middle":       begin + "MFkw====" + body[8:] + "\n" + end,
		"byte after the DER":          string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: append(bytes.Clone(der), 0)})),
		"SPKI labelled RSA":           string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der})),
		"PKCS #1 labelled PUBLIC KEY": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkcs1})),
		"PKCS #1 with a byte inside":  string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: addInside(pkcs1, []byte{5, 0})})),
		"PKCS #1 with a padded n":     string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: paddedR(testRSA().N, big.NewInt(65537))})),
		"PKCS #1 with a long length":  string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: append([]byte{0x30, 0x83, 0}, pkcs1[2:]...)})),
		"PKCS #1 with a byte after":   string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: append(bytes.Clone(pkcs1), 0)})),
		"five thousand bytes":         begin + strings.Repeat("A", 5000) + "\n" + end,
		"five thousand line breaks":   begin + strings.Repeat("\n", 5000) + end,
	} {
		if _, err := ParsePEM(text); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			wantCode(t, name, err, "public_key_malformed")
		}
	}
}

// Oversized text is refused for its size before it is parsed.
func TestSizesAreCheckedFirst(t *testing.T) {
	_, err := ParsePEM(strings.Repeat("-", maxPEM+1))
	if e := api.AsError(err); e == nil || e.Rule != "PEM, size" {
		t.Errorf("PEM: %v", err)
	}
	_, err = ParseSPKI(make([]byte, maxSPKI+1))
	if e := api.AsError(err); e == nil || e.Rule != "RFC 5280 §4.1.2.7, size" {
		t.Errorf("SPKI: %v", err)
	}
}

// The largest keys that are allowed fit the limits on their encodings.
func TestTheLargestKeyFits(t *testing.T) {
	n := bytes.Repeat([]byte{0xff}, maxRSABits/8)
	for n[len(n)-1] = 0xff; ; n[len(n)-1] -= 2 {
		k, err := NewRSA(n, []byte{0x7f, 0xff, 0xff, 0xff})
		if err != nil {
			continue // has a small factor
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.SPKI()})
		if again, err := ParsePEM(strings.ReplaceAll(string(text), "\n", "\r\n")); err != nil || !again.Equal(k) {
			t.Errorf("a key of 8192 bits: %v", err)
		}
		return
	}
}

func FuzzParseSPKI(f *testing.F) {
	for _, der := range allSPKI(f) {
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		k, err := ParseSPKI(der)
		if err != nil {
			wantAnyCode(t, err)
			return
		}
		if !bytes.Equal(k.SPKI(), der) {
			t.Errorf("%x is read as the key %x", der, k.SPKI())
		}
	})
}

func FuzzParsePEM(f *testing.F) {
	for _, der := range allSPKI(f) {
		f.Add(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	}
	f.Add(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&testRSA().PublicKey)})))
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParsePEM(text)
		if err != nil {
			wantAnyCode(t, err)
			return
		}
		// The standard library must read the same key from all that is accepted.
		block, rest := pem.Decode([]byte(text))
		if block == nil || len(rest) > 0 {
			t.Fatalf("accepted %q, which is not one PEM block", text)
		}
		again, err := ParseSPKI(k.SPKI())
		if err != nil || !again.Equal(k) {
			t.Errorf("the key of %q does not survive: %v", text, err)
		}
		if block.Type == labelPKCS1 && !bytes.Equal(block.Bytes, encodePKCS1(k.rsa)) {
			t.Errorf("%q is a second encoding of its key", text)
		}
		if block.Type == labelSPKI && !bytes.Equal(block.Bytes, k.SPKI()) {
			t.Errorf("%q is read as another key", text)
		}
	})
}
