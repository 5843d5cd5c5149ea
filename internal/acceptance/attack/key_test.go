package attack_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// signer spoils a key signer before it makes a credential.
type signer struct {
	keyType string
	kind    string
	spoil   func(*authenticator.KeySigner)
	after   func(*api.CredentialAttestation)
	codes   []string
}

func refuseSigners(t *testing.T, h *world.Organisation, all map[string]signer) {
	t.Helper()
	g := h.Invitee(t)
	ready := map[string]*authenticator.KeySigner{} // RSA keys take time
	for name, s := range all {
		c := g.Begin(t)
		if s.keyType == "" {
			s.keyType = publickey.P256
		}
		if s.kind == "" {
			s.kind = api.KindKey
		}
		if ready[s.keyType] == nil {
			ready[s.keyType] = authenticator.NewKeySigner(s.keyType)
		}
		k := *ready[s.keyType]
		if s.spoil != nil {
			s.spoil(&k)
		}
		made := k.Create(c.Challenge, s.kind)
		if s.after != nil {
			s.after(&made)
		}
		a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(made))
		ok := !t.Failed()
		h.Refused(t, a, s.codes, c.Challenge, c.TemporaryAuthenticationToken, g.RegistrationCode, g.UserID)
		if ok && t.Failed() {
			t.Errorf("… that was %q", name)
		}
	}
	g.Registers(t)
}

