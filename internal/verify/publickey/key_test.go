package publickey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/countersign/countersign/api"
)

// testRSA is made once: it is the only slow key.
var testRSA = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newEC(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func point(t testing.TB, pub *ecdsa.PublicKey) (x, y []byte) {
	t.Helper()
	b, err := pub.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	n := (len(b) - 1) / 2
	return b[1 : 1+n], b[1+n:]
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if api.CodeOf(err) != code || (err != nil && api.KindOf(err) != api.Invalid) {
		t.Errorf("%s: %v, want code %q", what, err, code)
	}
}

func TestKeysAgreeWithTheStandardLibrary(t *testing.T) {
	rsaKey := testRSA()
	edPub, _, _ := ed25519.GenerateKey(rand.Reader)
	p256, p384, p521 := newEC(t, elliptic.P256()), newEC(t, elliptic.P384()), newEC(t, elliptic.P521())
	for _, c := range []struct {
		kind string
		std  any
	}{
		{P256, &p256.PublicKey}, {P384, &p384.PublicKey}, {P521, &p521.PublicKey},
		{Ed25519, edPub}, {RSA, &rsaKey.PublicKey},
	} {
		want, err := x509.MarshalPKIXPublicKey(c.std)
		if err != nil {
			t.Fatal(err)
		}
		k, err := ParseSPKI(want)
		if err != nil {
			t.Errorf("%s: ParseSPKI: %v", c.kind, err)
			continue
		}
		if k.Type() != c.kind || !bytes.Equal(k.SPKI(), want) {
			t.Errorf("%s: read back as %s %x", c.kind, k.Type(), k.SPKI())
		}
		var made *Key
		switch pub := c.std.(type) {
		case *ecdsa.PublicKey:
			x, y := point(t, pub)
			made, err = NewECDSA(c.kind, x, y)
		case ed25519.PublicKey:
			made, err = NewEd25519(pub)
		case *rsa.PublicKey:
			made, err = NewRSA(pub.N.Bytes(), big.NewInt(int64(pub.E)).Bytes())
		}
		if err != nil || !made.Equal(k) || made.Fingerprint() != k.Fingerprint() {
			t.Errorf("%s: made from its parts: %v", c.kind, err)
		}
		if f := k.Fingerprint(); !strings.HasPrefix(f, "SHA256:") || len(f) != 7+43 {
			t.Errorf("%s: fingerprint %q", c.kind, f)
		}
	}
}

func TestSPKIIsACopy(t *testing.T) {
	x, y := point(t, &newEC(t, elliptic.P256()).PublicKey)
	k, err := NewECDSA(P256, x, y)
	if err != nil {
		t.Fatal(err)
	}
	k.SPKI()[0] = 0
	if k.SPKI()[0] != 0x30 {
		t.Error("a caller can change the key through SPKI")
	}
}

func TestECDSAPointsThatAreRefused(t *testing.T) {
	x, y := point(t, &newEC(t, elliptic.P256()).PublicKey)
	zero := make([]byte, 32)
	flipped := bytes.Clone(y)
	flipped[31] ^= 1
	prime := elliptic.P256().Params().P.Bytes()
	k1 := secp256k1.Params().P.Bytes()
	full := bytes.Repeat([]byte{0xff}, 32)
	for name, c := range map[string]struct {
		curve string
		x, y  []byte
		code  string
	}{
		"off the curve":                {P256, x, flipped, "public_key_invalid"},
		"zero":                         {P256, zero, zero, "public_key_invalid"},
		"field prime as x":             {P256, prime, y, "public_key_invalid"},
		"all ones":                     {P256, full, full, "public_key_invalid"},
		"short x":                      {P256, x[1:], y, "public_key_invalid"},
		"long y":                       {P256, x, append([]byte{0}, y...), "public_key_invalid"},
		"empty":                        {P256, nil, nil, "public_key_invalid"},
		"length moved from y to x":     {P256, append(bytes.Clone(x), y[0]), y[1:], "public_key_invalid"},
		"P-256 point on P-384":         {P384, x, y, "public_key_invalid"},
		"P-256 point on secp256k1":     {Secp256k1, x, y, "public_key_invalid"},
		"secp256k1 zero":               {Secp256k1, zero, zero, "public_key_invalid"},
		"secp256k1 field prime as x":   {Secp256k1, k1, y, "public_key_invalid"},
		"unknown curve":                {"P-224", x, y, "public_key_unsupported"},
		"empty curve name":             {"", x, y, "public_key_unsupported"},
		"curve name in the wrong case": {"p-256", x, y, "public_key_unsupported"},
	} {
		k, err := NewECDSA(c.curve, c.x, c.y)
		wantCode(t, name, err, c.code)
		if k != nil {
			t.Errorf("%s: a key came with the error", name)
		}
	}
}

func TestRSAKeysThatAreRefused(t *testing.T) {
	n := testRSA().N.Bytes()
	e := []byte{1, 0, 1}
	even := new(big.Int).Lsh(testRSA().N, 1).Bytes() // 2 is its only small factor
	bits2047 := bytes.Clone(n)
	bits2047[0] &= 0x7f
	large := make([]byte, 1025)
	large[0], large[1024] = 0x80, 1
	byThree := new(big.Int).Mul(testRSA().N, big.NewInt(3)).Bytes()
	by751 := new(big.Int).Mul(testRSA().N, big.NewInt(751)).Bytes()
	for name, c := range map[string]struct{ n, e []byte }{
		"leading zero in n":  {append([]byte{0}, n...), e},
		"leading zero in e":  {n, []byte{0, 1, 0, 1}},
		"empty n":            {nil, e},
		"empty e":            {n, nil},
		"zero n":             {make([]byte, 256), e},
		"zero e":             {n, []byte{0}},
		"e of one":           {n, []byte{1}},
		"e of 3":             {n, []byte{3}},
		"e of 17":            {n, []byte{17}},
		"e of 257":           {n, []byte{1, 1}},
		"e of 65535":         {n, []byte{0xff, 0xff}},
		"e of 65536":         {n, []byte{1, 0, 0}},
		"even e":             {n, []byte{1, 0, 0}},
		"e of 32 bits":       {n, []byte{0x80, 0, 0, 1}},
		"e of 40 bits":       {n, []byte{1, 0, 0, 0, 1}},
		"e as long as n":     {n, n},
		"even modulus":       {even, e},
		"2047 bits":          {bits2047, e},
		"1024 bits":          {n[:128], e},
		"8200 bits":          {large, e},
		"multiple of three":  {byThree, e},
		"multiple of 751":    {by751, e},
		"megabyte of modulo": {bytes.Repeat([]byte{0xff}, 1<<20), e},
	} {
		_, err := NewRSA(c.n, c.e)
		wantCode(t, name, err, "public_key_invalid")
	}
	for _, e := range [][]byte{{1, 0, 1}, {1, 0, 3}, {0x7f, 0xff, 0xff, 0xff}} {
		if _, err := NewRSA(n, e); err != nil {
			t.Errorf("exponent %x: %v", e, err)
		}
	}
	// Keys that were registered when smaller exponents were accepted go on working.
	for _, e := range [][]byte{{3}, {17}, {1, 1}, {1, 0, 1}} {
		old, err := newRSA(n, e, minStoredExponent)
		if err != nil {
			t.Fatal(err)
		}
		if k, err := ParseStored(old.SPKI()); err != nil || !k.Equal(old) {
			t.Errorf("stored, exponent %x: %v", e, err)
		}
		pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: encodePKCS1(old.rsa)})
		spki := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: old.SPKI()})
		for name, parse := range map[string]func() error{
			"ParseSPKI":       func() error { _, err := ParseSPKI(old.SPKI()); return err },
			"ParsePEM":        func() error { _, err := ParsePEM(string(spki)); return err },
			"ParsePEM, PKCS1": func() error { _, err := ParsePEM(string(pkcs1)); return err },
			"ParseMember":     func() error { _, err := ParseMember(string(spki)); return err },
		} {
			if err := parse(); (err == nil) != (old.rsa.E >= minExponent) {
				t.Errorf("%s, exponent %x: %v", name, e, err)
			}
		}
	}
	for _, e := range [][]byte{{1}, {2}, {4}} {
		if _, err := newRSA(n, e, minStoredExponent); err == nil {
			t.Errorf("stored, exponent %x: accepted", e)
		}
	}
}

