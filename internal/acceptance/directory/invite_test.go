package directory_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/testing/smtptest"
)

func TestInviteTenantUser(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		before := n.state(t)
		for body, want := range map[string]string{
			`{"email":"new@example.org"}`:                                         "400 member_missing",
			`{"kind":"TenantUser"}`:                                               "400 member_missing",
			`{"email":"new@example.org","kind":"CustomerEmployee"}`:               "400 user_kind_invalid",
			`{"email":"new@example.org","kind":"EndUser"}`:                        "400 user_kind_invalid",
			`{"email":"new","kind":"TenantUser"}`:                                 "400 email_invalid",
			`{"email":"Worker@example.org","kind":"TenantUser"}`:                  "401 user_already_exists",
			`{"email":"new@example.org","kind":"TenantUser","Kind":"TenantUser"}`: "400 invalid_member",
		} {
			a := n.signedSend(t, n.admin, true, "POST", "/auth/users/invite", body)
			if got := count([]answer{a}); got[want] != 1 {
				t.Errorf("%s: %v, want %s", body, a, want)
			}
		}
		n.unchanged(t, "nobody invited", before)
		a := n.signedSend(t, n.admin, true, "POST", "/auth/users/invite", `{"email":"new@example.org","kind":"TenantUser","permissionId":"`+n.all+`","administrator":true}`)
		a.wants(t, "invited", 200, "")
		var out api.InvitedTenantUser
		must(t, json.Unmarshal([]byte(a.body), &out))
		p := n.shown(t, "new@example.org")
		if p.Kind != api.CustomerEmployee || len(p.Roles) != 0 {
			t.Errorf("%+v", p)
		}
		n.session(t, n.RegisterKey(t, countersigntest.Invitation{OrgID: n.org.ID, UserID: p.UserID, Username: p.Username,
			RegistrationCode: out.Invitation.RegistrationCode}, "P-256"))
	})
}

// Where mail brings a code, it is told to nobody else.
func TestMailedCodesAreNotTold(t *testing.T) {
	database.Each(t, func(t *testing.T, url string) {
		post := smtptest.Start(t, smtptest.Options{})
		n := office(t, countersigntest.Start(t, countersigntest.Database(url), countersigntest.SMTP(mail.Config{URL: post.URL, From: "no-reply@example.org"})))
		clerk := n.hire(t, "clerk", "Auth:Users:Create")
		a, out := n.invite(t, clerk.Session, api.InvitePeopleRequest{Usernames: []string{"ada@example.org", "bob"}})
		a.wants(t, "invited", 200, "")
		if ada, bob := out.Items[0], out.Items[1]; !ada.Mailed || ada.RegistrationCode != "" || ada.RegistrationURL != "" || bob.Mailed || bob.RegistrationCode == "" {
			t.Fatalf("%+v", out)
		}
		n.Codes.Outbox.Finish()
		if p, q := n.shown(t, "ada@example.org"), n.shown(t, "bob"); p.State != "sent" || q.State != "invited" {
			t.Errorf("%s and %s", p.State, q.State)
		}
		// Then whoever may renew it may do so for everybody: they do not learn it.
		n.promote(t, out.Items[0].UserID)
		n.promote(t, out.Items[1].UserID)
		for i, want := range []int{200, 403} {
			a := n.signedSend(t, clerk.Session, true, "POST", people+"/"+out.Items[i].UserID+"/code", "")
			if a.status != want || strings.Contains(a.body, "registrationCode") {
				t.Errorf("%s: %v", out.Items[i].Username, a)
			}
		}
		n.Codes.Outbox.Finish()
		mailed := 0
		for _, m := range post.Messages() {
			if m.To[0] == "ada@example.org" {
				mailed++
			}
		}
		if mailed != 2 {
			t.Errorf("%d mails to ada", mailed)
		}
	})
}