func spki(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func armour(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func der(t *testing.T, v any) []byte {
	t.Helper()
	b, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// info is a SubjectPublicKeyInfo with parameters as they are.
type info struct {
	Algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	Key asn1.BitString
}

func infoOf(t *testing.T, oid asn1.ObjectIdentifier, parameters, key []byte) []byte {
	t.Helper()
	var i info
	i.Algorithm.OID = oid
	i.Algorithm.Parameters = asn1.RawValue{FullBytes: parameters}
	i.Key = asn1.BitString{Bytes: key, BitLength: 8 * len(key)}
	return der(t, i)
}

func TestSpoiltPublicKeys(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		const invalid = "credential_key_invalid"
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		good := spki(t, k.Public())
		r, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		weak, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Fatal(err)
		}
		p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		sec1, err := x509.MarshalECPrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		ec, prime256, k1 := asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, asn1.ObjectIdentifier{1, 3, 132, 0, 10}
		rsaOID, ed := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, asn1.ObjectIdentifier{1, 3, 101, 112}
		null := []byte{5, 0}
		point := good[len(good)-65:]
		off := bytes.Clone(point)
		off[64] ^= 1
		n := func(n *big.Int, e int64) []byte {
			return der(t, struct {
				N *big.Int
				E *big.Int
			}{n, big.NewInt(e)})
		}
		odd := func(bits uint) *big.Int {
			return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bits-1), big.NewInt(1))
		}

		all := map[string]signer{}
		text := func(name, text string) {
			all[name] = signer{spoil: func(s *authenticator.KeySigner) { s.PEM = text }, codes: world.Codes(invalid)}
		}
		body := func(name string, der []byte) { text(name, armour("PUBLIC KEY", der)) }

		whole := armour("PUBLIC KEY", good)
		text("PEM empty", "")
		text("PEM a line break", "\n")
		text("PEM space", " ")
		text("PEM base64 alone", world.Base64(good))
		text("PEM of DER", string(good))
		text("PEM in JWK", `{"kty":"EC","crv":"P-256"}`)
		text("PEM of SSH", "ecdsa-sha2-nistp256 AAAA")
		text("PEM cut", whole[:len(whole)-10])
		text("PEM without end", strings.SplitAfter(whole, "\n")[0]+"AAAA\n")
		text("PEM without begin", whole[27:])
		text("PEM twice", whole+whole)
		text("PEM with text before", "Hello\n"+whole)
		text("PEM with text after", whole+"Hello\n")
		text("PEM with space before", " "+whole)
		text("PEM with BOM", "\ufeff"+whole)
		text("PEM with header", strings.Replace(whole, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1))
		text("PEM with empty line", strings.Replace(whole, "-----\n", "-----\n\n", 1))
		text("PEM with two final breaks", whole+"\n")
		text("PEM with spaces", strings.Replace(whole, "M", " M", 1))
		text("PEM with tab", strings.Replace(whole, "-----\n", "-----\n\t", 1))
		text("PEM with NUL", strings.Replace(whole, "-----\n", "-----\n\x00", 1))
		text("PEM with carriage return", strings.Replace(whole, "M", "\rM", 1))
		text("PEM with quotes", strings.Replace(whole, "M", `"M`, 1))
		text("PEM with backslash", strings.Replace(whole, "M", `\n`, 1))
		text("PEM in the URL alphabet", strings.NewReplacer("+", "-", "/", "_").Replace(whole)+"-")
		text("PEM with four dashes", strings.ReplaceAll(whole, "-----", "----"))
		text("PEM in small letters", strings.ToLower(whole))
		text("PEM too long", strings.Replace(whole, "-----\n", "-----\n"+strings.Repeat("AAAA", 1500)+"\n", 1))
		text("PEM labels differ", strings.Replace(whole, "END PUBLIC", "END RSA PUBLIC", 1))
		text("PEM of a certificate", armour("CERTIFICATE", good))
		text("PEM of a private key", armour("PRIVATE KEY", private))
		text("PEM of an EC private key", armour("EC PRIVATE KEY", sec1))
		text("PEM of a private key as public", armour("PUBLIC KEY", private))
		text("PEM of an EC key as RSA", armour("RSA PUBLIC KEY", good))
		text("PEM of an RSA key as EC", armour("PUBLIC KEY", x509.MarshalPKCS1PublicKey(&r.PublicKey)))
		text("PEM of PGP", armour("PGP PUBLIC KEY BLOCK", good))

		body("DER empty", nil)
		body("DER one byte", []byte{0x30})
		body("DER of nothing", []byte{0x30, 0})
		body("DER endless", []byte{0x30, 0x80, 0, 0})
		body("DER huge length", []byte{0x30, 0x84, 255, 255, 255, 255, 0})
		body("DER deep", bytes.Repeat([]byte{0x30, 0x82, 2, 0}, 200))
		body("DER cut", good[:len(good)-1])
		body("DER longer", append(bytes.Clone(good), 0))
		body("DER long length", join("\x30\x81\x59", good[2:]))
		body("DER as a set", join(0x31, good[1:]))
		body("DER unused bits", bytes.Replace(good, []byte{0x03, 0x42, 0}, []byte{0x03, 0x42, 1}, 1))
		body("EC without curve", infoOf(t, ec, nil, point))
		body("EC with null for curve", infoOf(t, ec, null, point))
		body("EC with own curve", infoOf(t, ec, []byte{0x30, 3, 2, 1, 1}, point))
		body("EC on another curve", infoOf(t, ec, der(t, k1), point))
		body("EC on P-224", spki(t, p224.Public()))
		body("EC on no curve", infoOf(t, ec, der(t, asn1.ObjectIdentifier{1, 2, 3}), point))
		body("EC on brainpool", infoOf(t, ec, der(t, asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 7}), point))
		body("EC off the curve", infoOf(t, ec, der(t, prime256), off))
		body("EC compressed", infoOf(t, ec, der(t, prime256), append([]byte{2 + point[64]&1}, point[1:33]...)))
		body("EC hybrid", infoOf(t, ec, der(t, prime256), append([]byte{6 + point[64]&1}, point[1:]...)))
		body("EC at infinity", infoOf(t, ec, der(t, prime256), []byte{0}))
		body("EC zero", infoOf(t, ec, der(t, prime256), append([]byte{4}, make([]byte, 64)...)))
		body("EC empty", infoOf(t, ec, der(t, prime256), nil))
		body("EC longer", infoOf(t, ec, der(t, prime256), append(bytes.Clone(point), 0)))
		body("EC for DH", infoOf(t, asn1.ObjectIdentifier{1, 3, 132, 1, 12}, der(t, prime256), point))
		body("secp256k1 off the curve", infoOf(t, ec, der(t, k1), append([]byte{4}, bytes.Repeat([]byte{1}, 64)...)))
		body("secp256k1 beyond the field", infoOf(t, ec, der(t, k1), append([]byte{4}, bytes.Repeat([]byte{255}, 64)...)))
		body("Ed25519 with parameters", infoOf(t, ed, null, bytes.Repeat([]byte{9}, 32)))
		body("Ed25519 short", infoOf(t, ed, nil, make([]byte, 31)))
		body("Ed25519 zero", infoOf(t, ed, nil, make([]byte, 32)))
		body("Ed25519 identity", infoOf(t, ed, nil, append([]byte{1}, make([]byte, 31)...)))
		body("Ed25519 of order 8", infoOf(t, ed, nil, unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")))
		body("Ed448", infoOf(t, asn1.ObjectIdentifier{1, 3, 101, 113}, nil, make([]byte, 57)))
		body("X25519", infoOf(t, asn1.ObjectIdentifier{1, 3, 101, 110}, nil, bytes.Repeat([]byte{9}, 32)))
		body("DSA", infoOf(t, asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}, null, der(t, 5)))
		body("RSA-PSS", infoOf(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}, null, x509.MarshalPKCS1PublicKey(&r.PublicKey)))
		body("RSA without parameters", infoOf(t, rsaOID, nil, x509.MarshalPKCS1PublicKey(&r.PublicKey)))
		body("RSA of 1024 bits", spki(t, weak.Public()))
		body("RSA of 2047 bits", infoOf(t, rsaOID, null, n(odd(2047), 65537)))
		body("RSA of 16384 bits", infoOf(t, rsaOID, null, n(odd(16384), 65537)))
		body("RSA even", infoOf(t, rsaOID, null, n(new(big.Int).Lsh(big.NewInt(1), 2047), 65537)))
		body("RSA negative", infoOf(t, rsaOID, null, n(new(big.Int).Neg(r.N), 65537)))
		body("RSA zero", infoOf(t, rsaOID, null, n(new(big.Int), 65537)))
		body("RSA with a small factor", infoOf(t, rsaOID, null, n(new(big.Int).Mul(odd(2048), big.NewInt(3)), 65537)))
		for _, e := range []int64{-1, 0, 1, 2, 4, 65536, 1 << 31, 1<<32 + 1, 1<<62 + 1} {
			body("RSA exponent "+strconv.Itoa(int(e)), infoOf(t, rsaOID, null, n(r.N, e)))
		}
		text("PKCS #1 of 1024 bits", armour("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&weak.PublicKey)))
		text("PKCS #1 longer", armour("RSA PUBLIC KEY", append(x509.MarshalPKCS1PublicKey(&r.PublicKey), 0)))
		text("PKCS #1 with exponent 1", armour("RSA PUBLIC KEY", n(r.N, 1)))
		refuseSigners(t, h, all)
	})
}

