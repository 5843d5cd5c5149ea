package directory_test

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
)

const people = "/countersign/people"

// invite asks for people to be invited.
func (n *tenant) invite(t *testing.T, by *client.Session, in api.InvitePeopleRequest) (answer, api.InvitedPeople) {
	t.Helper()
	var out api.InvitedPeople
	a := n.signedSend(t, by, true, "POST", people, jsonOf(t, in))
	if a.status == 200 {
		must(t, json.Unmarshal([]byte(a.body), &out))
	}
	return a, out
}

// listed is the page of people that a query asks for.
func (n *tenant) listed(t *testing.T, query url.Values) (list api.PeopleList) {
	t.Helper()
	a := n.send(t, "GET", people+"?"+query.Encode(), n.admin.Token, "", "")
	a.wants(t, query.Encode(), 200, "")
	must(t, json.Unmarshal([]byte(a.body), &list))
	return list
}

// shown is somebody in the list of people.
func (n *tenant) shown(t *testing.T, name string) api.Person {
	t.Helper()
	for _, p := range n.listed(t, url.Values{"name": {name}}).Items {
		if p.Username == name {
			return p
		}
	}
	t.Fatalf("%s is not listed", name)
	return api.Person{}
}

func invitationOf(orgID string, p api.InvitedPerson) countersigntest.Invitation {
	return countersigntest.Invitation{OrgID: orgID, UserID: p.UserID, Username: p.Username, RegistrationCode: p.RegistrationCode}
}

// Of many who are invited all are or none is, and the refusal says who is in the way.
func TestInviteManyOrNone(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		var many []string
		for i := range 201 {
			many = append(many, fmt.Sprintf("person%d@example.org", i))
		}
		a, out := n.invite(t, n.admin, api.InvitePeopleRequest{Usernames: many[:200]})
		if a.status != 200 || len(out.Items) != 200 || out.Items[199].Username != many[199] || out.Items[199].RegistrationCode == "" {
			t.Fatalf("%v", a)
		}
		n.RegisterKey(t, invitationOf(n.org.ID, out.Items[137]), "P-256")
		before, none := n.state(t), api.NewID(api.PrefixPermission, n.Clock.Now())
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
			a, _ := n.invite(t, n.admin, c.in)
			a.wants(t, what, c.status, c.code)
			if !strings.Contains(a.body, c.entry) {
				t.Errorf("%s: the refusal does not tell %s: %v", what, c.entry, a)
			}
		}
		for _, body := range []string{`{"usernames":["x"],"isActive":true}`, `{"usernames":["x"],"orgId":"or-x"}`, `{"usernames":["x"],"administrator":true}`} {
			n.signedSend(t, n.admin, true, "POST", people, body).wants(t, body, 400, "member_unknown")
		}
		n.unchanged(t, "nobody invited", before)
	})
}

// Who is invited with a role gets it from somebody who could give it.
func TestInvitedWithRole(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		role := n.Permission(t, n.org.ID, "reader", "Auth:Users:Read", "Wallets:Read")
		endUsers := api.EndUserPermissionID(n.org.ID)
		archived := n.Permission(t, n.org.ID, "old", "Auth:Users:Read")
		_, err := n.admin.ArchivePermission(t.Context(), archived, true)
		must(t, err)
		inviter := n.hire(t, "inviter@example.org", "Auth:Users:Create", "Auth:Users:Read", "Wallets:Read")
		giver := n.hire(t, "giver@example.org", "Auth:Users:Create", "Permissions:Assign", "Auth:Users:Read")
		both := n.hire(t, "both@example.org", "Auth:Users:Create", "Permissions:Assign", "Auth:Users:Read", "Wallets:Read")
		before := n.state(t)
		for what, c := range map[string]struct {
			by         *client.Session
			permission string
			status     int
			code       string
		}{
			"without the permission to assign": {inviter.Session, role, 403, "permission_denied"},
			"without all of the role":          {giver.Session, role, 403, "permission_denied"},
			"without everything":               {both.Session, n.all, 403, "permission_denied"},
			"an archived role":                 {n.admin, archived, 400, "permission_archived"},
		} {
			a, _ := n.invite(t, c.by, api.InvitePeopleRequest{Usernames: []string{"x@example.org", "y@example.org"}, PermissionID: c.permission})
			a.wants(t, what, c.status, c.code)
		}
		n.unchanged(t, "nobody invited", before)
		a, out := n.invite(t, both.Session, api.InvitePeopleRequest{Usernames: []string{"x@example.org", "y@example.org"}, PermissionID: role})
		a.wants(t, "with all of it", 200, "")
		for _, p := range out.Items {
			if roles := n.shown(t, p.Username).Roles; len(roles) != 1 || roles[0].PermissionID != role {
				t.Errorf("%s has %+v", p.Username, roles)
			}
		}
		n.send(t, "GET", people, n.session(t, n.RegisterKey(t, invitationOf(n.org.ID, out.Items[1]), "P-256")).Token, "", "").wants(t, "the invited", 200, "")

		// End users have theirs anyway; to name it changes nothing.
		a, _ = n.invite(t, n.admin, api.InvitePeopleRequest{Usernames: []string{"customer"}, Kind: api.EndUser, PermissionID: endUsers})
		a.wants(t, "an end user with the role of end users", 200, "")
		a, _ = n.invite(t, n.admin, api.InvitePeopleRequest{Usernames: []string{"reader"}, Kind: api.EndUser, PermissionID: role})
		a.wants(t, "an end user with another role", 200, "")
		if one, two := n.shown(t, "customer").Roles, n.shown(t, "reader").Roles; len(one) != 1 || len(two) != 2 {
			t.Errorf("%+v, %+v", one, two)
		}
	})
}

