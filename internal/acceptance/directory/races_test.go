package directory_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// fifty is how many do the same at the same moment.
const fifty = 50

// request is one to be signed and sent.
type request struct{ method, path, body string }

// storm signs requests and sends them all at the same moment.
func storm(t *testing.T, n *world.Tenant, by *client.Session, all ...request) []world.Answer {
	t.Helper()
	return prepare(t, n, by, all...)()
}

// prepare signs requests and returns what sends them.
func prepare(t *testing.T, n *world.Tenant, by *client.Session, all ...request) (send func() []world.Answer) {
	t.Helper()
	actions := make([]string, len(all))
	for i, r := range all {
		var err error
		actions[i], err = by.SignFor(t.Context(), r.method, r.path, []byte(r.body))
		must(t, err)
	}
	return func() []world.Answer {
		answers := make([]world.Answer, len(all))
		start := make(chan struct{})
		var sent sync.WaitGroup
		for i, r := range all {
			sent.Go(func() {
				<-start
				answers[i] = n.Call(t, r.method, r.path, by.Token, actions[i], r.body)
			})
		}
		close(start)
		sent.Wait()
		return answers
	}
}

func repeated(r request, times int) (all []request) {
	for range times {
		all = append(all, r)
	}
	return all
}

// alternating is fifty requests of two kinds in turn.
func alternating(a, b request) (all []request) {
	for range fifty / 2 {
		all = append(all, a, b)
	}
	return all
}

// count counts answers by status and code.
func count(answers []world.Answer) map[string]int {
	of := map[string]int{}
	for _, a := range answers {
		of[a.Outcome()]++
	}
	return of
}

// thing is what is activated, deactivated and archived.
type thing struct {
	path, events, gone string
	by                 *client.Session // who may change it
	owner              string          // whom its events are about
	bearer             *client.Session // what it lets in while it is active
	shown              string          // what a read shows of its activity
}

func newSubjects(t *testing.T, n *world.Tenant) map[string]thing {
	t.Helper()
	u := n.Employ(t, "ada@example.org")
	serviceAccountID, serviceAccount := n.ServiceAccount(t, n.Org.ID, "engine")
	o := n.Employ(t, "owner@example.org", "Auth:Pats:Create")
	tokenID, program := n.PersonalToken(t, o.Session, "program", "")
	return map[string]thing{
		"user":    {"/auth/users/" + u.ID, "user.", "user_not_found", n.Admin, u.ID, nil, `"isActive":%t`},
		"machine": {"/auth/service-accounts/" + serviceAccountID, "service_account.", "service_account_not_found", n.Admin, serviceAccountID, serviceAccount, `"isActive":%t`},
		"program": {"/auth/pats/" + tokenID, "token.", "token_not_found", o.Session, o.ID, program, `"isActive":%t`},
	}
}

// wantActive holds that a thing is active or not wherever one looks.
func wantActive(t *testing.T, n *world.Tenant, what string, x thing, active bool) {
	t.Helper()
	a := n.Call(t, "GET", x.path, x.by.Token, "", "")
	if a.Status != 200 || !strings.Contains(a.Body, fmt.Sprintf(x.shown, active)) || strings.Contains(a.Body, fmt.Sprintf(x.shown, !active)) {
		t.Errorf("%s: it is not %t: %v", what, active, a.Body)
	}
	if x.bearer != nil && n.Lives(t, x.bearer) != active {
		t.Errorf("%s: its token is let in: %t", what, !active)
	}
}

// countSpent counts the signed requests of a bearer that were used.
func countSpent(t *testing.T, n *world.Tenant, suffix string) (used int) {
	t.Helper()
	for after := ""; ; {
		page, err := n.DB.Actions(context.Background(), n.Org.ID, "", after, 0)
		must(t, err)
		for _, a := range page {
			after = a.ID
			if strings.HasPrefix(a.UsedFor, suffix) {
				used++
			}
		}
		if len(page) < store.MaxPage {
			return used
		}
	}
}

