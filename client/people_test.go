package client_test

import (
	"errors"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/user"
)

// One's own account, and what administrators do with people, against the real server on both databases.
func TestPeople(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		org, administrator := srv.Administrator(t, "Analytical Engines")
		admin := srv.Session(t, administrator)
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		invited, err := admin.InvitePeople(background, api.InvitePeopleRequest{Usernames: []string{"ada@example.org", "bob@example.org"}})
		check(err)
		page, err := admin.ListPeople(background, api.ListPeopleRequest{Name: "b", Limit: 1, Kind: api.CustomerEmployee})
		if err != nil || len(page.Items) != 1 || page.Items[0].Username != "bob@example.org" {
			t.Errorf("people %+v, %v", page, err)
		}
		if page, err = admin.ListPeople(background, api.ListPeopleRequest{Name: "ada"}); err != nil || len(page.Items) != 1 {
			t.Errorf("people %+v, %v", page, err)
		}
		id := invited.Items[0].UserID
		again, err := admin.RenewRegistrationCode(background, id)
		check(err)
		check(admin.RevokeRegistrationCode(background, invited.Items[1].UserID))

		ada := srv.Register(t, countersigntest.Invitation{OrgID: org.ID, UserID: id, Username: "ada@example.org", RegistrationCode: again.RegistrationCode})
		s, other := srv.Session(t, ada), srv.Session(t, ada)
		uuid := ada.CredentialUUID(t)
		if c, err := s.RenameCredential(background, uuid, "In the safe"); err != nil || c.Name != "In the safe" {
			t.Errorf("renamed %+v, %v", c, err)
		}
		account, err := s.Account(background)
		if err != nil || account.User.ID != id || len(account.Sessions) < 2 || account.Credentials[0].Name != "In the safe" {
			t.Errorf("account %+v, %v", account, err)
		}
		details, err := admin.Person(background, id)
		if err != nil || details.Username != "ada@example.org" || len(details.Sessions) != len(account.Sessions) || len(details.Credentials) != 1 || details.Credentials[0].UUID != uuid {
			t.Errorf("person %+v, %v", details, err)
		}
		var mine, others string
		for _, one := range account.Sessions {
			if one.Current {
				mine = one.ID
			}
		}
		theirs, err := other.Account(background)
		check(err)
		for _, one := range theirs.Sessions {
			if one.Current {
				others = one.ID
			}
		}
		check(s.EndSession(background, others))
		if _, err := other.Account(background); codeOf(err) != "token_invalid" {
			t.Errorf("a session that was ended: %v", err)
		}
		check(admin.EndPersonSession(background, id, mine))
		if _, err := s.Account(background); codeOf(err) != "token_invalid" {
			t.Errorf("a session that an administrator ended: %v", err)
		}
		s = srv.Session(t, ada)
		check(admin.EndPersonSessions(background, id))
		if _, err := s.Account(background); codeOf(err) != "token_invalid" {
			t.Errorf("the sessions that an administrator ended: %v", err)
		}
		if out, err := admin.DeactivatePersonCredential(background, id, uuid); err != nil || !out.NeedsNewStart {
			t.Errorf("deactivated %+v, %v", out, err)
		}
		for what, err := range map[string]error{"no id": second(admin.Person(background, "")), "an id that is a path": second(admin.DeactivatePersonCredential(background, id, "../x")),
			"no session": admin.EndPersonSession(background, id, ""), "another's": s.EndSession(background, "")} {
			if err == nil {
				t.Errorf("%s is sent", what)
			}
		}
	})
}

func codeOf(err error) string {
	var refused *client.Error
	errors.As(err, &refused)
	if refused == nil {
		return ""
	}
	return refused.Code
}

func second[T any](_ T, err error) error { return err }

// A service account begins the recovery of an end user, who completes it with a key of package client.
func TestDelegatedRecovery(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		org := srv.Organisation(t, "Analytical Engines")
		i, err := srv.Users.Invite(background, org.ID, user.Invitee{Username: "guest", Kind: api.EndUser}, 1e12)
		if err != nil {
			t.Fatal(err)
		}
		guest := srv.Register(t, countersigntest.Invitation{OrgID: org.ID, UserID: i.User.ID, Username: "guest", RegistrationCode: i.Code})
		recovery := guest.AddRecoveryKey(t)
		_, machine := srv.ServiceAccount(t, org.ID, "machine", srv.Permission(t, org.ID, "recovers", "Auth:Recover:Delegated"))
		c, err := machine.InitDelegatedRecovery(background, api.DelegatedRecoveryRequest{Username: "guest", CredentialID: recovery.CredentialID()})
		if err != nil {
			t.Fatal(err)
		}
		key, err := client.GenerateKeySigner(client.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		first, err := key.Register(c.RegistrationChallenge)
		if err != nil {
			t.Fatal(err)
		}
		in, err := recovery.SignRecovery(api.RegistrationRequest{FirstFactorCredential: &first})
		if err != nil {
			t.Fatal(err)
		}
		if result, err := srv.Client().Recover(background, c.TemporaryAuthenticationToken, in); err != nil || result.User.ID != guest.UserID {
			t.Fatalf("%+v, %v", result, err)
		}
		if _, err := srv.Client().LogIn(background, org.ID, "guest", key); err != nil {
			t.Errorf("log in with the new key: %v", err)
		}
	})
}
