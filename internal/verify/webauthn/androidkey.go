package webauthn

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

const androidKey = procedure("§8.4 android-key")

var oidAndroidKeyDescription = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}

// verifyAndroidKey is WebAuthn L3 §8.4.
func verifyAndroidKey(s unverified) (Statement, error) {
	f, err := parseStatement(s.raw, memberAlg|memberSig|memberX5C, 0)
	if err != nil {
		return Statement{}, androidKey.malformed(err)
	}
	cert, out, err := androidKey.chain(s, f.x5c, f.alg)
	if err != nil {
		return Statement{}, err
	}
	if !cert.key.Equal(s.key) {
		return Statement{}, androidKey.invalid("Subject Public Key", cert.key.Fingerprint(), s.key.Fingerprint(), nil)
	}
	if err := androidKey.sameAlgorithm(s, f.alg); err != nil { // the same key, so the same algorithm
		return Statement{}, err
	}
	if err := androidKey.verifySignature(cert.key, f.alg, s.signed(), f.sig); err != nil {
		return Statement{}, err
	}
	ext := cert.Extension(oidAndroidKeyDescription)
	if ext == nil {
		return Statement{}, androidKey.unfit("key description", "no such extension", "the extension 1.3.6.1.4.1.11129.2.1.17", nil)
	}
	d, err := parseKeyDescription(ext.Value)
	if err != nil {
		return Statement{}, androidKey.unfit("key description", bytesCount(len(ext.Value)), "KeyDescription, DER", err)
	}
	if !bytes.Equal(d.challenge, s.clientDataHash[:]) {
		return Statement{}, androidKey.invalid("attestationChallenge", hexed(d.challenge), hexed(s.clientDataHash[:]), nil)
	}
	if err := d.checkAuthorizations(); err != nil {
		return Statement{}, err
	}
	out.Android = d.facts()
	return out, nil
}

// keyDescription holds the parts of Android's KeyDescription that §8.4 checks, and what it says
// about the device.
type keyDescription struct {
	version                          int
	attestationSecurity, keySecurity asn1.Enumerated
	challenge                        []byte
	lists                            [2]authorizationList // softwareEnforced, teeEnforced
}

// authorizationList holds the parts of Android's AuthorizationList that §8.4 checks, and how the
// device started.
type authorizationList struct {
	allApplications bool
	origin          *int  // nil: absent
	purposes        []int // nil: absent
	boot            *rootOfTrust
}

// rootOfTrust is the part of Android's RootOfTrust that says how the device started.
type rootOfTrust struct {
	locked bool
	state  asn1.Enumerated
}

// Members of AuthorizationList by tag, and the values that §8.4 names.
const (
	tagPurpose         = 1
	tagAllApplications = 600
	tagOrigin          = 702
	tagRootOfTrust     = 704

	purposeSign     = 2 // KM_PURPOSE_SIGN
	purposeVerify   = 3 // KM_PURPOSE_VERIFY
	originGenerated = 0 // KM_ORIGIN_GENERATED
)

// facts is what a policy can judge the key by.
func (d keyDescription) facts() *AndroidKey {
	levels := []SecurityLevel{SecuritySoftware, SecurityTrustedEnvironment, SecurityStrongBox}
	hardware := d.lists[1]
	k := &AndroidKey{
		Version:             d.version,
		AttestationSecurity: named(levels, d.attestationSecurity),
		KeySecurity:         named(levels, d.keySecurity),
	}
	k.HardwareEnforced = k.KeySecurity != SecuritySoftware && // whose lists are the software's, both of them
		hardware.origin != nil && slices.Contains(hardware.purposes, purposeSign)
	if hardware.boot != nil {
		states := []BootState{BootVerified, BootSelfSigned, BootUnverified, BootFailed}
		k.BootState, k.DeviceLocked = named(states, hardware.boot.state), hardware.boot.locked
	}
	return k
}

// named returns the name of an enumerated value, its number if it has none.
func named[T ~string](names []T, value asn1.Enumerated) T {
	if value >= 0 && int(value) < len(names) {
		return names[value]
	}
	return T(strconv.Itoa(int(value)))
}

// checkAuthorizations reads the union of both lists, as §8.4 allows. Each value must be
// right, but it may be absent from both: in the vectors of §16 both lists are empty. A
// signing key may also verify, and nothing more. A policy that wants the hardware to say so
// reads AndroidKey.HardwareEnforced.
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
	for i, v := range map[int]any{0: &d.version, 1: &d.attestationSecurity, 3: &d.keySecurity} {
		if err := unmarshalWhole(e[i].FullBytes, v, ""); err != nil {
			return d, fmt.Errorf("element %d: %w", i, err)
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
		case tagRootOfTrust:
			l.boot, err = parseRootOfTrust(e.Bytes)
		}
		if err != nil {
			return l, fmt.Errorf("authorization %d: %w", e.Tag, err)
		}
	}
	return l, nil
}

// parseRootOfTrust reads RootOfTrust, which has three elements or, from version 3 of the
// attestation on, four.
func parseRootOfTrust(der []byte) (*rootOfTrust, error) {
	outer, err := derElements(der)
	if err != nil {
		return nil, err
	}
	if len(outer) != 1 || !isUniversal(outer[0], asn1.TagSequence, true) {
		return nil, errors.New("not one SEQUENCE")
	}
	e, err := derElements(outer[0].Bytes)
	if err != nil {
		return nil, err
	}
	if len(e) != 3 && len(e) != 4 || !isUniversal(e[0], asn1.TagOctetString, false) ||
		!isUniversal(e[1], asn1.TagBoolean, false) || len(e[1].Bytes) != 1 {
		return nil, errors.New("not a key, a boolean, a state and perhaps a hash")
	}
	r := &rootOfTrust{locked: e[1].Bytes[0] != 0} // 0xff in DER; some devices write another
	return r, unmarshalWhole(e[2].FullBytes, &r.state, "")
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