// attestation sends other attestation data than was made.
func attestation(change func(publicKey, signature string) string, codes ...string) signer {
	return signer{spoil: func(s *authenticator.KeySigner) {
		s.AttestationData = func(b []byte) []byte {
			var d struct{ PublicKey, Signature string }
			if err := json.Unmarshal(b, &d); err != nil {
				panic(err)
			}
			return []byte(change(d.PublicKey, d.Signature))
		}
	}, codes: codes}
}

func jsonText(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestSpoiltKeyProofs(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		const malformed, invalid, unsupported = "attestation_malformed", "attestation_invalid", "algorithm_unsupported"
		all := map[string]signer{}
		whole := func(text string) signer { return attestation(func(string, string) string { return text }, malformed) }
		for name, text := range map[string]string{"empty object": "{}", "array": "[]", "null": "null", "text": `"x"`, "no JSON": "publicKey=x", "CBOR": "\xa3",
			"open": `{"publicKey":"`, "NUL": "\x00", "BOM": "\ufeff{}", "deep": strings.Repeat("[", 5000), "long": `{"x":"` + strings.Repeat("a", 9000) + `"}`} {
			all["data "+name] = whole(text)
		}
		object := func(key, signature string) string { return `{"publicKey":` + key + `,"signature":` + signature + `}` }
		for _, wrong := range wrongTypes {
			all["publicKey as "+wrong] = attestation(func(_, s string) string { return object(wrong, jsonText(s)) }, malformed)
			all["signature as "+wrong] = attestation(func(k, _ string) string { return object(jsonText(k), wrong) }, malformed)
			all["algorithm as "+wrong] = attestation(func(k, s string) string {
				return `{"publicKey":` + jsonText(k) + `,"signature":` + jsonText(s) + `,"algorithm":` + wrong + `}`
			}, malformed)
		}
		all["no publicKey"] = attestation(func(_, s string) string { return `{"signature":` + jsonText(s) + `}` }, malformed)
		all["no signature"] = attestation(func(k, _ string) string { return `{"publicKey":` + jsonText(k) + `}` }, malformed)
		all["publicKey twice"] = attestation(func(k, s string) string { return `{"publicKey":"x",` + object(jsonText(k), jsonText(s))[1:] }, malformed)
		all["signature twice"] = attestation(func(k, s string) string { return `{"signature":"00",` + object(jsonText(k), jsonText(s))[1:] }, malformed)
		all["signature by escape"] = attestation(func(k, s string) string { return `{"\u0073ignature":"00",` + object(jsonText(k), jsonText(s))[1:] }, malformed)
		all["PUBLICKEY beside"] = attestation(func(k, s string) string { return `{"PUBLICKEY":"x",` + object(jsonText(k), jsonText(s))[1:] }, malformed)
		all["trailing"] = attestation(func(k, s string) string { return object(jsonText(k), jsonText(s)) + "x" }, malformed)
		all["twice"] = attestation(func(k, s string) string { return object(jsonText(k), jsonText(s)) + object(jsonText(k), jsonText(s)) }, malformed)

		signature := func(change func([]byte) []byte) signer {
			return attestation(func(k, s string) string { return object(jsonText(k), jsonText(hex.EncodeToString(change(unhex(s))))) }, invalid)
		}
		spelt := func(change func(string) string, codes ...string) signer {
			return attestation(func(k, s string) string { return object(jsonText(k), jsonText(change(s))) }, codes...)
		}
		order := elliptic.P256().Params().N
		rs := func(r, s *big.Int) func([]byte) []byte {
			return func([]byte) []byte {
				b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
				if err != nil {
					panic(err)
				}
				return b
			}
		}
		one := big.NewInt(1)
		all["signature empty"] = signature(func([]byte) []byte { return nil })
		all["signature zero"] = signature(func([]byte) []byte { return []byte{0} })
		all["signature of zeros"] = signature(rs(new(big.Int), new(big.Int)))
		all["signature of ones"] = signature(rs(one, one))
		all["r zero"] = signature(rs(new(big.Int), one))
		all["s zero"] = signature(rs(one, new(big.Int)))
		all["r negative"] = signature(rs(big.NewInt(-5), one))
		all["r the order"] = signature(rs(order, one))
		all["s the order"] = signature(rs(one, order))
		all["r beyond"] = signature(rs(new(big.Int).Lsh(one, 4000), one))
		all["signature raw"] = signature(func([]byte) []byte { return bytes.Repeat([]byte{7}, 64) })
		all["signature cut"] = signature(func(b []byte) []byte { return b[:len(b)-1] })
		all["signature longer"] = signature(func(b []byte) []byte { return append(b, 0) })
		all["signature with long length"] = signature(func(b []byte) []byte { return join(0x30, 0x81, b[1:]) })
		all["signature endless"] = signature(func(b []byte) []byte { return join(0x30, 0x80, b[2:], 0, 0) })
		all["signature changed"] = signature(func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		all["signature huge"] = signature(func([]byte) []byte { return make([]byte, 2000) })
		all["signature with 0x"] = spelt(func(s string) string { return "0x" + s }, malformed)
		all["signature odd"] = spelt(func(s string) string { return s[1:] }, malformed)
		all["signature in base64"] = spelt(func(s string) string { return world.Base64(unhex(s)) + "_" }, malformed)
		all["signature with space"] = spelt(func(s string) string { return s + " " }, malformed)
		all["signature with colons"] = spelt(func(s string) string { return s[:2] + ":" + s[2:] }, malformed)

		for _, alg := range []string{"", "none", "sha256", "SHA1", "MD5", "SHA384", "ES256", "RS256", "HS256", "RSA-SHA256", "RSA-SHA1", "SHA256\x00", "SHA-256"} {
			all["algorithm "+alg] = attestation(func(k, s string) string {
				return `{"publicKey":` + jsonText(k) + `,"signature":` + jsonText(s) + `,"algorithm":` + jsonText(alg) + `}`
			}, unsupported)
		}
		all["algorithm of another hash"] = attestation(func(k, s string) string {
			return `{"publicKey":` + jsonText(k) + `,"signature":` + jsonText(s) + `,"algorithm":"SHA512"}`
		}, invalid)
		for _, keyType := range authenticator.KeyTypes {
			changed := attestation(func(k, s string) string {
				b := unhex(s)
				b[len(b)/2] ^= 1
				return object(jsonText(k), jsonText(hex.EncodeToString(b)))
			}, invalid)
			changed.keyType = keyType
			all["signature of "+keyType+" changed"] = changed
			other := signer{keyType: keyType, codes: world.Codes(invalid), spoil: func(s *authenticator.KeySigner) {
				public, _, err := ed25519.GenerateKey(nil)
				if err != nil {
					panic(err)
				}
				der, err := x509.MarshalPKIXPublicKey(public)
				if err != nil {
					panic(err)
				}
				s.PEM = armour("PUBLIC KEY", der)
			}}
			all["signature of "+keyType+" for another key"] = other
		}
		ed := attestation(func(k, s string) string {
			return `{"publicKey":` + jsonText(k) + `,"signature":` + jsonText(s) + `,"algorithm":"SHA256"}`
		}, unsupported)
		ed.keyType = publickey.Ed25519
		all["hash for Ed25519"] = ed
		all["PEM changed after signing"] = attestation(func(k, s string) string { return object(jsonText(strings.TrimSuffix(k, "\n")), jsonText(s)) }, invalid)
		all["CRLF after signing"] = attestation(func(k, s string) string { return object(jsonText(strings.ReplaceAll(k, "\n", "\r\n")), jsonText(s)) }, invalid)
		refuseSigners(t, h, all)
	})
}

