package webauthn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// This file derives the vectors of WebAuthn L3 §16 as §16 says.
// The digests below are those of the published vectors and prove that every byte is the same.

// vector is one example of §16 and its verdict.
type vector struct {
	name             string // the HKDF info string
	challengeLen     int
	credentialIDLen  int
	crossOrigin      bool
	topOrigin        bool
	noBackup         bool // U2F: no flags beyond UP and AT
	credential       func(v *vectorMaker) (cose []byte, signer crypto.Signer)
	statement        func(v *vectorMaker) (format string, stmt []byte)
	clientDataDigest string // SHA-256 of the published clientDataJSON
	objectDigest     string // SHA-256 of the published attestationObject

	algorithm publickey.Algorithm
	kind      string
	refused   string // the code, if it is not supported
}

var vectorsOfTheStandard = []vector{
	{name: "none.ES256", credential: ecCredential(elliptic.P256(), 32), statement: noneVector,
		clientDataDigest: "090d1e7dfd42dcc631e7a4f02070fe3be8a0019a480153e0603d0b7cebc17d98",
		objectDigest:     "c0aa49c57f59765c9f47e6000c04dfe66547a3bd2a6e003a82e336a6e569cb7f",
		algorithm:        publickey.ES256, kind: AttestationNone},
	{name: "packed-self.ES256", credential: ecCredential(elliptic.P256(), 32), statement: selfVector,
		clientDataDigest: "dba5494aa6958e286220403054776b48578239a1fd3bb5233a0e170bec926dce",
		objectDigest:     "69499bf5257be4e618f4462e458666d9827a713bca423b8bb77e8ef214f49f9f",
		algorithm:        publickey.ES256, kind: AttestationSelf},
	{name: "none.ES256.crossOrigin", crossOrigin: true, credential: ecCredential(elliptic.P256(), 32), statement: noneVector,
		clientDataDigest: "7c50806271f10c33dd940bc65334517395439f415e3e1eabeb84630fc0f423ff",
		objectDigest:     "967a55ac8209a99f56256db28c4d03cd16b7c1557bbe57021227204a5932c106",
		algorithm:        publickey.ES256, kind: AttestationNone},
	{name: "none.ES256.topOrigin", crossOrigin: true, topOrigin: true, credential: ecCredential(elliptic.P256(), 32), statement: noneVector,
		clientDataDigest: "bdec4b206994e95a790a47dd42819decb7f03ce16ea39298b69f69b567a92742",
		objectDigest:     "e88a736a22ffaf294316d8b00da95a96ae8ec0113ddeed605e3283199102ad2f",
		algorithm:        publickey.ES256, kind: AttestationNone},
	{name: "none.ES256.long-credential-id", credentialIDLen: 1023, credential: ecCredential(elliptic.P256(), 32), statement: noneVector,
		clientDataDigest: "aed6ca40d39066d79556a637e5b255e26650175fcd084b4a228fa4504d0e81b4",
		objectDigest:     "c70087bde55d1a8207667876cfe14924d9caf8f522a9db4c7493ea9f3b5e4e5b",
		algorithm:        publickey.ES256, kind: AttestationNone},
	{name: "packed.ES256", credential: ecCredential(elliptic.P256(), 32), statement: packedVector,
		clientDataDigest: "cee5d6466550d0f1e228c0284a59caa3d3972ae80dafc32a0c5722ee9509d14e",
		objectDigest:     "c1bf702bac165f17a6c450e726d549f2d0e4cd0fae3ced4b8a900a5efd61d981",
		algorithm:        publickey.ES256, kind: AttestationBasic},
	{name: "packed.ES384", credential: ecCredential(elliptic.P384(), 48), statement: packedVector,
		clientDataDigest: "a6bd843b9ded40d3ebde73b095f1d99b9687430990ad6f76ba5bc041917c836b",
		objectDigest:     "14e3d1de4e72192357fad579f7a39ad463c79dab3afd2419be24245f5d6ba65a",
		algorithm:        publickey.ES384, kind: AttestationBasic},
	{name: "packed.ES512", challengeLen: 128, credential: ecCredential(elliptic.P521(), 65), statement: packedVector,
		clientDataDigest: "cefe364c524b0d61289db9d8bf4af6779448eecb7f35aacc25ba28b79077fc3f",
		objectDigest:     "342df2067e760ff21fa7b847c47f39844b32afc1a11ce926b02b882deb4a287e",
		algorithm:        publickey.ES512, kind: AttestationBasic},
	{name: "packed.RS256", credential: mersenneCredential, statement: packedVector,
		clientDataDigest: "7cac6a56c3dfcd82a508239de4249cbfe00a00520cfffed7f9fe99ea7e40524e",
		objectDigest:     "55803b9a593a4f965f3fceae108bbf7cc4d6f218438175fcf94ce3a4dc5edcb6",
		algorithm:        publickey.RS256, kind: AttestationBasic},
	{name: "packed.EdDSA", credential: ed25519Credential, statement: packedVector,
		clientDataDigest: "d03e51a83301ce11d8da5137027e278dccd9e53d4800692f658871d6162400d3",
		objectDigest:     "b4bad136a711231e46696006716a16a06229ce75a1ebc103f8c7d16901bc8bbc",
		algorithm:        publickey.EdDSA, kind: AttestationBasic},
	{name: "packed.Ed448", credential: ed448Credential, statement: packedVector,
		clientDataDigest: "027cf3a47e4515dcb0a8641f8791532a25498d99c3469b2a8c3983f13a0ac23f",
		objectDigest:     "2eb321e600beb1389bf8191aa097008a6d1bed4e66ea3fd614bc9a3b0d494ca0",
		refused:          CodeAlgorithmNotOffered},
	{name: "tpm.ES256", credential: ecCredential(elliptic.P256(), 32), statement: tpmVector,
		clientDataDigest: "729b813de91b2d25cafd3a6ec240b6b9e451d5394b8edb20d5aac9bb7a543b6c",
		objectDigest:     "84b354fd9daa1df47131a07f13eaa5f435d8543cd31a70c55943b342d9604264",
		algorithm:        publickey.ES256, kind: AttestationAttCA},
	{name: "android-key.ES256", credential: ecCredential(elliptic.P256(), 32), statement: androidVector,
		clientDataDigest: "b435028d7b6a8f83bb461d41c19b053a9d3cdb30351a4f374cd4cde8dbefb606",
		objectDigest:     "b537cb59ca2a824ddd85508f64a88845b7c72713e2c629e41f9588294f33ad4f",
		algorithm:        publickey.ES256, kind: AttestationBasic},
	{name: "apple.ES256", credential: ecCredential(elliptic.P256(), 32), statement: appleVector,
		clientDataDigest: "7c07579a0d6417c2ebff99c50e439d5a8b9e65424ecdeadfbecb093b8375b456",
		objectDigest:     "cd0bf0c818d9a9078f2bfc2d10b7b3c7901f5ad1794d9368df07dc0ad91a2d4a",
		algorithm:        publickey.ES256, kind: AttestationAnonCA},
	{name: "fido-u2f.ES256", noBackup: true, credential: ecCredential(elliptic.P256(), 32), statement: u2fVector,
		clientDataDigest: "6970f8e417cf371997186aa92d7a63dc545d280c3ba8887bc1765a9700e23729",
		objectDigest:     "e6e3c76723c5ce4a8a9ae2f0ad1035063ce1f2192a7b2bc590159e67751bf033",
		refused:          CodeAttestationInvalid}, // its AAGUID is not zero
}

