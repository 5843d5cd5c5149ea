package webauthn

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/api"
)

const tpm = procedure("§8.3 tpm")

// coseRS1 is RSASSA-PKCS1-v1_5 with SHA-1 (RFC 8812 §2), with which the TPMs of most Windows
// computers attest. It is accepted for that alone; no credential may have it.
const coseRS1 = -65535

const coseEdDSA = -8

// verifyTPM is WebAuthn L3 §8.3. Statements by coseRS1 have an attestation type of their own, so
// that nobody takes them for stronger than they are; the name of the key needs SHA-2 in any case.
func verifyTPM(s unverified) (Statement, error) {
	f, err := parseStatement(s.raw, memberVer|memberAlg|memberX5C|memberSig|memberCertInfo|memberPubArea, 0)
	if err != nil {
		return Statement{}, tpm.malformed(err)
	}
	if f.ver != "2.0" {
		return Statement{}, tpm.invalid("ver", api.Shown(f.ver), "2.0", nil)
	}
	if err := checkPubArea(s, f.pubArea); err != nil {
		return Statement{}, err
	}
	cert, out, err := tpm.chain(s, f.x5c, f.alg)
	if err != nil {
		return Statement{}, err
	}
	if out.TPM, err = checkAIKCertificate(cert); err != nil {
		return Statement{}, err
	}
	if out.CertificateAAGUID, err = tpm.checkAAGUID(cert, s.authData.aaguid); err != nil {
		return Statement{}, err
	}
	sig, err := plainSignature(f.alg, f.sig)
	if err != nil {
		return Statement{}, tpm.invalid("sig", bytesCount(len(f.sig)), "a signature or a TPMT_SIGNATURE", err)
	}
	out.AttestationType = AttestationAttCA
	if f.alg == coseRS1 {
		out.AttestationType = AttestationAttCASHA1
		if err := cert.key.VerifyRS1(f.certInfo, sig); err != nil {
			return Statement{}, tpm.invalid("sig", bytesCount(len(sig)), "a valid RS1 signature", err)
		}
	} else if err := tpm.verifySignature(cert.key, f.alg, f.certInfo, sig); err != nil {
		return Statement{}, err
	}
	if err := checkCertInfo(s, f); err != nil {
		return Statement{}, err
	}
	return out, nil
}

