package sdk_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/countersign/countersign/api"
)

// users invites somebody, shows, changes, deactivates and archives them.
func (k actor) users(t *testing.T) {
	name := k.unique("bob") + "@example.org"
	request := body(req{"email": name, "kind": api.CustomerEmployee, "externalId": "№ 7"})
	made := did[api.User](t, k.do(t, "auth.createUser", request))
	if made.Username != name || made.OrgID != k.org.ID || made.IsRegistered || !made.IsActive || made.Invitation == nil {
		t.Fatalf("created %+v", made)
	}
	if stored, err := k.DB.User(t.Context(), made.UserID); err != nil || stored.Username != name || stored.ExternalID != "№ 7" {
		t.Errorf("stored %+v, %v", stored, err)
	}
	wantRefused(t, "a user who exists", k.do(t, "auth.createUser", request), 401, "user_already_exists")
	made.Invitation = nil
	bob := req{"userId": made.UserID}
	k.shows(t, bob, made)
	if !slices.Contains(k.userIDs(t), made.UserID) {
		t.Errorf("%s is not listed", made.UserID)
	}
	if k.has("auth.updateUser") {
		sso := func(required bool) outcome {
			return k.do(t, "auth.updateUser", merged(bob, body(req{"isSSORequired": required})))
		}
		if got := did[api.User](t, sso(false)); !reflect.DeepEqual(got, made) {
			t.Errorf("updated to %+v, was %+v", got, made)
		}
		wantRefused(t, "single sign-on", sso(true), 400, "sso_not_offered")
	}
	for _, c := range []struct {
		method string
		active bool
	}{{"auth.deactivateUser", false}, {"auth.activateUser", true}, {"auth.archiveUser", false}} {
		made.IsActive = c.active
		if got := did[api.User](t, k.do(t, c.method, bob)); !reflect.DeepEqual(got, made) {
			t.Errorf("%s gave %+v, want %+v", c.method, got, made)
		}
		k.shows(t, bob, made)
	}
	if slices.Contains(k.userIDs(t), made.UserID) {
		t.Error("an archived user is listed")
	}
	for _, method := range []string{"auth.activateUser", "auth.archiveUser"} {
		wantRefused(t, method+" of who is archived", k.do(t, method, bob), 404, "user_not_found")
	}
	nobody := req{"userId": api.NewID(api.PrefixUser, k.Clock.Now())}
	wantRefused(t, "nobody", k.do(t, "auth.getUser", nobody), 404, "user_not_found")
	wantRefused(t, "nobody's end", k.do(t, "auth.archiveUser", nobody), 404, "user_not_found")
}

func (k actor) shows(t *testing.T, who req, want api.User) {
	t.Helper()
	if got := did[api.User](t, k.do(t, "auth.getUser", who)); !reflect.DeepEqual(got, want) {
		t.Errorf("shown %+v, want %+v", got, want)
	}
}

// userIDs lists users, and sees that the kinds add up to the whole.
func (k actor) userIDs(t *testing.T) []string {
	t.Helper()
	all := k.ids(t, "auth.listUsers", req{}, "userId", k.generated)
	if !k.generated { // its listUsers takes no query
		return all
	}
	var some []string
	for _, kind := range []string{api.CustomerEmployee, api.EndUser} {
		some = append(some, k.ids(t, "auth.listUsers", req{"query": req{"kind": kind}}, "userId", false)...)
	}
	slices.Sort(some)
	if sorted := slices.Sorted(slices.Values(all)); !slices.Equal(some, sorted) {
		t.Errorf("kind by kind there are %q, together %q", some, sorted)
	}
	if kind := did[api.UserList](t, k.do(t, "auth.listUsers", req{"query": req{"kind": api.EndUser}})); len(kind.Items) == 0 {
		t.Error("no end user is listed")
	}
	return all
}
