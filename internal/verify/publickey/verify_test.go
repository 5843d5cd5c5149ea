package publickey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"math/big"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k1ecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/countersign/countersign/api"
)

func wantAnyCode(t *testing.T, err error) {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) || e.Kind != api.Invalid || e.Code == "" || e.Message == "" || e.Rule == "" {
		t.Errorf("%#v is not a full refusal", err)
	}
}

// signer makes signatures with the standard library, or with dcrec for secp256k1.
type signer struct {
	alg  Algorithm
	key  *Key
	sign func(message []byte) []byte
}

func digest(h crypto.Hash, message []byte) []byte {
	w := h.New()
	w.Write(message)
	return w.Sum(nil)
}

func signers(t testing.TB) []signer {
	t.Helper()
	var out []signer
	for _, c := range []struct {
		curve elliptic.Curve
		name  string
		algs  map[Algorithm]crypto.Hash
	}{
		{elliptic.P256(), P256, map[Algorithm]crypto.Hash{ES256: crypto.SHA256, ES256WithSHA512: crypto.SHA512}},
		{elliptic.P384(), P384, map[Algorithm]crypto.Hash{ES384: crypto.SHA384, ES384WithSHA256: crypto.SHA256, ES384WithSHA512: crypto.SHA512}},
		{elliptic.P521(), P521, map[Algorithm]crypto.Hash{ES512: crypto.SHA512, ES512WithSHA256: crypto.SHA256}},
	} {
		private := newEC(t, c.curve)
		x, y := point(t, &private.PublicKey)
		key, err := NewECDSA(c.name, x, y)
		if err != nil {
			t.Fatal(err)
		}
		for alg, h := range c.algs {
			out = append(out, signer{alg, key, func(m []byte) []byte {
				s, err := ecdsa.SignASN1(rand.Reader, private, digest(h, m))
				if err != nil {
					t.Fatal(err)
				}
				return s
			}})
		}
	}
	k1, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	pub := k1.PubKey().SerializeUncompressed()
	k1Key, err := NewECDSA(Secp256k1, pub[1:33], pub[33:])
	if err != nil {
		t.Fatal(err)
	}
	edPub, edPrivate, _ := ed25519.GenerateKey(rand.Reader)
	edKey, err := NewEd25519(edPub)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := NewRSA(testRSA().N.Bytes(), big.NewInt(int64(testRSA().E)).Bytes())
	if err != nil {
		t.Fatal(err)
	}
	signRSA := func(h crypto.Hash) func([]byte) []byte {
		return func(m []byte) []byte {
			s, err := rsa.SignPKCS1v15(nil, testRSA(), h, digest(h, m))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	return append(out,
		signer{ES256K, k1Key, func(m []byte) []byte { d := sha256.Sum256(m); return k1ecdsa.Sign(k1, d[:]).Serialize() }},
		signer{ES256KWithSHA512, k1Key, func(m []byte) []byte { d := sha512.Sum512(m); return k1ecdsa.Sign(k1, d[:32]).Serialize() }},
		signer{EdDSA, edKey, func(m []byte) []byte { return ed25519.Sign(edPrivate, m) }},
		signer{RS256, rsaKey, signRSA(crypto.SHA256)},
		signer{RS512, rsaKey, signRSA(crypto.SHA512)})
}

func TestSignatures(t *testing.T) {
	message := []byte("transfer one coin to Ada")
	all := signers(t)
	tried := map[Algorithm]bool{}
	for _, s := range all {
		tried[s.alg] = true
		sig := s.sign(message)
		if err := s.key.Verify(s.alg, message, sig); err != nil {
			t.Errorf("%s: %v", s.alg, err)
			continue
		}
		wantCode(t, string(s.alg)+" of another message", s.key.Verify(s.alg, []byte("transfer ten"), sig), "signature_invalid")
		for i := range sig {
			changed := bytes.Clone(sig)
			changed[i] ^= 1
			if s.key.Verify(s.alg, message, changed) == nil {
				t.Errorf("%s: byte %d of the signature changed, still accepted", s.alg, i)
			}
			if s.key.Verify(s.alg, message, sig[:i]) == nil {
				t.Errorf("%s: a signature cut to %d bytes is accepted", s.alg, i)
			}
		}
		for _, extra := range []byte{0, 1, 0xff} {
			wantCode(t, string(s.alg)+" with a byte after",
				s.key.Verify(s.alg, message, append(bytes.Clone(sig), extra)), "signature_malformed")
		}
		wantCode(t, string(s.alg)+" empty", s.key.Verify(s.alg, message, nil), "signature_malformed")
		// Under every other algorithm the same bytes must fail, whatever the reason.
		for _, other := range all {
			if other.alg != s.alg && s.key.Verify(other.alg, message, sig) == nil {
				t.Errorf("a signature of %s is accepted as %s", s.alg, other.alg)
			}
		}
		for _, alg := range []Algorithm{"", "none", "HS256", "es256"} {
			wantCode(t, "unknown algorithm", s.key.Verify(alg, message, sig), "signature_algorithm_mismatch")
		}
	}
	if len(tried) != len(schemes) {
		t.Errorf("%d of %d algorithms tried", len(tried), len(schemes))
	}
}

func derSignature(r, s *big.Int) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(r)
		b.AddASN1BigInt(s)
	})
	return b.BytesOrPanic()
}

