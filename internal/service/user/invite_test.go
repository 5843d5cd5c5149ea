package user_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
)

func TestInviteTenantUser(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		before := n.State(t)
		for body, want := range map[string]string{
			`{"email":"new@example.org"}`:                                         "400 member_missing",
			`{"kind":"TenantUser"}`:                                               "400 member_missing",
			`{"email":"new@example.org","kind":"CustomerEmployee"}`:               "400 user_kind_invalid",
			`{"email":"new@example.org","kind":"EndUser"}`:                        "400 user_kind_invalid",
			`{"email":"new","kind":"TenantUser"}`:                                 "400 email_invalid",
			`{"email":"Worker@example.org","kind":"TenantUser"}`:                  "401 user_already_exists",
			`{"email":"new@example.org","kind":"TenantUser","Kind":"TenantUser"}`: "400 invalid_member",
		} {
			a := n.CallAs(t, n.Admin, true, "POST", "/auth/users/invite", body)
			if a.Outcome() != want {
				t.Errorf("%s: %v, want %s", body, a, want)
			}
		}
		n.Unchanged(t, "nobody invited", before)
		a := n.CallAs(t, n.Admin, true, "POST", "/auth/users/invite", `{"email":"new@example.org","kind":"TenantUser","permissionId":"`+n.Everything+`","administrator":true}`)
		a.Wants(t, "invited", 200, "")
		var out api.InvitedTenantUser
		must(t, json.Unmarshal([]byte(a.Body), &out))
		p := n.PersonNamed(t, "new@example.org")
		if p.Kind != api.CustomerEmployee || len(p.Roles) != 0 {
			t.Errorf("%+v", p)
		}
		n.Member(t, n.RegisterKey(t, countersigntest.Invitation{OrgID: n.Org.ID, UserID: p.UserID, Username: p.Username,
			RegistrationCode: out.Invitation.RegistrationCode}, "P-256"))
	})
}

// A code that is mailed is not in the answer.
func TestMailedCodesAreNotInTheAnswer(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		clerk := n.Employ(t, "clerk", "Auth:Users:Create")
		a, out := invitePeople(t, n, clerk.Session, api.InvitePeopleRequest{Usernames: []string{"ada@example.org", "bob"}})
		a.Wants(t, "invited", 200, "")
		if ada, bob := out.Items[0], out.Items[1]; !ada.Mailed || ada.RegistrationCode != "" || ada.RegistrationURL != "" || bob.Mailed || bob.RegistrationCode == "" {
			t.Fatalf("%+v", out)
		}
		n.Codes.Outbox.Finish()
		if p, q := n.PersonNamed(t, "ada@example.org"), n.PersonNamed(t, "bob"); p.State != "sent" || q.State != "invited" {
			t.Errorf("%s and %s", p.State, q.State)
		}
		// A caller who may only renew it does not see a code.
		n.Promote(t, out.Items[0].UserID)
		n.Promote(t, out.Items[1].UserID)
		for i, want := range []int{200, 403} {
			a := n.CallAs(t, clerk.Session, true, "POST", people+"/"+out.Items[i].UserID+"/code", "")
			if a.Status != want || strings.Contains(a.Body, "registrationCode") {
				t.Errorf("%s: %v", out.Items[i].Username, a)
			}
		}
		n.Codes.Outbox.Finish()
		mailed := 0
		for _, m := range n.Mailbox.Messages() {
			if m.To[0] == "ada@example.org" {
				mailed++
			}
		}
		if mailed != 2 {
			t.Errorf("%d mails to ada", mailed)
		}
	}, countersigntest.Mail())
}
