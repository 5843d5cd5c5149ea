package policy_test

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/mdstest"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/anchor"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// Without a policy all is as it was: what a client sends is accepted, and no evidence is looked at.
func TestDefaultIsOpen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hall) {
		for _, o := range []authenticator.Options{{}, {Format: authenticator.PackedX5C}, {Format: authenticator.PackedSelf}, {Format: authenticator.TPM},
			{BackupEligible: true, BackupState: true, Transports: []string{"internal"}}, {Algorithm: publickey.RS256}} {
			g := h.Invitee(t)
			h.register(t, g, vendors()[1], o).Wants(t, "register", 200, "")
			if version, e := evidence(t, g); version != 0 || e != (admission.Evidence{}) {
				t.Errorf("%+v: version %d, evidence %+v", o, version, e)
			}
		}
		c := h.Invitee(t).Begin(t)
		if s := c.AuthenticatorSelection; c.Attestation != "none" || s.AuthenticatorAttachment != "" || s.ResidentKey != "required" || s.UserVerification != "required" ||
			len(c.PubKeyCredParams) != 5 || len(c.SupportedCredentialKinds.FirstFactor) != 3 || c.ExcludeCredentials == nil {
			t.Errorf("%+v", c)
		}
		// The organisation's own word still counts: statements are asked for and verified, and lead nowhere.
		_, err := h.Organisations.Set(t.Context(), h.Org.ID, organisation.Settings{Attestation: "direct"})
		world.Must(t, err)
		g := h.Invitee(t)
		if c := g.Begin(t); c.Attestation != "direct" {
			t.Errorf("%+v", c)
		}
		h.register(t, g, vendors()[1], authenticator.Options{Format: authenticator.PackedX5C}).Wants(t, "register", 200, "")
	})
}

// The challenge asks for what the policy wants, for the kind of user that it is for.
func TestChallengesFollowThePolicy(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hall) {
		h.set(t, document{Conveyance: "direct", Attachment: "cross-platform", ResidentKey: "preferred", UserVerification: "preferred",
			Algorithms: []string{"RS256", "ES256"}, Keys: "refused"})
		c := h.Invitee(t).Begin(t)
		s := c.AuthenticatorSelection
		if c.Attestation != "direct" || s.AuthenticatorAttachment != "cross-platform" || s.ResidentKey != "preferred" || s.RequireResidentKey || s.UserVerification != "preferred" ||
			len(c.PubKeyCredParams) != 2 || c.PubKeyCredParams[0].Alg != -257 || c.PubKeyCredParams[1].Alg != -7 ||
			!slices.Equal(c.SupportedCredentialKinds.FirstFactor, []string{"Fido2"}) || !slices.Equal(c.SupportedCredentialKinds.SecondFactor, []string{"Fido2"}) {
			t.Errorf("%+v", c)
		}
		machine := h.Callers[api.CallerServiceAccount]
		h.Allow(t, h.Identities[api.CallerServiceAccount], "Auth:Register:Delegated")
		body := `{"email":"end@example.org","kind":"EndUser"}`
		end := world.Read[api.RegistrationChallenge](t, h.CallAs(t, machine, true, "POST", "/auth/registration/delegated", body))
		if end.Attestation != "none" || len(end.PubKeyCredParams) != 5 {
			t.Errorf("an end user is asked as an employee: %+v", end)
		}
		if _, err := h.trySet(t, api.EndUser, document{Synced: "required"}); err != nil {
			t.Fatal(err)
		}
		// Their policy was changed in between, and decides.
		complete := func(o authenticator.Options) world.Answer {
			return h.Send(t, "POST", "/auth/registration", world.Bearer(end.TemporaryAuthenticationToken), world.First(h.answer(t, vendors()[0], end, o)))
		}
		h.RefusedAs(t, "delegated", complete(authenticator.Options{}), 400, "authenticator_not_accepted")
		complete(authenticator.Options{BackupEligible: true}).Wants(t, "delegated, synced", 200, "")
	})
}

