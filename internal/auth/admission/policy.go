package admission

import (
	"bytes"
	"cmp"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/anchor"
	"github.com/countersign/countersign/internal/verify/metadata"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// Words of a policy.
const (
	Allowed  = "allowed"
	Refused  = "refused"
	Required = "required"

	None        = "none"
	Preferred   = "preferred"
	DeviceBound = "device-bound"

	ByMetadata = "metadata"
	ByOwn      = "own"

	Open   = "open"
	Closed = "closed"

	AnyWord       = "any"
	Platform      = "platform"
	CrossPlatform = "cross-platform"

	enterprise = "enterprise"
)

// MaxDocument is the longest policy, in bytes.
const MaxDocument = 48 << 10

const maxRoots, maxModels = 20, 500

// DefaultAlgorithms are the COSE algorithms that are offered to authenticators, best supported first: ES256,
// EdDSA, RS256, ES384, ES512.
var DefaultAlgorithms = []int{-7, -8, -257, -35, -36}

// Policy is a policy that was read and checked. Its zero value is none: see Default.
type Policy struct {
	api.AuthenticatorPolicy // with every default filled in, once For was called

	UserKind string
	Version  int64

	Offered []int // the COSE algorithms, the most wanted first

	own         *anchor.Set // never nil
	allow, deny map[[16]byte]bool
	level       metadata.Level
	resident    bool // it is the policy that wants a resident key, not the organisation
}

// Default is the policy of an organisation that has set none.
func Default(userKind string) *Policy {
	p, err := New(api.AuthenticatorPolicy{}, time.Time{})
	if err != nil {
		panic(err) // it is the same every time
	}
	p.UserKind = userKind
	return p
}

// Read reads a policy strictly: a member that is not known, or given twice, is refused.
func Read(text []byte) (p api.AuthenticatorPolicy, err error) {
	if len(text) > MaxDocument {
		return p, invalid("The policy is longer than 48 KiB.")
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	err = json.Unmarshal(text, &p, json.RejectUnknownMembers(true))
	if err != nil || text[0] != '{' {
		return p, &api.Error{Kind: api.Invalid, Code: "policy_invalid", Message: "The policy is not JSON with known members alone.", Cause: err}
	}
	return p, nil
}

func invalid(format string, args ...any) error {
	return &api.Error{Kind: api.Invalid, Code: "policy_invalid", Message: fmt.Sprintf(format, args...)}
}

func contradiction(format string, args ...any) error {
	return &api.Error{Kind: api.Invalid, Code: "policy_contradiction", Message: fmt.Sprintf(format, args...)}
}

// New checks a policy. It refuses one that contradicts itself, with the reason. now is for roots that have
// expired; zero if that does not matter.
func New(document api.AuthenticatorPolicy, now time.Time) (*Policy, error) {
	p := &Policy{AuthenticatorPolicy: document}
	for _, read := range []func(*Policy) error{(*Policy).readWords, (*Policy).readAlgorithms, (*Policy).readModels,
		func(p *Policy) error { return p.readRoots(now) }, (*Policy).contradicts} {
		if err := read(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// For returns the policy for an organisation, whose own settings are the defaults of some members.
func (p *Policy) For(o store.Organisation) *Policy {
	full := *p
	if full.Conveyance == "" {
		full.Conveyance = o.Attestation
		if full.Attestation != None {
			full.Conveyance = "direct"
		}
	}
	full.ResidentKey = cmp.Or(full.ResidentKey, o.ResidentKey)
	full.UserVerification = cmp.Or(full.UserVerification, o.UserVerification)
	if full.Attachment == AnyWord && o.AuthenticatorAttachment != "" {
		full.Attachment = o.AuthenticatorAttachment
	}
	return &full
}

// word checks a member that is one of some words and fills in the first, its default.
func word(member string, value *string, words ...string) error {
	*value = cmp.Or(*value, words[0])
	if !slices.Contains(words, *value) {
		return invalid("The member %s is %s.", member, alternatives(words))
	}
	return nil
}

// alternatives lists words: "a, b or c".
func alternatives(words []string) string {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

func (p *Policy) readWords() error {
	p.resident = p.ResidentKey == Required
	wishes := []string{"", Required, Preferred, "discouraged"}
	for _, m := range []struct {
		name  string
		value *string
		words []string
	}{
		{"conveyance", &p.Conveyance, []string{"", None, "indirect", "direct", enterprise}},
		{"attestation", &p.Attestation, []string{None, Preferred, DeviceBound, Required}},
		{"sha1", &p.SHA1, []string{Allowed, Refused}},
		{"withoutMetadata", &p.WithoutMetadata, []string{Closed, Open}},
		{"zeroAaguid", &p.ZeroAAGUID, []string{Allowed, Refused}},
		{"attachment", &p.Attachment, []string{AnyWord, Platform, CrossPlatform}},
		{"residentKey", &p.ResidentKey, wishes},
		{"userVerification", &p.UserVerification, wishes},
		{"synced", &p.Synced, []string{Allowed, Required, Refused}},
		{"backedUp", &p.BackedUp, []string{AnyWord, Required}},
		{"keys", &p.Keys, []string{Allowed, Refused}},
	} {
		if err := word(m.name, m.value, m.words...); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		name   string
		values []string
		words  []string
	}{
		{"anchors", p.Anchors, []string{ByMetadata, ByOwn}},
		{"keyProtection", p.KeyProtection, []string{"software", "hardware", "tee", "secure_element", "remote_handle"}},
		{"refuseStatuses", p.RefuseStatuses, Statuses},
	} {
		for i, v := range m.values {
			if !slices.Contains(m.words, v) {
				return invalid("The member %s lists %s.", m.name, alternatives(m.words))
			}
			if slices.Contains(m.values[:i], v) {
				return invalid("The member %s lists %s twice.", m.name, v)
			}
		}
	}
	if p.PerModel < 0 || p.PerModel > 100 {
		return invalid("The member perModel is a number from 1 to 100, or 0 for any number.")
	}
	return nil
}

// Statuses are those that a policy may refuse a model for, the worst first.
var Statuses = []string{metadata.StatusRevoked, metadata.StatusAttestationKeyCompromise, metadata.StatusUserKeyRemoteCompromise,
	metadata.StatusUserKeyPhysicalCompromise, metadata.StatusUserVerificationBypass, metadata.StatusRetired,
	metadata.StatusUpdateAvailable, metadata.StatusNotCertified, metadata.StatusSelfAsserted}

// Compromises are the statuses that say that a model or its keys must not be relied on.
var Compromises = Statuses[:5]

func (p *Policy) readAlgorithms() error {
	if p.Algorithms == nil {
		p.Offered = DefaultAlgorithms
		for _, number := range p.Offered {
			a, _ := publickey.FromCOSE(number)
			p.Algorithms = append(p.Algorithms, string(a))
		}
		return nil
	}
	if len(p.Algorithms) == 0 {
		return contradiction("The list of algorithms is empty: nobody could register a passkey.")
	}
	for i, name := range p.Algorithms {
		number, known := publickey.Algorithm(name).COSE()
		if !known || !slices.Contains(passkeyAlgorithms, number) {
			return invalid("The member algorithms lists ES256, EdDSA, RS256, ES384 or ES512.")
		}
		if slices.Contains(p.Algorithms[:i], name) {
			return invalid("The member algorithms lists %s twice.", name)
		}
		p.Offered = append(p.Offered, number)
	}
	return nil
}

// passkeyAlgorithms may be offered.
var passkeyAlgorithms = DefaultAlgorithms

func (p *Policy) readModels() (err error) {
	if p.allow, err = models("allow", p.Allow); err != nil {
		return err
	}
	if p.Allow != nil && len(p.Allow) == 0 {
		return contradiction("The list of allowed models is empty: nobody could register a passkey. Leave it out to allow all.")
	}
	if p.deny, err = models("deny", p.Deny); err != nil {
		return err
	}
	if p.MinimumLevel != "" {
		level, known := metadata.ParseLevel(p.MinimumLevel)
		if !known || level == metadata.NotCertified {
			return invalid("The member minimumLevel is a level such as FIDO_CERTIFIED_L1 or FIDO_CERTIFIED_L2plus.")
		}
		p.level = level
	}
	return nil
}

func models(member string, texts []string) (map[[16]byte]bool, error) {
	if len(texts) > maxModels {
		return nil, invalid("The member %s lists more than %d models.", member, maxModels)
	}
	all := map[[16]byte]bool{}
	for i, text := range texts {
		aaguid, err := metadata.ParseAAGUID(strings.ToLower(text))
		if err != nil {
			return nil, invalid("The member %s has %s at place %d, which is not an AAGUID such as 2fc0579f-8113-47ea-b116-bb5a8db9202a.", member, api.Shown(text), i+1)
		}
		all[aaguid] = true
	}
	return all, nil
}

func (p *Policy) readRoots(now time.Time) error {
	if len(p.Roots) > maxRoots {
		return invalid("The member roots lists more than %d certificates.", maxRoots)
	}
	var ders [][]byte
	for i, text := range p.Roots {
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
			return invalid("The member roots has, at place %d, something else than one certificate in PEM.", i+1)
		}
		if _, err := anchor.Parse(block.Bytes); err != nil {
			return &api.Error{Kind: api.Invalid, Code: "policy_invalid",
				Message: fmt.Sprintf("The member roots has, at place %d, a certificate that cannot be read.", i+1), Cause: err}
		}
		ders = append(ders, block.Bytes)
	}
	p.own = anchor.NewSet(ders)
	expired := func(c *anchor.Certificate) bool { return c.Parsed != nil && now.After(c.Parsed.NotAfter) }
	if all := p.own.Certificates(); !now.IsZero() && len(all) > 0 && !p.anchored(ByMetadata) && p.demands() &&
		!slices.ContainsFunc(all, func(c *anchor.Certificate) bool { return !expired(c) }) {
		return contradiction("All roots have expired: no attestation would be trusted.")
	}
	return nil
}

func (p *Policy) anchored(by string) bool { return slices.Contains(p.Anchors, by) }

// demands reports whether attestation is demanded, of all passkeys or of those bound to one device.
func (p *Policy) demands() bool { return p.Attestation == Required || p.Attestation == DeviceBound }

// looks reports whether the policy looks at statements at all.
func (p *Policy) looks() bool { return p.Attestation != None || p.SHA1 == Refused }

// Anonymous reports whether what names the one device is not to be kept.
func (p *Policy) Anonymous() bool { return p.Conveyance == enterprise && !p.KeepSerialNumber }

// NeedsStatements reports whether a verdict on a stored credential may need its attestation object.
func (p *Policy) NeedsStatements() bool { return p.looks() }

// contradicts refuses a policy that nobody, or no sense, could satisfy.
func (p *Policy) contradicts() error {
	for aaguid := range p.allow {
		if p.deny[aaguid] {
			return contradiction("The model %s is both in allow and in deny.", TextOf(aaguid))
		}
	}
	switch proven := len(p.allow) > 0 || p.level > 0 || len(p.KeyProtection) > 0; {
	case p.demands() && len(p.Anchors) == 0:
		return contradiction("Attestation is demanded, but no anchors are named that it must lead to: metadata, own or both.")
	case p.Attestation != None && p.Conveyance == None:
		return contradiction("The conveyance none asks for no attestation, but attestation is %s.", p.Attestation)
	case p.anchored(ByOwn) && len(p.Roots) == 0:
		return contradiction("The anchors are own ones, but there are no roots.")
	case !p.anchored(ByOwn) && len(p.Roots) > 0:
		return contradiction("There are roots, but own is not among the anchors.")
	case p.Attestation == None && len(p.Anchors) > 0:
		return contradiction("There are anchors, but attestation is none, so nothing is verified by them.")
	case proven && !p.demands():
		return contradiction("The members allow, minimumLevel and keyProtection need proof of the model: attestation required or device-bound.")
	case (p.level > 0 || len(p.KeyProtection) > 0) && !p.anchored(ByMetadata):
		return contradiction("The members minimumLevel and keyProtection are known from FIDO metadata alone, which is not among the anchors.")
	case p.Synced == Required && p.demands():
		return contradiction("Only synchronised passkeys are accepted and attestation is demanded, but such passkeys have none: nobody could register.")
	case p.Synced == Refused && p.BackedUp == Required:
		return contradiction("A passkey that cannot be synchronised is never backed up: nobody could register.")
	case p.Synced == Refused && p.Attestation == DeviceBound:
		return contradiction("Where synchronised passkeys are refused, attestation device-bound is attestation required.")
	case p.BackedUp == Required && p.Attestation == Required:
		return contradiction("Only backed up passkeys are accepted and attestation is required, but such passkeys have none: nobody could register.")
	case p.KeepSerialNumber && p.Conveyance != enterprise:
		return contradiction("Serial numbers come with the conveyance enterprise alone.")
	}
	return nil
}

// TextOf writes an AAGUID as metadata does.
func TextOf(aaguid [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", aaguid[:4], aaguid[4:6], aaguid[6:8], aaguid[8:10], aaguid[10:])
}

// Reachable refuses a policy that no model of the metadata satisfies, or that needs metadata that is not there.
func (p *Policy) Reachable(m *metadata.Metadata, now time.Time) error {
	if p.Attestation != Required || p.anchored(ByOwn) || p.WithoutMetadata == Open {
		return nil
	}
	if m == nil {
		return contradiction("Attestation must lead to FIDO metadata, and none is kept: nobody could register. Load it with countersign metadata load, or set withoutMetadata to open.")
	}
	for _, e := range m.Entries {
		f := Facts{Passkey: true, Trust: ByMetadata, AAGUID: e.AAGUID}
		f.describe(e, nil, now)
		if p.checkModel(f) == nil {
			return nil
		}
	}
	return contradiction("No model in the FIDO metadata satisfies the policy: nobody could register.")
}
