package world

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/store"
)

// State is all that lists show of an organisation, and how much has happened in it.
func (n *Tenant) State(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	var all []any
	add := func(v any, err error) {
		Must(t, err)
		all = append(all, v)
	}
	people, err := n.DB.People(ctx, n.Org.ID, "", "", "", 0)
	for i := range people {
		people[i].LastSeenAt = time.Time{} // as whoever looks changes it
	}
	add(people, err)
	members, tokens, err := n.DB.ServiceAccounts(ctx, n.Org.ID)
	add([]any{members, tokens}, err)
	add(n.DB.AccessTokens(ctx, n.Identities[api.CallerEmployee]))
	add(n.DB.Permissions(ctx, n.Org.ID, "", 0))
	add(n.DB.Assignments(ctx, n.IDs["permissionId"], "", 0))
	add(n.DB.Assignments(ctx, n.Everything, "", 0))
	add(n.DB.Applications(ctx, n.Org.ID))
	events, err := n.DB.Events(ctx, n.Org.ID, "", 0)
	add(len(events), err)
	text, err := json.Marshal(all)
	Must(t, err)
	return string(text)
}

// Unchanged fails t unless the state of an organisation is what it was.
func (n *Tenant) Unchanged(t testing.TB, what, before string) {
	t.Helper()
	after := n.State(t)
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			t.Errorf("%s: the state was …%.100s…\nand is …%.100s…", what, before[max(0, i-50):], after[max(0, i-50):])
			return
		}
	}
	if before != after {
		t.Errorf("%s: the state has %d bytes and had %d", what, len(after), len(before))
	}
}

// Lives reports whether a session or an access token is accepted.
func (n *Tenant) Lives(t testing.TB, s *client.Session) bool {
	t.Helper()
	return n.Call(t, "GET", "/auth/pats", s.Token, "", "").Status == 200
}

// EventsAbout lists the kinds of event about a user among those given, oldest first.
func (n *Tenant) EventsAbout(t testing.TB, userID string, kinds ...string) (all []string) {
	t.Helper()
	for after := ""; ; {
		page, err := n.DB.Events(context.Background(), n.Org.ID, after, 0)
		Must(t, err)
		for _, e := range page {
			if e.UserID == userID && slices.Contains(kinds, e.Kind) {
				all = append(all, e.Kind)
			}
			after = e.ID
		}
		if len(page) < store.MaxPage {
			return all
		}
	}
}

// AuditLogPath is the path of the log of all that happened until tomorrow.
func (n *Tenant) AuditLogPath() string {
	return "/auth/action/logs?startTime=2020-01-01T00:00:00.000Z&endTime=" + api.Time(n.Clock.Now().Add(24*time.Hour))
}

// TokenOf is the id of somebody's access token of that name.
func (n *Tenant) TokenOf(t testing.TB, userID, name string) string {
	t.Helper()
	all, err := n.DB.AccessTokens(context.Background(), userID)
	Must(t, err)
	for _, e := range all {
		if e.Name == name {
			return e.ID
		}
	}
	t.Fatalf("%s has no access token %q", userID, name)
	return ""
}

// May reports whether a token is granted a read that needs a permission.
func (n *Tenant) May(t testing.TB, token, path string) bool {
	t.Helper()
	switch a := n.Call(t, "GET", path, token, "", ""); {
	case a.Status == 200:
		return true
	case a.Status == 403 && a.Code == "permission_denied":
		return false
	default:
		t.Errorf("%s: %v", path, a)
		return false
	}
}

// EventsNaming lists the kinds of event whose detail names an id.
func (n *Tenant) EventsNaming(t testing.TB, id string) (kinds []string) {
	t.Helper()
	events, err := n.DB.Events(t.Context(), n.Org.ID, "", 0)
	Must(t, err)
	for _, e := range events {
		if json.Valid(e.Detail) && strings.Contains(string(e.Detail), id) {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

// AssignmentsOf lists what an identity was assigned.
func (n *Tenant) AssignmentsOf(t testing.TB, identityID string) (all []store.HeldPermission) {
	t.Helper()
	all, err := n.DB.Held(t.Context(), identityID, "")
	Must(t, err)
	return all
}

// AdministratorAssignment is the one that gives an identity the permission to do everything.
func (n *Tenant) AdministratorAssignment(t testing.TB, identityID string) store.Assignment {
	t.Helper()
	all, err := n.DB.Assignments(context.Background(), n.Everything, "", 0)
	Must(t, err)
	for _, a := range all {
		if a.IdentityID == identityID {
			return a
		}
	}
	t.Fatalf("%s is no administrator", identityID)
	return store.Assignment{}
}

// AdministratorID is the id of the tenant's first administrator.
func (n *Tenant) AdministratorID(t testing.TB) string {
	t.Helper()
	u, err := n.DB.UserByName(context.Background(), n.Org.ID, "administrator@example.org")
	Must(t, err)
	return u.ID
}

// ServiceAccountToken is the access token of a service account, by its name.
func (n *Tenant) ServiceAccountToken(t testing.TB, name string) store.AccessToken {
	t.Helper()
	_, tokens, err := n.DB.ServiceAccounts(context.Background(), n.Org.ID)
	Must(t, err)
	for _, e := range tokens {
		if e.Name == name {
			return e.AccessToken
		}
	}
	t.Fatalf("no access token of %s", name)
	return store.AccessToken{}
}