// Whatever the client makes of the challenge, the completing call refuses what the policy does; nothing is
// stored, the code is good, and person and operator are told why.
func TestCompletionEnforces(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hall) {
		h.load(t, "")
		listed, other, impostor := vendors()[0], vendors()[1], newVendor(1)
		attested := authenticator.Options{Format: authenticator.PackedX5C}
		synced := authenticator.Options{BackupEligible: true, BackupState: true}
		byMetadata := []string{"metadata"}
		for _, c := range []struct {
			name  string
			d     document
			wrong authenticator.Options
			by    vendor
			right authenticator.Options
			rule  admission.Rule
			code  string
		}{
			{"attestation is withheld", document{Attestation: "required", Anchors: byMetadata}, authenticator.Options{}, listed, attested, admission.Attestation, ""},
			{"self attestation", document{Attestation: "required", Anchors: byMetadata}, authenticator.Options{Format: authenticator.PackedSelf}, listed, attested, admission.Attestation, ""},
			{"another root", document{Attestation: "required", Anchors: byMetadata}, attested, other, attested, admission.Anchors, ""},
			{"another's model, the name of its root, another key", document{Attestation: "required", Anchors: byMetadata}, attested, impostor, attested, admission.Anchors, ""},
			{"own root", document{Attestation: "required", Anchors: []string{"own"}, Roots: []string{listed.pem()}}, attested, other, attested, admission.Anchors, ""},
			{"device-bound without", document{Attestation: "device-bound", Anchors: byMetadata}, authenticator.Options{}, listed, synced, admission.Attestation, ""},
			{"synced", document{Synced: "refused"}, synced, listed, authenticator.Options{}, admission.Synced, ""},
			{"not synced", document{Synced: "required"}, authenticator.Options{}, listed, synced, admission.Synced, ""},
			{"not backed up", document{BackedUp: "required"}, authenticator.Options{BackupEligible: true}, listed, synced, admission.BackedUp, ""},
			{"attachment", document{Attachment: "cross-platform"}, authenticator.Options{Transports: []string{"internal"}}, listed, authenticator.Options{Transports: []string{"usb"}}, admission.Attachment, ""},
			{"denied", document{Deny: []string{other.aaguid()}}, authenticator.Options{}, other, authenticator.Options{}, admission.Deny, ""},
			{"not allowed", document{Attestation: "required", Anchors: []string{"metadata", "own"}, Roots: []string{other.pem()}, Allow: []string{listed.aaguid()}}, attested, other, attested, admission.Allow, ""},
			{"level", document{Attestation: "required", Anchors: []string{"metadata", "own"}, Roots: []string{other.pem()}, MinimumLevel: "FIDO_CERTIFIED_L1"}, attested, other, attested, admission.MinimumLevel, ""},
			{"protection", document{Attestation: "required", Anchors: []string{"metadata", "own"}, Roots: []string{other.pem()}, KeyProtection: []string{"hardware"}}, attested, other, attested, admission.KeyProtection, ""},
			{"user verification", document{UserVerification: "required"}, authenticator.Options{WithoutUserVerification: true}, listed, authenticator.Options{}, "", "user_not_verified"},
			{"algorithm", document{Algorithms: []string{"ES256"}}, authenticator.Options{Algorithm: publickey.EdDSA}, listed, authenticator.Options{Algorithm: publickey.ES256}, "", "algorithm_not_offered"},
		} {
			p := h.set(t, c.d)
			g := h.Invitee(t)
			a := h.register(t, g, c.by, c.wrong)
			if c.code == "" {
				c.code = "authenticator_not_accepted"
			}
			h.RefusedAs(t, c.name, a, 400, c.code)
			g.Untouched(t)
			kept, err := h.Refusals.Show(t.Context(), a.SupportID)
			world.Must(t, err)
			if c.rule != "" && (!strings.HasSuffix(kept.Rule, ": "+string(c.rule)) || kept.Received == "" || kept.Expected == "" || kept.OrgID != h.Org.ID ||
				!strings.Contains(a.Message, p.Accepts)) {
				t.Errorf("%s: %s; %+v", c.name, a.Message, kept)
			}
			h.register(t, g, listed, c.right).Wants(t, c.name+", satisfied", 200, "")
			if version, e := evidence(t, g); version != p.Version || c.d.Attestation == "required" && (e.Trust == "" || e.AAGUID != "verified" || e.Anchor == "") {
				t.Errorf("%s: version %d, evidence %+v", c.name, version, e)
			}
		}
		// Keys are not authenticators.
		h.set(t, document{Keys: "refused"})
		for kind := range map[string]bool{api.KindKey: true, api.KindPasswordProtectedKey: true} {
			g := h.Invitee(t)
			c := g.Begin(t)
			key := authenticator.NewKeySigner("P-256")
			if kind == api.KindPasswordProtectedKey {
				key.EncryptedPrivateKey = "x"
			}
			h.RefusedAs(t, kind, g.Complete(t, c.TemporaryAuthenticationToken, world.First(key.Create(c.Challenge, kind))), 400, "keys_not_accepted")
			// A recovery key is none that logs in.
			passkey, recovery := h.answer(t, listed, c, authenticator.Options{}), authenticator.NewKeySigner("P-256")
			recovery.EncryptedPrivateKey = "x"
			r := recovery.Create(c.Challenge, api.KindRecoveryKey)
			g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &passkey, RecoveryCredential: &r}).Wants(t, "passkey and recovery key", 200, "")
		}
		// Two of one model at once.
		h.set(t, document{PerModel: 1})
		g := h.Invitee(t)
		c := g.Begin(t)
		first, second := h.answer(t, listed, c, authenticator.Options{}), h.answer(t, listed, c, authenticator.Options{})
		h.RefusedAs(t, "two of a model", g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &first, SecondFactorCredential: &second}), 400, "too_many_of_model")
		g.Untouched(t)
		second = h.answer(t, other, c, authenticator.Options{})
		g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &first, SecondFactorCredential: &second}).Wants(t, "two models", 200, "")
	})
}