// In ECDSA n-s may replace s. All other bytes are fixed.
func TestECDSASignaturesHaveOneEncoding(t *testing.T) {
	message := []byte("message")
	for _, sg := range signers(t) {
		c, ok := curves[sg.key.Type()]
		if !ok {
			continue
		}
		r, s, err := parseECDSASignature(sg.sign(message), c.order)
		if err != nil {
			t.Fatal(err)
		}
		flipped := sub(c.order, s)
		if err := sg.key.Verify(sg.alg, message, derSignature(r, flipped)); err != nil {
			t.Errorf("%s: the other half of s: %v", sg.alg, err)
		}
		one, zero := big.NewInt(1), big.NewInt(0)
		for name, sig := range map[string][]byte{
			"r zero":              derSignature(zero, s),
			"s zero":              derSignature(r, zero),
			"both zero":           derSignature(zero, zero),
			"r the order":         derSignature(c.order, s),
			"s the order":         derSignature(r, c.order),
			"r plus the order":    derSignature(new(big.Int).Add(r, c.order), s),
			"s plus the order":    derSignature(r, new(big.Int).Add(s, c.order)),
			"negative r":          derSignature(new(big.Int).Neg(r), s),
			"negative s":          derSignature(r, new(big.Int).Neg(s)),
			"r minus the order":   derSignature(sub(r, c.order), s),
			"huge r":              derSignature(new(big.Int).Lsh(one, 4000), s),
			"three integers":      addInside(derSignature(r, s), []byte{2, 1, 1}),
			"a NULL inside":       addInside(derSignature(r, s), []byte{5, 0}),
			"one integer":         {0x30, 3, 2, 1, 1},
			"empty sequence":      {0x30, 0},
			"empty integers":      {0x30, 4, 2, 0, 2, 0},
			"a set":               append([]byte{0x31}, derSignature(r, s)[1:]...),
			"indefinite":          append(append([]byte{0x30, 0x80}, derSignature(r, s)[2:]...), 0, 0),
			"padded r":            paddedR(r, s),
			"raw r and s":         append(r.FillBytes(make([]byte, c.size)), s.FillBytes(make([]byte, c.size))...),
			"length in two forms": longLength(derSignature(r, s)),
		} {
			wantCode(t, string(sg.alg)+", "+name, sg.key.Verify(sg.alg, message, sig), "signature_malformed")
		}
		wantCode(t, "r and s of one", sg.key.Verify(sg.alg, message, derSignature(one, one)), "signature_invalid")
	}
}

// content returns what is inside the outer SEQUENCE.
func content(der []byte) []byte {
	in, body := cryptobyte.String(der), cryptobyte.String(nil)
	in.ReadASN1(&body, cbasn1.SEQUENCE)
	return body
}