// torsion returns the encodings of all points of the curve whose order divides 8,
// computed from the curve's equation rather than from a list.
func torsion(t *testing.T) [][]byte {
	t.Helper()
	p, d := edPrime, edD
	type pt struct{ x, y *big.Int }
	mod := func(n *big.Int) *big.Int { return n.Mod(n, p) }
	mul := func(a, b *big.Int) *big.Int { return mod(new(big.Int).Mul(a, b)) }
	add := func(a, b pt) pt {
		k := mul(d, mul(mul(a.x, b.x), mul(a.y, b.y)))
		nx := mod(new(big.Int).Add(mul(a.x, b.y), mul(a.y, b.x)))
		ny := mod(new(big.Int).Add(mul(a.y, b.y), mul(a.x, b.x)))
		dx := new(big.Int).ModInverse(mod(new(big.Int).Add(big.NewInt(1), k)), p)
		dy := new(big.Int).ModInverse(mod(new(big.Int).Sub(big.NewInt(1), k)), p)
		return pt{mul(nx, dx), mul(ny, dy)}
	}
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	// Multiples of L times any point of the curve are the torsion points.
	for seed := int64(2); ; seed++ {
		y := big.NewInt(seed)
		num := mod(new(big.Int).Sub(mul(y, y), big.NewInt(1)))
		den := mod(new(big.Int).Add(mul(d, mul(y, y)), big.NewInt(1)))
		x := new(big.Int).ModSqrt(mul(num, new(big.Int).ModInverse(den, p)), p)
		if x == nil {
			continue
		}
		acc, base := pt{big.NewInt(0), big.NewInt(1)}, pt{x, y}
		for i := order.BitLen() - 1; i >= 0; i-- {
			acc = add(acc, acc)
			if order.Bit(i) == 1 {
				acc = add(acc, base)
			}
		}
		seen := map[string]bool{}
		var all [][]byte
		q := pt{big.NewInt(0), big.NewInt(1)}
		for range 8 {
			b := q.y.FillBytes(make([]byte, 32))
			for i := range 16 {
				b[i], b[31-i] = b[31-i], b[i]
			}
			b[31] |= byte(q.x.Bit(0)) << 7
			if !seen[string(b)] {
				seen[string(b)] = true
				all = append(all, b)
			}
			q = add(q, acc)
		}
		if len(all) == 8 {
			return all
		}
	}
}

