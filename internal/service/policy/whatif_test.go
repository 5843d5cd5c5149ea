package policy_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

const (
	policiesPath = "/countersign/policies"
	path         = policiesPath + "/CustomerEmployee"
	whatIfPath   = path + "/what-if"
)

// Who a policy would refuse, by which rule and of which model; nothing is changed by asking.
func TestWhatIf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hall) {
		h.load(t, "")
		listed, other := vendors()[0], vendors()[1]
		attested := authenticator.Options{Format: authenticator.PackedX5C}
		for _, r := range []struct {
			by vendor
			o  authenticator.Options
		}{{listed, attested}, {listed, attested}, {other, attested}, {listed, authenticator.Options{}}, {listed, authenticator.Options{BackupEligible: true}}} {
			h.register(t, h.Invitee(t), r.by, r.o).Wants(t, "register", 200, "")
		}
		evil := h.Invite(t, h.Org.ID, "=cmd@example.org")
		h.RegisterKey(t, evil, "P-256")
		before := h.State(t)
		// Besides, there are the administrator's passkey and the worker's key.
		ask := func(body string) api.WhatIf {
			t.Helper()
			return world.Read[api.WhatIf](t, h.CallAs(t, h.Admin, false, "POST", whatIfPath, body))
		}
		if r := ask(`{"preset":"open"}`); r.Credentials != 8 || r.Refused+r.Users+r.LockedOut != 0 || len(r.Rules)+len(r.Models)+len(r.Warnings) != 0 {
			t.Errorf("open: %+v", r)
		}
		r := ask(`{"preset":"attested-hardware"}`)
		if r.Credentials != 8 || r.Refused != 6 || r.Users != 6 || r.LockedOut != 6 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "last administrator") {
			t.Errorf("attested-hardware: %+v", r)
		}
		rules := map[string]int64{}
		for _, c := range r.Rules {
			rules[c.Rule] = c.Count
		}
		if len(rules) != 4 || rules["keys"] != 2 || rules["attestation"] != 2 || rules["anchors"] != 1 || rules["synced"] != 1 {
			t.Errorf("rules: %+v", r.Rules)
		}
		models := map[string]int64{}
		for _, m := range r.Models {
			models[m.AAGUID+m.Name] = m.Count
		}
		if models[""] != 2 || models[listed.aaguid()+"Key One"] != 2 || models[other.aaguid()] != 1 {
			t.Errorf("models: %+v", r.Models)
		}
		// The administrator's is synchronised by nobody; a policy that accepts it warns of nothing.
		if r := ask(`{"policy":{"keys":"refused"}}`); r.Refused != 2 || len(r.Warnings) != 0 {
			t.Errorf("keys: %+v", r)
		}
		if r := ask(`{"policy":{"deny":["` + listed.aaguid() + `"]}}`); r.Refused != 4 || r.Rules[0].Rule != "deny" {
			t.Errorf("deny: %+v", r)
		}
		h.load(t, "REVOKED")
		if r := ask(`{"policy":{"refuseStatuses":["REVOKED"]}}`); r.Refused != 4 || r.Rules[0].Rule != "refuseStatuses" {
			t.Errorf("revoked: %+v", r)
		}

		a := h.CallAs(t, h.Admin, false, "POST", whatIfPath+"/list", `{"policy":{"keys":"refused","deny":["`+other.aaguid()+`"]}}`)
		lines, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
		world.Must(t, err)
		if len(lines) != 4 || lines[0][0] != "User ID" || !strings.Contains(a.Body, "'=cmd@example.org") || !strings.Contains(a.Body, evil.UserID) || !strings.Contains(a.Body, ",deny,") {
			t.Errorf("list: %s", a.Body)
		}
		for bad, code := range map[string]string{`{}`: "policy_invalid", `{"preset":"open","policy":{}}`: "policy_invalid", `{"preset":"none"}`: "policy_invalid",
			`{"policy":{"synced":"no"}}`: "policy_invalid", `{"policy":{"algorithms":[]}}`: "policy_contradiction", `{"policy":{"sync":"refused"}}`: "member_unknown",
			`{"policy":{"synced":"refused","synced":"allowed"}}`: "", `[]`: ""} {
			for _, p := range []string{whatIfPath, whatIfPath + "/list"} {
				if a := h.CallAs(t, h.Admin, false, "POST", p, bad); a.Status != 400 || code != "" && a.Code != code {
					t.Errorf("%s: %v, want %s", bad, a, code)
				}
			}
		}
		h.CallAs(t, h.Admin, false, "POST", policiesPath+"/ServiceAccount/what-if", `{"preset":"open"}`).Wants(t, "service accounts", 400, "parameter_invalid")
		h.Unchanged(t, "asked", before)

		// Holders of a model, proven or reported.
		var holders, proven int
		world.Must(t, h.Policies.Holders(t.Context(), h.Org.ID, strings.ToUpper(listed.aaguid()), func(_ store.Holder, is bool) error {
			if holders++; is {
				proven++
			}
			return nil
		}))
		if holders != 4 || proven != 0 { // no policy looked at evidence
			t.Errorf("%d holders, %d proven", holders, proven)
		}
		if err := h.Policies.Holders(t.Context(), h.Org.ID, "x", nil); api.CodeOf(err) != "aaguid_invalid" {
			t.Error(err)
		}
	})
}

