package admission_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/metadata"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

const key1, key2 = "2fc0579f-8113-47ea-b116-bb5a8db9202a", "c04e7e25-194a-4f1d-9a5e-0d375e7a710c"

func aaguid(t testing.TB, text string) [16]byte {
	t.Helper()
	a, err := metadata.ParseAAGUID(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func policy(t testing.TB, p api.AuthenticatorPolicy) *admission.Policy {
	t.Helper()
	read, err := admission.New(p, now)
	if err != nil {
		t.Fatal(err)
	}
	return read.For(store.Organisation{Attestation: "none", UserVerification: "required", ResidentKey: "required"})
}

// good is a security key that the metadata proves.
func good(t testing.TB) admission.Facts {
	return admission.Facts{Passkey: true, Algorithm: -7, UserVerified: true, Attachment: admission.CrossPlatform, AAGUID: aaguid(t, key1), Chain: true,
		Trust: admission.ByMetadata, Metadata: admission.Current, Number: 7, Model: "Key One", Level: metadata.CertifiedL2,
		Protection: []string{"hardware", "secure_element"}}
}

// Every rule of a policy, satisfied and violated. What violates one is accepted by the policy that has none.
func TestEveryRule(t *testing.T) {
	type P = api.AuthenticatorPolicy
	type F = func(*admission.Facts)
	byMetadata := []string{"metadata"}
	attested := P{Attestation: "required", Anchors: byMetadata}
	with := func(p P, change func(*P)) P { change(&p); return p }
	seen := map[admission.Rule]bool{}
	nothing := func(*admission.Facts) {}
	for _, c := range []struct {
		rule     admission.Rule
		policy   P
		right    F
		wrong    F
		expected string
	}{
		{admission.Keys, P{Keys: "refused"}, nothing, func(f *admission.Facts) { *f = admission.Facts{} }, "a passkey"},
		{admission.Algorithm, P{Algorithms: []string{"EdDSA", "ES384"}}, func(f *admission.Facts) { f.Algorithm = -35 }, nothing, "EdDSA, ES384"},
		{admission.UserVerification, P{UserVerification: "required"}, nothing, func(f *admission.Facts) { f.UserVerified = false }, "required"},
		{admission.ResidentKey, P{ResidentKey: "required"}, nothing, func(f *admission.Facts) { f.NotResident = true }, "required"},
		{admission.Attachment, P{Attachment: "platform"}, func(f *admission.Facts) { f.Attachment = "" }, nothing, "platform"},
		{admission.Attachment, P{Attachment: "cross-platform"}, nothing, func(f *admission.Facts) { f.Attachment = "platform" }, "cross-platform"},
		{admission.Synced, P{Synced: "refused"}, nothing, func(f *admission.Facts) { f.Synced = true }, "refused"},
		{admission.Synced, P{Synced: "required"}, func(f *admission.Facts) { f.Synced = true }, nothing, "required"},
		{admission.BackedUp, P{BackedUp: "required"}, func(f *admission.Facts) { f.Synced, f.BackedUp = true, true }, func(f *admission.Facts) { f.Synced = true }, "required"},
		{admission.ZeroAAGUID, P{ZeroAAGUID: "refused"}, nothing, func(f *admission.Facts) { f.AAGUID = [16]byte{} }, "one that names a model"},
		{admission.Deny, P{Deny: []string{strings.ToUpper(key2)}}, nothing, func(f *admission.Facts) { f.AAGUID, f.Trust = aaguid(t, key2), "" }, "a model that is not in the list"},
		{admission.NoMetadata, attested, nothing, func(f *admission.Facts) { f.Metadata, f.Trust, f.Number = admission.Missing, "", 0 }, "FIDO metadata that is up to date"},
		{admission.NoMetadata, attested, nothing, func(f *admission.Facts) { f.Metadata = admission.Stale }, "FIDO metadata that is up to date"},
		{admission.NoMetadata, P{RefuseStatuses: []string{"REVOKED"}}, nothing, func(f *admission.Facts) { f.Metadata = admission.Missing }, "FIDO metadata that is up to date"},
		{admission.Attestation, attested, nothing, func(f *admission.Facts) { f.Chain, f.Trust = false, "" }, "required"},
		{admission.Attestation, with(attested, func(p *P) { p.Attestation = "device-bound" }), func(f *admission.Facts) { f.Chain, f.Trust, f.Synced = false, "", true },
			func(f *admission.Facts) { f.Chain, f.Trust = false, "" }, "device-bound"},
		{admission.Attestation, with(attested, func(p *P) { p.WithoutMetadata = "open" }), func(f *admission.Facts) { f.Metadata, f.Trust = admission.Missing, "" },
			func(f *admission.Facts) { f.Metadata, f.Trust, f.Chain = admission.Missing, "", false }, "required"},
		{admission.Anchors, attested, nothing, func(f *admission.Facts) { f.Trust, f.Reason = "", "forged" }, "an attestation that leads to metadata"},
		{admission.Anchors, with(attested, func(p *P) { p.WithoutMetadata = "open" }), func(f *admission.Facts) { f.Metadata = admission.Stale },
			func(f *admission.Facts) { f.Metadata, f.Trust = admission.Stale, "" }, "an attestation that leads to metadata"},
		{admission.SHA1, P{SHA1: "refused"}, nothing, func(f *admission.Facts) { f.SHA1 = true }, "refused"},
		{admission.Status, P{RefuseStatuses: []string{"REVOKED", "USER_KEY_REMOTE_COMPROMISE"}}, func(f *admission.Facts) { f.Statuses = []string{"FIDO_CERTIFIED", "UPDATE_AVAILABLE"} },
			func(f *admission.Facts) { f.Trust, f.Statuses = "", []string{"FIDO_CERTIFIED", "REVOKED"} }, "none of REVOKED, USER_KEY_REMOTE_COMPROMISE"},
		{admission.Allow, with(attested, func(p *P) { p.Allow = []string{key1} }), nothing, func(f *admission.Facts) { f.AAGUID = aaguid(t, key2) }, "a model of the list, proven"},
		{admission.Allow, with(attested, func(p *P) { p.Allow = []string{key1} }), nothing, func(f *admission.Facts) { f.AAGUID = [16]byte{} }, "a model of the list, proven"},
		{admission.MinimumLevel, with(attested, func(p *P) { p.MinimumLevel = "FIDO_CERTIFIED_L2" }), nothing, func(f *admission.Facts) { f.Level = metadata.CertifiedL1Plus }, "at least FIDO_CERTIFIED_L2"},
		{admission.KeyProtection, with(attested, func(p *P) { p.KeyProtection = []string{"tee", "hardware"} }), nothing, func(f *admission.Facts) { f.Protection = []string{"software"} }, "tee or hardware"},
		{admission.KeyProtection, with(attested, func(p *P) { p.KeyProtection = []string{"tee"} }), func(f *admission.Facts) { f.Protection = []string{"tee"} },
			func(f *admission.Facts) { f.Protection = nil }, "tee"},
		{admission.PerModel, P{PerModel: 2}, func(f *admission.Facts) { f.SameModel = 1 }, func(f *admission.Facts) { f.SameModel = 2 }, "at most 2"},
	} {
		seen[c.rule] = true
		p := policy(t, c.policy)
		right, wrong := good(t), good(t)
		c.right(&right)
		c.wrong(&wrong)
		if v := admission.Check(p, right); !v.Accepted() {
			t.Errorf("%s, satisfied: %+v", c.rule, v)
		}
		v := admission.Check(p, wrong)
		if v.Rule != c.rule || v.Expected != c.expected || v.Received == "" {
			t.Errorf("%s, violated: %+v, want %q", c.rule, v, c.expected)
		}
		e := api.AsError(p.Refusal(v, nil))
		code := map[admission.Rule]string{admission.Keys: "keys_not_accepted", admission.PerModel: "too_many_of_model"}[c.rule]
		if code == "" {
			code = "authenticator_not_accepted"
		}
		if e.Kind != api.Invalid || e.Code != code || !strings.HasSuffix(e.Rule, ": "+string(c.rule)) || e.Received == "" ||
			!strings.HasSuffix(e.Message, ".") || strings.Contains(e.Message, ". ") {
			t.Errorf("%s: %+v", c.rule, e)
		}
		if c.rule != admission.UserVerification {
			if v := admission.Check(policy(t, P{}), wrong); !v.Accepted() {
				t.Errorf("%s: the open policy refuses too: %+v", c.rule, v)
			}
		}
	}
	for _, r := range admission.Rules {
		if !seen[r] {
			t.Errorf("no case for %s", r)
		}
	}
}

// What only a proven model satisfies, a reported one does not, whoever vouches for nothing.
func TestReportedModelsProveNothing(t *testing.T) {
	p := policy(t, api.AuthenticatorPolicy{Attestation: "required", Anchors: []string{"metadata"}, Allow: []string{key1}, WithoutMetadata: "open"})
	f := good(t)
	f.Trust = ""
	if v := admission.Check(p, f); v.Rule != admission.Anchors {
		t.Errorf("%+v", v)
	}
	if f.Verified() {
		t.Error("verified without proof")
	}
	// Without metadata, open says that it cannot be asked for.
	if f.Metadata = admission.Missing; !admission.Check(p, f).Accepted() {
		t.Errorf("%+v", admission.Check(p, f))
	}
}

func TestContradictions(t *testing.T) {
	type P = api.AuthenticatorPolicy
	byMetadata, byOwn := []string{"metadata"}, []string{"own"}
	for want, all := range map[string][]P{
		"The list of algorithms is empty":                     {{Algorithms: []string{}}},
		"The list of allowed models is empty":                 {{Allow: []string{}}},
		"both in allow and in deny":                           {{Attestation: "required", Anchors: byMetadata, Allow: []string{key1}, Deny: []string{key2, key1}}},
		"no anchors are named":                                {{Attestation: "required"}, {Attestation: "device-bound", Anchors: []string{}}},
		"The conveyance none asks for no attestation":         {{Attestation: "preferred", Conveyance: "none"}, {Attestation: "required", Anchors: byMetadata, Conveyance: "none"}},
		"there are no roots":                                  {{Attestation: "required", Anchors: byOwn}},
		"own is not among the anchors":                        {{Attestation: "required", Anchors: byMetadata, Roots: []string{root(t, now.AddDate(1, 0, 0))}}},
		"attestation is none, so nothing is verified by them": {{Anchors: byMetadata}},
		"need proof of the model":                             {{Allow: []string{key1}}, {Attestation: "preferred", MinimumLevel: "FIDO_CERTIFIED_L1"}, {KeyProtection: []string{"tee"}}},
		"known from FIDO metadata alone":                      {{Attestation: "required", Anchors: byOwn, Roots: []string{root(t, now.AddDate(1, 0, 0))}, MinimumLevel: "FIDO_CERTIFIED_L1"}},
		"such passkeys have none: nobody could register":      {{Attestation: "required", Anchors: byMetadata, Synced: "required"}, {Attestation: "required", Anchors: byMetadata, BackedUp: "required"}, {Attestation: "device-bound", Anchors: byMetadata, Synced: "required"}},
		"is never backed up":                                  {{Synced: "refused", BackedUp: "required"}},
		"attestation device-bound is attestation required":    {{Synced: "refused", Attestation: "device-bound", Anchors: byMetadata}},
		"come with the conveyance enterprise alone":           {{KeepSerialNumber: true}, {KeepSerialNumber: true, Conveyance: "direct"}},
		"All roots have expired":                              {{Attestation: "required", Anchors: byOwn, Roots: []string{root(t, now.AddDate(0, 0, -1))}}},
	} {
		for _, p := range all {
			if _, err := admission.New(p, now); api.CodeOf(err) != "policy_contradiction" || !strings.Contains(api.AsError(err).Message, want) {
				t.Errorf("%+v: %v, want %q", p, err, want)
			}
		}
	}
	for want, all := range map[string][]P{
		"conveyance": {{Conveyance: "all"}}, "attestation": {{Attestation: "yes"}}, "sha1": {{SHA1: "no"}}, "withoutMetadata": {{WithoutMetadata: "no"}},
		"zeroAaguid": {{ZeroAAGUID: "required"}}, "attachment": {{Attachment: "usb"}}, "residentKey": {{ResidentKey: "yes"}}, "userVerification": {{UserVerification: "Required"}},
		"synced": {{Synced: "yes"}}, "backedUp": {{BackedUp: "refused"}}, "keys": {{Keys: "required"}},
		"anchors":       {{Attestation: "required", Anchors: []string{"fido"}}, {Attestation: "required", Anchors: []string{"metadata", "metadata"}}},
		"keyProtection": {{KeyProtection: []string{"TEE"}}}, "refuseStatuses": {{RefuseStatuses: []string{"FIDO_CERTIFIED"}}, {RefuseStatuses: []string{"REVOKED", "REVOKED"}}},
		"perModel": {{PerModel: -1}, {PerModel: 101}}, "algorithms": {{Algorithms: []string{"ES256K"}}, {Algorithms: []string{"-7"}}, {Algorithms: []string{"ES256", "ES256"}}},
		"allow": {{Allow: []string{"x"}}, {Allow: []string{"00000000-0000-0000-0000-000000000000"}}, {Allow: slices.Repeat([]string{key1}, 501)}}, "deny": {{Deny: []string{""}}},
		"minimumLevel": {{MinimumLevel: "L1"}, {MinimumLevel: "NOT_FIDO_CERTIFIED"}},
		"roots":        {{Roots: []string{"x"}}, {Roots: []string{root(t, now) + root(t, now)}}, {Roots: slices.Repeat([]string{root(t, now)}, 21)}, {Roots: []string{"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}}},
	} {
		for _, p := range all {
			if _, err := admission.New(p, now); api.CodeOf(err) != "policy_invalid" || !strings.Contains(api.AsError(err).Message, " "+want+" ") {
				t.Errorf("%+v: %v, want %q", p, err, want)
			}
		}
	}
}

func TestPoliciesAreReadStrictly(t *testing.T) {
	for _, bad := range []string{``, `null `, `[]`, `"open"`, `{"synced":1}`, `{"sync":"refused"}`, `{"Synced":"refused"}`, `{"synced":"refused","synced":"allowed"}`, `{}{}`,
		`{"allow":"x"}`, `{"perModel":1.5}`, "{\"keys\":\"\xff\"}", `{"roots":["` + strings.Repeat("A", admission.MaxDocument) + `"]}`} {
		if p, err := admission.Read([]byte(bad)); api.CodeOf(err) != "policy_invalid" {
			t.Errorf("%.40q: %+v, %v", bad, p, err)
		}
	}
	for _, preset := range admission.Presets {
		text, err := admission.Text(preset.Policy)
		if err != nil {
			t.Fatal(err)
		}
		again, err := admission.Read(append([]byte("\ufeff"), text...))
		if err != nil {
			t.Fatal(err)
		}
		p := policy(t, again)
		if admission.PresetOf(text) != preset.Name || strings.Count(preset.Meaning, ".") != 1 {
			t.Errorf("%s is %s, %q", preset.Name, admission.PresetOf(text), preset.Meaning)
		}
		// What is shown with all defaults filled in is the same policy.
		full, err := admission.Text(p.AuthenticatorPolicy)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := admission.Read(full)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := admission.Text(policy(t, shown).AuthenticatorPolicy); err != nil || string(second) != string(full) {
			t.Errorf("%s: %s, then %s", preset.Name, full, second)
		}
	}
}
