package webauthn

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"slices"
	"testing"
)

// ec2 is a COSE_Key of type EC2 with any content.
func ec2(alg, crv int64, x, y []byte) []byte {
	return cMap(cInt(1), cInt(2), cInt(3), cInt(alg), cInt(-1), cInt(crv), cInt(-2), x, cInt(-3), y)
}

func okp(alg, crv int64, x []byte) []byte {
	return cMap(cInt(1), cInt(1), cInt(3), cInt(alg), cInt(-1), cInt(crv), cInt(-2), x)
}

func rsaCOSE(n, e []byte) []byte {
	return cMap(cInt(1), cInt(3), cInt(3), cInt(-257), cInt(-1), cBytes(n), cInt(-2), cBytes(e))
}

// TestCOSEKeyMalformed has keys that are not the one CBOR map they must be.
func TestCOSEKeyMalformed(t *testing.T) {
	x, y := coordinates(&p256Key().PublicKey)
	cx, cy := cBytes(x), cBytes(y)
	for name, cose := range map[string][]byte{
		"empty map":              cMap(),
		"no kty":                 cMap(cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy),
		"no alg":                 cMap(cInt(1), cInt(2), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy),
		"no crv":                 cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(-2), cx, cInt(-3), cy),
		"no x":                   cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-3), cy),
		"no y":                   cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx),
		"compressed, y true":     ec2(-7, 1, cx, []byte{0xf5}),
		"compressed, y false":    ec2(-7, 1, cx, []byte{0xf4}),
		"y null":                 ec2(-7, 1, cx, []byte{0xf6}),
		"x text":                 ec2(-7, 1, cText("x"), cy),
		"x bignum":               ec2(-7, 1, append([]byte{0xc2}, cx...), cy),
		"kty text":               cMap(cInt(1), cText("EC2"), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy),
		"alg text":               cMap(cInt(1), cInt(2), cInt(3), cText("ES256"), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy),
		"crv text":               cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(-1), cText("P-256"), cInt(-2), cx, cInt(-3), cy),
		"labels as text":         cMap(cText("1"), cInt(2), cText("3"), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy),
		"symmetric":              cMap(cInt(1), cInt(4), cInt(3), cInt(5), cInt(-1), cBytes(x)),
		"kty 0":                  cMap(cInt(1), cInt(0), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy),
		"private part d":         cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy, cInt(-4), cx),
		"OKP with d":             cMap(cInt(1), cInt(1), cInt(3), cInt(-8), cInt(-1), cInt(6), cInt(-2), cx, cInt(-4), cx),
		"OKP with y":             cMap(cInt(1), cInt(1), cInt(3), cInt(-8), cInt(-1), cInt(6), cInt(-2), cx, cInt(-3), cy),
		"RSA with d":             cMap(cInt(1), cInt(3), cInt(3), cInt(-257), cInt(-1), cBytes(rsaKey().N.Bytes()), cInt(-2), cBytes([]byte{1, 0, 1}), cInt(-3), cx),
		"RSA without e":          cMap(cInt(1), cInt(3), cInt(3), cInt(-257), cInt(-1), cBytes(rsaKey().N.Bytes())),
		"kid":                    cMap(cInt(1), cInt(2), cInt(2), cBytes([]byte("kid")), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy),
		"key_ops":                cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(4), cArray(cInt(2)), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy),
		"unknown member":         cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy, cText("x"), cInt(1)),
		"x twice":                cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx, cInt(-2), cx),
		"alg twice":              cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-2), cx),
		"alg first":              cMap(cInt(3), cInt(-7), cInt(1), cInt(2), cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy),
		"negative labels first":  cMap(cInt(-1), cInt(1), cInt(-2), cx, cInt(-3), cy, cInt(1), cInt(2), cInt(3), cInt(-7)),
		"y before x":             cMap(cInt(1), cInt(2), cInt(3), cInt(-7), cInt(-1), cInt(1), cInt(-3), cy, cInt(-2), cx),
		"six members announced":  append([]byte{0xa6}, ec2(-7, 1, cx, cy)[1:]...),
		"four members announced": append([]byte{0xa4}, ec2(-7, 1, cx, cy)[1:]...),
		"label not shortest":     slices.Concat([]byte{0xa5, 0x18, 0x01}, ec2(-7, 1, cx, cy)[2:]),
		"alg not shortest":       slices.Concat([]byte{0xa5, 1, 2, 3, 0x38, 0x06}, ec2(-7, 1, cx, cy)[5:]),
		"indefinite":             append(append([]byte{0xbf}, ec2(-7, 1, cx, cy)[1:]...), 0xff),
		"alg of 2^63":            slices.Concat([]byte{0xa5, 1, 2, 3}, unhex("1b8000000000000000"), ec2(-7, 1, cx, cy)[5:]),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCeremony()
			c.cose = cose
			c.refused(t, CodeAuthenticatorDataMalformed)
		})
	}
}

