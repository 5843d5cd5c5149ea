package directory_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// pagedLists are the lists that come in pages, with how long a page may be.
func pagedLists(n *world.Tenant) map[string]int {
	return map[string]int{"/auth/users": 200, people: 200, "/permissions": 1000, "/permissions/" + n.IDs["permissionId"] + "/assignments": 1000}
}

func TestWrongParametersOfLists(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		for path, most := range pagedLists(n) {
			for _, limit := range []string{"", "0", "-1", fmt.Sprint(most + 1), "x", "1.5", "1e2", "+1", "01", "%201", "1%00", "0x1",
				"9223372036854775808", "-9223372036854775809", "1&limit=1", "٣", "null"} {
				n.Call(t, "GET", path+"?limit="+limit, n.Admin.Token, "", "").Wants(t, path+"?limit="+limit, 400, "parameter_invalid")
			}
			for _, limit := range []int{1, most} {
				if p := n.ReadPage(t, path, url.Values{"limit": {fmt.Sprint(limit)}}); len(p.Items) == 0 || len(p.Items) > limit {
					t.Errorf("%s, %d: %d rows", path, limit, len(p.Items))
				}
			}
		}
		for _, path := range []string{"/auth/users", people} {
			for _, kind := range []string{"", "*", "%25", "_", "%", "ServiceAccount", "customeremployee", "EndUser%20", "CustomerEmployee,EndUser",
				"EndUser&kind=EndUser", "%27%20OR%201=1--"} {
				a := n.Call(t, "GET", path+"?kind="+kind, n.Admin.Token, "", "")
				if a.Status != 400 || a.Code != "parameter_invalid" && a.Code != "query_invalid" {
					t.Errorf("%s?kind=%s: %v", path, kind, a)
				}
			}
			if all := n.ReadAll(t, path, url.Values{"kind": {"EndUser"}}); !slices.Equal(all, []string{n.Identities[api.CallerEndUser]}) {
				t.Errorf("end users: %v", all)
			}
		}
		n.Call(t, "GET", people+"?name="+strings.Repeat("x", 321), n.Admin.Token, "", "").Wants(t, "a long name", 400, "parameter_invalid")
	})
}

// A page token is good for the list that it was made for, asked for in the same way.
func TestWrongPageTokens(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		n, theirs := world.NewTenant(t, srv, "Engines"), world.NewTenant(t, srv, "Theirs")
		tokens := map[string]string{}
		one := func(n *world.Tenant, of, path string, query url.Values) {
			query.Set("limit", "1")
			p := n.ReadPage(t, path, query)
			if p.NextPageToken == "" {
				t.Fatalf("%s has one page", of)
			}
			tokens[of] = p.NextPageToken
		}
		other := n.Permission(t, n.Org.ID, "other", "Wallets:Read")
		n.Grant(t, n.Org.ID, other, n.IDs["userId"])
		n.Grant(t, n.Org.ID, other, n.IDs["serviceAccountId"])
		lists := map[string]struct {
			path  string
			query url.Values
		}{
			"users": {"/auth/users", url.Values{}}, "employees": {"/auth/users", url.Values{"kind": {"CustomerEmployee"}}},
			"people": {people, url.Values{}}, "people who are employees": {people, url.Values{"kind": {"CustomerEmployee"}}},
			"people by name": {people, url.Values{"name": {"admin"}}}, "people by another": {people, url.Values{"name": {"ad"}}},
			"permissions": {"/permissions", url.Values{}}, "assignments": {"/permissions/" + n.IDs["permissionId"] + "/assignments", url.Values{}},
			"another's assignments": {"/permissions/" + other + "/assignments", url.Values{}},
		}
		n.Invite(t, n.Org.ID, "admin.two@example.org")
		for of, l := range lists {
			one(n, of, l.path, l.query)
		}
		one(theirs, "their users", "/auth/users", url.Values{})
		one(theirs, "their people", people, url.Values{})
		one(theirs, "their permissions", "/permissions", url.Values{})
		for of, l := range lists {
			own := tokens[of]
			raw, err := base64.RawURLEncoding.DecodeString(own)
			must(t, err)
			encode := base64.RawURLEncoding.EncodeToString
			wrong := map[string]string{"a cut one": own[:len(own)-1], "a longer one": own + "A", "a padded one": own + "=", "a space": own + " ",
				"its bare row": encode(raw[12:]), "nothing but its mark": encode(raw[:12]), "nonsense": "x", "a wildcard": "%",
				"a huge one": strings.Repeat("A", 2000), "a flipped one": flipped(own),
				"another row": encode(append(slices.Clone(raw[:12]), n.IDs["userId"]...))}
			for whose, token := range tokens {
				if whose != of {
					wrong["the one of "+whose] = token
				}
			}
			for what, token := range wrong {
				q := url.Values{"paginationToken": {token}}
				for k, v := range l.query {
					q[k] = v
				}
				n.Call(t, "GET", l.path+"?"+q.Encode(), n.Admin.Token, "", "").Wants(t, of+" with "+what, 400, "pagination_token_invalid")
			}
			q := url.Values{"paginationToken": {own}, "limit": {"7"}} // another length is the same list
			for k, v := range l.query {
				if k != "limit" {
					q[k] = v
				}
			}
			if p := n.ReadPage(t, l.path, q); len(p.Items) == 0 {
				t.Errorf("%s: its own token leads nowhere", of)
			}
		}
	})
}

