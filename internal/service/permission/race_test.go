package permission_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
)

// Once the giver's right is revoked, and that is answered, nobody is given anything more on any
// server, however the gift is made.
func TestNothingIsGivenOnceTheGiverLostIt(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		another := countersigntest.Start(t, countersigntest.Database(n.DatabaseURL))
		for round := range 6 {
			for name, lose := range losses {
				raceGifts(t, n, another, fmt.Sprintf("%s %d", name, round), lose)
			}
		}
	})
}

// giver holds one permission with the right to give it, and one that they give.
type giver struct {
	world.Member
	given, right, held string // permissions and the assignment of the right
}

// losses are the ways in which a giver loses what they give, or the right to give.
var losses = map[string]func(g giver) (method, path, body string){
	"revoked": func(g giver) (string, string, string) {
		return "DELETE", "/permissions/" + g.right + "/assignments/" + g.held, ""
	},
	"narrowed": func(g giver) (string, string, string) {
		return "PUT", "/permissions/" + g.right, `{"operations":["Billing:Read"]}`
	},
	"archived": func(g giver) (string, string, string) {
		return "PUT", "/permissions/" + g.right + "/archive", `{"isArchived":true}`
	},
	"deactivated": func(g giver) (string, string, string) { return "PUT", "/auth/users/" + g.ID + "/deactivate", "" },
}

func raceGifts(t *testing.T, n *world.Tenant, another *countersigntest.Server, name string, lose func(giver) (string, string, string)) {
	t.Helper()
	g := giver{Member: n.Employ(t, name), given: n.Permission(t, n.Org.ID, "given "+name, "Wallets:Read"),
		right: n.Permission(t, n.Org.ID, "right "+name, "Wallets:Read", "Permissions:Assign", "Permissions:Update", "Permissions:Archive",
			"Auth:Users:Create", "Auth:ServiceAccounts:Create", "Auth:Apps:Create", "Auth:Pats:Create")}
	assignment, err := n.Admin.Assign(t.Context(), g.right, g.ID)
	must(t, err)
	g.held = assignment.ID
	pem := func() string { return world.JSON(t, world.NewKey(t, "P-256").PublicKeyPEM()) }
	gifts := []struct{ method, path, body string }{
		{"POST", "/permissions/" + g.given + "/assignments", `{"identityId":"` + n.IDs["userId"] + `"}`},
		{"POST", "/permissions/" + g.given + "/assignments", `{"identityId":"` + n.Identities[api.CallerEndUser] + `"}`},
		{"POST", "/countersign/people", `{"usernames":["guest ` + name + `"],"permissionId":"` + g.given + `"}`},
		{"POST", "/auth/service-accounts", `{"name":"machine ` + name + `","permissionId":"` + g.given + `","publicKey":` + pem() + `}`},
		{"POST", "/auth/apps", `{"name":"app ` + name + `","kind":"ClientSideApplication","relyingPartyId":"example.org","origin":"https://example.org","permissionId":"` + g.given + `"}`},
		{"POST", "/auth/pats", `{"name":"program","permissionId":"` + g.given + `","publicKey":` + pem() + `}`},
		{"POST", "/auth/pats", `{"name":"copy","publicKey":` + pem() + `}`},
		{"PUT", "/permissions/" + n.Permission(t, n.Org.ID, "wider "+name, "Billing:Read"), `{"operations":["Billing:Read","Wallets:Read"]}`},
	}
	sign := func(s *client.Session, method, path, body string) string {
		t.Helper()
		action, err := s.SignFor(t.Context(), method, path, []byte(body))
		must(t, err)
		return action
	}
	method, path, body := lose(g)
	loss := sign(n.Admin, method, path, body)
	second := world.On(t, another, n.Org)
	start := make(chan struct{})
	var all sync.WaitGroup
	answers := make([]world.Answer, len(gifts))
	for i, gift := range gifts {
		action := sign(g.Session, gift.method, gift.path, gift.body)
		on := []*world.Organisation{n.Organisation, second}[i%2]
		all.Go(func() {
			<-start
			answers[i] = on.Call(t, gift.method, gift.path, g.Token, action, gift.body)
		})
	}
	close(start)
	n.Call(t, method, path, n.Admin.Token, loss, body).Wants(t, name, 200, "")
	then := given(t, n)
	all.Wait()
	if now := given(t, n); now != then {
		t.Errorf("%s: once that was answered, something was given: %v\nbefore %s\nafter  %s", name, answers, then, now)
	}
	for i, a := range answers {
		if a.Status != 200 && a.Code != "permission_denied" && a.Code != "user_inactive" && a.Code != "token_invalid" && a.Code != "user_action_invalid" {
			t.Errorf("%s: %s %s: %v", name, gifts[i].method, gifts[i].path, a)
		}
	}
}

// given counts what anybody of the organisation was given.
func given(t *testing.T, n *world.Tenant) string {
	t.Helper()
	permissions, err := n.DB.Permissions(t.Context(), n.Org.ID, "", 0)
	must(t, err)
	assignments, operations := 0, 0
	for _, p := range permissions {
		all, err := n.DB.Assignments(t.Context(), p.ID, "", 0)
		must(t, err)
		assignments += len(all)
		operations += len(p.Operations)
	}
	return fmt.Sprint(assignments, " assignments, ", operations, " operations")
}