// Fifty at once put a thing on, off and away: all are answered, one state comes of it, and
// the log has what was answered with success, no more and no less.
func TestFiftyAtOnce(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		for what, x := range newSubjects(t, n) {
			on, off, away := request{"PUT", x.path + "/activate", "{}"}, request{"PUT", x.path + "/deactivate", "{}"}, request{"DELETE", x.path, "{}"}
			events := func(kind string) int { return len(n.EventsAbout(t, x.owner, x.events+kind)) }
			one := func(how string, r request, kind string, active bool) {
				t.Helper()
				before, spent := events(kind), countSpent(t, n, r.method+" "+r.path)
				if got := count(storm(t, n, x.by, repeated(r, fifty)...)); got["200"] != fifty {
					t.Errorf("%s %s: %v", what, how, got)
				}
				wantActive(t, n, what+" "+how, x, active)
				if got, used := events(kind)-before, countSpent(t, n, r.method+" "+r.path)-spent; got != fifty || used != fifty {
					t.Errorf("%s %s: the log has %d, and %d signatures are spent", what, how, got, used)
				}
			}
			one("off", off, "deactivated", false)
			one("on", on, "activated", true)
			one("off again", off, "deactivated", false)

			before := [2]int{events("activated"), events("deactivated")}
			got := count(storm(t, n, x.by, alternating(on, off)...))
			if got["200"] != fifty || events("activated")-before[0] != fifty/2 || events("deactivated")-before[1] != fifty/2 {
				t.Errorf("%s on and off: %v; the log has %d and %d", what, got, events("activated")-before[0], events("deactivated")-before[1])
			}
			a := n.Call(t, "GET", x.path, x.by.Token, "", "")
			wantActive(t, n, what+" on and off", x, strings.Contains(a.Body, fmt.Sprintf(x.shown, true)))

			got = count(storm(t, n, x.by, append(append(repeated(on, 10), repeated(off, 10)...), repeated(away, fifty)...)...))
			if got["200"]+got["404 "+x.gone] != 20+fifty || events("archived") != 1 || countSpent(t, n, "DELETE "+x.path) != 1 {
				t.Errorf("%s away: %v; the log has it %d times, and %d signatures are spent", what, got, events("archived"), countSpent(t, n, "DELETE "+x.path))
			}
			wantActive(t, n, what+" away", x, false)
			if got := count(storm(t, n, x.by, append(repeated(on, 5), append(repeated(off, 5), repeated(away, 5)...)...)...)); got["404 "+x.gone] != 15 {
				t.Errorf("%s once it is away: %v", what, got)
			}
		}
	})
}

// One signed request that is sent fifty times at once is granted once.
func TestOneSignatureFiftyTimes(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		for what, x := range newSubjects(t, n) {
			r := request{"PUT", x.path + "/deactivate", "{}"}
			action, err := x.by.SignFor(t.Context(), r.method, r.path, []byte(r.body))
			must(t, err)
			answers := make([]world.Answer, fifty)
			var sent sync.WaitGroup
			for i := range answers {
				sent.Go(func() { answers[i] = n.Call(t, r.method, r.path, x.by.Token, action, r.body) })
			}
			sent.Wait()
			if got := count(answers); got["200"] != 1 || got["400 user_action_used"] != fifty-1 {
				t.Errorf("%s: %v", what, got)
			}
			if got := n.EventsAbout(t, x.owner, x.events+"deactivated"); len(got) != 1 {
				t.Errorf("%s: the log has %v", what, got)
			}
		}
	})
}

