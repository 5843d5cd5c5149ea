package admission

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/metadata"
)

// Rule is a rule of a policy. The names are stable.
type Rule string

// The rules, in the order in which they are checked.
const (
	Keys             Rule = "keys"
	Algorithm        Rule = "algorithms"
	UserVerification Rule = "userVerification"
	ResidentKey      Rule = "residentKey"
	Attachment       Rule = "attachment"
	Synced           Rule = "synced"
	BackedUp         Rule = "backedUp"
	ZeroAAGUID       Rule = "zeroAaguid"
	Deny             Rule = "deny"
	NoMetadata       Rule = "withoutMetadata"
	Attestation      Rule = "attestation" // there is no statement that could prove anything
	Anchors          Rule = "anchors"     // there is one, and it leads to no anchor
	SHA1             Rule = "sha1"
	Status           Rule = "refuseStatuses"
	Allow            Rule = "allow"
	MinimumLevel     Rule = "minimumLevel"
	KeyProtection    Rule = "keyProtection"
	PerModel         Rule = "perModel"
)

// Rules are all rules.
var Rules = []Rule{Keys, Algorithm, UserVerification, ResidentKey, Attachment, Synced, BackedUp, ZeroAAGUID, Deny, NoMetadata,
	Attestation, Anchors, SHA1, Status, Allow, MinimumLevel, KeyProtection, PerModel}

// Verdict is what a policy says of a credential: the first rule that it breaks, "" if it is accepted.
type Verdict struct {
	Rule               Rule
	Received, Expected string
}

// Accepted reports whether the credential is accepted.
func (v Verdict) Accepted() bool { return v.Rule == "" }

// Check checks a credential by a policy.
func Check(p *Policy, f Facts) Verdict {
	if !f.Passkey {
		if p.Keys == Refused {
			return Verdict{Keys, "a key", "a passkey"}
		}
		return Verdict{}
	}
	for _, check := range []func(Facts) *Verdict{p.checkPasskey, p.checkTrust, p.checkModel} {
		if v := check(f); v != nil {
			return *v
		}
	}
	return Verdict{}
}

// checkPasskey checks what authenticator data and the client say.
func (p *Policy) checkPasskey(f Facts) *Verdict {
	word := func(is bool) string { return map[bool]string{true: "yes", false: "no"}[is] }
	switch {
	case !slices.Contains(p.Offered, f.Algorithm):
		return &Verdict{Algorithm, "COSE algorithm " + strconv.Itoa(f.Algorithm), strings.Join(p.Algorithms, ", ")}
	case p.UserVerification == Required && !f.UserVerified:
		return &Verdict{UserVerification, "the user was not verified", Required}
	case p.resident && f.NotResident:
		return &Verdict{ResidentKey, "the client says that it is not discoverable", Required}
	case p.Attachment != AnyWord && f.Attachment != "" && f.Attachment != p.Attachment:
		return &Verdict{Attachment, f.Attachment, p.Attachment}
	case p.Synced == Required && !f.Synced, p.Synced == Refused && f.Synced:
		return &Verdict{Synced, "backup eligible: " + word(f.Synced), p.Synced}
	case p.BackedUp == Required && !f.BackedUp:
		return &Verdict{BackedUp, "backup state: " + word(f.BackedUp), Required}
	case p.ZeroAAGUID == Refused && f.AAGUID == [16]byte{}:
		return &Verdict{ZeroAAGUID, "an AAGUID of zeros", "one that names a model"}
	case p.deny[f.AAGUID]:
		return &Verdict{Deny, f.model(), "a model that is not in the list"}
	}
	return nil
}

// attested reports whether attestation is demanded of the passkey.
func (p *Policy) attested(f Facts) bool {
	return p.Attestation == Required || p.Attestation == DeviceBound && !f.Synced
}

// checkTrust checks the statement.
func (p *Policy) checkTrust(f Facts) *Verdict {
	attested := p.attested(f)
	switch {
	case attested && !f.Chain:
		return &Verdict{Attestation, "no attestation with certificates", p.Attestation}
	case p.needsMetadata(f) && f.Metadata != Current && p.WithoutMetadata == Closed:
		if f.Metadata == Missing {
			return &Verdict{NoMetadata, "there is no FIDO metadata", "FIDO metadata that is up to date"}
		}
		return &Verdict{NoMetadata, "FIDO metadata " + strconv.FormatInt(f.Number, 10) + ", which is out of date", "FIDO metadata that is up to date"}
	case attested && f.Trust == "" && !p.lenient(f):
		return &Verdict{Anchors, cmp.Or(f.Reason, "a statement that was not verified") + ", for " + f.model(), "an attestation that leads to " + strings.Join(p.Anchors, " or ")}
	case p.SHA1 == Refused && f.SHA1:
		return &Verdict{SHA1, "a statement that is signed over SHA-1", Refused}
	}
	return nil
}

// needsMetadata reports whether a verdict on the passkey depends on the metadata.
func (p *Policy) needsMetadata(f Facts) bool {
	attested := p.attested(f)
	return f.Trust != ByOwn && (attested && p.anchored(ByMetadata) || len(p.RefuseStatuses) > 0 && (attested || !p.demands()))
}

// lenient reports whether what the metadata would prove is let pass, because there is none.
func (p *Policy) lenient(f Facts) bool {
	return f.Metadata == Missing && p.WithoutMetadata == Open && p.anchored(ByMetadata)
}

