package webauthn

import (
	"fmt"
	"strings"
)

const packed = procedure("§8.2 packed")

// verifyPacked is WebAuthn L3 §8.2. ECDAA, which Level 3 dropped, is refused like every
// member that the syntax does not have.
func verifyPacked(s unverified) (Statement, error) {
	f, err := parseStatement(s.raw, memberAlg|memberSig, memberX5C)
	if err != nil {
		return Statement{}, packed.malformed(err)
	}
	if f.has&memberX5C == 0 {
		return verifyPackedSelf(s, f)
	}
	cert, out, err := packed.chain(s, f.x5c, f.alg)
	if err != nil {
		return Statement{}, err
	}
	if err := packed.verifySignature(cert.key, f.alg, s.signed(), f.sig); err != nil {
		return Statement{}, err
	}
	if err := checkPackedCertificate(cert); err != nil {
		return Statement{}, err
	}
	// Only metadata could tell whether it is Basic or AttCA.
	out.CertificateAAGUID, err = packed.checkAAGUID(cert, s.authData.aaguid)
	return out, err
}

// verifyPackedSelf is self attestation: the credential key signs for itself.
func verifyPackedSelf(s unverified, f fields) (Statement, error) {
	if err := packed.sameAlgorithm(s, f.alg); err != nil {
		return Statement{}, err
	}
	if err := packed.verifySignature(s.key, f.alg, s.signed(), f.sig); err != nil {
		return Statement{}, err
	}
	return Statement{AttestationType: AttestationSelf, Hash: hashOf(f.alg)}, nil
}

// checkPackedCertificate is WebAuthn L3 §8.2.1.
func checkPackedCertificate(c leaf) error {
	const section = procedure("§8.2.1 packed certificate")
	if err := section.checkEndEntity(c); err != nil {
		return err
	}
	n, err := readName(c.Subject())
	if err != nil {
		return section.unfit("Subject", hexed(c.Subject()), "a Name", err)
	}
	const country, organisation, unit, common = "2.5.4.6", "2.5.4.10", "2.5.4.11", "2.5.4.3"
	switch {
	case len(n[country]) != 1 || !isCountry(n[country][0]):
		return section.unfit("Subject-C", fmt.Sprintf("%.60q", n[country]), "one ISO 3166 code", nil)
	case len(n[organisation]) != 1 || n[organisation][0] == "":
		return section.unfit("Subject-O", fmt.Sprintf("%.60q", n[organisation]), "the vendor's name", nil)
	case len(n[unit]) != 1 || n[unit][0] != "Authenticator Attestation":
		return section.unfit("Subject-OU", fmt.Sprintf("%.60q", n[unit]), `"Authenticator Attestation"`, nil)
	case strings.Join(n[common], "") == "":
		return section.unfit("Subject-CN", "none", "a name of the vendor's choosing", nil)
	}
	return nil
}

// countries are the officially assigned codes of ISO 3166-1 alpha-2, as of 2026, by first letter.
const countries = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ " +
	"BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
	"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ " +
	"EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY " +
	"HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ " +
	"LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ " +
	"NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW " +
	"SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ " +
	"TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"

// isCountry reports whether s is a code of ISO 3166-1 alpha-2: an assigned one, or one of those
// that the standard leaves to its users (AA, QM to QZ, XA to XZ, ZZ), such as XK for Kosovo.
func isCountry(s string) bool {
	if len(s) != 2 || s[0] < 'A' || s[0] > 'Z' || s[1] < 'A' || s[1] > 'Z' {
		return false
	}
	return s == "AA" || s == "ZZ" || s[0] == 'X' || s[0] == 'Q' && s[1] >= 'M' || strings.Contains(countries, s)
}
