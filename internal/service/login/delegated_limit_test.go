package login_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// Deactivation holds against delegation: a pending challenge is void, there is no new one, and
// sessions that a service account opened end.
func TestDelegatedEndUserIsDeactivated(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), context.Background()
		pending := d.begin(t, "pending@example.org")
		done := d.endUser(t, "done@example.org")
		token, err := d.logIn(done.Username)
		must(t, err)
		for _, id := range []string{pending.User.ID, done.UserID} {
			_, err := d.admin.DeactivateUser(ctx, id)
			must(t, err)
		}
		_, err = d.complete(pending)
		world.Refused(t, "a deactivated user's challenge", err, 401, "user_inactive")
		_, err = d.client.Session(token, nil).ListTokens(ctx)
		world.Refused(t, "a deactivated user's session", err, 401, "user_inactive")
		for _, name := range []string{"pending@example.org", "done@example.org"} {
			for _, path := range []string{delegatedPath, restartPath} {
				_, err := d.ask(path, endUserNamed(name))
				world.Refused(t, path+" for "+name, err, 400, "user_inactive")
			}
			_, err := d.logIn(name)
			world.Refused(t, "login of "+name, err, 400, "user_inactive")
		}

		_, err = d.admin.ArchiveUser(ctx, pending.User.ID)
		must(t, err)
		anew := d.endUser(t, "pending@example.org") // the name is free again
		if anew.UserID == pending.User.ID {
			t.Error("an archived user is back")
		}
		_, err = d.complete(pending)
		world.Refused(t, "an archived user's challenge", err, 401, "user_inactive")
		unfinished := d.begin(t, "unfinished@example.org")
		_, err = d.logIn(unfinished.User.Name)
		world.Refused(t, "login of who did not finish", err, 401, "user_not_found")
		_, err = d.logIn("nobody@example.org")
		world.Refused(t, "login of nobody", err, 401, "user_not_found")
	})
}

// Twenty calls for one new name make one user; all get a challenge, one of which is live.
func TestDelegatedRegistrationRace(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d := newDelegation(t, srv)
		const n = 20
		challenges, errs := make([]api.RegistrationChallenge, n), make([]error, n)
		var done sync.WaitGroup
		for i := range n {
			done.Go(func() { challenges[i], errs[i] = d.ask(delegatedPath, endUserNamed("race@example.org")) })
		}
		done.Wait()
		registered := 0
		for i, c := range challenges {
			if errs[i] != nil {
				t.Errorf("call %d: %v", i, errs[i])
				continue
			}
			if c.User.ID != challenges[0].User.ID {
				t.Errorf("call %d made another user", i)
			}
			if _, err := d.complete(c); err == nil {
				registered++
			} else if !strings.Contains(err.Error(), "registration_code_revoked") && !strings.Contains(err.Error(), "user_already_exists") {
				t.Errorf("challenge %d: %v", i, err)
			}
		}
		if registered != 1 {
			t.Errorf("%d of the challenges registered, want 1", registered)
		}
		people, err := d.DB.People(context.Background(), d.Org.ID, api.EndUser, "", "", 0)
		must(t, err)
		if len(people) != 1 || len(people[0].Assignments) != 1 || len(d.EventsOf(t, people[0].ID, "user.delegated_registration_begun")) != n {
			t.Errorf("the end users are %+v", people)
		}
	})
}

// No session is left of a login by delegation and a deactivation at the same moment.
func TestDelegatedLoginRacesDeactivation(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), context.Background()
		p := d.endUser(t, "race@example.org")
		var done sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			done.Go(func() { _, errs[i] = d.logIn(p.Username) })
		}
		done.Go(func() {
			if _, err := d.admin.DeactivateUser(ctx, p.UserID); err != nil {
				t.Errorf("deactivation: %v", err)
			}
		})
		done.Wait()
		for _, err := range errs {
			if err != nil {
				world.Refused(t, "login beside a deactivation", err, 400, "user_inactive")
			}
		}
		sessions, err := d.DB.SessionsOfUser(ctx, p.UserID, d.Clock.Now())
		must(t, err)
		if len(sessions) != 0 {
			t.Errorf("a deactivated user has %d live sessions", len(sessions))
		}
	})
}

