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
	"github.com/countersign/countersign/internal/testing/world"
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

// TestWhoMayCall walks every route that asks who comes: without a token, with one of the
// wrong kind, of the wrong kind of caller, without the permission, and with it; without a
// signature, with one for something else, and with the right one.
func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		n := world.NewTenant(t, srv, "Engines")
		strangers := otherTokens(t, n)
		for _, r := range known(t) {
			t.Run(r.ID, func(t *testing.T) {
				method, path := n.Fill(r.Pattern)
				if strings.Contains(path, "{") {
					t.Fatalf("no id for %s", path)
				}
				for what, token := range strangers {
					if a := n.Call(t, method, path, token, "", "{}"); a.Status != 401 || a.Code != "token_invalid" {
						t.Errorf("with %s: %v", what, a)
					}
				}
				for _, k := range kinds {
					if !slices.Contains(r.Callers, k) {
						wantRefuses(t, n, r, k, "permission_denied")
						continue
					}
					wantServes(t, n, r, k)
				}
			})
		}
	})
}

// otherTokens are texts that are no bearer of a session or an access token.
func otherTokens(t *testing.T, n *world.Tenant) map[string]string {
	t.Helper()
	inv := n.Invite(t, n.Org.ID, "somebody@example.org")
	challenge, err := n.Client().InitRegistration(context.Background(), api.InitRegistrationRequest{OrgID: n.Org.ID,
		Username: inv.Username, RegistrationCode: inv.RegistrationCode})
	must(t, err)
	worker := n.Callers[api.CallerEmployee]
	action, err := worker.SignFor(context.Background(), "GET", "/", nil)
	must(t, err)
	begun, err := n.Client().InitAction(context.Background(), worker.Token, api.InitActionRequest{Method: "GET", Path: "/"})
	must(t, err)
	ended := n.Session(t, n.Register(t, n.Invite(t, n.Org.ID, "leaver@example.org")))
	must(t, ended.LogOut(context.Background(), false))
	_, withdrawn := n.ServiceAccount(t, n.Org.ID, "withdrawn", n.Everything)
	id := n.ServiceAccountToken(t, "withdrawn")
	must(t, n.DB.Write(context.Background(), func(tx *store.Tx) error {
		tx.DeactivateAccessToken(id.ID, id.UserID, n.Clock.Now(), nil)
		return nil
	}))
	_, gone := n.ServiceAccount(t, n.Org.ID, "gone", n.Everything)
	id = n.ServiceAccountToken(t, "gone")
	must(t, n.DB.Write(context.Background(), func(tx *store.Tx) error {
		tx.ArchiveAccessToken(id.ID, id.UserID, n.Clock.Now(), nil)
		return nil
	}))
	tampered := []byte(worker.Token)
	tampered[len(tampered)-20] ^= 1
	return map[string]string{"none": "", "nonsense": "x", "a registration's ticket": challenge.TemporaryAuthenticationToken,
		"a signed action": action, "an action's challenge": begun.ChallengeIdentifier, "an ended session": ended.Token,
		"a deactivated access token": withdrawn.Token, "an archived access token": gone.Token, "a changed token": string(tampered)}
}

// wantRefuses holds that a caller is refused even with every permission.
func wantRefuses(t *testing.T, n *world.Tenant, r server.Route, k api.CallerKind, code string) {
	t.Helper()
	defer give(t, n, k, n.Everything)()
	method, path := n.Fill(r.Pattern)
	a := n.CallAs(t, n.Callers[k], r.Signed, method, path, "{}")
	if a.Status != 403 || a.Code != code {
		t.Errorf("%s with every permission: %v", k, a)
	}
	for _, word := range append([]string{"Callers of kind " + string(k), " cannot use " + r.ID}, names(r.Callers)...) {
		if !strings.Contains(a.Message, word) {
			t.Errorf("%s is not told %q: %s", k, word, a.Message)
		}
	}
}

// wantServes holds that a caller of the right kind needs the permission and the signature, and
// nothing else.
func wantServes(t *testing.T, n *world.Tenant, r server.Route, k api.CallerKind) {
	t.Helper()
	s := n.Callers[k]
	method, path := n.Fill(r.Pattern)
	if r.Permission != "" {
		other := n.Permission(t, n.Org.ID, "other "+r.ID+string(k), otherThan(r.Permission)...)
		back := give(t, n, k, other)
		if a := n.CallAs(t, s, r.Signed, method, path, "{}"); a.Status != 403 || a.Code != "permission_denied" {
			t.Errorf("%s with every permission but this: %v", k, a)
		}
		back()
	}
	if r.Signed {
		back := give(t, n, k, n.Everything)
		if a := n.Call(t, method, path, s.Token, "", "{}"); a.Status != 403 || a.Code != "user_action_invalid" {
			t.Errorf("%s without a signature: %v", k, a)
		}
		elsewhere, err := s.SignFor(t.Context(), method, path+"x", []byte("{}"))
		must(t, err)
		if a := n.Call(t, method, path, s.Token, elsewhere, "{}"); a.Status != 403 || a.Code != "user_action_invalid" {
			t.Errorf("%s with a signature for another path: %v", k, a)
		}
		back()
	}
	if r.Permission == "" && (destructive[r.ID] || r.Signed) {
		return // it would end what the other cases need; each has a test of its own
	}
	if r.Permission != "" {
		// The very permission, and no other, under its older name.
		defer give(t, n, k, n.Permission(t, n.Org.ID, "this "+r.ID+string(k), r.Permission))()
	}
	probe := path
	if r.Signed { // nobody of that id: past the door, with no effect
		probe = strings.NewReplacer(noIDs(n)...).Replace(path)
	}
	if a := n.CallAs(t, s, r.Signed, method, probe, "{}"); a.Status == 401 || a.Status == 403 || a.Status >= 500 {
		t.Errorf("%s with the permission: %v", k, a)
	}
}

