package directory_test

import (
	"encoding/base64"
	"encoding/json"
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
)

// leaf is a page of any list.
type leaf struct {
	Items         []struct{ ID, UserID, Username string } `json:"items"`
	NextPageToken string                                  `json:"nextPageToken"`
}

// turn reads a page.
func (n *tenant) turn(t *testing.T, path string, query url.Values) (p leaf) {
	t.Helper()
	a := n.send(t, "GET", path+"?"+query.Encode(), n.admin.Token, "", "")
	a.wants(t, path+"?"+query.Encode(), 200, "")
	must(t, json.Unmarshal([]byte(a.body), &p))
	return p
}

// readThrough turns pages to the end and returns what names each row.
func (n *tenant) readThrough(t *testing.T, path string, query url.Values) (all []string) {
	t.Helper()
	for {
		p := n.turn(t, path, query)
		for _, i := range p.Items {
			all = append(all, i.ID+i.UserID)
		}
		if p.NextPageToken == "" {
			return all
		}
		query.Set("paginationToken", p.NextPageToken)
	}
}

// paged are the lists that come in pages, with how long a page may be.
func (n *tenant) paged() map[string]int {
	return map[string]int{"/auth/users": 200, people: 200, "/permissions": 1000, "/permissions/" + n.ids["permissionId"] + "/assignments": 1000}
}

func TestWrongParametersOfLists(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		for path, most := range n.paged() {
			for _, limit := range []string{"", "0", "-1", fmt.Sprint(most + 1), "x", "1.5", "1e2", "+1", "01", "%201", "1%00", "0x1",
				"9223372036854775808", "-9223372036854775809", "1&limit=1", "٣", "null"} {
				n.send(t, "GET", path+"?limit="+limit, n.admin.Token, "", "").wants(t, path+"?limit="+limit, 400, "parameter_invalid")
			}
			for _, limit := range []int{1, most} {
				if p := n.turn(t, path, url.Values{"limit": {fmt.Sprint(limit)}}); len(p.Items) == 0 || len(p.Items) > limit {
					t.Errorf("%s, %d: %d rows", path, limit, len(p.Items))
				}
			}
		}
		for _, path := range []string{"/auth/users", people} {
			for _, kind := range []string{"", "*", "%25", "_", "%", "ServiceAccount", "customeremployee", "EndUser%20", "CustomerEmployee,EndUser",
				"EndUser&kind=EndUser", "%27%20OR%201=1--"} {
				a := n.send(t, "GET", path+"?kind="+kind, n.admin.Token, "", "")
				if a.status != 400 || a.code != "parameter_invalid" && a.code != "query_invalid" {
					t.Errorf("%s?kind=%s: %v", path, kind, a)
				}
			}
			if all := n.readThrough(t, path, url.Values{"kind": {"EndUser"}}); !slices.Equal(all, []string{n.grants[api.CallerEndUser]}) {
				t.Errorf("end users: %v", all)
			}
		}
		n.send(t, "GET", people+"?name="+strings.Repeat("x", 321), n.admin.Token, "", "").wants(t, "a long name", 400, "parameter_invalid")
	})
}

