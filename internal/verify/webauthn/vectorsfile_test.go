package webauthn

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"flag"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/testing/vectors"
	"github.com/countersign/countersign/internal/verify/anchor"
)

var update = flag.Bool("update", false, "write internal/testing/vectors/vectors.json anew")

// vectorRoot is the certificate that §16.1 has all others be issued by: its name, its key, and as
// authority.
func vectorRoot() []byte {
	m := &vectorMaker{}
	key := ecKeyOf(elliptic.P256(), m.drawFor("Attestation CA", 32))
	template := &x509.Certificate{
		SerialNumber:       new(big.Int).SetBytes(m.drawFor("Attestation CA", 16)),
		RawSubject:         vectorName("Authenticator Attestation CA"),
		NotBefore:          time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:           time.Date(3024, 1, 1, 0, 0, 0, 0, time.UTC),
		SignatureAlgorithm: x509.ECDSAWithSHA256,
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: unhex("30030101ff")},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: unhex("03020106")},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 14}, Value: mustDER(keyID(&key.PublicKey))},
		},
	}
	der, err := x509.CreateCertificate(nil, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return der
}

// TestVectorsFile has the file of the vectors be what is derived here.
func TestVectorsFile(t *testing.T) {
	derived := vectors.File{Root: vectorRoot()}
	for _, v := range vectorsOfTheStandard {
		m := makeVector(v)
		r, p := m.response(), m.policy()
		derived.Vectors = append(derived.Vectors, vectors.Vector{Name: v.name, Format: m.format, Challenge: p.Challenge,
			CredentialID: r.CredentialID, ClientDataJSON: r.ClientDataJSON, AttestationObject: r.AttestationObject, Refused: v.refused})
	}
	text, err := json.MarshalIndent(derived, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const path = "../../testing/vectors/vectors.json"
	if *update {
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if file, err := os.ReadFile(path); err != nil || !bytes.Equal(file, append(text, '\n')) {
		t.Errorf("%s is not what is derived (%v); write it with -update", path, err)
	}
}

// TestVectorsToTheirAnchor has the chains end in the root of §16, and in no other.
func TestVectorsToTheirAnchor(t *testing.T) {
	file := vectors.Read()
	anchored := 0
	for _, v := range file.Vectors {
		reg, err := VerifyRegistration(RegistrationResponse{v.CredentialID, v.ClientDataJSON, v.AttestationObject}, RegistrationPolicy{
			Challenge: v.Challenge, RPIDs: []string{vectors.RPID}, Origins: []string{vectors.Origin}, TopOrigins: []string{vectors.TopOrigin},
			Algorithms: []int{-7, -8, -257, -35, -36}, Attestation: "direct",
		}, testNow)
		if v.Refused != "" {
			wantCode(t, err, v.Refused)
			continue
		}
		if err != nil || reg.Format != v.Format {
			t.Errorf("%s: %s, %v", v.Name, reg.Format, err)
			continue
		}
		if reg.TrustPath == nil {
			continue
		}
		anchored++
		if _, err := anchor.NewSet([][]byte{file.Root}).Verify(reg.TrustPath, testNow, reg.Currency()); err != nil {
			t.Errorf("%s: not anchored in the root of §16: %v", v.Name, err)
		}
		_, err = anchor.NewSet([][]byte{caCert()}).Verify(reg.TrustPath, testNow, reg.Currency())
		if e, ok := errors.AsType[*anchor.Error](err); !ok || e.Reason != anchor.Unknown {
			t.Errorf("%s: anchored in another root: %v", v.Name, err)
		}
	}
	if anchored != 8 {
		t.Errorf("%d vectors have chains, want 8", anchored)
	}
}