func sequence(body []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(body) })
	return b.BytesOrPanic()
}

func addInside(der, extra []byte) []byte {
	return sequence(append(bytes.Clone(content(der)), extra...))
}

// paddedR writes r with one zero byte more than DER allows.
func paddedR(r, s *big.Int) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.INTEGER, func(b *cryptobyte.Builder) {
		b.AddBytes([]byte{0, 0})
		b.AddBytes(r.Bytes())
	})
	b.AddASN1BigInt(s)
	return sequence(b.BytesOrPanic())
}

// longLength writes the length of the sequence with one byte more than it needs.
func longLength(der []byte) []byte {
	body := content(der)
	if len(body) < 128 {
		return append([]byte{0x30, 0x81, byte(len(body))}, body...)
	}
	return append([]byte{0x30, 0x82, 0, byte(len(body))}, body...)
}

func TestRSASignaturesOfOtherShapesAreRefused(t *testing.T) {
	key, err := NewRSA(testRSA().N.Bytes(), []byte{1, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	d := sha256.Sum256(message)
	good, _ := rsa.SignPKCS1v15(nil, testRSA(), crypto.SHA256, d[:])
	pss, _ := rsa.SignPSS(rand.Reader, testRSA(), crypto.SHA256, d[:], nil)
	unhashed, _ := rsa.SignPKCS1v15(nil, testRSA(), crypto.Hash(0), d[:]) // no DigestInfo
	other := testRSA().N.Bytes()
	sum := new(big.Int).Add(new(big.Int).SetBytes(good), testRSA().N)
	for name, sig := range map[string][]byte{
		"PSS": pss, "without DigestInfo": unhashed, "the modulus": other,
		"zeros": make([]byte, 256), "ones": bytes.Repeat([]byte{0xff}, 256),
	} {
		wantCode(t, name, key.Verify(RS256, message, sig), "signature_invalid")
	}
	wantCode(t, "leading zero", key.Verify(RS256, message, append([]byte{0}, good...)), "signature_malformed")
	if b := sum.Bytes(); len(b) == 256 { // only when it fits; otherwise the length refuses it
		wantCode(t, "plus the modulus", key.Verify(RS256, message, b), "signature_invalid")
	} else {
		wantCode(t, "plus the modulus", key.Verify(RS256, message, b), "signature_malformed")
	}
}

func TestEd25519SignaturesHaveOneEncoding(t *testing.T) {
	pub, private, _ := ed25519.GenerateKey(rand.Reader)
	key, err := NewEd25519(pub)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	sig := ed25519.Sign(private, message)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := new(big.Int).Add(littleEndian(sig[32:]), order).FillBytes(make([]byte, 32))
	second := bytes.Clone(sig)
	for i := range 32 {
		second[32+i] = s[31-i]
	}
	wantCode(t, "s plus the order", key.Verify(EdDSA, message, second), "signature_invalid")
	wantCode(t, "zeros", key.Verify(EdDSA, message, make([]byte, 64)), "signature_invalid")
}

func FuzzECDSASignature(f *testing.F) {
	all := signers(f)
	for _, s := range all {
		f.Add(s.sign([]byte("message")))
	}
	f.Fuzz(func(t *testing.T, sig []byte) {
		for _, c := range curves {
			r, s, err := parseECDSASignature(sig, c.order)
			if err != nil {
				wantAnyCode(t, err)
				continue
			}
			if !bytes.Equal(derSignature(r, s), sig) {
				t.Errorf("%x is not the encoding of what was read", sig)
			}
		}
	})
}

func BenchmarkVerifyES256(b *testing.B) {
	for _, s := range signers(b) {
		if s.alg != ES256 {
			continue
		}
		message := make([]byte, 200)
		sig := s.sign(message)
		for b.Loop() {
			if err := s.key.Verify(ES256, message, sig); err != nil {
				b.Fatal(err)
			}
		}
	}
}