// Without its AAGUID, which no signature covers, the vector of fido-u2f is accepted.
func TestVectorOfFIDOU2FWithoutAAGUID(t *testing.T) {
	m := makeVector(vectorsOfTheStandard[slices.IndexFunc(vectorsOfTheStandard, func(v vector) bool { return v.name == "fido-u2f.ES256" })])
	r := m.response()
	at := bytes.Index(r.AttestationObject, m.authData) + 37
	clear(r.AttestationObject[at : at+16])
	if reg, err := VerifyRegistration(r, m.policy(), testNow); err != nil || reg.AttestationType != AttestationBasic || reg.AAGUID != [16]byte{} {
		t.Errorf("%+v, %v", reg, err)
	}
}

func TestVectorsOfTheStandard(t *testing.T) {
	for _, v := range vectorsOfTheStandard {
		t.Run(v.name, func(t *testing.T) {
			m := makeVector(v)
			if got := hexDigest(m.clientData); got != v.clientDataDigest {
				t.Fatalf("clientDataJSON is not the published one: SHA-256 %s\n%s", got, m.clientData)
			}
			if got := hexDigest(m.object); got != v.objectDigest {
				t.Fatalf("attestationObject is not the published one: SHA-256 %s\n%x", got, m.object)
			}
			reg, err := VerifyRegistration(m.response(), m.policy(), testNow)
			if v.refused != "" {
				wantCode(t, err, v.refused)
				return
			}
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if reg.Algorithm != v.algorithm || reg.AttestationType != v.kind || reg.Format != m.format {
				t.Errorf("got %s, %s, %s", reg.Algorithm, reg.AttestationType, reg.Format)
			}
			if !bytes.Equal(reg.CredentialID, m.credentialID) || reg.RPID != "example.org" || reg.CrossOrigin != v.crossOrigin {
				t.Errorf("got %+v", reg)
			}
			if reg.UserVerified != (m.flags&flagUserVerified != 0) || reg.BackupState != (m.flags&flagBackupState != 0) {
				t.Errorf("flags %b became %+v", m.flags, reg)
			}
			if wantPath := v.kind != AttestationNone && v.kind != AttestationSelf; wantPath != (len(reg.TrustPath) == 1) {
				t.Errorf("trust path of %d certificates", len(reg.TrustPath))
			}
		})
	}
}