// A change between reading a user and writing decides: the caller learns the new state, and
// nothing is left behind.
func TestDelegationSeesWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), context.Background()
		who := api.Caller{OrgID: d.Org.ID, UserID: d.serviceAccountID, Kind: api.CallerServiceAccount}
		// The clock is read after the user was.
		meanwhile := func(do func()) func() time.Time {
			var once sync.Once
			return func() time.Time { once.Do(do); return d.Clock.Now() }
		}
		finishing, leaving, loggedIn := d.begin(t, "finishing"), d.begin(t, "leaving"), d.endUser(t, "logged in")
		deactivate := func(id string) func() {
			return func() { must(t, d.Users.SetActive(ctx, d.Org.ID, id, false)) }
		}

		srv.Registration.Now = meanwhile(func() {
			srv.Registration.Now = d.Clock.Now
			_, err := d.complete(finishing)
			must(t, err)
		})
		_, err := signed(srv.DB, srv.Registration.Redelegate, who, endUserNamed("finishing"))
		wantCode(t, "restart beside a completion", err, "user_already_exists")
		srv.Registration.Now = meanwhile(deactivate(leaving.User.ID))
		_, err = signed(srv.DB, srv.Registration.Redelegate, who, endUserNamed("leaving"))
		wantCode(t, "restart beside a deactivation", err, "user_inactive")
		srv.Login.Now = meanwhile(deactivate(loggedIn.UserID))
		_, err = signed(srv.DB, srv.Login.Delegate, who, api.DelegatedLoginRequest{Username: "logged in"})
		wantCode(t, "login beside a deactivation", err, "user_inactive")

		for _, id := range []string{finishing.User.ID, leaving.User.ID} {
			codes, err := d.DB.Codes(ctx, d.Org.ID, id, "", 0)
			must(t, err)
			if len(codes) != 1 {
				t.Errorf("%d codes, want the first alone", len(codes))
			}
		}
	})
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if api.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// It takes a service account, the permission by either of its names, and one signature for one
// effect.
func TestWhoMayDelegate(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), context.Background()
		d.endUser(t, "ada@example.org")
		_, idle := d.newServiceAccount(t, "idle", "Auth:Users:Create")
		_, modern := d.newServiceAccount(t, "modern", "Auth:Delegated:Register", "Auth:Delegated:Login")
		for i, c := range []struct {
			path string
			in   any
		}{
			{delegatedPath, endUserNamed("new@example.org")}, {restartPath, endUserNamed("new@example.org")},
			{delegatedLogin, api.DelegatedLoginRequest{Username: "ada@example.org"}},
		} {
			world.Refused(t, "a person at "+c.path, d.admin.DoSigned(ctx, http.MethodPost, c.path, c.in, nil), 403, "permission_denied")
			world.Refused(t, "without permission at "+c.path, idle.DoSigned(ctx, http.MethodPost, c.path, c.in, nil), 403, "permission_denied")
			world.Refused(t, "unsigned at "+c.path, modern.Do(ctx, http.MethodPost, c.path, c.in, nil), 403, "user_action_invalid")
			if err := modern.DoSigned(ctx, http.MethodPost, c.path, c.in, nil); err != nil {
				t.Errorf("case %d, with the permission by its newer name: %v", i, err)
			}
		}
		people, err := d.DB.People(ctx, d.Org.ID, api.EndUser, "", "", 0)
		must(t, err)
		if len(people) != 2 {
			t.Errorf("%d end users, want 2", len(people))
		}
		d.spendsItsSignature(t)
	})
}

// spendsItsSignature checks the same for the call that finds the name taken: its first write
// fails, its second does not.
func (d *delegation) spendsItsSignature(t *testing.T) {
	t.Helper()
	const body = `{"email":"new@example.org","kind":"EndUser"}`
	action, err := d.serviceAccount.SignFor(t.Context(), http.MethodPost, delegatedPath, []byte(body))
	must(t, err)
	for _, want := range []int{200, 400} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL+delegatedPath, strings.NewReader(body))
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+d.serviceAccount.Token)
		r.Header.Set(api.HeaderUserAction, action)
		res, err := d.client.HTTP.Do(r)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("answered %d, want %d", res.StatusCode, want)
		}
	}
}

