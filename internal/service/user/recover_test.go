package user_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// An administrator gives somebody a new start: everything that they had is gone, who they are stays.
func TestNewStart(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ada := n.Employ(t, "ada@example.org", "Auth:Pats:Create", "Auth:Users:Read")
		_, pat := n.PersonalToken(t, ada.Session, "program", "")
		path := "/countersign/people/" + ada.ID + "/recover"
		rights := n.AssignmentsOf(t, ada.ID)
		pending, err := ada.Session.SignFor(t.Context(), "POST", "/orders", nil)
		world.Must(t, err)
		before, err := n.DB.User(t.Context(), ada.ID)
		world.Must(t, err)

		clerk := n.Employ(t, "clerk@example.org", "Auth:Users:Recover")
		boss := n.Employ(t, "boss@example.org", "Auth:Users:Create", "Auth:Users:Deactivate", "Permissions:Assign")
		refused := func(what string, s *client.Session, path string, status int, code string) {
			t.Helper()
			a := n.CallAs(t, s, true, "POST", path, "")
			a.Wants(t, what, status, code)
		}
		refused("by one who could not give her rights", clerk.Session, path, 403, "permission_denied")
		refused("by one without the right", boss.Session, path, 403, "permission_denied")
		refused("for oneself", n.Admin, "/countersign/people/"+n.AdministratorID(t)+"/recover", 409, "recovery_of_oneself")
		refused("for nobody", n.Admin, "/countersign/people/"+world.NobodysID("us")+"/recover", 404, "user_not_found")
		refused("for a service account", n.Admin, "/countersign/people/"+n.Identities[api.CallerServiceAccount]+"/recover", 404, "user_not_found")
		refused("for somebody invited", n.Admin, "/countersign/people/"+n.IDs["userId"]+"/recover", 409, "user_not_registered")
		if !n.Lives(t, ada.Session) {
			t.Fatal("refused, and her session has ended")
		}

		boot := n.Callers[api.CallerServiceAccount] // may do everything, and is no person who could let the others in again
		n.Promote(t, n.Identities[api.CallerServiceAccount])
		refused("for the last administrator", boot, "/countersign/people/"+n.AdministratorID(t)+"/recover", 409, "last_administrator")

		given := world.Read[api.InvitedPerson](t, n.CallAs(t, n.Admin, true, "POST", path, ""))
		if given.UserID != ada.ID || given.Username != "ada@example.org" || given.RegistrationCode == "" || given.Mailed {
			t.Errorf("given %+v", given)
		}
		if n.Lives(t, ada.Session) || n.Lives(t, pat) {
			t.Error("a session or access token lives on")
		}
		n.Post(t, "/countersign/actions/consume", api.ConsumeActionRequest{UserAction: pending, Method: "POST", Path: "/orders", Payload: new("")}).
			Wants(t, "what she signed", 403, "user_action_invalid")
		refused("twice", n.Admin, path, 409, "user_not_registered")

		again := n.Register(t, countersigntest.Invitation{OrgID: n.Org.ID, Username: "ada@example.org", RegistrationCode: given.RegistrationCode})
		s := n.Session(t, again)
		after, err := n.DB.User(t.Context(), ada.ID)
		world.Must(t, err)
		if after.ID != before.ID || after.Username != before.Username || !after.Active || after.RegisteredAt.IsZero() || after.RestartedAt.IsZero() {
			t.Errorf("was %+v, is %+v", before, after)
		}
		if now := n.AssignmentsOf(t, ada.ID); len(now) != len(rights) {
			t.Errorf("her rights were %+v and are %+v", rights, now)
		}
		list, err := s.ListCredentials(t.Context())
		world.Must(t, err)
		if own := list.Items; len(own) != 1 || own[0].CredentialUUID == api.FirstCredentialID(ada.ID) {
			t.Errorf("her credentials are %+v", list)
		}
		if kinds := n.EventsAbout(t, ada.ID, store.EventUserRestarted, store.EventUserRegistered); len(kinds) != 3 {
			t.Errorf("events %q", kinds)
		}

		// The operator does the same, also for somebody who had one new start, and with nobody's leave.
		i, err := n.Users.RecoverByOperator(t.Context(), n.Org.ID, "ada@example.org", time.Hour)
		world.Must(t, err)
		if n.Lives(t, s) || !strings.Contains(i.Link, "/register#") {
			t.Errorf("by the operator: %+v", i)
		}
		n.Register(t, countersigntest.Invitation{OrgID: n.Org.ID, Username: "ada@example.org", RegistrationCode: i.Code})
		if _, err := n.Users.RecoverByOperator(t.Context(), n.Org.ID, "nobody", time.Hour); api.CodeOf(err) != "user_not_found" {
			t.Errorf("nobody: %v", err)
		}
		if _, err := n.Users.RecoverByOperator(t.Context(), n.Org.ID, "ada@example.org", 0); api.CodeOf(err) != "lifetime_invalid" {
			t.Errorf("no lifetime: %v", err)
		}
	})
}