// TestChangedVectorsAreRefused changes each byte of the signed parts of each vector that has a
// signature: every change must be refused.
func TestChangedVectorsAreRefused(t *testing.T) {
	for _, name := range []string{"packed-self.ES256", "packed.ES256", "packed.EdDSA", "tpm.ES256", "android-key.ES256", "apple.ES256"} {
		i := slices.IndexFunc(vectorsOfTheStandard, func(v vector) bool { return v.name == name })
		m := makeVector(vectorsOfTheStandard[i])
		r := m.response()
		at := bytes.Index(r.AttestationObject, m.authData)
		if at < 0 {
			t.Fatal("no authenticator data in the object")
		}
		for j := range m.authData {
			changed := bytes.Clone(r.AttestationObject)
			changed[at+j] ^= 0x20
			p := m.policy()
			reg, err := VerifyRegistration(RegistrationResponse{
				CredentialID: r.CredentialID, ClientDataJSON: r.ClientDataJSON, AttestationObject: changed,
			}, p, testNow)
			if err == nil {
				t.Fatalf("%s: byte %d of authenticator data changed, but accepted: %+v", name, j, reg)
			}
		}
		clientData := append(bytes.Clone(r.ClientDataJSON), ' ')
		if _, err := VerifyRegistration(RegistrationResponse{
			CredentialID: r.CredentialID, ClientDataJSON: clientData, AttestationObject: r.AttestationObject,
		}, m.policy(), testNow); err == nil {
			t.Fatalf("%s: client data lengthened, but accepted", name)
		}
	}
}

func hexDigest(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}

// vectorMaker makes one vector. Random values are drawn in the order of §16.
type vectorMaker struct {
	vector
	drawn        byte // the next salt
	challenge    []byte
	clientData   []byte
	aaguid       []byte
	credentialID []byte
	cose         []byte
	signer       crypto.Signer // the credential's
	flags        byte
	authData     []byte
	format       string
	object       []byte
}

