package organisation_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

func TestPolicies(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url, store.Options{})
		must(t, err)
		t.Cleanup(func() { db.Close() })
		site, err := relyingparty.NewSite("https://sign.example.org")
		must(t, err)
		service := &organisation.Service{DB: db, Site: site, Now: time.Now}
		org, err := service.Create(t.Context(), organisation.New{Name: "Engines"})
		must(t, err)
		other, err := service.Create(t.Context(), organisation.New{Name: "Others"})
		must(t, err)
		unset := organisation.Policies{SignCount: "auto", Backup: "auto", SecondFactor: "optional", OneTimePasswords: "off", Passwords: "off",
			RecoveryWait: "0", RecoveryApproval: "off"}
		want := func(id string, p organisation.Policies) {
			t.Helper()
			kept, err := db.Organisation(t.Context(), id)
			if err != nil || organisation.PoliciesOf(kept) != p {
				t.Errorf("%+v, want %+v: %v", organisation.PoliciesOf(kept), p, err)
			}
		}
		want(org.ID, unset)

		with := func(change func(p *organisation.Policies)) organisation.Policies {
			p := unset
			change(&p)
			return p
		}
		set := []struct{ set, then organisation.Policies }{
			{organisation.Policies{SignCount: "refuse"}, with(func(p *organisation.Policies) { p.SignCount = "refuse" })},
			{organisation.Policies{Backup: "alert", SecondFactor: "required"}, with(func(p *organisation.Policies) { p.SignCount, p.Backup, p.SecondFactor = "refuse", "alert", "required" })},
			{organisation.Policies{SignCount: "auto"}, with(func(p *organisation.Policies) { p.Backup, p.SecondFactor = "alert", "required" })},
			{organisation.Policies{Backup: "record", SecondFactor: "optional"}, with(func(p *organisation.Policies) { p.Backup = "record" })},
			{organisation.Policies{RecoveryWait: "1440m"}, with(func(p *organisation.Policies) { p.Backup, p.RecoveryWait = "record", "24h" })},
			{organisation.Policies{RecoveryApproval: "on"}, with(func(p *organisation.Policies) { p.Backup, p.RecoveryWait, p.RecoveryApproval = "record", "24h", "on" })},
			{organisation.Policies{RecoveryWait: "90m", Backup: "auto"}, with(func(p *organisation.Policies) { p.RecoveryWait, p.RecoveryApproval = "1h30m", "on" })},
			{organisation.Policies{RecoveryWait: "720h", RecoveryApproval: "off"}, with(func(p *organisation.Policies) { p.RecoveryWait = "720h" })},
			{organisation.Policies{RecoveryWait: "0"}, unset},
			{organisation.Policies{RecoveryWait: "10m"}, with(func(p *organisation.Policies) { p.RecoveryWait = "10m" })},
			{organisation.Policies{OneTimePasswords: "on"}, with(func(p *organisation.Policies) { p.RecoveryWait, p.OneTimePasswords = "10m", "on" })},
			{organisation.Policies{Passwords: "on"}, with(func(p *organisation.Policies) { p.RecoveryWait, p.OneTimePasswords, p.Passwords = "10m", "on", "on" })},
			{organisation.Policies{OneTimePasswords: "off"}, with(func(p *organisation.Policies) { p.RecoveryWait, p.Passwords = "10m", "on" })},
			{unset, unset},
		}
		for _, step := range set {
			got, err := service.SetPolicies(t.Context(), org.ID, step.set)
			if err != nil || organisation.PoliciesOf(got) != step.then {
				t.Errorf("set %+v: %+v, %v", step.set, organisation.PoliciesOf(got), err)
			}
			want(org.ID, step.then)
			want(other.ID, unset)
		}
		kept, err := db.Organisation(t.Context(), org.ID)
		if err != nil || kept.SignCountPolicy != "" || kept.BackupPolicy != "" || kept.SecondFactor != "" {
			t.Errorf("what is left to the server is kept as %+v, %v", kept, err)
		}

		for _, bad := range []organisation.Policies{
			{}, {SignCount: "Refuse"}, {SignCount: "off"}, {Backup: "none"}, {SecondFactor: "refuse"}, {SecondFactor: "auto"}, {SignCount: "refuse", Backup: "x"},
			{OneTimePasswords: "required"}, {Passwords: "ON"}, {Passwords: "on", OneTimePasswords: "auto"},
			{RecoveryWait: "-1h"}, {RecoveryWait: "721h"}, {RecoveryWait: "30s"}, {RecoveryWait: "24"}, {RecoveryWait: "a day"}, {RecoveryApproval: "yes"},
		} {
			if _, err := service.SetPolicies(t.Context(), org.ID, bad); api.CodeOf(err) != "policy_invalid" || api.KindOf(err) != api.Invalid {
				t.Errorf("set %+v: %v", bad, err)
			}
		}
		if _, err := service.SetPolicies(t.Context(), api.NewID(api.PrefixOrganization, time.Now()), unset); api.KindOf(err) != api.NotFound {
			t.Errorf("an organisation that is none: %v", err)
		}
		want(org.ID, unset)

		events, err := db.Events(t.Context(), org.ID, "", 0)
		if err != nil || len(events) != 1+len(set)+1 { // unset sets both kinds of policies
			t.Fatalf("%d events, %v", len(events), err)
		}
		recorded := map[string][]organisation.Policies{}
		for _, e := range events[1:] {
			var p organisation.Policies
			must(t, json.Unmarshal(e.Detail, &p))
			recorded[e.Kind] = append(recorded[e.Kind], p)
		}
		second := set[1].then
		second.OneTimePasswords, second.Passwords = "", ""
		if got := recorded["organisation.policies_set"][1]; got != second {
			t.Errorf("recorded %+v, want %+v", got, second)
		}
		if got := recorded["organisation.credential_kinds_set"][1]; got != (organisation.Policies{OneTimePasswords: "on", Passwords: "on"}) {
			t.Errorf("recorded %+v", got)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