// A policy that is changed between challenge and completion decides, stricter or not, except that an
// algorithm must have been offered.
func TestPolicyIsChangedInBetween(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hall) {
		g := h.Invitee(t)
		c := g.Begin(t)
		complete := func(o authenticator.Options) world.Answer {
			return g.Complete(t, c.TemporaryAuthenticationToken, world.First(h.answer(t, vendors()[0], c, o)))
		}
		h.set(t, document{Algorithms: []string{"RS256"}})
		h.RefusedAs(t, "an algorithm that is no longer accepted", complete(authenticator.Options{Algorithm: publickey.ES256}), 400, "authenticator_not_accepted")
		h.set(t, document{Synced: "required"})
		h.RefusedAs(t, "stricter", complete(authenticator.Options{}), 400, "authenticator_not_accepted")
		g.Untouched(t)
		version := h.set(t, document{}).Version
		complete(authenticator.Options{}).Wants(t, "open again", 200, "")
		if got, _ := evidence(t, g); got != version || version != 3 {
			t.Errorf("admitted by version %d, want %d", got, version)
		}
	})
}

// With metadata, without, and when it is out of date: open or closed, as the policy says; and when it revokes.
func TestMetadataOfAPolicy(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hall) {
		attested := authenticator.Options{Format: authenticator.PackedX5C}
		try := func(what, code string) *world.Invitee {
			t.Helper()
			g := h.Invitee(t)
			a := h.register(t, g, vendors()[0], attested)
			if code == "" {
				a.Wants(t, what, 200, "")
			} else {
				h.RefusedAs(t, what, a, 400, code)
				g.Untouched(t)
			}
			return g
		}
		closed := document{Attestation: "required", Anchors: []string{"metadata"}, RefuseStatuses: []string{"REVOKED"}}
		open := closed
		open.WithoutMetadata = "open"
		if _, err := h.trySet(t, api.CustomerEmployee, closed); api.CodeOf(err) != "policy_contradiction" {
			t.Errorf("nobody could register: %v", err)
		}
		h.set(t, open)
		g := try("open, none", "")
		if _, e := evidence(t, g); e.Trust != "" || e.AAGUID != "reported" || e.Reason == "" {
			t.Errorf("%+v", e)
		}
		h.load(t, "")
		version := h.set(t, closed).Version
		g = try("closed, current", "")
		if v, e := evidence(t, g); v != version || e.Trust != "metadata" || e.AAGUID != "verified" || e.Metadata != 1 || e.Level != "FIDO_CERTIFIED_L1" || e.Model != "Key One" || e.Anchor == "" {
			t.Errorf("version %d, %+v", v, e)
		}
		h.load(t, "REVOKED")
		try("revoked", "authenticator_not_accepted")
		h.load(t, "UPDATE_AVAILABLE")
		try("not revoked any more", "")
		h.Clock.Advance(45 * 24 * time.Hour)
		try("closed, stale", "authenticator_not_accepted")
		h.set(t, open)
		try("open, stale", "")
		// Own roots need no metadata.
		h.set(t, document{Attestation: "required", Anchors: []string{"metadata", "own"}, Roots: []string{vendors()[1].pem()}})
		try("closed, stale, not of an own root", "authenticator_not_accepted")
		g = h.Invitee(t)
		h.register(t, g, vendors()[1], attested).Wants(t, "own root", 200, "")
		if _, e := evidence(t, g); e.Trust != "own" || e.AAGUID != "verified" || e.Level != "" {
			t.Errorf("%+v", e)
		}
	})
}