// destructive are routes without a permission that would end the session that asks.
var destructive = map[string]bool{"logout": true, "logoutLegacy": true, "endSession": true}

// noIDs pairs every id of the tenant with one that nothing has.
func noIDs(n *world.Tenant) (pairs []string) {
	for _, id := range n.IDs {
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
// remembered of their rights has passed by then: the checker remembers for less than a second.
func give(t *testing.T, n *world.Tenant, k api.CallerKind, permissionID string) (back func()) {
	t.Helper()
	identities := []string{n.Identities[k]}
	if k == api.CallerPersonalToken {
		identities = append(identities, n.Identities[api.CallerEmployee])
	}
	var given []store.Assignment
	for _, id := range identities {
		given = append(given, n.Grant(t, n.Org.ID, permissionID, id))
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
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		ours, theirs := world.NewTenant(t, srv, "Ours"), world.NewTenant(t, srv, "Theirs")
		for _, k := range kinds[:3] { // the worker's is the token's too
			give(t, ours, k, ours.Everything)
		}
		ours.Grant(t, ours.Org.ID, ours.Everything, ours.Identities[api.CallerPersonalToken])
		before := theirs.State(t)
		crossed := 0
		for _, r := range known(t) {
			if !strings.Contains(strings.ReplaceAll(r.Pattern, "{userKind}", ""), "{") {
				continue // it names nothing of anybody's
			}
			for _, k := range r.Callers {
				crossed++
				method, path := theirs.Fill(r.Pattern)
				a := ours.CallAs(t, ours.Callers[k], r.Signed, method, path, bodies[r.ID])
				if a.Status < 400 || a.Status == 401 || a.Status >= 500 {
					t.Errorf("%s as %s: %v", r.ID, k, a)
				}
				for _, name := range []string{"worker@example.org", "target@example.org", "maker", "Theirs"} {
					if strings.Contains(a.Body, name) {
						t.Errorf("%s tells %s: %v", r.ID, name, a)
					}
				}
				// Their thing below ours, and ours below theirs.
				if strings.Count(r.Pattern, "{") > 1 {
					for name, id := range ours.IDs {
						_, own := theirs.Fill(strings.ReplaceAll(r.Pattern, "{"+name+"}", id))
						if own == path {
							continue
						}
						if a := ours.CallAs(t, ours.Callers[k], r.Signed, method, own, bodies[r.ID]); a.Status < 400 {
							t.Errorf("%s at %s: %v", r.ID, own, a)
						}
					}
				}
			}
		}
		if crossed < 80 {
			t.Errorf("only %d calls crossed", crossed)
		}
		if after := theirs.State(t); after != before {
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
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		ours, theirs := world.NewTenant(t, srv, "Ours"), world.NewTenant(t, srv, "Theirs")
		before := theirs.State(t)
		key, err := client.GenerateKeySigner("P-256")
		must(t, err)
		pem := strings.ReplaceAll(key.PublicKeyPEM(), "\n", `\n`)
		own := "/permissions/" + ours.Everything + "/assignments"
		for _, c := range []struct{ method, path, body string }{
			{"POST", own, `{"identityId":"` + theirs.IDs["userId"] + `"}`},
			{"POST", own, `{"identityId":"` + theirs.IDs["serviceAccountId"] + `"}`},
			{"POST", own, `{"identityId":"` + theirs.IDs["tokenId"] + `"}`},
			{"POST", own, `{"identityId":"` + theirs.IDs["appId"] + `"}`},
			{"POST", "/auth/service-accounts", `{"name":"m","publicKey":"` + pem + `","permissionId":"` + theirs.Everything + `"}`},
			{"POST", "/auth/pats", `{"name":"p","publicKey":"` + pem + `","permissionId":"` + theirs.Everything + `"}`},
			{"POST", "/auth/apps", `{"name":"a","kind":"ClientSideApplication","permissionId":"` + theirs.Everything + `"}`},
			{"PUT", "/auth/credentials/deactivate", `{"credentialUuid":"` + theirs.IDs["credentialUuid"] + `"}`},
			{"PUT", "/auth/credentials/activate", `{"credentialUuid":"` + theirs.IDs["credentialUuid"] + `"}`},
			{"POST", "/countersign/people", `{"usernames":["x@example.org"],"permissionId":"` + theirs.Everything + `"}`},
		} {
			if a := ours.CallAs(t, ours.Admin, true, c.method, c.path, c.body); a.Status != 404 {
				t.Errorf("%s %s %s: %v", c.method, c.path, c.body, a)
			}
		}
		if a := ours.Call(t, "POST", "/auth/tokens", ours.Admin.Token, "", `{"target":"`+theirs.Org.ID+`"}`); a.Status != 403 {
			t.Errorf("exchange: %v", a)
		}
		if a := ours.Call(t, "GET", "/countersign/audit?userId="+theirs.IDs["userId"], ours.Admin.Token, "", ""); a.Status != 200 || strings.Contains(a.Body, "target") {
			t.Errorf("audit: %v", a)
		}
		if after := theirs.State(t); after != before {
			t.Errorf("their state was %s\nand is %s", before, after)
		}
	})
}

func names(callers []api.CallerKind) (all []string) {
	for _, k := range callers {
		all = append(all, string(k))
	}
	return all
}