// checkModel checks the model.
func (p *Policy) checkModel(f Facts) *Verdict {
	for _, s := range f.Statuses {
		if slices.Contains(p.RefuseStatuses, s) {
			return &Verdict{Status, f.model() + " has the status " + s, "none of " + strings.Join(p.RefuseStatuses, ", ")}
		}
	}
	if p.attested(f) && !(f.Trust == "" && p.lenient(f)) {
		protected := func(by string) bool { return slices.Contains(f.Protection, by) }
		switch {
		case len(p.allow) > 0 && !(f.Verified() && p.allow[f.AAGUID]):
			return &Verdict{Allow, f.model(), "a model of the list, proven"}
		case f.Level < p.level:
			return &Verdict{MinimumLevel, f.model() + " has " + f.Level.String(), "at least " + p.MinimumLevel}
		case len(p.KeyProtection) > 0 && !slices.ContainsFunc(p.KeyProtection, protected):
			return &Verdict{KeyProtection, f.model() + " has the protection " + cmp.Or(strings.Join(f.Protection, ", "), "unknown"), strings.Join(p.KeyProtection, " or ")}
		}
	}
	if p.PerModel > 0 && f.SameModel >= p.PerModel {
		return &Verdict{PerModel, fmt.Sprintf("%d of this model are registered for the user", f.SameModel), fmt.Sprintf("at most %d", p.PerModel)}
	}
	return nil
}

// model names the model for the operator, and says whether it is proven.
func (f Facts) model() string {
	proven := ReportedWord
	if f.Trust != "" {
		proven = VerifiedWord
	}
	name := TextOf(f.AAGUID)
	if f.Model != "" {
		name += " (" + f.Model + ")"
	}
	return name + ", " + proven
}

// AcceptsKind refuses a kind of credential that the policy does not accept.
func (p *Policy) AcceptsKind(kind string) error {
	if p.Keys == Refused && (kind == api.KindKey || kind == api.KindPasswordProtectedKey) {
		return p.Refusal(Check(p, Facts{}), nil)
	}
	return nil
}

// CodeNotAccepted is the code of an authenticator that a policy does not accept.
const CodeNotAccepted = "authenticator_not_accepted"

// Refusal is the error for a credential that is not accepted: one sentence for the person, and the rule for
// the operator.
func (p *Policy) Refusal(v Verdict, m *metadata.Metadata) error {
	e := &api.Error{Kind: api.Invalid, Code: CodeNotAccepted, Rule: fmt.Sprintf("policy for %s, version %d: %s", p.UserKind, p.Version, v.Rule),
		Received: v.Received, Expected: v.Expected}
	switch v.Rule {
	case Keys:
		e.Code, e.Message = "keys_not_accepted", "Your organisation accepts no keys here; it accepts "+p.Accepts(m)+"."
	case PerModel:
		e.Code, e.Message = "too_many_of_model", fmt.Sprintf("You have %d passkeys of this model, which is as many as your organisation accepts; remove one, or use another model.", p.PerModel)
	case NoMetadata:
		e.Message = "Your organisation cannot check authenticators just now; please ask your administrator."
	default:
		e.Message = "Your organisation does not accept this authenticator; it accepts " + p.Accepts(m) + "."
	}
	return e
}

// Accepts says in plain words which authenticators are accepted, to follow "accepts".
func (p *Policy) Accepts(m *metadata.Metadata) string {
	text := "passkeys"
	switch p.Attachment {
	case Platform:
		text = "passkeys that are built into a phone or computer"
	case CrossPlatform:
		text = "passkeys on a security key or a phone"
	}
	var more []string
	switch {
	case p.Attestation == DeviceBound:
		more = append(more, "that are synchronised by their provider, or on a device "+p.proven(m))
	case p.Attestation == Required:
		more = append(more, "on a device "+p.proven(m))
	}
	switch {
	case p.BackedUp == Required:
		more = append(more, "that are backed up by their provider")
	case p.Synced == Required:
		more = append(more, "that are synchronised by their provider")
	case p.Synced == Refused:
		more = append(more, "that stay on one device")
	}
	if p.UserVerification == Required && p.Attestation == None {
		more = append(more, "that ask for a fingerprint, face or PIN")
	}
	for i, part := range more {
		text += []string{" ", ", "}[min(i, 1)] + part
	}
	if len(p.deny) > 0 {
		text += ", except some models"
	}
	if p.Keys == Allowed {
		text += ", and keys"
	}
	return text
}

// proven says what a model must be.
func (p *Policy) proven(m *metadata.Metadata) string {
	const shown = 5
	switch {
	case len(p.allow) > 0 && len(p.allow) <= shown:
		var names []string
		for _, text := range p.Allow {
			aaguid, _ := metadata.ParseAAGUID(strings.ToLower(text))
			name := TextOf(aaguid)
			if e := m.ByAAGUID(aaguid); e != nil && e.Description != "" {
				name = e.Description
			}
			names = append(names, name)
		}
		return "of the model " + alternatives(names)
	case len(p.allow) > 0:
		return "of " + strconv.Itoa(len(p.allow)) + " models that your administrator knows"
	case p.level > 0:
		return "that FIDO has certified"
	case p.anchored(ByMetadata) && p.anchored(ByOwn):
		return "that FIDO or your organisation knows"
	case p.anchored(ByOwn):
		return "that your organisation knows"
	}
	return "that FIDO knows"
}
