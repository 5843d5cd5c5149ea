package user_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
)

const people = "/countersign/people"

// invitePeople invites people.
func invitePeople(t *testing.T, n *world.Tenant, by *client.Session, in api.InvitePeopleRequest) (world.Answer, api.InvitedPeople) {
	t.Helper()
	var out api.InvitedPeople
	a := n.CallAs(t, by, true, "POST", people, world.JSON(t, in))
	if a.Status == 200 {
		must(t, json.Unmarshal([]byte(a.Body), &out))
	}
	return a, out
}

func invitationOf(orgID string, p api.InvitedPerson) countersigntest.Invitation {
	return countersigntest.Invitation{OrgID: orgID, UserID: p.UserID, Username: p.Username, RegistrationCode: p.RegistrationCode}
}

// All invitees are invited, or none; the refusal names the one at fault.
func TestInviteManyOrNone(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		var many []string
		for i := range 201 {
			many = append(many, fmt.Sprintf("person%d@example.org", i))
		}
		a, out := invitePeople(t, n, n.Admin, api.InvitePeopleRequest{Usernames: many[:200]})
		if a.Status != 200 || len(out.Items) != 200 || out.Items[199].Username != many[199] || out.Items[199].RegistrationCode == "" {
			t.Fatalf("%v", a)
		}
		n.RegisterKey(t, invitationOf(n.Org.ID, out.Items[137]), "P-256")
		before, none := n.State(t), api.NewID(api.PrefixPermission, n.Clock.Now())
		for what, c := range map[string]struct {
			in     api.InvitePeopleRequest
			status int
			code   string
			entry  string // what the refusal tells of it
		}{
			"nobody":             {api.InvitePeopleRequest{}, 400, "usernames_invalid", ""},
			"too many":           {api.InvitePeopleRequest{Usernames: many}, 400, "usernames_invalid", ""},
			"one is there":       {api.InvitePeopleRequest{Usernames: []string{"new@example.org", many[3]}}, 409, "user_already_exists", `"entry":2`},
			"one is registered":  {api.InvitePeopleRequest{Usernames: []string{"new@example.org", "Person137@Example.org"}}, 409, "user_already_exists", `"entry":2`},
			"one is there twice": {api.InvitePeopleRequest{Usernames: []string{"new@example.org", "x", "NEW@example.org"}}, 400, "username_twice", `"entry":3`},
			"one is empty":       {api.InvitePeopleRequest{Usernames: []string{"new@example.org", ""}}, 400, "username_invalid", `"entry":2`},
			"one is no name":     {api.InvitePeopleRequest{Usernames: []string{"\u202enew", "new@example.org"}}, 400, "username_invalid", `"entry":1`},
			"one grows too long": {api.InvitePeopleRequest{Usernames: []string{strings.Repeat("\ufdfa", 100)}}, 400, "username_invalid", `"entry":1`},
			"no such kind":       {api.InvitePeopleRequest{Usernames: []string{"new@example.org"}, Kind: "ServiceAccount"}, 400, "user_kind_invalid", ""},
			"no such permission": {api.InvitePeopleRequest{Usernames: []string{"new@example.org"}, PermissionID: none}, 404, "permission_not_found", ""},
		} {
			a, _ := invitePeople(t, n, n.Admin, c.in)
			a.Wants(t, what, c.status, c.code)
			if !strings.Contains(a.Body, c.entry) {
				t.Errorf("%s: the refusal does not tell %s: %v", what, c.entry, a)
			}
		}
		for _, body := range []string{`{"usernames":["x"],"isActive":true}`, `{"usernames":["x"],"orgId":"or-x"}`, `{"usernames":["x"],"administrator":true}`} {
			n.CallAs(t, n.Admin, true, "POST", people, body).Wants(t, body, 400, "member_unknown")
		}
		n.Unchanged(t, "nobody invited", before)
	})
}

