package audit_test

import (
	"context"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// kindsOf returns the kinds of entries in alphabetical order: two entries of one millisecond have
// no fixed order.
func kindsOf(all []api.AuditEntry) (kinds []string) {
	for _, e := range all {
		kinds = append(kinds, e.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

func TestSearchFinds(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		ctx := context.Background()
		bob, bobs := a.colleague(t, "Bob Écru 50%")
		carol, err := a.admin.CreateUser(ctx, api.CreateUserRequest{Email: "carol@example.org", Kind: api.CustomerEmployee})
		must(t, err)
		p, err := a.admin.CreatePermission(ctx, api.CreatePermissionRequest{Name: "Treasury", Operations: []string{"Auth:Users:Read"}})
		must(t, err)
		_, err = a.admin.Assign(ctx, p.ID, bob.UserID)
		must(t, err)
		a.ask(t, bobs.Token, logsPath, nil).Wants(t, "Bob", 403, "permission_denied")
		all := a.searchAll(t)
		denied, assigned := entry(t, all, "permission_denied"), entry(t, all, "permission.assigned")
		of := []string{"permission.assigned", "permission_denied", "user.invited", "user.logged_in", "user.registered"}

		for _, c := range []struct {
			query []string
			want  []string
		}{
			{[]string{"text", "treasury"}, []string{"permission.assigned", "permission.created"}},
			{[]string{"text", "TREASURY to b"}, []string{"permission.assigned"}},
			{[]string{"text", "bob écru 50%"}, of},
			{[]string{"text", "BOB ÉCRU"}, of},
			{[]string{"text", bob.UserID}, of},
			{[]string{"userId", bob.UserID}, of},
			{[]string{"userId", bob.UserID, "text", "logged in"}, []string{"user.logged_in"}},
			{[]string{"userId", carol.UserID}, []string{"user.invited"}},
			{[]string{"userId", api.NewID(api.PrefixUser, a.since)}, nil},
			{[]string{"text", strings.ToUpper(denied.SupportID)}, []string{"permission_denied"}},
			{[]string{"text", assigned.ID}, []string{"permission.assigned"}},
			{[]string{"text", assigned.Action.ID}, []string{"permission.assigned"}},
			{[]string{"text", "/permissions/" + p.ID}, []string{"permission.assigned"}},
			{[]string{"text", "post /auth/users"}, []string{"user.invited"}},
			{[]string{"text", "is not authorized"}, []string{"permission_denied"}},
			{[]string{"text", "50%"}, of},
			{[]string{"text", "%"}, of},
			{[]string{"text", "b_b"}, nil},
			{[]string{"text", ".*"}, nil},
			{[]string{"outcome", "refused"}, []string{"permission_denied"}},
			{[]string{"outcome", "refused", "text", "treasury"}, nil},
			{[]string{"outcome", "done", "userId", bob.UserID}, []string{"permission.assigned", "user.invited", "user.logged_in", "user.registered"}},
			{[]string{"endTime", api.Time(a.since)}, nil},
			{[]string{"startTime", api.Time(a.Clock.Now().Add(time.Hour))}, nil},
			{[]string{"startTime", api.Time(a.since), "endTime", api.Time(a.Clock.Now().Add(time.Hour)), "text", "carol"}, []string{"user.invited"}},
		} {
			if got := kindsOf(a.searchAll(t, c.query...)); !slices.Equal(got, c.want) {
				t.Errorf("%q finds %q, want %q", c.query, got, c.want)
			}
		}
		if got := a.searchAll(t, "text", "127.0.0.1"); len(got) < 6 {
			t.Errorf("by address: %s", world.JSON(t, got))
		}
	})
}

func TestSearchGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		end := a.record(t, 130)
		times := []string{"startTime", api.Time(a.since), "endTime", api.Time(end)}
		whole := a.search(t, append(times, "limit", "200")...)
		if len(whole.Items) != 130 || whole.NextPageToken != "" {
			t.Fatalf("%d entries, %q", len(whole.Items), whole.NextPageToken)
		}
		for size, pages := range map[string]int{"": 3, "1": 130, "65": 2, "64": 3, "129": 2, "130": 1} {
			query := times
			if size != "" {
				query = append(slices.Clone(times), "limit", size)
			}
			var all []api.AuditEntry
			n := 0
			for token, more := "", true; more; more = token != "" {
				page := a.search(t, append(query, "paginationToken", token)...)
				all, token = append(all, page.Items...), page.NextPageToken
				n++
			}
			if world.JSON(t, all) != world.JSON(t, whole.Items) || n != pages {
				t.Errorf("by %q: %d entries on %d pages, want %d", size, len(all), n, pages)
			}
		}
	})
}