// With enterprise attestation, what names the one device is kept only if the policy says so; a call that is
// sent again gets the same answer all the same.
func TestEnterpriseAttestation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hall) {
		h.load(t, "")
		for _, keep := range []bool{false, true} {
			h.set(t, document{Conveyance: "enterprise", Attestation: "required", Anchors: []string{"metadata"}, KeepSerialNumber: keep})
			g := h.Invitee(t)
			c := g.Begin(t)
			in := world.First(h.answer(t, vendors()[0], c, authenticator.Options{Format: authenticator.PackedX5C}))
			first := g.Complete(t, c.TemporaryAuthenticationToken, in)
			first.Wants(t, "register", 200, "")
			if again := g.Complete(t, c.TemporaryAuthenticationToken, in); again.Body != first.Body {
				t.Errorf("again: %v, then %v", first, again)
			}
			kept := g.Credentials(t)[0]
			s, err := admission.ReadStatement(kept.AttestationObject)
			world.Must(t, err)
			if (len(s.Chain) > 0) != keep || kept.Format != "packed" || kept.AttestationType != "Basic" {
				t.Errorf("keep %v: %d certificates are kept, %s %s", keep, len(s.Chain), kept.Format, kept.AttestationType)
			}
			// What-if knows it from the evidence.
			r, err := h.Policies.WhatIf(t.Context(), api.Caller{OrgID: h.Org.ID}, api.WhatIfRequest{UserKind: api.CustomerEmployee, Policy: &document{Attestation: "required", Anchors: []string{"metadata"}}})
			world.Must(t, err)
			if n := r.Credentials - r.Refused; n != map[bool]int64{false: 2, true: 3}[keep] {
				t.Errorf("keep %v: %d accepted, %+v", keep, n, r)
			}
		}
	})
}

// A security key of U2F names no model: metadata finds it by the key of its certificate.
func TestU2FIsFoundByItsKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hall) {
		u2f := authenticator.Options{Format: authenticator.FIDOU2F}
		leaf := chainOf(vendors()[0].Authenticator, u2f)[0]
		c, err := anchor.Parse(leaf)
		world.Must(t, err)
		id := c.KeyIdentifier()
		h.load(t, "", mdstest.Object{"attestationCertificateKeyIdentifiers": []string{hex.EncodeToString(id[:])},
			"statusReports": []mdstest.Object{{"status": "FIDO_CERTIFIED_L1", "effectiveDate": "2024-02-01"}},
			"metadataStatement": mdstest.Object{"description": "Old Key", "protocolFamily": "u2f", "keyProtection": []string{"hardware"},
				"attestationRootCertificates": []string{base64.StdEncoding.EncodeToString(leaf)}}})
		h.set(t, document{Attestation: "required", Anchors: []string{"metadata"}, MinimumLevel: "FIDO_CERTIFIED_L1", KeyProtection: []string{"hardware"}, UserVerification: "preferred"})
		g := h.Invitee(t)
		h.register(t, g, vendors()[0], u2f).Wants(t, "register", 200, "")
		if _, e := evidence(t, g); e.Trust != "metadata" || e.AAGUID != "reported" || e.Model != "Old Key" {
			t.Errorf("%+v", e)
		}
		refused := h.Invitee(t)
		h.RefusedAs(t, "another batch", h.register(t, refused, vendors()[1], u2f), 400, "authenticator_not_accepted")
		refused.Untouched(t)
		// What-if comes to the same, from what is stored.
		r, err := h.Policies.WhatIf(t.Context(), api.Caller{OrgID: h.Org.ID}, api.WhatIfRequest{UserKind: api.CustomerEmployee,
			Policy: &document{Attestation: "required", Anchors: []string{"metadata"}, MinimumLevel: "FIDO_CERTIFIED_L1"}})
		world.Must(t, err)
		if r.Credentials != 3 || r.Refused != 1 || len(r.Rules) != 1 || r.Rules[0].Rule != "attestation" { // the administrator's
			t.Errorf("%+v", r)
		}
	})
}