func flipped(token string) string {
	b := []byte(token)
	if b[3]++; b[3] > 'y' || b[3] < 'B' {
		b[3] = 'B'
	}
	return string(b)
}

// Pages have every row once and in order, whatever comes or goes meanwhile.
func TestPagesWhileRowsAreMade(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		for i := range 60 {
			n.Invite(t, n.Org.ID, fmt.Sprintf("early%02d@example.org", i))
			n.Grant(t, n.Org.ID, n.IDs["permissionId"], n.PersonNamed(t, fmt.Sprintf("early%02d@example.org", i)).UserID)
			n.Permission(t, n.Org.ID, fmt.Sprint("early", i), "Wallets:Read")
		}
		early := map[string][]string{}
		for path := range pagedLists(n) {
			early[path] = n.ReadAll(t, path, url.Values{})
		}
		early["by name"] = n.ReadAll(t, people, url.Values{"name": {"early"}})
		gone := n.PersonNamed(t, "early30@example.org").UserID
		stop := fillLists(t, n)
		for what, were := range early {
			path, query := what, url.Values{"limit": {"3"}}
			if what == "by name" {
				path = people
				query.Set("name", "early")
			}
			now := n.ReadAll(t, path, query)
			if sorted := slices.Compact(slices.Sorted(slices.Values(now))); len(sorted) != len(now) || what != "by name" && !slices.Equal(sorted, now) {
				t.Errorf("%s: %d rows, of which %d are different, in order: %t", what, len(now), len(sorted), slices.Equal(sorted, now))
			}
			if len(now) <= len(were) {
				t.Errorf("%s: nothing was made meanwhile", what)
			}
			for _, id := range were {
				if !slices.Contains(now, id) {
					t.Errorf("%s lost %s", what, id)
				}
			}
		}
		stop()
		// A token whose row is gone leads on from where the row was.
		p := n.ReadPage(t, "/auth/users", url.Values{"limit": {fmt.Sprint(slices.Index(early["/auth/users"], gone) + 1)}})
		if last := p.Items[len(p.Items)-1].UserID; last != gone {
			t.Fatalf("the page ends with %s", last)
		}
		_, err := n.Admin.ArchiveUser(t.Context(), gone)
		must(t, err)
		next := n.ReadPage(t, "/auth/users", url.Values{"limit": {"1"}, "paginationToken": {p.NextPageToken}})
		if want := early["/auth/users"][len(p.Items)]; next.Items[0].UserID != want {
			t.Errorf("then comes %s, want %s", next.Items[0].UserID, want)
		}
	})
}

// fillLists makes people, permissions and assignments until the function that it returns is
// called.
func fillLists(t *testing.T, n *world.Tenant) (stop func()) {
	t.Helper()
	p, err := n.DB.Permission(t.Context(), n.Org.ID, n.IDs["permissionId"])
	must(t, err)
	over, made := make(chan struct{}), make(chan error, 1)
	more := func(i int) error {
		invited, err := n.Users.Invite(t.Context(), n.Org.ID, user.Invitee{Username: fmt.Sprintf("early%04d@example.com", i)}, code.DefaultLifetime)
		if err != nil {
			return err
		}
		now := n.Clock.Now()
		return n.DB.Write(t.Context(), func(tx *store.Tx) error {
			name := fmt.Sprint("late", i)
			tx.CreatePermission(store.Permission{ID: api.NewID(api.PrefixPermission, now), OrgID: n.Org.ID, Name: name, NameKey: name, CreatedAt: now}, nil)
			tx.Assign(store.Assignment{ID: api.NewID(api.PrefixAssignment, now), OrgID: n.Org.ID, PermissionID: p.ID, IdentityID: invited.User.ID,
				CreatedAt: now}, p.Version, nil, nil)
			return nil
		})
	}
	must(t, more(0))
	go func() {
		defer close(made)
		for i := 1; ; i++ {
			select {
			case <-over:
				return
			default:
			}
			if err := more(i); err != nil {
				made <- err
				return
			}
		}
	}()
	return func() {
		t.Helper()
		close(over)
		must(t, <-made)
	}
}
