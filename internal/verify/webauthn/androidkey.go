package webauthn

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

const androidKey = procedure("§8.4 android-key")

var oidAndroidKeyDescription = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}

// verifyAndroidKey is WebAuthn L3 §8.4.
func verifyAndroidKey(s statement) (attestation, error) {
	f, err := parseStatement(s.raw, memberAlg|memberSig|memberX5C, 0)
	if err != nil {
		return attestation{}, androidKey.malformed(err)
	}
	certs, key, err := androidKey.chain(f.x5c, s.now, leafCurrent)
	if err != nil {
		return attestation{}, err
	}
	if !key.Equal(s.key) {
		return attestation{}, androidKey.invalid("Subject Public Key", key.Fingerprint(), s.key.Fingerprint(), nil)
	}
	if err := androidKey.sameAlgorithm(s, f.alg); err != nil { // the same key, so the same algorithm
		return attestation{}, err
	}
	if err := androidKey.verifySignature(key, f.alg, s.signed(), f.sig); err != nil {
		return attestation{}, err
	}
	ext := findExtension(certs[0], oidAndroidKeyDescription)
	if ext == nil {
		return attestation{}, androidKey.unfit("key description", "no such extension", "the extension 1.3.6.1.4.1.11129.2.1.17", nil)
	}
	d, err := parseKeyDescription(ext.Value)
	if err != nil {
		return attestation{}, androidKey.unfit("key description", bytesCount(len(ext.Value)), "KeyDescription, DER", err)
	}
	if !bytes.Equal(d.challenge, s.clientDataHash[:]) {
		return attestation{}, androidKey.invalid("attestationChallenge", hexed(d.challenge), hexed(s.clientDataHash[:]), nil)
	}
	if err := d.checkAuthorizations(); err != nil {
		return attestation{}, err
	}
	return attestation{kind: AttestationBasic, trustPath: f.x5c, aaguid: s.authData.aaguid}, nil
}

// keyDescription holds the parts of Android's KeyDescription that §8.4 checks.
type keyDescription struct {
	challenge []byte
	lists     [2]authorizationList // softwareEnforced, teeEnforced
}

// authorizationList holds the parts of Android's AuthorizationList that §8.4 checks.
type authorizationList struct {
	allApplications bool
	origin          *int  // nil: absent
	purposes        []int // nil: absent
}

// Members of AuthorizationList by tag, and the values that §8.4 names.
const (
	tagPurpose         = 1
	tagAllApplications = 600
	tagOrigin          = 702

	purposeSign     = 2 // KM_PURPOSE_SIGN
	purposeVerify   = 3 // KM_PURPOSE_VERIFY
	originGenerated = 0 // KM_ORIGIN_GENERATED
)

// checkAuthorizations reads the union of both lists, as §8.4 allows. Each value must be
// right, but it may be absent from both: in the vectors of §16 both lists are empty. A
// signing key may also verify, and nothing more.
func (d keyDescription) checkAuthorizations() error {
	var purposes []int
	present := false
	for _, l := range d.lists {
		if l.allApplications {
			return androidKey.invalid("allApplications", "present", "absent: keys are scoped to the RP ID", nil)
		}
		if l.origin != nil && *l.origin != originGenerated {
			return androidKey.invalid("origin", fmt.Sprint(*l.origin), "KM_ORIGIN_GENERATED (0)", nil)
		}
		present = present || l.purposes != nil
		purposes = append(purposes, l.purposes...)
	}
	signs := slices.Contains(purposes, purposeSign)
	other := slices.ContainsFunc(purposes, func(p int) bool { return p != purposeSign && p != purposeVerify })
	if present && (!signs || other) {
		return androidKey.invalid("purpose", fmt.Sprint(purposes), "KM_PURPOSE_SIGN (2)", nil)
	}
	return nil
}

// parseKeyDescription reads the SEQUENCE of eight elements that every version of the
// extension has.
func parseKeyDescription(der []byte) (d keyDescription, err error) {
	outer, err := derElements(der)
	if err != nil {
		return d, err
	}
	if len(outer) != 1 || !isUniversal(outer[0], asn1.TagSequence, true) {
		return d, errors.New("not one SEQUENCE")
	}
	e, err := derElements(outer[0].Bytes)
	if err != nil {
		return d, err
	}
	tags := [...]int{asn1.TagInteger, asn1.TagEnum, asn1.TagInteger, asn1.TagEnum,
		asn1.TagOctetString, asn1.TagOctetString, asn1.TagSequence, asn1.TagSequence}
	if len(e) != len(tags) {
		return d, fmt.Errorf("%d elements", len(e))
	}
	for i, tag := range tags {
		if !isUniversal(e[i], tag, tag == asn1.TagSequence) {
			return d, fmt.Errorf("element %d has another type", i)
		}
	}
	d.challenge = e[4].Bytes
	for i := range d.lists {
		if d.lists[i], err = parseAuthorizationList(e[6+i].Bytes); err != nil {
			return d, err
		}
	}
	return d, nil
}

// parseAuthorizationList reads the elements of an AuthorizationList, each under its own
// explicit tag. It skips those that §8.4 does not name.
func parseAuthorizationList(der []byte) (l authorizationList, err error) {
	elements, err := derElements(der)
	if err != nil {
		return l, err
	}
	seen := make(map[int]bool, len(elements))
	for _, e := range elements {
		if e.Class != asn1.ClassContextSpecific || !e.IsCompound {
			return l, errors.New("an authorization without a tag")
		}
		if seen[e.Tag] {
			return l, fmt.Errorf("authorization %d twice", e.Tag)
		}
		seen[e.Tag] = true
		switch e.Tag {
		case tagPurpose:
			l.purposes = []int{}
			err = unmarshalWhole(e.Bytes, &l.purposes, "set")
		case tagAllApplications:
			l.allApplications = true
		case tagOrigin:
			l.origin = new(int)
			err = unmarshalWhole(e.Bytes, l.origin, "")
		}
		if err != nil {
			return l, fmt.Errorf("authorization %d: %w", e.Tag, err)
		}
	}
	return l, nil
}

// derElements splits DER into its elements.
func derElements(der []byte) ([]asn1.RawValue, error) {
	var elements []asn1.RawValue
	for len(der) > 0 {
		var e asn1.RawValue
		rest, err := asn1.Unmarshal(der, &e)
		if err != nil {
			return nil, err
		}
		elements = append(elements, e)
		der = rest
	}
	return elements, nil
}

func isUniversal(e asn1.RawValue, tag int, compound bool) bool {
	return e.Class == asn1.ClassUniversal && e.Tag == tag && e.IsCompound == compound
}

// unmarshalWhole is asn1.UnmarshalWithParams for a value that nothing follows.
func unmarshalWhole(der []byte, v any, params string) error {
	rest, err := asn1.UnmarshalWithParams(der, v, params)
	if err == nil && len(rest) > 0 {
		err = errors.New("something follows the value")
	}
	return err
}