// Of fifty who give one permission to one identity one gives it, and of fifty who take it
// back one takes it.
func TestFiftyAssignmentsAndRevocations(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ada := n.Employ(t, "ada@example.org")
		permission := n.Permission(t, n.Org.ID, "read", "Auth:Users:Read")
		for round := range 3 {
			path := "/permissions/" + permission + "/assignments"
			got := count(storm(t, n, n.Admin, repeated(request{"POST", path, `{"identityId":"` + ada.ID + `"}`}, fifty)...))
			if got["200"] != 1 || got["409 permission_already_assigned"] != fifty-1 {
				t.Errorf("round %d, given: %v", round, got)
			}
			list, err := n.Admin.ListAssignments(t.Context(), api.ListAssignmentsRequest{PermissionID: permission})
			if err != nil || len(list.Items) != 1 {
				t.Fatalf("round %d: %+v, %v", round, list, err)
			}
			n.Call(t, "GET", "/auth/users", ada.Token, "", "").Wants(t, "given", 200, "")
			path += "/" + list.Items[0].ID
			got = count(storm(t, n, n.Admin, repeated(request{"DELETE", path, "{}"}, fifty)...))
			if got["200"] != 1 || got["404 assignment_not_found"] != fifty-1 {
				t.Errorf("round %d, taken: %v", round, got)
			}
			n.Call(t, "GET", "/auth/users", ada.Token, "", "").Wants(t, "taken", 403, "permission_denied")
			if given, taken := len(n.EventsAbout(t, ada.ID, "permission.assigned")), len(n.EventsAbout(t, ada.ID, "permission.revoked")); given != round+1 || taken != round+1 {
				t.Errorf("round %d: the log has %d given and %d taken", round, given, taken)
			}
			if used := countSpent(t, n, "DELETE "+path); used != 1 {
				t.Errorf("round %d: %d signatures are spent", round, used)
			}
		}
	})
}

// Of fifty who want one name at once one gets it.
func TestFiftyOfOneName(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		pem := func() string { return strings.ReplaceAll(world.NewKey(t, "P-256").PublicKeyPEM(), "\n", `\n`) }
		for path, c := range map[string]struct{ body, taken string }{
			"/auth/service-accounts": {`{"name":"Engine","publicKey":"` + pem() + `"}`, "409 service_account_name_taken"},
			"/auth/pats":             {`{"name":"Engine","publicKey":"` + pem() + `"}`, "409 token_name_taken"},
			"/permissions":           {`{"name":"Engine","operations":["Auth:Users:Read"]}`, "409 permission_name_taken"},
			"/auth/users":            {`{"email":"engine@example.org","kind":"CustomerEmployee"}`, "401 user_already_exists"},
		} {
			if got := count(storm(t, n, n.Admin, repeated(request{"POST", path, c.body}, fifty)...)); got["200"] != 1 || got[c.taken] != fifty-1 {
				t.Errorf("%s: %v", path, got)
			}
		}
		// Of several people at once, all or none.
		got := count(storm(t, n, n.Admin, repeated(request{"POST", "/countersign/people", `{"usernames":["x@example.org","y@example.org"]}`}, fifty)...))
		if got["200"] != 1 || got["409 user_invited_meanwhile"]+got["409 user_already_exists"] != fifty-1 {
			t.Errorf("people: %v", got)
		}
	})
}

// Whoever changes something else of a user at the moment at which they are locked out does not
// let them in again.
func TestUpdatesDoNotUndoDeactivation(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		clerk := n.Employ(t, "clerk@example.org", "Auth:Users:Update", "Auth:Users:Read")
		for range 5 {
			ada := n.Employ(t, "ada"+api.NewID("x", n.Clock.Now())+"@example.org")
			path := "/auth/users/" + ada.ID
			var actions []string
			for range fifty {
				action, err := clerk.SignFor(t.Context(), "PUT", path, []byte(`{"isSSORequired":false}`))
				must(t, err)
				actions = append(actions, action)
			}
			off, err := n.Admin.SignFor(t.Context(), "PUT", path+"/deactivate", []byte("{}"))
			must(t, err)
			var sent sync.WaitGroup
			for i, action := range actions {
				if i == fifty/2 {
					sent.Go(func() {
						n.Call(t, "PUT", path+"/deactivate", n.Admin.Token, off, "{}").Wants(t, "deactivated", 200, "")
					})
				}
				sent.Go(func() {
					n.Call(t, "PUT", path, clerk.Token, action, `{"isSSORequired":false}`).Wants(t, "updated", 200, "")
				})
			}
			sent.Wait()
			if u, err := clerk.GetUser(t.Context(), ada.ID); err != nil || u.IsActive {
				t.Errorf("an update let the user in again: %+v, %v", u.IsActive, err)
			}
		}
	})
}
