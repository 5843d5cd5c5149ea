package webauthn

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

const tpm = procedure("§8.3 tpm")

// coseRS1 is RSASSA-PKCS1-v1_5 with SHA-1 (RFC 8812 §2), with which the TPMs of most Windows
// computers attest. It is accepted for that alone; no credential may have it.
const coseRS1 = -65535

// verifyTPM is WebAuthn L3 §8.3. Statements by coseRS1 have an attestation type of their own, so
// that nobody takes them for stronger than they are; the name of the key needs SHA-2 in any case.
func verifyTPM(s statement) (attestation, error) {
	f, err := parseStatement(s.raw, memberVer|memberAlg|memberX5C|memberSig|memberCertInfo|memberPubArea, 0)
	if err != nil {
		return attestation{}, tpm.malformed(err)
	}
	if f.ver != "2.0" {
		return attestation{}, tpm.invalid("ver", api.Shown(f.ver), "2.0", nil)
	}
	if err := checkPubArea(s, f.pubArea); err != nil {
		return attestation{}, err
	}
	certs, key, err := tpm.chain(f.x5c, s.now, wholeChainCurrent)
	if err != nil {
		return attestation{}, err
	}
	if err := checkAIKCertificate(certs[0]); err != nil {
		return attestation{}, err
	}
	if err := tpm.checkAAGUID(certs[0], s.authData.aaguid); err != nil {
		return attestation{}, err
	}
	sig, err := plainSignature(f.alg, f.sig)
	if err != nil {
		return attestation{}, tpm.invalid("sig", bytesCount(len(f.sig)), "a signature or a TPMT_SIGNATURE", err)
	}
	kind := AttestationAttCA
	if f.alg == coseRS1 {
		kind = AttestationAttCASHA1
		if err := key.VerifyRS1(f.certInfo, sig); err != nil {
			return attestation{}, tpm.invalid("sig", bytesCount(len(sig)), "a valid RS1 signature", err)
		}
	} else if err := tpm.verifySignature(key, f.alg, f.certInfo, sig); err != nil {
		return attestation{}, err
	}
	if err := checkCertInfo(s, f); err != nil {
		return attestation{}, err
	}
	return attestation{kind: kind, trustPath: f.x5c, aaguid: s.authData.aaguid}, nil
}

// checkPubArea checks that the TPM describes the credential's key.
func checkPubArea(s statement, pubArea []byte) error {
	area, err := parsePubArea(pubArea)
	if err != nil {
		return tpm.invalid("pubArea", bytesCount(len(pubArea)), "a TPMT_PUBLIC of an RSA or ECC key", err)
	}
	key, err := area.publicKey()
	if err != nil {
		return tpm.invalid("pubArea", "its public key", "a sound key", err)
	}
	if !key.Equal(s.key) {
		return tpm.invalid("pubArea", key.Fingerprint(), s.key.Fingerprint(), nil)
	}
	return nil
}

// checkCertInfo checks that the signed TPMS_ATTEST was made by a TPM, about this key and for
// this ceremony.
func checkCertInfo(s statement, f fields) error {
	c, err := parseCertInfo(f.certInfo)
	if err != nil {
		return tpm.invalid("certInfo", bytesCount(len(f.certInfo)), "a TPMS_ATTEST about a certified key", err)
	}
	hash, ok := tpmExtraDataHash(f.alg)
	if !ok {
		return tpm.invalid("alg", fmt.Sprintf("COSE algorithm %d", f.alg), "RS256, RS1, ES256, ES384 or ES512", nil)
	}
	if want := sum(hash, s.signed()); !bytes.Equal(c.extraData, want) {
		return tpm.invalid("extraData", hexed(c.extraData), hexed(want), nil)
	}
	// parsePubArea checked that the area begins with a type and a known nameAlg.
	nameAlg := f.pubArea[2:4]
	nameHash, _ := tpmHash(nameAlg)
	if want := slices.Concat(nameAlg, sum(nameHash, f.pubArea)); !bytes.Equal(c.name, want) {
		return tpm.invalid("attested name", hexed(c.name), hexed(want), nil)
	}
	return nil
}

// tpmExtraDataHash returns the hash algorithm of a signature algorithm.
func tpmExtraDataHash(alg int64) (crypto.Hash, bool) {
	if alg == coseRS1 {
		return crypto.SHA1, true
	}
	algorithm, _ := algorithmOf(alg)
	switch algorithm {
	case publickey.RS256, publickey.ES256:
		return crypto.SHA256, true
	case publickey.ES384:
		return crypto.SHA384, true
	case publickey.ES512:
		return crypto.SHA512, true
	}
	return 0, false
}

func sum(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

var (
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidAIKCertificate  = asn1.ObjectIdentifier{2, 23, 133, 8, 3} // tcg-kp-AIKCertificate
	oidTPMManufacturer = asn1.ObjectIdentifier{2, 23, 133, 2, 1}
	oidTPMModel        = asn1.ObjectIdentifier{2, 23, 133, 2, 2}
	oidTPMVersion      = asn1.ObjectIdentifier{2, 23, 133, 2, 3}
)

// checkAIKCertificate is WebAuthn L3 §8.3.1.
func checkAIKCertificate(c *x509.Certificate) error {
	const section = procedure("§8.3.1 AIK certificate")
	if err := section.checkEndEntity(c); err != nil {
		return err
	}
	if len(c.Subject.Names) != 0 {
		return section.unfit("Subject", api.Shown(c.Subject.String()), "empty", nil)
	}
	isAIK := func(oid asn1.ObjectIdentifier) bool { return oid.Equal(oidAIKCertificate) }
	if !slices.ContainsFunc(c.UnknownExtKeyUsage, isAIK) {
		return section.unfit("Extended Key Usage", "no AIK certificate", oidAIKCertificate.String(), nil)
	}
	ext := findExtension(c, oidSubjectAltName)
	if ext == nil {
		return section.unfit("Subject Alternative Name", "absent", "manufacturer, model and version of the TPM", nil)
	}
	if err := checkTPMName(ext.Value); err != nil {
		return section.unfit("Subject Alternative Name", hexed(ext.Value), "manufacturer, model and version of the TPM", err)
	}
	return nil
}

// checkTPMName checks that a subject alternative name has a directory name with the
// three attributes of the TCG EK Credential Profile §3.2.9. The manufacturer is "id:" and
// eight hexadecimal digits; only metadata could tell whether it is assigned.
func checkTPMName(der []byte) error {
	var names []asn1.RawValue // GeneralNames
	if err := unmarshalWhole(der, &names, ""); err != nil {
		return err
	}
	attributes := map[string]string{}
	for _, name := range names {
		const directoryName = 4
		if name.Class != asn1.ClassContextSpecific || name.Tag != directoryName {
			continue
		}
		var rdns pkix.RDNSequence
		if err := unmarshalWhole(name.Bytes, &rdns, ""); err != nil {
			return err
		}
		for _, rdn := range rdns {
			for _, a := range rdn {
				if text, ok := a.Value.(string); ok {
					attributes[a.Type.String()] = text
				}
			}
		}
	}
	if !isManufacturer(attributes[oidTPMManufacturer.String()]) {
		return errors.New("no TPM manufacturer")
	}
	if attributes[oidTPMModel.String()] == "" || attributes[oidTPMVersion.String()] == "" {
		return errors.New("no TPM model or version")
	}
	return nil
}

func isManufacturer(s string) bool {
	digits, ok := strings.CutPrefix(s, "id:")
	return ok && len(digits) == 8 && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}