// Setting a policy takes a signature and a permission, is recorded, and never loses another's change.
func TestSettingAPolicy(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hall) {
		reader, clerk := h.Employ(t, "reader@example.org", "Orgs:Settings:Read"), h.Employ(t, "clerk@example.org", "Auth:Users:Read")
		show := func(at string) api.Policy {
			t.Helper()
			return world.Read[api.Policy](t, h.CallAs(t, h.Admin, false, "GET", at, ""))
		}
		if p := show(path); p.Version != 0 || !p.InForce || p.Preset != "open" || p.Accepts == "" {
			t.Errorf("before: %+v", p)
		}
		put := func(body string) world.Answer { return h.CallAs(t, h.Admin, true, "PUT", path, body) }
		p := world.Read[api.Policy](t, put(`{"policy":{"synced":"refused"},"version":0}`))
		if p.Version != 1 || p.CreatedBy != h.AdministratorID(t) || p.Policy.Synced != "refused" || p.Preset != "" {
			t.Errorf("%+v", p)
		}
		put(`{"preset":"open","version":0}`).Wants(t, "an outdated version", 409, "policy_changed")
		put(`{"preset":"attested-hardware"}`).Wants(t, "without metadata nobody could register", 400, "policy_contradiction")
		h.load(t, "")
		if p := world.Read[api.Policy](t, put(`{"preset":"attested-hardware","version":1}`)); p.Version != 2 || p.Preset != "attested-hardware" {
			t.Errorf("%+v", p)
		}
		put(`{"policy":{"attestation":"required","anchors":["metadata"],"allow":["`+vendors()[1].aaguid()+`"]}}`).Wants(t, "a model that is not listed", 400, "policy_contradiction")
		put(`{"policy":{"sync":"x"}}`).Wants(t, "an unknown member", 400, "member_unknown")
		if old, now := show(path+"?version=1"), show(path); old.InForce || old.Policy.Synced != "refused" || !now.InForce || now.Version != 2 {
			t.Errorf("%+v, %+v", old, now)
		}
		h.CallAs(t, h.Admin, false, "GET", path+"?version=3", "").Wants(t, "a version that is none", 404, "policy_not_found")
		list := world.Read[api.PolicyList](t, h.CallAs(t, h.Admin, false, "GET", policiesPath, ""))
		if len(list.Items) != 2 || list.Items[0].Version != 2 || list.Items[1].Version != 0 || len(list.Presets) != 3 {
			t.Errorf("%+v", list)
		}
		events, err := h.DB.Events(t.Context(), h.Org.ID, "", 0)
		world.Must(t, err)
		sets := 0
		for _, e := range events {
			if e.Kind == store.EventPolicySet {
				sets++
				if e.ActorID != h.AdministratorID(t) || e.ActionID == "" {
					t.Errorf("%+v", e)
				}
			}
		}
		if sets != 2 { // by the signatures of an administrator
			t.Errorf("%d events", sets)
		}

		// The Go client does the same.
		if set, err := h.Admin.SetPolicy(t.Context(), api.SetPolicyRequest{UserKind: api.EndUser, Policy: &document{PerModel: 5}}); err != nil || set.Version != 1 || set.Policy.PerModel != 5 {
			t.Errorf("%+v, %v", set, err)
		}
		if r, err := h.Admin.WhatIfPolicy(t.Context(), api.WhatIfRequest{UserKind: api.EndUser, Preset: "open"}); err != nil || r.Credentials != 1 || r.Refused != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		if l, err := h.Admin.ListPolicies(t.Context()); err != nil || l.Items[1].Version != 1 {
			t.Errorf("%+v, %v", l, err)
		}

		// Nobody without the permission, and nobody unsigned.
		h.Call(t, "PUT", path, h.Admin.Token, "", `{"preset":"open"}`).Wants(t, "unsigned", 403, "user_action_invalid")
		for _, c := range []struct {
			who          *world.Member
			method, path string
			body         string
			signed       bool
			status       int
		}{
			{&reader, "GET", path, "", false, 200}, {&reader, "GET", policiesPath, "", false, 200}, {&reader, "POST", whatIfPath, `{"preset":"open"}`, false, 200},
			{&reader, "POST", whatIfPath + "/list", `{"preset":"open"}`, false, 403}, {&reader, "PUT", path, `{"preset":"open"}`, true, 403},
			{&clerk, "GET", path, "", false, 403}, {&clerk, "GET", policiesPath, "", false, 403}, {&clerk, "POST", whatIfPath, `{"preset":"open"}`, false, 403},
			{&clerk, "POST", whatIfPath + "/list", `{"preset":"open"}`, false, 200}, {&clerk, "PUT", path, `{"preset":"open"}`, true, 403},
		} {
			if a := h.CallAs(t, c.who.Session, c.signed, c.method, c.path, c.body); a.Status != c.status || a.Status == 403 && a.Code != "permission_denied" {
				t.Errorf("%s: %s %s: %v, want %d", c.who.Name, c.method, c.path, a, c.status)
			}
		}
		// Another organisation has its own.
		other := world.NewTenant(t, h.Server, "Others")
		if p := world.Read[api.Policy](t, other.CallAs(t, other.Admin, false, "GET", path, "")); p.Version != 0 {
			t.Errorf("another organisation: %+v", p)
		}
		other.CallAs(t, other.Admin, false, "GET", path+"?version=1", "").Wants(t, "another's version", 404, "policy_not_found")
		if p := world.Read[api.Policy](t, other.CallAs(t, other.Admin, true, "PUT", path, `{"policy":{"keys":"refused"}}`)); p.Version != 1 || show(path).Version != 2 {
			t.Errorf("another organisation: %+v", p)
		}
		if r := world.Read[api.WhatIf](t, other.CallAs(t, other.Admin, false, "POST", whatIfPath, `{"policy":{"keys":"refused"}}`)); r.Credentials != 2 || r.Refused != 1 {
			t.Errorf("another organisation: %+v", r)
		}
	})
}