func makeVector(v vector) *vectorMaker {
	m := &vectorMaker{vector: v}
	if v.challengeLen == 0 {
		m.challengeLen = 32
	}
	if v.credentialIDLen == 0 {
		m.credentialIDLen = 32
	}
	m.challenge = m.draw(m.challengeLen)
	m.cose, m.signer = v.credential(m)
	m.clientData = m.makeClientData("webauthn.create", m.challenge)
	m.aaguid = m.draw(16)
	m.credentialID = m.draw(m.credentialIDLen)
	m.flags = flagUserPresent | flagAttestedData
	if !v.noBackup {
		m.flags |= m.drawFlags()
	}
	m.authData = m.makeAuthData()
	format, stmt := v.statement(m)
	m.format = format
	m.object = attestationObjectOf(format, stmt, m.authData)
	return m
}

// draw is the next n bytes of HKDF-SHA-256 with the salt counting up.
func (m *vectorMaker) draw(n int) []byte {
	return m.drawFor(m.name, n)
}

func (m *vectorMaker) drawFor(info string, n int) []byte {
	b, err := hkdf.Key(sha256.New, []byte("WebAuthn test vectors"), []byte{m.drawn}, info, n)
	if err != nil {
		panic(err)
	}
	m.drawn++
	return b
}

func (m *vectorMaker) drawFlags() byte {
	f := m.draw(1)[0] & (flagUserVerified | flagBackupEligible | flagBackupState)
	if f&flagBackupEligible == 0 {
		f &^= flagBackupState
	}
	return f
}

func (m *vectorMaker) makeClientData(kind string, challenge []byte) []byte {
	text := `{"type":"` + kind + `","challenge":"` + base64.RawURLEncoding.EncodeToString(challenge) +
		`","origin":"https://example.org","crossOrigin":`
	if m.crossOrigin {
		text += "true"
	} else {
		text += "false"
	}
	if m.topOrigin {
		text += `,"topOrigin":"https://example.com"`
	}
	if m.draw(1)[0]&1 != 0 {
		text += `,"extraData":"clientDataJSON may be extended with additional fields in the future, such as this: ` +
			base64.RawURLEncoding.EncodeToString(m.draw(16)) + `"`
	}
	return []byte(text + "}")
}

func (m *vectorMaker) makeAuthData() []byte {
	c := ceremony{rpID: "example.org", flags: m.flags, aaguid: [16]byte(m.aaguid), credID: m.credentialID, cose: m.cose}
	return c.authData()
}

func (m *vectorMaker) response() RegistrationResponse {
	return RegistrationResponse{CredentialID: m.credentialID, ClientDataJSON: m.clientData, AttestationObject: m.object}
}

func (m *vectorMaker) policy() RegistrationPolicy {
	p := RegistrationPolicy{
		Challenge:   base64.RawURLEncoding.EncodeToString(m.challenge),
		RPIDs:       []string{"example.org"},
		Origins:     []string{"https://example.org"},
		Algorithms:  []int{-7, -8, -257, -35, -36},
		Attestation: "direct",
	}
	if m.crossOrigin {
		p.TopOrigins = []string{"https://example.com"}
	}
	return p
}

func (m *vectorMaker) clientDataHash() []byte {
	d := sha256.Sum256(m.clientData)
	return d[:]
}

func (m *vectorMaker) signed() []byte { return slices.Concat(m.authData, m.clientDataHash()) }

// Credential keys.

func ecCredential(curve elliptic.Curve, privateLen int) func(*vectorMaker) ([]byte, crypto.Signer) {
	return func(m *vectorMaker) ([]byte, crypto.Signer) {
		k := ecKeyOf(curve, m.draw(privateLen))
		return coseOf(&k.PublicKey), k
	}
}

func ecKeyOf(curve elliptic.Curve, private []byte) *ecdsa.PrivateKey {
	size := (curve.Params().BitSize + 7) / 8
	k, err := ecdsa.ParseRawPrivateKey(curve, padded(private, size))
	if err != nil {
		panic(err)
	}
	return k
}

