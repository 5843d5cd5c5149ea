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
)

// fifty is how many do the same at the same moment.
const fifty = 50

// request is one to be signed and sent.
type request struct{ method, path, body string }

// storm signs requests and sends them all at the same moment.
func (n *tenant) storm(t *testing.T, by *client.Session, all ...request) []answer {
	t.Helper()
	return n.ready(t, by, all...)()
}

// ready signs requests and returns what sends them.
func (n *tenant) ready(t *testing.T, by *client.Session, all ...request) (send func() []answer) {
	t.Helper()
	actions := make([]string, len(all))
	for i, r := range all {
		var err error
		actions[i], err = by.SignFor(t.Context(), r.method, r.path, []byte(r.body))
		must(t, err)
	}
	return func() []answer {
		answers := make([]answer, len(all))
		start := make(chan struct{})
		var sent sync.WaitGroup
		for i, r := range all {
			sent.Go(func() {
				<-start
				answers[i] = n.send(t, r.method, r.path, by.Token, actions[i], r.body)
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
func count(answers []answer) map[string]int {
	of := map[string]int{}
	for _, a := range answers {
		of[strings.TrimSpace(fmt.Sprint(a.status, " ", a.code))]++
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

func (n *tenant) things(t *testing.T) map[string]thing {
	t.Helper()
	u := n.hire(t, "ada@example.org")
	machineID, machine := n.Machine(t, n.org.ID, "engine")
	o := n.hire(t, "owner@example.org", "Auth:Pats:Create")
	tokenID, program := n.PersonalToken(t, o.Session, "program", "")
	return map[string]thing{
		"user":    {"/auth/users/" + u.id, "user.", "user_not_found", n.admin, u.id, nil, `"isActive":%t`},
		"machine": {"/auth/service-accounts/" + machineID, "service_account.", "service_account_not_found", n.admin, machineID, machine, `"isActive":%t`},
		"program": {"/auth/pats/" + tokenID, "token.", "token_not_found", o.Session, o.id, program, `"isActive":%t`},
	}
}

// is holds that a thing is active or not wherever one looks.
func (n *tenant) is(t *testing.T, what string, x thing, active bool) {
	t.Helper()
	a := n.send(t, "GET", x.path, x.by.Token, "", "")
	if a.status != 200 || !strings.Contains(a.body, fmt.Sprintf(x.shown, active)) || strings.Contains(a.body, fmt.Sprintf(x.shown, !active)) {
		t.Errorf("%s: it is not %t: %v", what, active, a.body)
	}
	if x.bearer != nil && n.lives(t, x.bearer) != active {
		t.Errorf("%s: its token is let in: %t", what, !active)
	}
}

// spent counts the signed requests of a bearer that were used.
func (n *tenant) spent(t *testing.T, suffix string) (used int) {
	t.Helper()
	for after := ""; ; {
		page, err := n.DB.Actions(context.Background(), n.org.ID, "", after, 0)
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
	offices(t, func(t *testing.T, n *tenant) {
		for what, x := range n.things(t) {
			on, off, away := request{"PUT", x.path + "/activate", "{}"}, request{"PUT", x.path + "/deactivate", "{}"}, request{"DELETE", x.path, "{}"}
			events := func(kind string) int { return len(n.happened(t, x.owner, x.events+kind)) }
			one := func(how string, r request, kind string, active bool) {
				t.Helper()
				before, spent := events(kind), n.spent(t, r.method+" "+r.path)
				if got := count(n.storm(t, x.by, repeated(r, fifty)...)); got["200"] != fifty {
					t.Errorf("%s %s: %v", what, how, got)
				}
				n.is(t, what+" "+how, x, active)
				if got, used := events(kind)-before, n.spent(t, r.method+" "+r.path)-spent; got != fifty || used != fifty {
					t.Errorf("%s %s: the log has %d, and %d signatures are spent", what, how, got, used)
				}
			}
			one("off", off, "deactivated", false)
			one("on", on, "activated", true)
			one("off again", off, "deactivated", false)

			before := [2]int{events("activated"), events("deactivated")}
			got := count(n.storm(t, x.by, alternating(on, off)...))
			if got["200"] != fifty || events("activated")-before[0] != fifty/2 || events("deactivated")-before[1] != fifty/2 {
				t.Errorf("%s on and off: %v; the log has %d and %d", what, got, events("activated")-before[0], events("deactivated")-before[1])
			}
			a := n.send(t, "GET", x.path, x.by.Token, "", "")
			n.is(t, what+" on and off", x, strings.Contains(a.body, fmt.Sprintf(x.shown, true)))

			got = count(n.storm(t, x.by, append(append(repeated(on, 10), repeated(off, 10)...), repeated(away, fifty)...)...))
			if got["200"]+got["404 "+x.gone] != 20+fifty || events("archived") != 1 || n.spent(t, "DELETE "+x.path) != 1 {
				t.Errorf("%s away: %v; the log has it %d times, and %d signatures are spent", what, got, events("archived"), n.spent(t, "DELETE "+x.path))
			}
			n.is(t, what+" away", x, false)
			if got := count(n.storm(t, x.by, append(repeated(on, 5), append(repeated(off, 5), repeated(away, 5)...)...)...)); got["404 "+x.gone] != 15 {
				t.Errorf("%s once it is away: %v", what, got)
			}
		}
	})
}

// One signed request that is sent fifty times at once is granted once.
func TestOneSignatureFiftyTimes(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		for what, x := range n.things(t) {
			r := request{"PUT", x.path + "/deactivate", "{}"}
			action, err := x.by.SignFor(t.Context(), r.method, r.path, []byte(r.body))
			must(t, err)
			answers := make([]answer, fifty)
			var sent sync.WaitGroup
			for i := range answers {
				sent.Go(func() { answers[i] = n.send(t, r.method, r.path, x.by.Token, action, r.body) })
			}
			sent.Wait()
			if got := count(answers); got["200"] != 1 || got["400 user_action_used"] != fifty-1 {
				t.Errorf("%s: %v", what, got)
			}
			if got := n.happened(t, x.owner, x.events+"deactivated"); len(got) != 1 {
				t.Errorf("%s: the log has %v", what, got)
			}
		}
	})
}

// Of fifty who give one permission to one identity one gives it, and of fifty who take it
// back one takes it.
func TestFiftyAssignmentsAndRevocations(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ada := n.hire(t, "ada@example.org")
		permission := n.Permission(t, n.org.ID, "read", "Auth:Users:Read")
		for round := range 3 {
			path := "/permissions/" + permission + "/assignments"
			got := count(n.storm(t, n.admin, repeated(request{"POST", path, `{"identityId":"` + ada.id + `"}`}, fifty)...))
			if got["200"] != 1 || got["409 permission_already_assigned"] != fifty-1 {
				t.Errorf("round %d, given: %v", round, got)
			}
			list, err := n.admin.ListAssignments(t.Context(), api.ListAssignmentsRequest{PermissionID: permission})
			if err != nil || len(list.Items) != 1 {
				t.Fatalf("round %d: %+v, %v", round, list, err)
			}
			n.send(t, "GET", "/auth/users", ada.Token, "", "").wants(t, "given", 200, "")
			path += "/" + list.Items[0].ID
			got = count(n.storm(t, n.admin, repeated(request{"DELETE", path, "{}"}, fifty)...))
			if got["200"] != 1 || got["404 assignment_not_found"] != fifty-1 {
				t.Errorf("round %d, taken: %v", round, got)
			}
			n.send(t, "GET", "/auth/users", ada.Token, "", "").wants(t, "taken", 403, "permission_denied")
			if given, taken := len(n.happened(t, ada.id, "permission.assigned")), len(n.happened(t, ada.id, "permission.revoked")); given != round+1 || taken != round+1 {
				t.Errorf("round %d: the log has %d given and %d taken", round, given, taken)
			}
			if used := n.spent(t, "DELETE "+path); used != 1 {
				t.Errorf("round %d: %d signatures are spent", round, used)
			}
		}
	})
}

// Of fifty who want one name at once one gets it.
func TestFiftyOfOneName(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		key, err := client.GenerateKeySigner("P-256")
		must(t, err)
		pem := strings.ReplaceAll(key.PublicKeyPEM(), "\n", `\n`)
		for path, c := range map[string]struct{ body, taken string }{
			"/auth/service-accounts": {`{"name":"Engine","publicKey":"` + pem + `"}`, "409 service_account_name_taken"},
			"/auth/pats":             {`{"name":"Engine","publicKey":"` + pem + `"}`, "409 token_name_taken"},
			"/permissions":           {`{"name":"Engine","operations":["Auth:Users:Read"]}`, "409 permission_name_taken"},
			"/auth/users":            {`{"email":"engine@example.org","kind":"CustomerEmployee"}`, "401 user_already_exists"},
		} {
			if got := count(n.storm(t, n.admin, repeated(request{"POST", path, c.body}, fifty)...)); got["200"] != 1 || got[c.taken] != fifty-1 {
				t.Errorf("%s: %v", path, got)
			}
		}
		// Of several people at once, all or none.
		got := count(n.storm(t, n.admin, repeated(request{"POST", "/countersign/people", `{"usernames":["x@example.org","y@example.org"]}`}, fifty)...))
		if got["200"] != 1 || got["409 user_invited_meanwhile"]+got["409 user_already_exists"] != fifty-1 {
			t.Errorf("people: %v", got)
		}
	})
}

// Whoever changes something else of a user at the moment at which they are shut out does not
// let them in again.
func TestUpdatesDoNotUndoDeactivation(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		clerk := n.hire(t, "clerk@example.org", "Auth:Users:Update", "Auth:Users:Read")
		for range 5 {
			ada := n.hire(t, "ada"+api.NewID("x", n.Clock.Now())+"@example.org")
			path := "/auth/users/" + ada.id
			var actions []string
			for range fifty {
				action, err := clerk.SignFor(t.Context(), "PUT", path, []byte(`{"isSSORequired":false}`))
				must(t, err)
				actions = append(actions, action)
			}
			off, err := n.admin.SignFor(t.Context(), "PUT", path+"/deactivate", []byte("{}"))
			must(t, err)
			var sent sync.WaitGroup
			for i, action := range actions {
				if i == fifty/2 {
					sent.Go(func() {
						n.send(t, "PUT", path+"/deactivate", n.admin.Token, off, "{}").wants(t, "deactivated", 200, "")
					})
				}
				sent.Go(func() {
					n.send(t, "PUT", path, clerk.Token, action, `{"isSSORequired":false}`).wants(t, "updated", 200, "")
				})
			}
			sent.Wait()
			if u, err := clerk.GetUser(t.Context(), ada.id); err != nil || u.IsActive {
				t.Errorf("an update let the user in again: %+v, %v", u.IsActive, err)
			}
		}
	})
}
