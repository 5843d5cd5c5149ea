package directory_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// kinds are the kinds of caller.
var kinds = []api.CallerKind{api.CallerEmployee, api.CallerEndUser, api.CallerServiceAccount, api.CallerPersonalToken}

// known are the routes that ask who comes. A route that is added to the table is tested
// here from then on.
func known(t *testing.T) (rows []server.Route) {
	t.Helper()
	for _, r := range server.Table() {
		if r.Known {
			rows = append(rows, r)
		}
	}
	if len(rows) < 55 {
		t.Fatalf("only %d routes ask who comes", len(rows))
	}
	return rows
}

func each(t *testing.T, test func(t *testing.T, srv *countersigntest.Server)) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) { test(t, countersigntest.Start(t, countersigntest.Database(url))) })
}

// TestWhoMayCall walks every route that asks who comes: without a token, with one of the
// wrong kind, of the wrong kind of caller, without the permission, and with it; without a
// signature, with one for something else, and with the right one.
func TestWhoMayCall(t *testing.T) {
	each(t, func(t *testing.T, srv *countersigntest.Server) {
		n := newTenant(t, srv, "Engines")
		strangers := n.otherTokens(t)
		for _, r := range known(t) {
			t.Run(r.ID, func(t *testing.T) {
				method, path := n.fill(r.Pattern)
				if strings.Contains(path, "{") {
					t.Fatalf("no id for %s", path)
				}
				for what, token := range strangers {
					if a := n.send(t, method, path, token, "", "{}"); a.status != 401 || a.code != "token_invalid" {
						t.Errorf("with %s: %v", what, a)
					}
				}
				for _, k := range kinds {
					if !slices.Contains(r.Callers, k) {
						n.refuses(t, r, k, "permission_denied")
						continue
					}
					n.serves(t, r, k)
				}
			})
		}
	})
}

// otherTokens are texts that are no bearer of a session or an access token.
func (n *tenant) otherTokens(t *testing.T) map[string]string {
	t.Helper()
	inv := n.Invite(t, n.org.ID, "somebody@example.org")
	challenge, err := n.Client().InitRegistration(context.Background(), api.InitRegistrationRequest{OrgID: n.org.ID,
		Username: inv.Username, RegistrationCode: inv.RegistrationCode})
	must(t, err)
	worker := n.callers[api.CallerEmployee]
	action, err := worker.SignFor(context.Background(), "GET", "/", nil)
	must(t, err)
	begun, err := n.Client().InitAction(context.Background(), worker.Token, api.InitActionRequest{Method: "GET", Path: "/"})
	must(t, err)
	ended := n.Session(t, n.Register(t, n.Invite(t, n.org.ID, "leaver@example.org")))
	must(t, ended.LogOut(context.Background(), false))
	_, withdrawn := n.Machine(t, n.org.ID, "withdrawn", n.all)
	id := n.machineToken(t, "withdrawn")
	must(t, n.DB.Write(context.Background(), func(tx *store.Tx) error {
		tx.DeactivateAccessToken(id.ID, id.UserID, n.Clock.Now(), nil)
		return nil
	}))
	_, gone := n.Machine(t, n.org.ID, "gone", n.all)
	id = n.machineToken(t, "gone")
	must(t, n.DB.Write(context.Background(), func(tx *store.Tx) error {
		tx.ArchiveAccessToken(id.ID, id.UserID, n.Clock.Now(), nil)
		return nil
	}))
	tampered := []byte(worker.Token)
	tampered[len(tampered)-20] ^= 1
	return map[string]string{"none": "", "nonsense": "x", "a registration's ticket": challenge.TemporaryAuthenticationToken,
		"a signed action": action, "an action's challenge": begun.ChallengeIdentifier, "an ended session": ended.Token,
		"a withdrawn access token": withdrawn.Token, "an archived access token": gone.Token, "a changed token": string(tampered)}
}

func (n *tenant) machineToken(t *testing.T, name string) store.AccessToken {
	t.Helper()
	_, tokens, err := n.DB.ServiceAccounts(context.Background(), n.org.ID)
	must(t, err)
	for _, e := range tokens {
		if e.Name == name {
			return e.AccessToken
		}
	}
	t.Fatalf("no access token of %s", name)
	return store.AccessToken{}
}