// A search that finds little reads a limited number of entries, and says that there is more to
// read.
func TestARareThingIsFoundInSteps(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		end := a.record(t, 4500)
		must(t, a.DB.Write(context.Background(), func(tx *store.Tx) error {
			tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, a.since), OrgID: a.Org.ID, At: a.since, Kind: "organisation.created"})
			return nil
		}))
		query := []string{"text", "made the organisation", "endTime", api.Time(end), "startTime", api.Time(a.since)}
		var found []api.AuditEntry
		pages := 0
		for token, more := "", true; more; more = token != "" {
			page := a.search(t, append(query, "paginationToken", token)...)
			found, token = append(found, page.Items...), page.NextPageToken
			pages++
		}
		if len(found) != 1 || pages != 3 {
			t.Errorf("%d found on %d pages", len(found), pages)
		}
		// No entry is missing if a full page ends inside a step.
		if all := a.searchAll(t, "text", "changed", "endTime", api.Time(end), "startTime", api.Time(a.since), "limit", "199"); len(all) != 4500 {
			t.Errorf("%d entries", len(all))
		}
	})
}

func TestWhatIsNotSearchedFor(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		b := newArchive(t, a.Server, "Looms")
		const start, end = "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"
		filters := url.Values{"text": {"administrator"}, "userId": {a.root.UserID}, "outcome": {"done"}, "startTime": {start}, "endTime": {end}, "limit": {"1"}}
		first := a.search(t, pairs(filters)...)
		token := first.NextPageToken
		if token == "" {
			t.Fatalf("%s", world.JSON(t, first))
		}
		with := func(changes ...string) url.Values {
			q := url.Values{}
			for k, v := range filters {
				q[k] = v
			}
			q.Set("paginationToken", token)
			for i := 0; i < len(changes); i += 2 {
				if q.Set(changes[i], changes[i+1]); changes[i+1] == "" {
					q.Del(changes[i])
				}
			}
			return q
		}
		a.ask(t, a.admin.Token, searchPath, with()).Wants(t, "the same list", 200, "")
		a.ask(t, a.admin.Token, searchPath, with("limit", "7")).Wants(t, "longer pages", 200, "")
		b.ask(t, b.admin.Token, searchPath, with()).Wants(t, "elsewhere", 400, "pagination_token_invalid")
		for _, change := range [][]string{{"text", "admin"}, {"text", "Administrator"}, {"text", ""}, {"userId", ""}, {"userId", b.root.UserID}, {"outcome", "refused"},
			{"outcome", ""}, {"startTime", "2026-01-02T00:00:00Z"}, {"startTime", ""}, {"endTime", ""}} {
			a.ask(t, a.admin.Token, searchPath, with(change...)).Wants(t, strings.Join(change, " "), 400, "pagination_token_invalid")
		}
		people, err := a.admin.ListUsers(context.Background(), api.ListUsersRequest{Limit: 1})
		must(t, err)
		forged := base64.RawURLEncoding.EncodeToString([]byte("000000000000" + first.Items[0].ID))
		for _, f := range []string{forged, token + "A", token[:len(token)-2], "x", "!", first.Items[0].ID, strings.ToUpper(token), people.NextPageToken + "AAAA"} {
			a.ask(t, a.admin.Token, searchPath, with("paginationToken", f)).Wants(t, "token "+f, 400, "pagination_token_invalid")
		}
		for query, code := range map[string]string{
			"limit=0": "parameter_invalid", "limit=-1": "parameter_invalid", "limit=201": "parameter_invalid", "limit=1e2": "parameter_invalid",
			"limit=99999999999999999999": "parameter_invalid", "outcome=both": "parameter_invalid", "outcome=Done": "parameter_invalid",
			"outcome=": "parameter_invalid", "text=a&text=b": "parameter_invalid", "text=" + strings.Repeat("a", 201): "parameter_invalid",
			"startTime=then": "parameter_invalid", "endTime=now": "parameter_invalid", "startTime=" + end + "&endTime=" + start: "parameter_invalid",
			"startTime=" + start + "&endTime=" + start: "parameter_invalid",
		} {
			a.ask(t, a.admin.Token, searchPath+"?"+query, nil).Wants(t, query, 400, code)
		}
	})
}

func pairs(q url.Values) (all []string) {
	for k, v := range q {
		all = append(all, k, v[0])
	}
	return all
}
