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
		unset := organisation.Policies{SignCount: "auto", Backup: "auto", SecondFactor: "optional", OneTimePasswords: "off", Passwords: "off"}
		want := func(id string, p organisation.Policies) {
			t.Helper()
			kept, err := db.Organisation(t.Context(), id)
			if err != nil || organisation.PoliciesOf(kept) != p {
				t.Errorf("%+v, want %+v: %v", organisation.PoliciesOf(kept), p, err)
			}
		}
		want(org.ID, unset)

		then := func(signCount, backup, second, oneTime, passwords string) organisation.Policies {
			return organisation.Policies{SignCount: signCount, Backup: backup, SecondFactor: second, OneTimePasswords: oneTime, Passwords: passwords}
		}
		for _, step := range []struct{ set, then organisation.Policies }{
			{organisation.Policies{SignCount: "refuse"}, then("refuse", "auto", "optional", "off", "off")},
			{organisation.Policies{Backup: "alert", SecondFactor: "required"}, then("refuse", "alert", "required", "off", "off")},
			{organisation.Policies{SignCount: "auto"}, then("auto", "alert", "required", "off", "off")},
			{organisation.Policies{Backup: "record", SecondFactor: "optional"}, then("auto", "record", "optional", "off", "off")},
			{organisation.Policies{OneTimePasswords: "on"}, then("auto", "record", "optional", "on", "off")},
			{organisation.Policies{Passwords: "on"}, then("auto", "record", "optional", "on", "on")},
			{organisation.Policies{OneTimePasswords: "off"}, then("auto", "record", "optional", "off", "on")},
			{unset, unset},
		} {
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
		if err != nil || len(events) != 10 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		var recorded organisation.Policies
		if e := events[2]; e.Kind != "organisation.policies_set" || json.Unmarshal(e.Detail, &recorded) != nil ||
			recorded != (organisation.Policies{SignCount: "refuse", Backup: "alert", SecondFactor: "required"}) {
			t.Errorf("recorded %+v: %s", e, e.Detail)
		}
		recorded = organisation.Policies{}
		if e := events[6]; e.Kind != "organisation.credential_kinds_set" || json.Unmarshal(e.Detail, &recorded) != nil ||
			recorded != (organisation.Policies{OneTimePasswords: "on", Passwords: "on"}) {
			t.Errorf("recorded %+v: %s", e, e.Detail)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