// refuses holds that a caller is refused even with every permission.
func (n *tenant) refuses(t *testing.T, r server.Route, k api.CallerKind, code string) {
	t.Helper()
	defer n.give(t, k, n.all)()
	method, path := n.fill(r.Pattern)
	if a := n.signedSend(t, n.callers[k], r.Signed, method, path, "{}"); a.status != 403 || a.code != code {
		t.Errorf("%s with every permission: %v", k, a)
	}
}

// serves holds that a caller of the right kind needs the permission and the signature, and
// nothing else.
func (n *tenant) serves(t *testing.T, r server.Route, k api.CallerKind) {
	t.Helper()
	s := n.callers[k]
	method, path := n.fill(r.Pattern)
	if r.Permission != "" {
		other := n.Permission(t, n.org.ID, "other "+r.ID+string(k), otherThan(r.Permission)...)
		back := n.give(t, k, other)
		if a := n.signedSend(t, s, r.Signed, method, path, "{}"); a.status != 403 || a.code != "permission_denied" {
			t.Errorf("%s with every permission but this: %v", k, a)
		}
		back()
	}
	if r.Signed {
		back := n.give(t, k, n.all)
		if a := n.send(t, method, path, s.Token, "", "{}"); a.status != 403 || a.code != "user_action_invalid" {
			t.Errorf("%s without a signature: %v", k, a)
		}
		elsewhere, err := s.SignFor(t.Context(), method, path+"x", []byte("{}"))
		must(t, err)
		if a := n.send(t, method, path, s.Token, elsewhere, "{}"); a.status != 403 || a.code != "user_action_invalid" {
			t.Errorf("%s with a signature for another path: %v", k, a)
		}
		back()
	}
	if r.Permission == "" && (destructive[r.ID] || r.Signed) {
		return // it would end what the other cases need; each has a test of its own
	}
	if r.Permission != "" {
		// The very permission, and no other, under its older name.
		defer n.give(t, k, n.Permission(t, n.org.ID, "this "+r.ID+string(k), r.Permission))()
	}
	probe := path
	if r.Signed { // nobody of that id: past the door, with no effect
		probe = strings.NewReplacer(n.noIDs()...).Replace(path)
	}
	if a := n.signedSend(t, s, r.Signed, method, probe, "{}"); a.status == 401 || a.status == 403 || a.status >= 500 {
		t.Errorf("%s with the permission: %v", k, a)
	}
}

// destructive are routes without a permission that would end the session that asks.
var destructive = map[string]bool{"logout": true, "logoutLegacy": true, "endSession": true}

// noIDs pairs every id of the tenant with one that nothing has.
func (n *tenant) noIDs() (pairs []string) {
	for _, id := range n.ids {
		prefix, _, _ := strings.Cut(id, "-")
		pairs = append(pairs, id, api.NewID(prefix, n.Clock.Now()))
	}
	return pairs
}

// otherThan lists operations, without one by any of its names.
func otherThan(operation string) (all []string) {
	one, _ := api.Operation(operation)
	for _, o := range api.Operations {
		if o != one {
			all = append(all, o)
		}
	}
	return all
}

// give gives a caller a permission until the function that it returns is called. What was
// remembered of their rights has passed by then: the ledger's patience is short.
func (n *tenant) give(t *testing.T, k api.CallerKind, permissionID string) (back func()) {
	t.Helper()
	identities := []string{n.grants[k]}
	if k == api.CallerPersonalToken {
		identities = append(identities, n.grants[api.CallerEmployee])
	}
	var given []store.Assignment
	for _, id := range identities {
		given = append(given, n.Grant(t, n.org.ID, permissionID, id))
	}
	n.Access.Changed()
	return func() {
		must(t, n.DB.Write(context.Background(), func(tx *store.Tx) error {
			for _, a := range given {
				tx.Revoke(a, nil)
			}
			return nil
		}))
		n.Access.Changed()
	}
}

