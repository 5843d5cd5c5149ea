package attack_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/publickey"
)

var ctap = func() cbor.EncMode {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

func encode(v any) []byte {
	b, err := ctap.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// object spoils the attestation object as it is sent.
func object(change func([]byte) []byte, codes ...string) spoilt {
	return spoilt{authenticator.Options{Tamper: authenticator.Tamper{
		AttestationObject: func(b []byte) []byte { return change(bytes.Clone(b)) }}}, codes}
}

// instead makes the attestation object anew from its parts.
func instead(make func(statement, authData []byte) []byte, codes ...string) spoilt {
	return object(func(b []byte) []byte {
		var o struct {
			Statement cbor.RawMessage `cbor:"attStmt"`
			AuthData  []byte          `cbor:"authData"`
		}
		if err := cbor.Unmarshal(b, &o); err != nil {
			panic(err)
		}
		return make(o.Statement, encode(o.AuthData))
	}, codes...)
}

func join(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case int:
			b = append(b, byte(p))
		}
	}
	return b
}

func TestSpoiltAttestationObjects(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		const malformed, unsupported = "attestation_malformed", "attestation_format_unsupported"
		raw := func(text string) spoilt { return object(func([]byte) []byte { return []byte(text) }, malformed) }
		const name, stmt, auth = "\x63fmt\x64none", "\x67attStmt", "\x68authData"
		all := map[string]spoilt{
			"JSON":            raw(`{"fmt":"none","attStmt":{},"authData":""}`),
			"one byte":        raw("\xa3"),
			"zero":            raw("\x00"),
			"array":           raw("\x80"),
			"empty map":       raw("\xa0"),
			"null":            raw("\xf6"),
			"undefined":       raw("\xf7"),
			"break":           raw("\xff"),
			"reserved head":   raw("\xbc"),
			"huge map":        raw("\xbb\xff\xff\xff\xff\xff\xff\xff\xff"),
			"huge map of 32":  raw("\xba\xff\xff\xff\xff"),
			"huge text":       raw("\xa3\x7b\xff\xff\xff\xff\xff\xff\xff\xff"),
			"huge bytes":      raw("\xa3\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
			"huge array":      raw("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
			"deep arrays":     raw(strings.Repeat("\x81", 20000)),
			"deep maps":       raw(strings.Repeat("\xa1\x00", 10000)),
			"deep tags":       raw(strings.Repeat("\xc1", 20000)),
			"endless text":    raw("\xa3\x7f" + strings.Repeat("\x61a", 5000)),
			"tagged":          object(func(b []byte) []byte { return join("\xd9\xd9\xf7", b) }, malformed),
			"two":             object(func(b []byte) []byte { return join(b, b) }, malformed),
			"one byte more":   object(func(b []byte) []byte { return join(b, 0) }, malformed),
			"one byte less":   object(func(b []byte) []byte { return b[:len(b)-1] }, malformed),
			"as bytes":        object(encodeBytes, malformed),
			"long head":       object(func(b []byte) []byte { return join("\xb8\x03", b[1:]) }, malformed),
			"indefinite":      object(func(b []byte) []byte { return join(0xbf, b[1:], 0xff) }, malformed),
			"no fmt":          instead(func(s, a []byte) []byte { return join(0xa2, stmt, s, auth, a) }, malformed),
			"no attStmt":      instead(func(s, a []byte) []byte { return join(0xa2, name, auth, a) }, malformed),
			"no authData":     instead(func(s, a []byte) []byte { return join(0xa2, name, stmt, s) }, malformed),
			"fmt twice":       instead(func(s, a []byte) []byte { return join(0xa4, name, name, stmt, s, auth, a) }, malformed),
			"fmt for attStmt": instead(func(s, a []byte) []byte { return join(0xa3, name, name, auth, a) }, malformed),
			"authData twice":  instead(func(s, a []byte) []byte { return join(0xa3, name, auth, a, auth, a) }, malformed),
			"a member more":   instead(func(s, a []byte) []byte { return join(0xa4, name, stmt, s, auth, a, "\x62epZ\x02"[:4]) }, malformed),
			"epAtt":           instead(func(s, a []byte) []byte { return join(0xa4, name, stmt, s, auth, a, "\x65epAtt\xf5") }, malformed),
			"numbered":        instead(func(s, a []byte) []byte { return join(0xa3, "\x01\x64none", "\x02", a, "\x03", s) }, malformed),
			"FMT":             instead(func(s, a []byte) []byte { return join(0xa3, "\x63FMT\x64none", stmt, s, auth, a) }, malformed),
			"fmt as bytes":    instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x44none", stmt, s, auth, a) }, malformed),
			"fmt number":      instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x01", stmt, s, auth, a) }, malformed),
			"fmt not UTF-8":   instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x61\xff", stmt, s, auth, a) }, malformed),
			"fmt in pieces":   instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x7f\x62no\x62ne\xff", stmt, s, auth, a) }, malformed),
			"fmt empty":       instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x60", stmt, s, auth, a) }, unsupported),
			"fmt None":        instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x64None", stmt, s, auth, a) }, unsupported),
			"fmt with NUL":    instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x65none\x00", stmt, s, auth, a) }, unsupported),
			"fmt with space":  instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x65none ", stmt, s, auth, a) }, unsupported),
			"fmt safetynet":   instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x71android-safetynet", stmt, s, auth, a) }, unsupported),
			"fmt compound":    instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt\x68compound", stmt, "\x80", auth, a) }, malformed),
			"fmt of a page": instead(func(s, a []byte) []byte {
				return join(0xa3, "\x63fmt\x78\x19<script>alert(1)</script>", stmt, s, auth, a)
			}, unsupported),
			"attStmt array":          instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, 0x80, auth, a) }, malformed),
			"attStmt null":           instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, 0xf6, auth, a) }, malformed),
			"attStmt bytes":          instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, 0x40, auth, a) }, malformed),
			"attStmt not empty":      instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, "\xa1\x61a\x01", auth, a) }, malformed),
			"attStmt deep":           instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, strings.Repeat("\x81", 3000), 0, auth, a) }, malformed),
			"authData text":          instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, s, auth, "\x60") }, malformed),
			"authData null":          instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, s, auth, 0xf6) }, malformed),
			"authData empty":         instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, s, auth, 0x40) }, "authenticator_data_malformed"),
			"authData twice encoded": instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, s, auth, encodeBytes(a)) }, ""),
			"authData in pieces":     instead(func(s, a []byte) []byte { return join(0xa3, name, stmt, s, auth, 0x5f, a, 0xff) }, malformed),
		}
		for name, format := range map[string]string{"packed": "\x66packed", "tpm": "\x63tpm", "android-key": "\x6bandroid-key", "fido-u2f": "\x68fido-u2f", "apple": "\x65apple"} {
			all["empty statement of "+name] = instead(func(s, a []byte) []byte { return join(0xa3, "\x63fmt", format, stmt, 0xa0, auth, a) }, malformed)
		}
		for name, s := range all {
			if len(s.codes) == 1 && s.codes[0] == "" {
				s.codes = nil
				all[name] = s
			}
		}
		refuseAll(t, h, all)
	})
}