// mersenneCredential is the RSA key of the two smallest Mersenne primes from 2^1024 on.
func mersenneCredential(*vectorMaker) ([]byte, crypto.Signer) {
	one := big.NewInt(1)
	p := new(big.Int).Sub(new(big.Int).Lsh(one, 1279), one)
	q := new(big.Int).Sub(new(big.Int).Lsh(one, 2203), one)
	k := mersenneKey{n: new(big.Int).Mul(p, q)}
	order := new(big.Int).Mul(p.Sub(p, one), q.Sub(q, one))
	k.d = new(big.Int).ModInverse(big.NewInt(65537), order)
	return cMap(cInt(1), cInt(3), cInt(3), cInt(-257), cInt(-1), cBytes(k.n.Bytes()), cInt(-2), cBytes([]byte{1, 0, 1})), k
}

func ed25519Credential(m *vectorMaker) ([]byte, crypto.Signer) {
	k := ed25519.NewKeyFromSeed(m.draw(32))
	return coseOf(k.Public()), k
}

// Attestation statements.

func noneVector(*vectorMaker) (string, []byte) { return "none", cMap() }

func selfVector(m *vectorMaker) (string, []byte) {
	return "packed", cMap(cText("alg"), cInt(-7), cText("sig"), cBytes(signDeterministically(m.signer.(*ecdsa.PrivateKey), m.signed())))
}

func packedVector(m *vectorMaker) (string, []byte) {
	key := ecKeyOf(elliptic.P256(), m.draw(32))
	cert := m.issue(&key.PublicKey, vectorName("Authenticator Attestation"))
	return "packed", cMap(cText("alg"), cInt(-7), cText("sig"), cBytes(signDeterministically(key, m.signed())), cText("x5c"), cX5C(cert))
}

func u2fVector(m *vectorMaker) (string, []byte) {
	key := ecKeyOf(elliptic.P256(), m.draw(32))
	cert := m.issue(&key.PublicKey, vectorName("Authenticator Attestation"))
	x, y := coordinates(m.signer.Public())
	message := slices.Concat([]byte{0}, m.authData[:32], m.clientDataHash(), m.credentialID, []byte{4}, x, y)
	return "fido-u2f", cMap(cText("sig"), cBytes(signDeterministically(key, message)), cText("x5c"), cX5C(cert))
}

func appleVector(m *vectorMaker) (string, []byte) {
	nonce := sha256.Sum256(m.signed())
	cert := m.issue(m.signer.Public(), vectorName("Authenticator Attestation"),
		pkix.Extension{Id: oidAppleNonce, Value: slices.Concat(appleNoncePrefix, nonce[:])})
	return "apple", cMap(cText("x5c"), cX5C(cert))
}

func androidVector(m *vectorMaker) (string, []byte) {
	empty := []byte{0x30, 0}
	description := mustDER(struct {
		Version          int
		Security         asn1.Enumerated
		KeymasterVersion int
		KeymasterSec     asn1.Enumerated
		Challenge        []byte
		UniqueID         []byte
		Software, TEE    asn1.RawValue
	}{300, 0, 0, 0, m.clientDataHash(), []byte{}, asn1.RawValue{FullBytes: empty}, asn1.RawValue{FullBytes: empty}})
	cert := m.issue(m.signer.Public(), vectorName("Authenticator Attestation"),
		pkix.Extension{Id: oidAndroidKeyDescription, Value: description})
	sig := signDeterministically(m.signer.(*ecdsa.PrivateKey), m.signed())
	return "android-key", cMap(cText("alg"), cInt(-7), cText("sig"), cBytes(sig), cText("x5c"), cX5C(cert))
}

func tpmVector(m *vectorMaker) (string, []byte) {
	x, y := coordinates(m.signer.Public())
	area := slices.Concat(unhex("0023000b 00040000 0000 0010 0010 0003 0010 0020"), x, unhex("0020"), y)
	extra, name := sha256.Sum256(m.signed()), sha256.Sum256(area)
	info := slices.Concat(unhex("ff544347 8017 0000 0020"), extra[:],
		unhex("0000000000000000 11111111 22222222 33 0000000000000000 0022 000b"), name[:], unhex("0000"))
	key := ecKeyOf(elliptic.P256(), m.draw(32))
	cert := m.issue(&key.PublicKey, []byte{0x30, 0},
		pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: mustDER([]asn1.ObjectIdentifier{oidAIKCertificate})},
		pkix.Extension{Id: oidSubjectAltName, Critical: true, Value: tpmAltName("id:00000000", "WebAuthn test vectors", "id:00000000")})
	return "tpm", cMap(cText("alg"), cInt(-7), cText("sig"), cBytes(signDeterministically(key, info)), cText("ver"), cText("2.0"),
		cText("x5c"), cX5C(cert), cText("pubArea"), cBytes(area), cText("certInfo"), cBytes(info))
}