// TestOrganisationsDoNotCross has an administrator of one organisation call every route
// with the ids of another's things: nothing is shown and nothing changes.
func TestOrganisationsDoNotCross(t *testing.T) {
	each(t, func(t *testing.T, srv *countersigntest.Server) {
		ours, theirs := newTenant(t, srv, "Ours"), newTenant(t, srv, "Theirs")
		for _, k := range kinds[:3] { // the worker's is the program's too
			ours.give(t, k, ours.all)
		}
		ours.Grant(t, ours.org.ID, ours.all, ours.grants[api.CallerPersonalToken])
		before := theirs.state(t)
		crossed := 0
		for _, r := range known(t) {
			if !strings.Contains(r.Pattern, "{") {
				continue
			}
			for _, k := range r.Callers {
				crossed++
				method, path := theirs.fill(r.Pattern)
				a := ours.signedSend(t, ours.callers[k], r.Signed, method, path, bodies[r.ID])
				if a.status < 400 || a.status == 401 || a.status >= 500 {
					t.Errorf("%s as %s: %v", r.ID, k, a)
				}
				for _, name := range []string{"worker@example.org", "target@example.org", "maker", "Theirs"} {
					if strings.Contains(a.body, name) {
						t.Errorf("%s tells %s: %v", r.ID, name, a)
					}
				}
				// Their thing below ours, and ours below theirs.
				if strings.Count(r.Pattern, "{") > 1 {
					for name, id := range ours.ids {
						_, own := theirs.fill(strings.ReplaceAll(r.Pattern, "{"+name+"}", id))
						if own == path {
							continue
						}
						if a := ours.signedSend(t, ours.callers[k], r.Signed, method, own, bodies[r.ID]); a.status < 400 {
							t.Errorf("%s at %s: %v", r.ID, own, a)
						}
					}
				}
			}
		}
		if crossed < 80 {
			t.Errorf("only %d calls crossed", crossed)
		}
		if after := theirs.state(t); after != before {
			t.Errorf("their state was %s\nand is %s", before, after)
		}
	})
}

// bodies are what a route wants to be sent so that only the id is wrong.
var bodies = map[string]string{
	"updateUser": `{"isSSORequired":false}`, "updateServiceAccount": `{"name":"x"}`, "updatePersonalAccessToken": `{"name":"x"}`,
	"updateApplication": `{"name":"x"}`, "updatePermission": `{"name":"x"}`, "archivePermission": `{"isArchived":true}`,
}

// TestIdsInBodiesDoNotCross is the same for ids that come in a body or a query.
func TestIdsInBodiesDoNotCross(t *testing.T) {
	each(t, func(t *testing.T, srv *countersigntest.Server) {
		ours, theirs := newTenant(t, srv, "Ours"), newTenant(t, srv, "Theirs")
		before := theirs.state(t)
		key, err := client.GenerateKeySigner("P-256")
		must(t, err)
		pem := strings.ReplaceAll(key.PublicKeyPEM(), "\n", `\n`)
		own := "/permissions/" + ours.all + "/assignments"
		for _, c := range []struct{ method, path, body string }{
			{"POST", own, `{"identityId":"` + theirs.ids["userId"] + `"}`},
			{"POST", own, `{"identityId":"` + theirs.ids["serviceAccountId"] + `"}`},
			{"POST", own, `{"identityId":"` + theirs.ids["tokenId"] + `"}`},
			{"POST", own, `{"identityId":"` + theirs.ids["appId"] + `"}`},
			{"POST", "/auth/service-accounts", `{"name":"m","publicKey":"` + pem + `","permissionId":"` + theirs.all + `"}`},
			{"POST", "/auth/pats", `{"name":"p","publicKey":"` + pem + `","permissionId":"` + theirs.all + `"}`},
			{"POST", "/auth/apps", `{"name":"a","kind":"ClientSideApplication","permissionId":"` + theirs.all + `"}`},
			{"POST", "/countersign/people", `{"usernames":["x@example.org"],"permissionId":"` + theirs.all + `"}`},
		} {
			if a := ours.signedSend(t, ours.admin, true, c.method, c.path, c.body); a.status != 404 {
				t.Errorf("%s %s %s: %v", c.method, c.path, c.body, a)
			}
		}
		if a := ours.send(t, "POST", "/auth/tokens", ours.admin.Token, "", `{"target":"`+theirs.org.ID+`"}`); a.status != 403 {
			t.Errorf("exchange: %v", a)
		}
		if a := ours.send(t, "GET", "/countersign/audit?userId="+theirs.ids["userId"], ours.admin.Token, "", ""); a.status != 200 || strings.Contains(a.body, "target") {
			t.Errorf("audit: %v", a)
		}
		if after := theirs.state(t); after != before {
			t.Errorf("their state was %s\nand is %s", before, after)
		}
	})
}