// A new user gets a role only from a caller who may assign it.
func TestInvitedWithRole(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		role := n.Permission(t, n.Org.ID, "reader", "Auth:Users:Read", "Wallets:Read")
		endUsers := api.EndUserPermissionID(n.Org.ID)
		archived := n.Permission(t, n.Org.ID, "old", "Auth:Users:Read")
		_, err := n.Admin.ArchivePermission(t.Context(), archived, true)
		must(t, err)
		inviter := n.Employ(t, "inviter@example.org", "Auth:Users:Create", "Auth:Users:Read", "Wallets:Read")
		giver := n.Employ(t, "giver@example.org", "Auth:Users:Create", "Permissions:Assign", "Auth:Users:Read")
		both := n.Employ(t, "both@example.org", "Auth:Users:Create", "Permissions:Assign", "Auth:Users:Read", "Wallets:Read")
		before := n.State(t)
		for what, c := range map[string]struct {
			by         *client.Session
			permission string
			status     int
			code       string
		}{
			"without the permission to assign": {inviter.Session, role, 403, "permission_denied"},
			"without all of the role":          {giver.Session, role, 403, "permission_denied"},
			"without everything":               {both.Session, n.Everything, 403, "permission_denied"},
			"an archived role":                 {n.Admin, archived, 400, "permission_archived"},
		} {
			a, _ := invitePeople(t, n, c.by, api.InvitePeopleRequest{Usernames: []string{"x@example.org", "y@example.org"}, PermissionID: c.permission})
			a.Wants(t, what, c.status, c.code)
		}
		n.Unchanged(t, "nobody invited", before)
		a, out := invitePeople(t, n, both.Session, api.InvitePeopleRequest{Usernames: []string{"x@example.org", "y@example.org"}, PermissionID: role})
		a.Wants(t, "with all of it", 200, "")
		for _, p := range out.Items {
			if roles := n.PersonNamed(t, p.Username).Roles; len(roles) != 1 || roles[0].PermissionID != role {
				t.Errorf("%s has %+v", p.Username, roles)
			}
		}
		n.Call(t, "GET", people, n.Member(t, n.RegisterKey(t, invitationOf(n.Org.ID, out.Items[1]), "P-256")).Token, "", "").Wants(t, "the invited", 200, "")

		// End users have it anyway; naming it changes nothing.
		a, _ = invitePeople(t, n, n.Admin, api.InvitePeopleRequest{Usernames: []string{"customer"}, Kind: api.EndUser, PermissionID: endUsers})
		a.Wants(t, "an end user with the role of end users", 200, "")
		a, _ = invitePeople(t, n, n.Admin, api.InvitePeopleRequest{Usernames: []string{"reader"}, Kind: api.EndUser, PermissionID: role})
		a.Wants(t, "an end user with another role", 200, "")
		if one, two := n.PersonNamed(t, "customer").Roles, n.PersonNamed(t, "reader").Roles; len(one) != 1 || len(two) != 2 {
			t.Errorf("%+v, %+v", one, two)
		}
	})
}