func TestSpoiltKeyClientData(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		const malformed, kind, challenge = "client_data_malformed", "client_data_type", "challenge_mismatch"
		all := map[string]signer{}
		data := func(name string, change func(string) string, code string) {
			all[name] = signer{spoil: func(s *authenticator.KeySigner) {
				s.ClientData = func(b []byte) []byte { return []byte(change(string(b))) }
			}, codes: world.Codes(code)}
		}
		data("empty object", func(string) string { return "{}" }, malformed)
		data("array", func(s string) string { return "[" + s + "]" }, malformed)
		data("cut", func(s string) string { return s[:len(s)-1] }, malformed)
		data("trailing", func(s string) string { return s + "x" }, malformed)
		data("long", also(`"x":"`+strings.Repeat("a", 5000)+`"`), malformed)
		data("twice inside", also(`"x":{"a":1,"a":1}`), malformed)
		data("type of a passkey", member("type", `"webauthn.create"`), kind)
		data("type of a login", member("type", `"key.get"`), kind)
		data("type in capitals", member("type", `"KEY.CREATE"`), kind)
		data("challenge of another", member("challenge", `"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`), challenge)
		data("challenge empty", member("challenge", `""`), challenge)
		data("challenge encoded thrice", challengeAs(func(c string) string { return world.Base64([]byte(world.Base64([]byte(c)))) }), challenge)
		data("challenge in capitals", challengeAs(strings.ToUpper), challenge)
		for _, name := range []string{"type", "challenge"} {
			data(name+" missing", member(name, ""), malformed)
			data(name+" twice", also(`"`+name+`":"x"`), malformed)
			data(name+" by escape", also(`"`+escaped(name)+`":"x"`), malformed)
			data(name+" in capitals beside", also(`"`+strings.ToUpper(name)+`":"x"`), malformed)
			for _, wrong := range wrongTypes {
				data(name+" as "+wrong, member(name, wrong), malformed)
			}
		}
		all["changed after signing"] = signer{codes: world.Codes("attestation_invalid"), spoil: func(s *authenticator.KeySigner) {
			s.SentClientData = func(b []byte) []byte { return append(b, ' ') }
		}}
		refuseSigners(t, h, all)
	})
}