func TestEd25519KeysThatAreRefused(t *testing.T) {
	for _, b := range torsion(t) {
		_, err := NewEd25519(b)
		wantCode(t, "small order "+hex.EncodeToString(b), err, "public_key_invalid")
		b[31] ^= 0x80 // the other sign is a torsion point too, or x = 0 with a sign
		_, err = NewEd25519(b)
		wantCode(t, "small order, other sign "+hex.EncodeToString(b), err, "public_key_invalid")
	}
	// Every y from p to 2²⁵⁵-1 is a second encoding of a small one.
	for i := range 19 {
		b := bytes.Repeat([]byte{0xff}, 32)
		b[0], b[31] = byte(0xed+i), 0x7f
		_, err := NewEd25519(b)
		wantCode(t, "non-canonical y", err, "public_key_invalid")
		b[31] = 0xff
		_, err = NewEd25519(b)
		wantCode(t, "non-canonical y with sign", err, "public_key_invalid")
	}
	pub, _, _ := ed25519.GenerateKey(rand.Reader)
	for name, b := range map[string][]byte{
		"empty": nil, "31 bytes": pub[:31], "33 bytes": append(bytes.Clone(pub), 0),
	} {
		_, err := NewEd25519(b)
		wantCode(t, name, err, "public_key_invalid")
	}
}

func TestEd25519PointsDecodeExactlyWhenTheCurveSaysSo(t *testing.T) {
	// About half of all small y are on the curve; compare with x² having a root.
	on, off := 0, 0
	for i := int64(2); i < 200; i++ {
		y := big.NewInt(i)
		yy := new(big.Int).Mul(y, y)
		den := new(big.Int).Add(new(big.Int).Mul(edD, yy), big.NewInt(1))
		xx := new(big.Int).Mul(new(big.Int).Sub(yy, big.NewInt(1)), new(big.Int).ModInverse(den, edPrime))
		has := new(big.Int).ModSqrt(xx.Mod(xx, edPrime), edPrime) != nil
		b := make([]byte, 32)
		b[0] = byte(i)
		_, err := NewEd25519(b)
		if has {
			on++
		} else {
			off++
		}
		if (err == nil) != has {
			t.Errorf("y = %d: %v, on the curve: %v", i, err, has)
		}
	}
	if on < 50 || off < 50 {
		t.Errorf("%d on and %d off the curve: the comparison says little", on, off)
	}
}

func TestAlgorithms(t *testing.T) {
	for alg, cose := range map[Algorithm]int{
		ES256: -7, ES384: -35, ES512: -36, ES256K: -47, EdDSA: -8, RS256: -257, RS512: -259,
	} {
		if got, ok := alg.COSE(); got != cose || !ok {
			t.Errorf("%s.COSE() = %d, %v", alg, got, ok)
		}
		if got, ok := FromCOSE(cose); got != alg || !ok {
			t.Errorf("FromCOSE(%d) = %s, %v", cose, got, ok)
		}
	}
	for _, alg := range []Algorithm{ES384WithSHA256, ES512WithSHA256, ES256WithSHA512, ES256KWithSHA512, "", "none"} {
		if n, ok := alg.COSE(); ok {
			t.Errorf("%q has COSE number %d", alg, n)
		}
	}
	for _, n := range []int{0, 7, -37, -65535, -9, 257, 1 << 40} {
		if a, ok := FromCOSE(n); ok {
			t.Errorf("FromCOSE(%d) = %s", n, a)
		}
	}
	if ES512WithSHA256.KeyType() != P521 || Algorithm("x").KeyType() != "" {
		t.Error("KeyType is wrong")
	}
}