// TestCOSEKeyUnsound has well-formed maps that are no sound key of an offered algorithm.
func TestCOSEKeyUnsound(t *testing.T) {
	x, y := coordinates(&p256Key().PublicKey)
	x3, y3 := coordinates(&p384Key().PublicKey)
	ed := cBytes(edKey().Public().(ed25519.PublicKey))
	p := elliptic.P256().Params().P
	offCurve := bytes.Clone(y)
	offCurve[31] ^= 1
	n := rsaKey().N.Bytes()
	exponent := []byte{1, 0, 1}
	for name, cose := range map[string][]byte{
		"ES256 on P-384":           ec2(-7, 2, cBytes(x3), cBytes(y3)),
		"ES256 with P-384's point": ec2(-7, 1, cBytes(x3), cBytes(y3)),
		"ES384 on P-256":           ec2(-35, 1, cBytes(x), cBytes(y)),
		"ES512 with P-256's point": ec2(-36, 3, cBytes(x), cBytes(y)),
		"ES256 on secp256k1":       ec2(-7, 8, cBytes(x), cBytes(y)),
		"ES256 on Ed25519":         ec2(-7, 6, cBytes(x), cBytes(y)),
		"EdDSA as EC2":             ec2(-8, 1, cBytes(x), cBytes(y)),
		"RS256 as EC2":             ec2(-257, 1, cBytes(x), cBytes(y)),
		"ES256 as OKP":             okp(-7, 6, ed),
		"ES256 as OKP on P-256":    okp(-7, 1, ed),
		"EdDSA as EC2 on Ed25519":  ec2(-8, 6, cBytes(x), cBytes(y)),
		"RS256 as EC2 on no curve": ec2(-257, 0, cBytes(x), cBytes(y)),
		"RS256 as OKP on no curve": okp(-257, 0, ed),
		"RS256 as OKP":             okp(-257, 6, ed),
		"EdDSA on X25519":          okp(-8, 4, ed),
		"EdDSA on Ed448":           okp(-8, 7, cBytes(make([]byte, 57))),
		"ES256 as RSA":             cMap(cInt(1), cInt(3), cInt(3), cInt(-7), cInt(-1), cBytes(n), cInt(-2), cBytes(exponent)),

		"off the curve":      ec2(-7, 1, cBytes(x), cBytes(offCurve)),
		"infinity":           ec2(-7, 1, cBytes(make([]byte, 32)), cBytes(make([]byte, 32))),
		"empty coordinates":  ec2(-7, 1, cBytes(nil), cBytes(nil)),
		"short x":            ec2(-7, 1, cBytes(x[1:]), cBytes(y)),
		"long x":             ec2(-7, 1, cBytes(append([]byte{0}, x...)), cBytes(y)),
		"x and y in one":     ec2(-7, 1, cBytes(append(bytes.Clone(x), y...)), cBytes(nil)),
		"x over the field":   ec2(-7, 1, cBytes(bytes.Repeat([]byte{0xff}, 32)), cBytes(y)),
		"x of p, which is 0": ec2(-7, 1, cBytes(p.Bytes()), cBytes(y)),
		"SEC1 point for x":   ec2(-7, 1, cBytes(append([]byte{4}, x...)), cBytes(y)),
		"Ed25519 of order 1": okp(-8, 6, cBytes(append([]byte{1}, make([]byte, 31)...))),
		"Ed25519 of order 4": okp(-8, 6, cBytes(make([]byte, 32))),
		"Ed25519 short":      okp(-8, 6, cBytes(make([]byte, 31))),
		"Ed25519 long":       okp(-8, 6, cBytes(make([]byte, 33))),
		"Ed25519 off curve":  okp(-8, 6, cBytes(append([]byte{2}, make([]byte, 31)...))),
		"Ed25519 over field": okp(-8, 6, cBytes(bytes.Repeat([]byte{0xff}, 32))),

		"RSA of 1024 bits":       rsaCOSE(n[:128], exponent),
		"RSA, leading zero":      rsaCOSE(append([]byte{0}, n...), exponent),
		"RSA, even modulus":      rsaCOSE(append(bytes.Clone(n[:255]), n[255]&^1), exponent),
		"RSA, empty modulus":     rsaCOSE(nil, exponent),
		"RSA, exponent 1":        rsaCOSE(n, []byte{1}),
		"RSA, exponent 0":        rsaCOSE(n, nil),
		"RSA, exponent 3":        rsaCOSE(n, []byte{3}),
		"RSA, exponent 17":       rsaCOSE(n, []byte{17}),
		"RSA, exponent 257":      rsaCOSE(n, []byte{1, 1}),
		"RSA, exponent 65535":    rsaCOSE(n, []byte{0xff, 0xff}),
		"RSA, even exponent":     rsaCOSE(n, []byte{1, 0, 0}),
		"RSA, huge exponent":     rsaCOSE(n, bytes.Repeat([]byte{0xff}, 256)),
		"RSA, exponent with a 0": rsaCOSE(n, []byte{0, 1, 0, 1}),
		"RSA of 16384 bits":      rsaCOSE(bytes.Repeat([]byte{0xff}, 2048), exponent),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCeremony()
			c.cose = cose
			c.refused(t, CodeCredentialKeyInvalid)
		})
	}
}

// TestUnsupportedCOSEAlgorithms has algorithms that are refused although they were offered.
func TestUnsupportedCOSEAlgorithms(t *testing.T) {
	x, y := coordinates(&p256Key().PublicKey)
	for _, alg := range []int64{-47, -65535, -37, -53, -259, -9, -19, 0, 5, -1 << 31, 1 << 40, -7 - 1<<32} {
		for _, crv := range []int64{1, 8} {
			c := newCeremony()
			c.cose = ec2(alg, crv, cBytes(x), cBytes(y))
			c.refused(t, CodeAlgorithmNotOffered)
			c.policy.Algorithms = append(c.policy.Algorithms, int(alg))
			c.refused(t, CodeCredentialKeyInvalid)
		}
	}
}