// Which kinds may be what, and what goes with them.
func TestMisusedKinds(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		set := func(change func(*api.CredentialAttestation), codes ...string) signer {
			return signer{after: change, codes: codes}
		}
		all := map[string]signer{
			"RecoveryKey as first factor":          {kind: api.KindRecoveryKey, codes: world.Codes("credential_kind_not_allowed")},
			"PasswordProtectedKey without its key": {kind: api.KindPasswordProtectedKey, spoil: func(s *authenticator.KeySigner) { s.EncryptedPrivateKey = "" }, codes: world.Codes("member_missing")},
			"PasswordProtectedKey with too much":   {kind: api.KindPasswordProtectedKey, spoil: func(s *authenticator.KeySigner) { s.EncryptedPrivateKey = strings.Repeat("a", 16<<10+1) }, codes: world.Codes("encrypted_key_too_long")},
			"PasswordProtectedKey with NUL":        {kind: api.KindPasswordProtectedKey, spoil: func(s *authenticator.KeySigner) { s.EncryptedPrivateKey = "a\x00b" }, codes: world.Codes("encrypted_key_invalid")},
			"Key with an encrypted key":            set(func(c *api.CredentialAttestation) { c.EncryptedPrivateKey = "x" }, "encrypted_key_not_allowed"),
			"Key as Fido2":                         set(func(c *api.CredentialAttestation) { c.CredentialKind = api.KindFido2 }),
			"Password":                             set(func(c *api.CredentialAttestation) { c.CredentialKind = "Password" }, "credential_kind_not_supported"),
			"Totp":                                 set(func(c *api.CredentialAttestation) { c.CredentialKind = "Totp" }, "credential_kind_not_supported"),
			"kind in small letters":                set(func(c *api.CredentialAttestation) { c.CredentialKind = "key" }, "credential_kind_not_supported"),
			"kind with space":                      set(func(c *api.CredentialAttestation) { c.CredentialKind = "Key " }, "credential_kind_not_supported"),
			"kind with NUL":                        set(func(c *api.CredentialAttestation) { c.CredentialKind = "Key\x00" }, "credential_kind_not_supported"),
			"kind of a page":                       set(func(c *api.CredentialAttestation) { c.CredentialKind = "<script>" }, "credential_kind_not_supported"),
			"credential ID empty":                  set(func(c *api.CredentialAttestation) { c.CredentialInfo.CredID = "" }, "member_missing"),
			"credential ID of 1024 bytes":          set(func(c *api.CredentialAttestation) { c.CredentialInfo.CredID = world.Base64(make([]byte, 1024)) }, "credential_id_too_long"),
			"credential ID of 40000 bytes":         set(func(c *api.CredentialAttestation) { c.CredentialInfo.CredID = world.Base64(make([]byte, 40000)) }, "credential_id_too_long"),
			"name of 101 characters":               set(func(c *api.CredentialAttestation) { c.CredentialName = strings.Repeat("é", 101) }, "credential_name_invalid"),
			"name with a line break":               set(func(c *api.CredentialAttestation) { c.CredentialName = "a\r\nSet-Cookie: x=y" }, "credential_name_invalid"),
			"name with an escape":                  set(func(c *api.CredentialAttestation) { c.CredentialName = "\x1b[31m" }, "credential_name_invalid"),
			"name that turns round":                set(func(c *api.CredentialAttestation) { c.CredentialName = "a\u202eb" }, "credential_name_invalid"),
			"name with a zero width":               set(func(c *api.CredentialAttestation) { c.CredentialName = "a\u200bb" }, "credential_name_invalid"),
			"name with a private character":        set(func(c *api.CredentialAttestation) { c.CredentialName = "a\ue000b" }, "credential_name_invalid"),
		}
		refuseSigners(t, h, all)

		// A passkey with what belongs to a key.
		g := h.Invitee(t)
		c := g.Begin(t)
		made := g.Passkey(t, c, authenticator.Options{})
		made.EncryptedPrivateKey = "x"
		h.Refused(t, g.Complete(t, c.TemporaryAuthenticationToken, world.First(made)), world.Codes("encrypted_key_not_allowed"))
		made = g.Passkey(t, c, authenticator.Options{})
		made.CredentialKind = api.KindKey
		h.Refused(t, g.Complete(t, c.TemporaryAuthenticationToken, world.First(made)), nil)
		g.Registers(t)
	})
}

// A good key of every type registers, or else the attacks above prove nothing.
func TestGoodKeys(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		for _, keyType := range authenticator.KeyTypes {
			for _, kind := range []string{api.KindKey, api.KindPasswordProtectedKey} {
				g := h.Invitee(t)
				c := g.Begin(t)
				if a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(authenticator.NewKeySigner(keyType).Create(c.Challenge, kind))); a.Status != http.StatusOK {
					t.Errorf("%s %s: %d %s", keyType, kind, a.Status, a.Body)
				}
			}
		}
	})
}