func encodeBytes(b []byte) []byte { return encode(b) }

// key spoils the credential key before authenticator data is signed.
func key(o authenticator.Options, change func([]byte) []byte, codes ...string) spoilt {
	o.Tamper.CredentialKey = change
	return spoilt{o, codes}
}

// coseWith changes members of a COSE key; nil takes one away.
func coseWith(changes map[int]any) func([]byte) []byte {
	return func(b []byte) []byte {
		m := map[int]any{}
		if err := cbor.Unmarshal(b, &m); err != nil {
			panic(err)
		}
		for label, v := range changes {
			if v == nil {
				delete(m, label)
			} else {
				m[label] = v
			}
		}
		return encode(m)
	}
}

func TestSpoiltCredentialKeys(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		const malformed, invalid, offered = "authenticator_data_malformed", "credential_key_invalid", "algorithm_not_offered"
		es256, ed, rs := authenticator.Options{}, authenticator.Options{Algorithm: publickey.EdDSA}, authenticator.Options{Algorithm: publickey.RS256}
		es384, es512 := authenticator.Options{Algorithm: publickey.ES384}, authenticator.Options{Algorithm: publickey.ES512}
		with := func(o authenticator.Options, changes map[int]any, codes ...string) spoilt {
			return key(o, coseWith(changes), codes...)
		}
		p := elliptic.P256().Params()
		x, y := p.Gx.FillBytes(make([]byte, 32)), p.Gy.FillBytes(make([]byte, 32))
		off := bytes.Clone(y)
		off[31] ^= 1
		even := new(big.Int).Lsh(big.NewInt(1), 2047).Bytes()
		odd := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 2047), big.NewInt(1)).Bytes()
		small, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Fatal(err)
		}
		big8k := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 16383), big.NewInt(1)).Bytes()

		all := map[string]spoilt{
			"no map":                   key(es256, func([]byte) []byte { return []byte{0x01} }, malformed),
			"empty map":                key(es256, func([]byte) []byte { return []byte{0xa0} }, malformed),
			"null":                     key(es256, func([]byte) []byte { return []byte{0xf6} }, malformed),
			"array":                    key(es256, func([]byte) []byte { return []byte{0x80} }, malformed),
			"huge map":                 key(es256, func([]byte) []byte { return []byte{0xbb, 255, 255, 255, 255, 255, 255, 255, 255} }, malformed),
			"tagged":                   key(es256, func(b []byte) []byte { return join(0xc1, b) }, malformed),
			"indefinite":               key(es256, func(b []byte) []byte { return join(0xbf, b[1:], 0xff) }, malformed),
			"twice":                    key(es256, func(b []byte) []byte { return join(b, b) }, malformed),
			"member twice":             key(es256, func(b []byte) []byte { return join(0xa6, b[1:3], b[1:]) }, malformed),
			"alg twice":                key(es256, func(b []byte) []byte { return join(0xa6, b[1:5], b[3:]) }, malformed),
			"unordered":                key(es256, func(b []byte) []byte { return join(b[:1], b[3:5], b[1:3], b[5:]) }, malformed),
			"long integer":             key(es256, func(b []byte) []byte { return join(b[:1], 0x18, 0x01, b[2:]) }, malformed),
			"PEM":                      key(es256, func([]byte) []byte { return encode("-----BEGIN PUBLIC KEY-----") }, malformed),
			"no kty":                   with(es256, map[int]any{1: nil}, malformed),
			"no alg":                   with(es256, map[int]any{3: nil}, malformed),
			"no crv":                   with(es256, map[int]any{-1: nil}, malformed),
			"no x":                     with(es256, map[int]any{-2: nil}, malformed),
			"no y":                     with(es256, map[int]any{-3: nil}, malformed),
			"private key":              with(es256, map[int]any{-4: bytes.Repeat([]byte{1}, 32)}, malformed),
			"kid":                      with(es256, map[int]any{2: []byte("kid")}, malformed),
			"key_ops":                  with(es256, map[int]any{4: []int{1, 2}}, malformed),
			"base IV":                  with(es256, map[int]any{5: []byte{0}}, malformed),
			"kty as text":              with(es256, map[int]any{1: "EC2"}, malformed),
			"kty symmetric":            with(es256, map[int]any{1: 4}, malformed),
			"kty zero":                 with(es256, map[int]any{1: 0}, malformed),
			"kty huge":                 with(es256, map[int]any{1: uint64(1) << 63}, malformed),
			"kty OKP":                  with(es256, map[int]any{1: 1}, malformed),
			"kty RSA":                  with(es256, map[int]any{1: 3}, malformed),
			"alg as text":              with(es256, map[int]any{3: "ES256"}, malformed),
			"alg float":                with(es256, map[int]any{3: -7.5}, malformed),
			"alg zero":                 with(es256, map[int]any{3: 0}, offered),
			"alg ES256K":               with(es256, map[int]any{3: -47}, offered),
			"alg PS256":                with(rs, map[int]any{3: -37}, offered),
			"alg RS1":                  with(rs, map[int]any{3: -65535}, offered),
			"alg RS512":                with(rs, map[int]any{3: -259}, offered),
			"alg Ed448":                with(ed, map[int]any{3: -53}, offered),
			"alg ESP256":               with(es256, map[int]any{3: -9}, offered),
			"alg HMAC":                 with(es256, map[int]any{3: 5}, offered),
			"alg positive":             with(es256, map[int]any{3: 7}, offered),
			"alg beyond 32 bits":       with(es256, map[int]any{3: int64(-7) - 1<<32}, offered),
			"alg of EdDSA":             with(es256, map[int]any{3: -8}, invalid),
			"alg of RSA":               with(es256, map[int]any{3: -257}, invalid),
			"alg of P-384":             with(es256, map[int]any{3: -35}, invalid),
			"alg of P-256 on P-384":    with(es384, map[int]any{3: -7}, invalid),
			"alg of P-256 on RSA":      with(rs, map[int]any{3: -7}, invalid),
			"alg of P-256 on Ed25519":  with(ed, map[int]any{3: -7}, invalid),
			"curve P-384":              with(es256, map[int]any{-1: 2}, invalid),
			"curve P-521":              with(es256, map[int]any{-1: 3}, invalid),
			"curve secp256k1":          with(es256, map[int]any{-1: 8}, invalid),
			"curve zero":               with(es256, map[int]any{-1: 0}, invalid),
			"curve as text":            with(es256, map[int]any{-1: "P-256"}, malformed),
			"curve X25519":             with(ed, map[int]any{-1: 4}, invalid),
			"curve Ed448":              with(ed, map[int]any{-1: 7}, invalid),
			"off the curve":            with(es256, map[int]any{-2: x, -3: off}, invalid),
			"swapped":                  with(es256, map[int]any{-2: y, -3: x}, invalid),
			"zero point":               with(es256, map[int]any{-2: make([]byte, 32), -3: make([]byte, 32)}, invalid),
			"point at infinity":        with(es256, map[int]any{-2: []byte{}, -3: []byte{}}, invalid),
			"beyond the field":         with(es256, map[int]any{-2: bytes.Repeat([]byte{255}, 32)}, invalid),
			"x plus p":                 with(es256, map[int]any{-2: new(big.Int).Add(p.P, big.NewInt(5)).Bytes()}, invalid),
			"x too short":              with(es256, map[int]any{-2: x[1:], -3: y}, invalid),
			"x too long":               with(es256, map[int]any{-2: append([]byte{0}, x...), -3: y}, invalid),
			"x huge":                   with(es256, map[int]any{-2: make([]byte, 5000)}, invalid),
			"compressed":               with(es256, map[int]any{-3: true}, malformed),
			"whole point as x":         with(es256, map[int]any{-2: join(4, x, y)}, invalid),
			"x as text":                with(es256, map[int]any{-2: string(bytes.Repeat([]byte("a"), 32))}, malformed),
			"off the curve P-384":      with(es384, map[int]any{-2: bytes.Repeat([]byte{1}, 48)}, invalid),
			"off the curve P-521":      with(es512, map[int]any{-2: bytes.Repeat([]byte{1}, 66)}, invalid),
			"P-521 too short":          with(es512, map[int]any{-2: bytes.Repeat([]byte{1}, 65)}, invalid),
			"Ed25519 with y":           with(ed, map[int]any{-3: make([]byte, 32)}, malformed),
			"Ed25519 private":          with(ed, map[int]any{-4: make([]byte, 32)}, malformed),
			"Ed25519 too short":        with(ed, map[int]any{-2: make([]byte, 31)}, invalid),
			"Ed25519 too long":         with(ed, map[int]any{-2: make([]byte, 57)}, invalid),
			"Ed25519 zero":             with(ed, map[int]any{-2: make([]byte, 32)}, invalid),
			"Ed25519 identity":         with(ed, map[int]any{-2: append([]byte{1}, make([]byte, 31)...)}, invalid),
			"Ed25519 of order 8":       with(ed, map[int]any{-2: unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")}, invalid),
			"Ed25519 not canonical":    with(ed, map[int]any{-2: append(bytes.Repeat([]byte{255}, 31), 0x7f)}, invalid),
			"Ed25519 off the curve":    with(ed, map[int]any{-2: append([]byte{2}, make([]byte, 31)...)}, invalid),
			"RSA without e":            with(rs, map[int]any{-2: nil}, malformed),
			"RSA private":              with(rs, map[int]any{-3: []byte{1}}, malformed),
			"RSA of 1024 bits":         with(rs, map[int]any{-1: small.N.Bytes()}, invalid),
			"RSA of 2047 bits":         with(rs, map[int]any{-1: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 2046), big.NewInt(1)).Bytes()}, invalid),
			"RSA of 16384 bits":        with(rs, map[int]any{-1: big8k}, invalid),
			"RSA even":                 with(rs, map[int]any{-1: even}, invalid),
			"RSA with a small factor":  with(rs, map[int]any{-1: new(big.Int).Mul(big.NewInt(3), new(big.Int).SetBytes(odd)).Bytes()}, invalid),
			"RSA one":                  with(rs, map[int]any{-1: []byte{1}}, invalid),
			"RSA empty":                with(rs, map[int]any{-1: []byte{}}, invalid),
			"RSA leading zero":         with(rs, map[int]any{-1: append([]byte{0}, odd...)}, invalid),
			"RSA exponent 0":           with(rs, map[int]any{-2: []byte{0}}, invalid),
			"RSA exponent 1":           with(rs, map[int]any{-2: []byte{1}}, invalid),
			"RSA exponent 2":           with(rs, map[int]any{-2: []byte{2}}, invalid),
			"RSA exponent even":        with(rs, map[int]any{-2: []byte{1, 0, 0}}, invalid),
			"RSA exponent empty":       with(rs, map[int]any{-2: []byte{}}, invalid),
			"RSA exponent zero before": with(rs, map[int]any{-2: []byte{0, 1, 0, 1}}, invalid),
			"RSA exponent huge":        with(rs, map[int]any{-2: bytes.Repeat([]byte{255}, 256)}, invalid),
			"RSA exponent of 33 bits":  with(rs, map[int]any{-2: []byte{1, 0, 0, 0, 1}}, invalid),
		}
		refuseAll(t, h, all)
	})
}

func sum256(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