// A page token is good for the list that it was made for, asked for in the same way.
func TestWrongPageTokens(t *testing.T) {
	each(t, func(t *testing.T, srv *countersigntest.Server) {
		n, theirs := newTenant(t, srv, "Engines"), newTenant(t, srv, "Theirs")
		tokens := map[string]string{}
		one := func(n *tenant, of, path string, query url.Values) {
			query.Set("limit", "1")
			p := n.turn(t, path, query)
			if p.NextPageToken == "" {
				t.Fatalf("%s has one page", of)
			}
			tokens[of] = p.NextPageToken
		}
		other := n.Permission(t, n.org.ID, "other", "Wallets:Read")
		n.Grant(t, n.org.ID, other, n.ids["userId"])
		n.Grant(t, n.org.ID, other, n.ids["serviceAccountId"])
		lists := map[string]struct {
			path  string
			query url.Values
		}{
			"users": {"/auth/users", url.Values{}}, "employees": {"/auth/users", url.Values{"kind": {"CustomerEmployee"}}},
			"people": {people, url.Values{}}, "people who are employees": {people, url.Values{"kind": {"CustomerEmployee"}}},
			"people by name": {people, url.Values{"name": {"admin"}}}, "people by another": {people, url.Values{"name": {"ad"}}},
			"permissions": {"/permissions", url.Values{}}, "assignments": {"/permissions/" + n.ids["permissionId"] + "/assignments", url.Values{}},
			"another's assignments": {"/permissions/" + other + "/assignments", url.Values{}},
		}
		n.Invite(t, n.org.ID, "admin.two@example.org")
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
				"another row": encode(append(slices.Clone(raw[:12]), n.ids["userId"]...))}
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
				n.send(t, "GET", l.path+"?"+q.Encode(), n.admin.Token, "", "").wants(t, of+" with "+what, 400, "pagination_token_invalid")
			}
			q := url.Values{"paginationToken": {own}, "limit": {"7"}} // another length is the same list
			for k, v := range l.query {
				if k != "limit" {
					q[k] = v
				}
			}
			if p := n.turn(t, l.path, q); len(p.Items) == 0 {
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
	offices(t, func(t *testing.T, n *tenant) {
		for i := range 60 {
			n.Invite(t, n.org.ID, fmt.Sprintf("early%02d@example.org", i))
			n.Grant(t, n.org.ID, n.ids["permissionId"], n.shown(t, fmt.Sprintf("early%02d@example.org", i)).UserID)
			n.Permission(t, n.org.ID, fmt.Sprint("early", i), "Wallets:Read")
		}
		early := map[string][]string{}
		for path := range n.paged() {
			early[path] = n.readThrough(t, path, url.Values{})
		}
		early["by name"] = n.readThrough(t, people, url.Values{"name": {"early"}})
		gone := n.shown(t, "early30@example.org").UserID
		stop := n.fills(t)
		for what, were := range early {
			path, query := what, url.Values{"limit": {"3"}}
			if what == "by name" {
				path = people
				query.Set("name", "early")
			}
			now := n.readThrough(t, path, query)
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
		p := n.turn(t, "/auth/users", url.Values{"limit": {fmt.Sprint(slices.Index(early["/auth/users"], gone) + 1)}})
		if last := p.Items[len(p.Items)-1].UserID; last != gone {
			t.Fatalf("the page ends with %s", last)
		}
		_, err := n.admin.ArchiveUser(t.Context(), gone)
		must(t, err)
		next := n.turn(t, "/auth/users", url.Values{"limit": {"1"}, "paginationToken": {p.NextPageToken}})
		if want := early["/auth/users"][len(p.Items)]; next.Items[0].UserID != want {
			t.Errorf("then comes %s, want %s", next.Items[0].UserID, want)
		}
	})
}

// fills makes people, permissions and assignments until the function that it returns is
// called.
func (n *tenant) fills(t *testing.T) (stop func()) {
	t.Helper()
	p, err := n.DB.Permission(t.Context(), n.org.ID, n.ids["permissionId"])
	must(t, err)
	over, made := make(chan struct{}), make(chan error, 1)
	more := func(i int) error {
		invited, err := n.Users.Invite(t.Context(), n.org.ID, user.Invitee{Username: fmt.Sprintf("early%04d@example.com", i)}, code.DefaultLifetime)
		if err != nil {
			return err
		}
		now := n.Clock.Now()
		return n.DB.Write(t.Context(), func(tx *store.Tx) error {
			name := fmt.Sprint("late", i)
			tx.CreatePermission(store.Permission{ID: api.NewID(api.PrefixPermission, now), OrgID: n.org.ID, Name: name, NameKey: name, CreatedAt: now}, nil)
			tx.Assign(store.Assignment{ID: api.NewID(api.PrefixAssignment, now), OrgID: n.org.ID, PermissionID: p.ID, IdentityID: invited.User.ID,
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

// A name that is searched for is text and no pattern, and capitals do not matter.
func TestPeopleByName(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		names := []string{"a%b", "a%c", "a_b", "axb", "A\\b", "Éclair", "eclair", "straße", "STRASSE2", "ἀθήνα", "中文", "中文二",
			"\U0001F600a", "\U0001F600b", "zz\uffee", "zz\U00010400", "'--", `"x"`}
		for _, name := range names {
			n.Invite(t, n.org.ID, name)
		}
		for search, want := range map[string][]string{
			"a%": {"a%b", "a%c"}, "A%": {"a%b", "a%c"}, "a_": {"a_b"}, "%": {}, "_": {}, "*": {}, "a\\": {"A\\b"}, "ax": {"axb"},
			"é": {"Éclair"}, "e\u0301": {"Éclair"}, "E": {"eclair"}, "strass": {"straße", "STRASSE2"}, "STRASS": {"straße", "STRASSE2"}, "ß": {}, "Ἀθ": {"ἀθήνα"},
			"中": {"中文", "中文二"}, "\U0001F600": {"\U0001F600a", "\U0001F600b"}, "zz": {"zz\uffee", "zz\U00010400"}, "'": {"'--"}, `"`: {`"x"`},
			"a%b%": {}, "\x00": {}, "a\x00": {}, "\xff": {}, "a%b\xff": {}, "\ufffd": {}, "\U0010ffff": {}, " ": {},
			"administrator@example.org": {"administrator@example.org"},
		} {
			for _, limit := range []string{"1", "50"} {
				var got []string
				for query := (url.Values{"name": {search}, "limit": {limit}}); ; {
					p := n.turn(t, people, query)
					for _, i := range p.Items {
						got = append(got, i.Username)
					}
					if p.NextPageToken == "" {
						break
					}
					query.Set("paginationToken", p.NextPageToken)
				}
				slices.Sort(got)
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Errorf("%q, by %s: %q, want %q", search, limit, got, want)
				}
			}
		}
		// The longest names that there may be can be paged through.
		for i := range 3 {
			n.Invite(t, n.org.ID, strings.Repeat("\u00fd", 159)+fmt.Sprint(i))
		}
		if got := n.readThrough(t, people, url.Values{"name": {"\u00dd"}, "limit": {"1"}}); len(got) != 3 {
			t.Errorf("of three long names there are %d", len(got))
		}
	})
}
