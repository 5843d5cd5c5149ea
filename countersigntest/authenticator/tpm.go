package authenticator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// Constants of TPM 2.0 Part 2, Structures.
const (
	tpmGeneratedValue = 0xff544347 // TPM_GENERATED_VALUE
	tpmAttestCertify  = 0x8017     // TPM_ST_ATTEST_CERTIFY
	tpmAlgRSA         = 0x0001
	tpmAlgSHA256      = 0x000b
	tpmAlgNull        = 0x0010
	tpmAlgECC         = 0x0023
)

var tpmCurves = map[string]uint16{publickey.P256: 3, publickey.P384: 4, publickey.P521: 5}

var (
	oidAIKCertificate  = asn1.ObjectIdentifier{2, 23, 133, 8, 3} // tcg-kp-AIKCertificate
	oidTPMManufacturer = asn1.ObjectIdentifier{2, 23, 133, 2, 1}
	oidTPMModel        = asn1.ObjectIdentifier{2, 23, 133, 2, 2}
	oidTPMVersion      = asn1.ObjectIdentifier{2, 23, 133, 2, 3}
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// tpmStatement has the attestation identity key certify the credential's key as an object of
// the TPM (WebAuthn L3 §8.3).
func (a *Authenticator) tpmStatement(c *ceremony) (map[string]any, error) {
	pubArea, err := tpmPublic(c.credential.private.Public())
	if err != nil {
		return nil, err
	}
	pubArea = change(c.o.Tamper.PubArea, pubArea)
	key, err := use(a.tpm, a.newTPMKey, c)
	if err != nil {
		return nil, err
	}
	extraData := sha256.Sum256(c.signed())
	certInfo := change(c.o.Tamper.CertInfo, tpmAttest(extraData[:], pubArea))
	signature, err := sign(key.private, publickey.RS256, certInfo)
	if err != nil {
		return nil, err
	}
	return map[string]any{"ver": "2.0", "alg": -257, "x5c": key.x5c, "sig": signature,
		"certInfo": certInfo, "pubArea": pubArea}, nil
}

func appendSized(b, value []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
}

func appendUint16s(b []byte, values ...uint16) []byte {
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// tpmPublic writes a TPMT_PUBLIC (Part 2 §12.2.4) for a signing key.
func tpmPublic(public crypto.PublicKey) ([]byte, error) {
	const attributes = 0x00040472 // sign, user with authorisation, made by and bound to this TPM
	head := func(kind uint16) []byte {
		b := appendUint16s(nil, kind, tpmAlgSHA256)
		b = binary.BigEndian.AppendUint32(b, attributes)
		return appendSized(b, nil) // no policy
	}
	switch p := public.(type) {
	case *rsa.PublicKey:
		b := appendUint16s(head(tpmAlgRSA), tpmAlgNull, tpmAlgNull, uint16(p.N.BitLen()))
		exponent := uint32(p.E)
		if exponent == 65537 {
			exponent = 0 // the default
		}
		b = binary.BigEndian.AppendUint32(b, exponent)
		return appendSized(b, p.N.Bytes()), nil
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			return nil, err
		}
		n := len(point) / 2
		b := appendUint16s(head(tpmAlgECC), tpmAlgNull, tpmAlgNull, tpmCurves[p.Params().Name], tpmAlgNull)
		return appendSized(appendSized(b, point[1:1+n]), point[1+n:]), nil
	}
	return nil, fmt.Errorf("authenticator: a TPM has no key of type %T", public)
}

// tpmAttest writes a TPMS_ATTEST (Part 2 §10.12.12) that certifies the object pubArea.
func tpmAttest(extraData, pubArea []byte) []byte {
	name := func(of []byte) []byte {
		sum := sha256.Sum256(of)
		return append(appendUint16s(nil, tpmAlgSHA256), sum[:]...)
	}
	b := binary.BigEndian.AppendUint32(nil, tpmGeneratedValue)
	b = appendUint16s(b, tpmAttestCertify)
	b = appendSized(b, name([]byte("attestation identity key"))) // qualifiedSigner
	b = appendSized(b, extraData)
	b = binary.BigEndian.AppendUint64(b, 1_000_000) // clockInfo: milliseconds powered,
	b = binary.BigEndian.AppendUint32(b, 7)         // resets,
	b = binary.BigEndian.AppendUint32(b, 0)         // restarts,
	b = append(b, 1)                                // safe
	b = binary.BigEndian.AppendUint64(b, 0x0002_0000_0001_0000)
	b = appendSized(b, name(pubArea))
	return appendSized(b, name(append([]byte("parent"), pubArea...))) // qualifiedName
}

// identityKey is the attestation identity key of every TPM in this process: RSA keys are
// slow to make.
var identityKey = sync.OnceValues(func() (crypto.Signer, error) { return newPrivateKey(nil, publickey.RSA) })

// newTPMKey makes the certificate of §8.3.1 for the attestation identity key: no subject, and
// the TPM's manufacturer, model and version as a critical alternative name.
func (a *Authenticator) newTPMKey(tamper func(*Template)) (*attestationKey, error) {
	t, err := a.template(pkix.Name{})
	if err != nil {
		return nil, err
	}
	san, err := TPMAltName("id:4D534654", "Countersign Test", "id:00020000")
	if err != nil {
		return nil, err
	}
	t.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidAIKCertificate}
	t.ExtraExtensions = []pkix.Extension{san,
		{Id: oidAAGUID, Value: append([]byte{asn1.TagOctetString, 16}, a.AAGUID[:]...)}}
	private, err := identityKey()
	if err != nil {
		return nil, err
	}
	x5c, err := a.certify(t, private.Public(), tamper)
	return &attestationKey{private: private, x5c: x5c}, err
}

// TPMAltName encodes the subject alternative name of a TPM (TPM 2.0 EK Profile §3.2.9). It is
// exported so that a test can name another manufacturer.
func TPMAltName(manufacturer, model, version string) (pkix.Extension, error) {
	name, err := asn1.Marshal(pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
		{Type: oidTPMManufacturer, Value: manufacturer},
		{Type: oidTPMModel, Value: model},
		{Type: oidTPMVersion, Value: version},
	}}.ToRDNSequence())
	if err != nil {
		return pkix.Extension{}, err
	}
	value, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: name}})
	return pkix.Extension{Id: oidSubjectAltName, Critical: true, Value: value}, err
}
