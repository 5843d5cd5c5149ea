package organisation_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/world"
)

const (
	android = "android:apk-key-hash:gx7sq_pxhxhrIQdLyfG0pxKwiJ7hOk2DJQ4xvKd438Q"
	ios     = "ios:bundle-id:org.example.app"
)

// What Create takes can be changed afterwards, checked as Create checks it, all or nothing.
func TestSettings(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		org, other := srv.Organisation(t, "Engines"), srv.Organisation(t, "Others")
		type row struct{ name, rpID, origins, attestation string }
		of := func(id string) row {
			t.Helper()
			o, err := srv.DB.Organisation(t.Context(), id)
			must(t, err)
			return row{o.Name, o.RPID, strings.Join(o.Origins, " "), o.Attestation}
		}
		want := row{"Engines", "", "", "none"}
		type settings = organisation.Settings
		for _, step := range []struct {
			set  settings
			then row
		}{
			{settings{AddOrigins: []string{android}}, row{"Engines", "", android, "none"}},
			{settings{AddOrigins: []string{android}}, row{"Engines", "", android, "none"}},
			{settings{AddOrigins: []string{ios, "http://app.localhost:3000"}, RemoveOrigins: []string{android}}, row{"Engines", "", ios + " http://app.localhost:3000", "none"}},
			{settings{Name: "Looms", Attestation: "direct"}, row{"Looms", "", ios + " http://app.localhost:3000", "direct"}},
			{settings{RPID: "localhost"}, row{"Looms", "localhost", ios + " http://app.localhost:3000", "direct"}},
			{settings{RemoveOrigins: []string{ios, "http://app.localhost:3000"}, Policies: organisation.Policies{Backup: "alert"}}, row{"Looms", "localhost", "", "direct"}},
			{settings{RPID: "example.org", AddOrigins: []string{"https://app.example.org"}}, row{"Looms", "example.org", "https://app.example.org", "direct"}},
			{settings{Name: "Engines", RPID: "localhost", RemoveOrigins: []string{"https://app.example.org"}, Attestation: "none"}, row{"Engines", "localhost", "", "none"}},
		} {
			want = step.then
			if _, err := srv.Organisations.Set(t.Context(), org.ID, step.set); err != nil || of(org.ID) != want {
				t.Fatalf("set %+v: %+v, %v", step.set, of(org.ID), err)
			}
		}
		for code, bad := range map[string][]settings{
			"policy_invalid":            {{}, {Name: "x", Policies: organisation.Policies{Backup: "off"}}},
			"organisation_name_invalid": {{Name: " x"}, {Name: "x\n"}, {Name: strings.Repeat("x", 101), AddOrigins: []string{android}}},
			"attestation_invalid":       {{Attestation: "None"}, {Attestation: "all"}},
			"origin_not_found":          {{RemoveOrigins: []string{android}}, {RemoveOrigins: []string{srv.URL}}, {RemoveOrigins: []string{""}}},
			"relying_party_invalid": {{AddOrigins: []string{"https://evil.example"}}, {AddOrigins: []string{"http://localhost/"}}, {AddOrigins: []string{"*"}},
				{AddOrigins: []string{"android:apk-key-hash:"}}, {AddOrigins: []string{"null"}}, {AddOrigins: []string{android, "https://LOCALHOST"}},
				{RPID: "com"}, {RPID: "https://localhost"}, {RPID: "example.org"}},
		} {
			for _, s := range bad {
				if _, err := srv.Organisations.Set(t.Context(), org.ID, s); api.CodeOf(err) != code {
					t.Errorf("set %+v: %v, want %s", s, err, code)
				}
			}
		}
		if _, err := srv.Organisations.Set(t.Context(), world.NobodysID("or"), settings{Name: "x"}); api.KindOf(err) != api.NotFound {
			t.Errorf("an organisation that is none: %v", err)
		}
		if of(org.ID) != want || of(other.ID) != (row{"Others", "", "", "none"}) {
			t.Errorf("after refusals: %+v, %+v", of(org.ID), of(other.ID))
		}

		// Many at once lose nothing of each other.
		var all sync.WaitGroup
		for _, port := range []string{"1", "2", "3", "4", "5", "6"} {
			all.Go(func() {
				if _, err := srv.Organisations.Set(t.Context(), org.ID, settings{AddOrigins: []string{"http://localhost:" + port}}); err != nil && api.CodeOf(err) != "organisation_changed" {
					t.Errorf("at once: %v", err)
				}
			})
		}
		all.Wait()
		events, err := srv.DB.Events(t.Context(), org.ID, "", 0)
		must(t, err)
		updated := 0
		for _, e := range events {
			if e.Kind == "organisation.updated" {
				updated++
			}
		}
		if kept := len(strings.Fields(of(org.ID).origins)); kept+8 != updated { // seven steps that changed, and one that did not
			t.Errorf("%d origins of %d changes", kept, updated)
		}
	})
}

// An origin that is added works at once, one that is removed does not, and the operator is told
// which origin was refused and which are listed.
func TestOriginsOfLivePasskeys(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		h := world.On(t, srv, srv.OrganisationWith(t, organisation.New{Name: "Looms", RPID: "localhost"}))
		set := func(s organisation.Settings) error {
			_, err := srv.Organisations.Set(t.Context(), h.Org.ID, s)
			return err
		}
		ada := h.Employee(t)
		try := func(origin string) world.Answer {
			t.Helper()
			c := h.InitLogin(t, ada.OrgID, ada.Username)
			return h.Post(t, "/auth/login", world.Signed(t, ada, c, authenticator.Options{Origin: origin}))
		}
		for _, origin := range []string{android, ios, "http://app.localhost:3000", "https://localhost:8443", "android:apk-key-hash-sha256:" + strings.Repeat("A", 43)} {
			for range 2 {
				a := try(origin)
				h.RefusedAs(t, origin, a, 400, "origin_not_allowed")
				kept, err := srv.Refusals.Show(t.Context(), a.SupportID)
				must(t, err)
				if !strings.Contains(kept.Received, origin) || !strings.Contains(kept.Expected, srv.URL) {
					t.Errorf("the operator is told %q, want %q", kept.Received, kept.Expected)
				}
				must(t, set(organisation.Settings{AddOrigins: []string{origin}}))
				if a := try(origin); a.Status != 200 {
					t.Errorf("%s, listed: %v", origin, a)
				}
				must(t, set(organisation.Settings{RemoveOrigins: []string{origin}}))
			}
		}
		if a := try(srv.URL); a.Status != 200 {
			t.Errorf("the server's own page: %v", a)
		}

		// Passkeys are bound to their RP ID; keys are not.
		if err := set(organisation.Settings{RPID: "example.org", AddOrigins: []string{"https://example.org"}, Name: "Lost"}); api.CodeOf(err) != "rp_id_in_use" {
			t.Errorf("another RP ID beside a passkey: %v", err)
		}
		must(t, set(organisation.Settings{RPID: "localhost", Name: "Kept"}))
		if o, err := srv.DB.Organisation(t.Context(), h.Org.ID); err != nil || o.Name != "Kept" || o.RPID != "localhost" || len(o.Origins) != 0 {
			t.Errorf("%+v, %v", o, err)
		}
		keys := srv.Organisation(t, "Keys")
		srv.RegisterKey(t, srv.Invite(t, keys.ID, "grace"), "P-256")
		if _, err := srv.Organisations.Set(t.Context(), keys.ID, organisation.Settings{RPID: "example.org", AddOrigins: []string{"https://example.org"}}); err != nil {
			t.Errorf("another RP ID beside a key: %v", err)
		}
	})
}