// checkPubArea checks that the TPM describes the credential's key.
func checkPubArea(s unverified, pubArea []byte) error {
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
func checkCertInfo(s unverified, f fields) error {
	c, err := parseCertInfo(f.certInfo)
	if err != nil {
		return tpm.invalid("certInfo", bytesCount(len(f.certInfo)), "a TPMS_ATTEST about a certified key", err)
	}
	hash := hashOf(f.alg)
	if hash == 0 || f.alg == coseEdDSA { // which no TPM has
		return tpm.invalid("alg", fmt.Sprintf("COSE algorithm %d", f.alg), "one of RSA or ECDSA", nil)
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

func sum(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

var (
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidExtKeyUsage     = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidAIKCertificate  = asn1.ObjectIdentifier{2, 23, 133, 8, 3} // tcg-kp-AIKCertificate
	oidTPMManufacturer = asn1.ObjectIdentifier{2, 23, 133, 2, 1}
	oidTPMModel        = asn1.ObjectIdentifier{2, 23, 133, 2, 2}
	oidTPMVersion      = asn1.ObjectIdentifier{2, 23, 133, 2, 3}
)

// checkAIKCertificate is WebAuthn L3 §8.3.1. The subject alternative name may be critical or not: §8.3.1
// does not say, and the profiles of TCG that it names changed.
func checkAIKCertificate(c leaf) (*TPM, error) {
	const section = procedure("§8.3.1 AIK certificate")
	if err := section.checkEndEntity(c); err != nil {
		return nil, err
	}
	if empty := []byte{0x30, 0}; !bytes.Equal(c.Subject(), empty) {
		return nil, section.unfit("Subject", hexed(c.Subject()), "empty", nil)
	}
	var usages []asn1.ObjectIdentifier
	if ext := c.Extension(oidExtKeyUsage); ext != nil {
		if err := unmarshalWhole(ext.Value, &usages, ""); err != nil {
			return nil, section.unfit("Extended Key Usage", hexed(ext.Value), "a list of identifiers", err)
		}
	}
	if !slices.ContainsFunc(usages, oidAIKCertificate.Equal) {
		return nil, section.unfit("Extended Key Usage", "no AIK certificate", oidAIKCertificate.String(), nil)
	}
	ext := c.Extension(oidSubjectAltName)
	if ext == nil {
		return nil, section.unfit("Subject Alternative Name", "absent", "manufacturer, model and version of the TPM", nil)
	}
	name, err := readTPMName(ext.Value)
	if err != nil {
		return nil, section.unfit("Subject Alternative Name", hexed(ext.Value), "manufacturer, model and version of the TPM", err)
	}
	return name, nil
}

// readTPMName reads a subject alternative name that has directory names with the three attributes
// of the TCG EK Credential Profile §3.2.9, each once. The manufacturer is "id:" and eight
// hexadecimal digits; whether it is assigned decides nothing, since TCG goes on assigning.
func readTPMName(der []byte) (*TPM, error) {
	var names []asn1.RawValue // GeneralNames
	if err := unmarshalWhole(der, &names, ""); err != nil {
		return nil, err
	}
	attributes := map[string][]string{}
	for _, name := range names {
		const directoryName = 4
		if name.Class != asn1.ClassContextSpecific || name.Tag != directoryName {
			continue
		}
		more, err := readName(name.Bytes)
		if err != nil {
			return nil, err
		}
		for id, values := range more {
			attributes[id] = append(attributes[id], values...)
		}
	}
	only := func(id asn1.ObjectIdentifier) string {
		if values := attributes[id.String()]; len(values) == 1 {
			return values[0]
		}
		return ""
	}
	t := &TPM{Manufacturer: only(oidTPMManufacturer), Model: only(oidTPMModel), Version: only(oidTPMVersion)}
	if !isManufacturer(t.Manufacturer) {
		return nil, errors.New("not one TPM manufacturer")
	}
	if t.Model == "" || t.Version == "" {
		return nil, errors.New("not one TPM model and one version")
	}
	t.Vendor = tpmVendors[strings.ToUpper(t.Manufacturer[len("id:"):])]
	return t, nil
}

func isManufacturer(s string) bool {
	digits, ok := strings.CutPrefix(s, "id:")
	return ok && len(digits) == 8 && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// tpmVendors are manufacturers in the TCG TPM Vendor ID Registry, by their four letters in hexadecimal.
var tpmVendors = map[string]string{
	"414D4400": "AMD",
	"414E5400": "Ant Group",
	"41544D4C": "Atmel",
	"4252434D": "Broadcom",
	"4353434F": "Cisco",
	"464C5953": "FlySlice",
	"474F4F47": "Google",
	"48495349": "Huawei",
	"48504500": "HPE",
	"48504900": "HP",
	"49424D00": "IBM",
	"49465800": "Infineon",
	"494E5443": "Intel",
	"4C454E00": "Lenovo",
	"4D534654": "Microsoft",
	"4E534700": "NSING",
	"4E534D20": "National Semiconductor",
	"4E544300": "Nuvoton",
	"4E545A00": "Nationz",
	"51434F4D": "Qualcomm",
	"524F4343": "Rockchip",
	"5345414C": "Wisekey",
	"53454345": "SecEdge",
	"534D5343": "SMSC",
	"534D534E": "Samsung",
	"534E5300": "Sinosun",
	"53544D20": "STMicroelectronics",
	"54584E00": "Texas Instruments",
	"57454300": "Winbond",
}
