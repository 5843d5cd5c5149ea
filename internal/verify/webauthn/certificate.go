package webauthn

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/countersign/countersign/internal/verify/anchor"
	"github.com/countersign/countersign/internal/verify/publickey"
)

const maxCertificates = 8 // Android's chains, the longest, have five or six

var (
	oidFIDOAAGUID       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4} // id-fido-gen-ce-aaguid
	oidFIDOSerialNumber = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 2} // id-fido-gen-ce-sernum
)

// leaf is the attestation certificate of a chain.
type leaf struct {
	*anchor.Certificate
	key *publickey.Key
}

// chain reads x5c, leaf first. It verifies that each certificate is signed by the next, which must
// be a CA with the issuer's name, and that all have keys of a sane size. The last one is not
// anchored: see the package comment. It returns the leaf, and the statement as far as the chain
// tells it.
//
// Package anchor reads certificates, so those of real authenticators that crypto/x509 refuses are
// judged by what they say. It documents what it leaves out. The leaf's key must be in the one
// encoding that publickey reads, of a type that a COSE algorithm exists for: on P-224 a CA may
// have its key, but no attestation its own.
func (p procedure) chain(s unverified, x5c [][]byte, alg int64) (leaf, Statement, error) {
	certs := make([]*anchor.Certificate, len(x5c))
	for i, der := range x5c {
		var err error
		if certs[i], err = anchor.Parse(der); err != nil {
			return leaf{}, Statement{}, p.unfit(position(i), "not parsed", "an X.509 certificate", err)
		}
	}
	key, err := publickey.ParseSPKI(certs[0].SPKI())
	if err != nil {
		return leaf{}, Statement{}, p.unfit(position(0), "its public key", "a key of a supported type and size", err)
	}
	if err := anchor.CheckLinks(certs, s.now, currencyOf(s.format)); err != nil {
		e, _ := errors.AsType[*anchor.Error](err)
		return leaf{}, Statement{}, p.unfit(position(e.Position), string(e.Reason), "x5c in order, each certificate current and issued by the next", err)
	}
	out := Statement{AttestationType: AttestationBasic, TrustPath: x5c, Hash: hashOf(alg)}
	out.SerialNumber, err = p.serialNumber(certs[0], s.enterprise)
	return leaf{certs[0], key}, out, err
}

func position(i int) string { return fmt.Sprintf("x5c[%d]", i) }

// checkEndEntity checks what §8.2.1 and §8.3.1 both require: version 3, and basic
// constraints that say that it is not a CA.
func (p procedure) checkEndEntity(c leaf) error {
	if c.Version() != 3 {
		return p.unfit("version", fmt.Sprint(c.Version()), "3", nil)
	}
	if present, ca := c.Constraints(); !present || ca {
		return p.unfit("Basic Constraints", fmt.Sprintf("present %t, CA %t", present, ca), "CA false", nil)
	}
	return nil
}

// checkAAGUID checks that the AAGUID of the certificate, if it names one, is that of the
// authenticator data: an OCTET STRING of 16 bytes in an extension that is not critical. It
// returns it.
func (p procedure) checkAAGUID(c leaf, aaguid [16]byte) (*[16]byte, error) {
	const what = "id-fido-gen-ce-aaguid"
	ext := c.Extension(oidFIDOAAGUID)
	if ext == nil {
		return nil, nil
	}
	if ext.Critical {
		return nil, p.unfit(what, "critical", "not critical", nil)
	}
	if want := append([]byte{asn1.TagOctetString, 16}, aaguid[:]...); !bytes.Equal(ext.Value, want) {
		return nil, p.invalid(what, hexed(ext.Value), hexed(want), nil)
	}
	return &aaguid, nil
}

// serialNumber is §8.2.2: certificates of enterprise attestation, and no others, have the number
// of one device. Nobody shall be told it who did not ask. That it is not critical was checked with
// the chain, in which no critical extension may be that is not of X.509.
func (p procedure) serialNumber(c *anchor.Certificate, enterprise bool) ([]byte, error) {
	const what = "id-fido-gen-ce-sernum"
	ext := c.Extension(oidFIDOSerialNumber)
	if ext == nil {
		return nil, nil
	}
	if !enterprise {
		return nil, p.unfit(what, "the number of one device", "none, as enterprise attestation was not requested", nil)
	}
	value, number := cryptobyte.String(ext.Value), []byte(nil)
	if !value.ReadASN1Bytes(&number, cbasn1.OCTET_STRING) || !value.Empty() {
		return nil, p.unfit(what, hexed(ext.Value), "an OCTET STRING", nil)
	}
	return number, nil
}

// readName reads a Name (RFC 5280 §4.1.2.4) into the values of each type of attribute. Strings may
// be of any of its types, and PrintableString may hold characters that it should not: real
// certificates differ there. A value that is no string is empty.
func readName(der []byte) (map[string][]string, error) {
	var name cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&name, cbasn1.SEQUENCE) || !input.Empty() {
		return nil, errors.New("not one Name")
	}
	values := map[string][]string{}
	for !name.Empty() {
		var set, attribute, value cryptobyte.String
		var id asn1.ObjectIdentifier
		var tag cbasn1.Tag
		if !name.ReadASN1(&set, cbasn1.SET) || set.Empty() {
			return nil, errors.New("a Name without attributes")
		}
		for !set.Empty() {
			if !set.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&id) ||
				!attribute.ReadAnyASN1(&value, &tag) || !attribute.Empty() {
				return nil, errors.New("an attribute of a Name is malformed")
			}
			values[id.String()] = append(values[id.String()], textOf(tag, value))
		}
	}
	return values, nil
}

func textOf(tag cbasn1.Tag, b []byte) string {
	switch tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagT61String, asn1.TagIA5String:
		return strings.ToValidUTF8(string(b), "\ufffd")
	case asn1.TagBMPString:
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		}
		return string(utf16.Decode(units))
	}
	return ""
}