// A text that cannot be the name of an end user is refused, and creates nobody.
func TestDelegatedMembers(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), context.Background()
		for _, c := range []struct {
			path, code string
			in         api.DelegatedRegistrationRequest
		}{
			{delegatedPath, "member_missing", api.DelegatedRegistrationRequest{Kind: api.EndUser}},
			{delegatedPath, "member_missing", api.DelegatedRegistrationRequest{Email: "x"}},
			{delegatedPath, "user_kind_invalid", api.DelegatedRegistrationRequest{Email: "x", Kind: api.CustomerEmployee}},
			{delegatedPath, "user_kind_invalid", api.DelegatedRegistrationRequest{Email: "x", Kind: "enduser"}},
			{delegatedPath, "username_invalid", endUserNamed(" x")},
			{delegatedPath, "username_invalid", endUserNamed("a\u202eb")},
			{delegatedPath, "username_invalid", endUserNamed(strings.Repeat("x", 321))},
			{delegatedPath, "external_id_invalid", api.DelegatedRegistrationRequest{Email: "x", Kind: api.EndUser, ExternalID: strings.Repeat("x", 201)}},
			{restartPath, "member_missing", api.DelegatedRegistrationRequest{Kind: api.EndUser}},
			{restartPath, "user_kind_invalid", api.DelegatedRegistrationRequest{Email: "x", Kind: "Robot"}},
			{restartPath, "username_invalid", endUserNamed("a\x00b")},
		} {
			_, err := d.ask(c.path, c.in)
			world.Refused(t, c.path, err, 400, c.code)
		}
		_, err := d.logIn("")
		world.Refused(t, "login without a name", err, 400, "member_missing")
		_, err = d.logIn("a\x00b")
		world.Refused(t, "login of a name that is none", err, 401, "user_not_found")
		people, err := d.DB.People(ctx, d.Org.ID, api.EndUser, "", "", 0)
		must(t, err)
		if len(people) != 0 {
			t.Errorf("made %+v", people)
		}
	})
}

// signed runs a signed operation as its route does.
func signed[In, Out any](db *store.DB, do func(context.Context, *store.Tx, api.Caller, In) (Out, error), who api.Caller, in In) (Out, error) {
	ctx := context.Background()
	return store.Do(ctx, db, func(tx *store.Tx) (Out, error) { return do(ctx, tx, who, in) })
}

// Deactivating a service account also ends the sessions that it opened: whoever had its key may
// have opened any of them. The user's own sessions stay.
func TestSessionsThatAServiceAccountOpened(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), t.Context()
		kid := d.endUser(t, "kid")
		_, other := d.newServiceAccount(t, "other", "Auth:Login:Delegated")
		var theirs api.LoginResult
		must(t, other.DoSigned(ctx, http.MethodPost, delegatedLogin, api.DelegatedLoginRequest{Username: "kid"}, &theirs))
		own := kid.LogIn(t)
		for _, end := range []func() error{
			func() error { _, err := d.admin.DeactivateServiceAccount(ctx, d.serviceAccountID); return err },
			func() error { return d.Users.SetActive(ctx, d.Org.ID, d.serviceAccountID, false) },
			func() error {
				defer d.Users.SetCredentialActive(ctx, d.Org.ID, api.FirstCredentialID(d.serviceAccountID), true)
				return d.Users.SetCredentialActive(ctx, d.Org.ID, api.FirstCredentialID(d.serviceAccountID), false)
			},
			func() error { _, err := d.admin.ArchiveServiceAccount(ctx, d.serviceAccountID); return err },
		} {
			opened, err := d.logIn("kid")
			must(t, err)
			_, err = d.client.Session(opened, nil).ListTokens(ctx)
			must(t, err)
			must(t, end())
			_, err = d.client.Session(opened, nil).ListTokens(ctx)
			world.Refused(t, "a session of a deactivated service account", err, 401, "token_invalid")
			if _, err = d.admin.ActivateServiceAccount(ctx, d.serviceAccountID); err == nil {
				_, err = d.client.Session(opened, nil).ListTokens(ctx)
				world.Refused(t, "a session of a service account that was activated", err, 401, "token_invalid")
			}
			for _, token := range []string{own, theirs.Token} {
				_, err = d.client.Session(token, nil).ListTokens(ctx)
				must(t, err)
			}
		}
	})
}