// tpmAltName is a subject alternative name with one directory name of one RDN.
func tpmAltName(manufacturer, model, version string) []byte {
	attribute := func(oid asn1.ObjectIdentifier, value string) asn1.RawValue {
		return asn1.RawValue{FullBytes: derOf(0x30, mustDER(oid), mustDER(value, "utf8"))}
	}
	var rdn []asn1.RawValue
	for _, a := range []struct {
		oid   asn1.ObjectIdentifier
		value string
	}{{oidTPMManufacturer, manufacturer}, {oidTPMVersion, version}, {oidTPMModel, model}} {
		if a.value != "" {
			rdn = append(rdn, attribute(a.oid, a.value))
		}
	}
	return derOf(0x30, derOf(0xa4, derOf(0x30, mustDER(rdn, "set")))) // SET: sorted
}

// derOf is one DER element.
func derOf(tag byte, content ...[]byte) []byte {
	b := slices.Concat(content...)
	switch n := len(b); {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, b...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, b...)
	default:
		return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, b...)
	}
}

// vectorName is the subject of the certificates of §16: UTF8Strings, and a PrintableString
// for the country.
func vectorName(unit string) []byte {
	rdn := func(last int, value []byte) []byte {
		return derOf(0x31, derOf(0x30, mustDER(asn1.ObjectIdentifier{2, 5, 4, last}), value))
	}
	return derOf(0x30,
		rdn(3, mustDER("WebAuthn test vectors", "utf8")),
		rdn(10, mustDER("W3C", "utf8")),
		rdn(11, mustDER(unit, "utf8")),
		rdn(6, mustDER("AA", "printable")))
}

// issue makes a certificate of §16, signed by its root, deterministically.
func (m *vectorMaker) issue(pub crypto.PublicKey, subject []byte, more ...pkix.Extension) []byte {
	serial := new(big.Int).SetBytes(m.draw(16))
	root := &vectorMaker{}
	rootKey := ecKeyOf(elliptic.P256(), root.drawFor("Attestation CA", 32))
	extensions := []pkix.Extension{
		{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 0}},
		{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: unhex("03020780")},
		{Id: asn1.ObjectIdentifier{2, 5, 29, 14}, Value: mustDER(keyID(pub))},
		{Id: asn1.ObjectIdentifier{2, 5, 29, 35}, Value: derOf(0x30, derOf(0x80, keyID(&rootKey.PublicKey)))},
	}
	der, err := x509.CreateCertificate(nil, &x509.Certificate{
		SerialNumber:       serial,
		RawSubject:         subject,
		NotBefore:          time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:           time.Date(3024, 1, 1, 0, 0, 0, 0, time.UTC),
		SignatureAlgorithm: x509.ECDSAWithSHA256,
		ExtraExtensions:    append(extensions, more...),
	}, &x509.Certificate{RawSubject: vectorName("Authenticator Attestation CA")}, pub, rootKey)
	if err != nil {
		panic(err)
	}
	return der
}

func keyID(pub crypto.PublicKey) []byte {
	b, err := pub.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		panic(err)
	}
	d := sha1.Sum(b)
	return d[:]
}

// signDeterministically is ECDSA with SHA-256 and the nonce of RFC 6979.
func signDeterministically(k *ecdsa.PrivateKey, message []byte) []byte {
	d := sha256.Sum256(message)
	sig, err := k.Sign(nil, d[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return sig
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(s), []byte(" "), nil)))
	if err != nil {
		panic(err)
	}
	return b
}