// The state of a user, as administrators see it, follows what the user does.
func TestStatesOfPeople(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		state := func(want string) {
			t.Helper()
			p := n.PersonNamed(t, "ada@example.org")
			if got := p.State; got != want || (p.Code == nil) != (want == "registered") && want != "inactive" || p.Code != nil && p.Code.State != want && want != "inactive" {
				t.Errorf("%s, code %+v, want %s", got, p.Code, want)
			}
		}
		_, out := invitePeople(t, n, n.Admin, api.InvitePeopleRequest{Usernames: []string{"ada@example.org"}})
		ada := invitationOf(n.Org.ID, out.Items[0])
		code := people + "/" + ada.UserID + "/code"
		state("invited")
		openCode(t, n, ada, 200)
		state("opened")
		attemptCode(t, n, ada)
		state("attempted")

		old := ada
		ada = renewCode(t, n, n.Admin, ada)
		state("invited")
		openCode(t, n, old, 401)
		n.Clock.Advance(25 * time.Hour)
		n.Admin = n.AdminAgain(t)
		state("expired")
		openCode(t, n, ada, 400)
		ada = renewCode(t, n, n.Admin, ada)
		state("invited")
		n.CallAs(t, n.Admin, true, "DELETE", code, "").Wants(t, "revoked", 200, "")
		state("revoked")
		openCode(t, n, ada, 401)
		n.CallAs(t, n.Admin, true, "DELETE", code, "").Wants(t, "revoked again", 409, "registration_code_not_live")
		ada = renewCode(t, n, n.Admin, ada)
		_, err := n.Admin.DeactivateUser(t.Context(), ada.UserID)
		must(t, err)
		state("inactive")
		n.CallAs(t, n.Admin, true, "POST", code, "").Wants(t, "renewed while inactive", 409, "user_already_registered")
		_, err = n.Admin.ActivateUser(t.Context(), ada.UserID)
		must(t, err)
		n.RegisterKey(t, ada, "P-256")
		state("registered")
		n.CallAs(t, n.Admin, true, "POST", code, "").Wants(t, "renewed once registered", 409, "user_already_registered")
		n.CallAs(t, n.Admin, true, "DELETE", code, "").Wants(t, "revoked once registered", 409, "registration_code_not_live")
		want := []string{"user.invited", "registration.code_renewed", "registration.code_renewed", "registration.code_revoked", "registration.code_renewed"}
		if got := n.EventsAbout(t, ada.UserID, "user.invited", "registration.code_renewed", "registration.code_revoked"); !slices.Equal(got, want) {
			t.Errorf("the log has %v", got)
		}
		serviceAccount := people + "/" + n.IDs["serviceAccountId"] + "/code"
		n.CallAs(t, n.Admin, true, "POST", serviceAccount, "").Wants(t, "a code for a service account", 404, "user_not_found")
		n.CallAs(t, n.Admin, true, "DELETE", serviceAccount, "").Wants(t, "a service account's code", 404, "user_not_found")
	})
}

// renewCode makes a new code for a user.
func renewCode(t *testing.T, n *world.Tenant, by *client.Session, of countersigntest.Invitation) countersigntest.Invitation {
	t.Helper()
	a := n.CallAs(t, by, true, "POST", people+"/"+of.UserID+"/code", "")
	a.Wants(t, "a new code", 200, "")
	var p api.InvitedPerson
	must(t, json.Unmarshal([]byte(a.Body), &p))
	return invitationOf(n.Org.ID, p)
}

// openCode sends a code as the hosted page does.
func openCode(t *testing.T, n *world.Tenant, i countersigntest.Invitation, status int) {
	t.Helper()
	in := api.InitRegistrationRequest{OrgID: i.OrgID, Username: i.Username, RegistrationCode: i.RegistrationCode}
	if a := n.Send(t, "POST", "/countersign/registration/open", http.Header{"Origin": {n.URL}}, in); a.Status != status {
		t.Errorf("opened: %d, want %d", a.Status, status)
	}
}

// attemptCode begins a registration and completes it with an answer to another challenge.
func attemptCode(t *testing.T, n *world.Tenant, i countersigntest.Invitation) {
	t.Helper()
	c, err := n.Client().InitRegistration(context.Background(), api.InitRegistrationRequest{OrgID: i.OrgID, Username: i.Username, RegistrationCode: i.RegistrationCode})
	must(t, err)
	key, err := client.GenerateKeySigner("P-256")
	must(t, err)
	other := c
	other.Challenge = strings.Repeat("A", len(c.Challenge))
	credential, err := key.Register(other)
	must(t, err)
	if _, err = n.Client().Register(context.Background(), c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &credential}); err == nil {
		t.Error("the answer to another challenge is taken")
	}
}

// A search is for a text and not a pattern, and ignores case.
func TestPeopleByName(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		names := []string{"a%b", "a%c", "a_b", "axb", "A\\b", "Éclair", "eclair", "straße", "STRASSE2", "ἀθήνα", "中文", "中文二",
			"\U0001F600a", "\U0001F600b", "zz\uffee", "zz\U00010400", "'--", `"x"`}
		for _, name := range names {
			n.Invite(t, n.Org.ID, name)
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
					p := n.ReadPage(t, people, query)
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
		// Pages of the longest names work.
		for i := range 3 {
			n.Invite(t, n.Org.ID, strings.Repeat("\u00fd", 159)+fmt.Sprint(i))
		}
		if got := n.ReadAll(t, people, url.Values{"name": {"\u00dd"}, "limit": {"1"}}); len(got) != 3 {
			t.Errorf("of three long names there are %d", len(got))
		}
	})
}
