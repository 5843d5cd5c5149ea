package application_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/service/application"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// each gives the test a service over an empty store, on each database, and a caller.
func each(t *testing.T, test func(t *testing.T, r *application.Service, who api.Caller)) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) {
		db, err := store.Open(context.Background(), url, store.Options{})
		must(t, err)
		t.Cleanup(func() { must(t, db.Close()) })
		now := time.Now()
		test(t, &application.Service{DB: db, Access: access.New(db), Now: time.Now},
			api.Caller{OrgID: api.NewID(api.PrefixOrganization, now), UserID: api.NewID(api.PrefixUser, now), Address: "192.0.2.1"})
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write runs an operation in a unit of its own.
func write[In any](r *application.Service, do func(context.Context, *store.Tx, api.Caller, In) (api.Application, error), who api.Caller, in In) (api.Application, error) {
	ctx := context.Background()
	return store.Do(ctx, r.DB, func(tx *store.Tx) (api.Application, error) { return do(ctx, tx, who, in) })
}

func events(t *testing.T, r *application.Service, orgID string) (kinds []string) {
	t.Helper()
	all, err := r.DB.Events(context.Background(), orgID, "", 0)
	must(t, err)
	for _, e := range all {
		if !strings.Contains(string(e.Detail), `"applicationId":"ap-`) || !strings.Contains(string(e.Detail), `"name":"app"`) || e.Address == "" || e.ActorID == "" {
			t.Errorf("recorded %+v, %s", e, e.Detail)
		}
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *application.Service, who api.Caller) {
		ctx, zero, much := context.Background(), 0, 731
		key := authenticator.NewKeySigner("Ed25519").PEM
		long := strings.Repeat("ö", 301)
		for _, c := range []struct {
			code string
			in   api.CreateApplicationRequest
		}{
			{"member_missing", api.CreateApplicationRequest{Kind: api.ClientSideApplication}},
			{"member_missing", api.CreateApplicationRequest{Name: "a"}},
			{"name_invalid", api.CreateApplicationRequest{Name: " a", Kind: api.ClientSideApplication}},
			{"name_invalid", api.CreateApplicationRequest{Name: long, Kind: api.ClientSideApplication}},
			{"application_kind_invalid", api.CreateApplicationRequest{Name: "a", Kind: "clientSideApplication"}},
			{"member_missing", api.CreateApplicationRequest{Name: "a", Kind: api.ServerSideApplication}},
			{"public_key_invalid", api.CreateApplicationRequest{Name: "a", Kind: api.ServerSideApplication, PublicKey: "x"}},
			{"text_invalid", api.CreateApplicationRequest{Name: "a", Kind: api.ClientSideApplication, RelyingPartyID: long}},
			{"text_invalid", api.CreateApplicationRequest{Name: "a", Kind: api.ClientSideApplication, Origin: "a\u202eb"}},
			{"text_invalid", api.CreateApplicationRequest{Name: "a", Kind: api.ClientSideApplication, Origin: "a\xffb"}},
			{"external_id_invalid", api.CreateApplicationRequest{Name: "a", Kind: api.ClientSideApplication, ExternalID: long}},
			{"lifetime_invalid", api.CreateApplicationRequest{Name: "a", Kind: api.ServerSideApplication, PublicKey: key, DaysValid: &zero}},
			{"lifetime_invalid", api.CreateApplicationRequest{Name: "a", Kind: api.ServerSideApplication, PublicKey: key, DaysValid: &much}},
		} {
			_, err := write(r, r.Create, who, c.in)
			if api.KindOf(err) != api.Invalid || api.CodeOf(err) != c.code {
				t.Errorf("%+v: %v, want %s", c.in, err, c.code)
			}
		}
		all, err := r.List(ctx, who, api.Nothing{})
		must(t, err)
		if len(all.Items) != 0 || len(events(t, r, who.OrgID)) != 0 {
			t.Errorf("made %+v", all)
		}
	})
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *application.Service, who api.Caller) {
		a, err := write(r, r.Create, who, api.CreateApplicationRequest{Name: "app", Kind: api.ClientSideApplication})
		must(t, err)
		empty, long := "", strings.Repeat("x", 201)
		for code, in := range map[string]api.Rename{"member_missing": {Name: &empty}, "external_id_invalid": {ExternalID: &long}} {
			_, err := write(r, r.Update, who, api.UpdateApplicationRequest{AppID: a.AppID, Rename: in})
			if api.CodeOf(err) != code {
				t.Errorf("%v, want %s", err, code)
			}
		}
		if got := events(t, r, who.OrgID); len(got) != 1 {
			t.Errorf("recorded %q", got)
		}
	})
}

// The key of an application is stored, although it never signs.
func TestPublicKeyIsKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *application.Service, who api.Caller) {
		key := authenticator.NewKeySigner("Ed25519")
		a, err := write(r, r.Create, who, api.CreateApplicationRequest{Name: "app", Kind: api.ServerSideApplication, PublicKey: key.PEM})
		must(t, err)
		kept, err := r.DB.Application(context.Background(), who.OrgID, a.AppID)
		must(t, err)
		if string(kept.PublicKey) != string(key.PublicKey().SPKI()) || !api.ValidID(api.PrefixCredential, kept.CredentialID) {
			t.Errorf("kept %+v", kept)
		}
	})
}

// Of fifty changes at the same moment, each is made and recorded, or refused and not recorded.
// None is made after the archiving.
func TestChangesAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *application.Service, who api.Caller) {
		ctx := context.Background()
		a, err := write(r, r.Create, who, api.CreateApplicationRequest{Name: "app", Kind: api.ClientSideApplication})
		must(t, err)
		in := api.ApplicationRequest{AppID: a.AppID}
		changes := []func(context.Context, *store.Tx, api.Caller, api.ApplicationRequest) (api.Application, error){r.Activate, r.Deactivate, r.Archive}
		errs := make([]error, 50)
		var done sync.WaitGroup
		for i := range errs {
			done.Go(func() { _, errs[i] = write(r, changes[i%len(changes)], who, in) })
		}
		done.Wait()
		made := 1 // by Create
		for i, err := range errs {
			if err == nil {
				made++
			} else if api.CodeOf(err) != "application_not_found" {
				t.Errorf("change %d: %v", i, err)
			}
		}
		kinds := events(t, r, who.OrgID)
		archived := 0
		for _, k := range kinds {
			if k == "application.archived" {
				archived++
			}
		}
		if len(kinds) != made || archived != 1 {
			t.Errorf("%d changes were made, recorded are %q", made, kinds)
		}
		shown, err := r.Get(ctx, who, in)
		must(t, err)
		if shown.IsActive {
			t.Error("an archived application is active")
		}
	})
}

// Of twenty that want one name at the same moment, one gets it.
func TestNameIsTakenOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *application.Service, who api.Caller) {
		errs := make([]error, 20)
		var done sync.WaitGroup
		for i := range errs {
			done.Go(func() {
				_, errs[i] = write(r, r.Create, who, api.CreateApplicationRequest{Name: "app", Kind: api.ClientSideApplication})
			})
		}
		done.Wait()
		made := 0
		for _, err := range errs {
			var e *api.Error
			switch {
			case err == nil:
				made++
			case !errors.As(err, &e) || e.Kind != api.Conflict || e.Code != "application_name_taken":
				t.Errorf("refused with %v", err)
			}
		}
		if kinds := events(t, r, who.OrgID); made != 1 || len(kinds) != 1 {
			t.Errorf("%d were made, recorded are %q", made, kinds)
		}
	})
}