// What administrators see of somebody follows what they do.
func TestStatesOfPeople(t *testing.T) {
	later(t, func(t *testing.T, n *tenant) {
		state := func(want string) {
			t.Helper()
			p := n.shown(t, "ada@example.org")
			if got := p.State; got != want || (p.Code == nil) != (want == "registered") && want != "inactive" || p.Code != nil && p.Code.State != want && want != "inactive" {
				t.Errorf("%s, code %+v, want %s", got, p.Code, want)
			}
		}
		_, out := n.invite(t, n.admin, api.InvitePeopleRequest{Usernames: []string{"ada@example.org"}})
		ada := invitationOf(n.org.ID, out.Items[0])
		code := people + "/" + ada.UserID + "/code"
		state("invited")
		n.opened(t, ada, 200)
		state("opened")
		n.attempted(t, ada)
		state("attempted")

		old := ada
		ada = n.renewed(t, n.admin, ada)
		state("invited")
		n.opened(t, old, 401)
		n.Clock.Advance(25 * time.Hour)
		n.admin = n.again(t)
		state("expired")
		n.opened(t, ada, 400)
		ada = n.renewed(t, n.admin, ada)
		state("invited")
		n.signedSend(t, n.admin, true, "DELETE", code, "").wants(t, "withdrawn", 200, "")
		state("revoked")
		n.opened(t, ada, 401)
		n.signedSend(t, n.admin, true, "DELETE", code, "").wants(t, "withdrawn again", 409, "registration_code_not_live")
		ada = n.renewed(t, n.admin, ada)
		_, err := n.admin.DeactivateUser(t.Context(), ada.UserID)
		must(t, err)
		state("inactive")
		n.signedSend(t, n.admin, true, "POST", code, "").wants(t, "renewed while inactive", 409, "user_already_registered")
		_, err = n.admin.ActivateUser(t.Context(), ada.UserID)
		must(t, err)
		n.RegisterKey(t, ada, "P-256")
		state("registered")
		n.signedSend(t, n.admin, true, "POST", code, "").wants(t, "renewed once registered", 409, "user_already_registered")
		n.signedSend(t, n.admin, true, "DELETE", code, "").wants(t, "withdrawn once registered", 409, "registration_code_not_live")
		want := []string{"user.invited", "registration.code_renewed", "registration.code_renewed", "registration.code_revoked", "registration.code_renewed"}
		if got := n.happened(t, ada.UserID, "user.invited", "registration.code_renewed", "registration.code_revoked"); !slices.Equal(got, want) {
			t.Errorf("the log has %v", got)
		}
		machine := people + "/" + n.ids["serviceAccountId"] + "/code"
		n.signedSend(t, n.admin, true, "POST", machine, "").wants(t, "a code for a machine", 404, "user_not_found")
		n.signedSend(t, n.admin, true, "DELETE", machine, "").wants(t, "a machine's code", 404, "user_not_found")
	})
}

// again logs the administrator in again, for whom too much time has passed.
func (n *tenant) again(t *testing.T) *client.Session {
	t.Helper()
	s, err := (&client.Client{BaseURL: n.URL, HTTP: n.http}).LogIn(t.Context(), n.org.ID, "administrator@example.org", n.admin.Signer)
	must(t, err)
	return s
}

// renewed makes a new code for somebody.
func (n *tenant) renewed(t *testing.T, by *client.Session, of countersigntest.Invitation) countersigntest.Invitation {
	t.Helper()
	a := n.signedSend(t, by, true, "POST", people+"/"+of.UserID+"/code", "")
	a.wants(t, "a new code", 200, "")
	var p api.InvitedPerson
	must(t, json.Unmarshal([]byte(a.body), &p))
	return invitationOf(n.org.ID, p)
}

// opened presents a code as the hosted page does.
func (n *tenant) opened(t *testing.T, i countersigntest.Invitation, status int) {
	t.Helper()
	r, err := http.NewRequest("POST", n.URL+"/countersign/registration/open", strings.NewReader(
		jsonOf(t, api.InitRegistrationRequest{OrgID: i.OrgID, Username: i.Username, RegistrationCode: i.RegistrationCode})))
	must(t, err)
	r.Header.Set("Origin", n.URL)
	res, err := n.http.Do(r)
	must(t, err)
	res.Body.Close()
	if res.StatusCode != status {
		t.Errorf("opened: %d, want %d", res.StatusCode, status)
	}
}

// attempted begins a registration and completes it with what answers another challenge.
func (n *tenant) attempted(t *testing.T, i countersigntest.Invitation) {
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
