package user_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

func personPath(userID string) string { return "/countersign/people/" + userID }

func deactivatePath(userID, credential string) string {
	return personPath(userID) + "/credentials/" + credential + "/deactivate"
}

func endPath(userID string) string { return personPath(userID) + "/sessions/end" }

// withPasskey registers an employee with a passkey.
func withPasskey(t testing.TB, n *world.Tenant, name string, operations ...string) world.Member {
	t.Helper()
	p := n.Register(t, n.Invite(t, n.Org.ID, name))
	if len(operations) > 0 {
		n.Allow(t, p.UserID, operations...)
	}
	return n.Member(t, p)
}

// outcome fails t unless an answer has that status and code.
func outcome(t testing.TB, what string, a world.Answer, want string) {
	t.Helper()
	if a.Outcome() != want {
		t.Errorf("%s: %v, want %s", what, a, want)
	}
}

func details(t testing.TB, n *world.Tenant, userID string) api.PersonDetails {
	t.Helper()
	return world.Read[api.PersonDetails](t, n.Call(t, "GET", personPath(userID), n.Admin.Token, "", ""))
}

// An administrator sees what somebody has and deactivates it, also their last: what it opened and signed
// ends with it, the owner and the log are told once, and a new start lets the owner in again.
func TestAdministratorsDeactivateCredentials(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ada := withPasskey(t, n, "ada@example.org", "Auth:Pats:Create")
		_, pat := n.PersonalToken(t, ada.Session, "program", "")
		phone := ada.Person.AddPasskey(t)
		recovery := ada.Person.AddRecoveryKey(t)
		stolen := n.Member(t, phone)
		pending, err := ada.Session.SignFor(t.Context(), "POST", "/orders", nil)
		world.Must(t, err)
		theirs, err := stolen.Session.SignFor(t.Context(), "POST", "/orders", nil)
		world.Must(t, err)
		first, second := ada.Person.CredentialUUID(t), phone.CredentialUUID(t)
		before := details(t, n, ada.ID)
		var names []string
		for _, c := range before.Credentials {
			names = append(names, c.Name)
		}
		if before.Username != "ada@example.org" || before.Passkeys != 2 || len(names) != 3 || !slices.Contains(names, "Another passkey") || !slices.Contains(names, "Recovery key") {
			t.Errorf("ada has %+v", before)
		}
		for _, s := range before.Sessions {
			if s.Current || s.Address == "" || s.UserAgent == "" || s.CredentialName == "" || s.ExpiresAt <= s.CreatedAt {
				t.Errorf("a session is %+v", s)
			}
		}

		lives := len(before.Sessions)
		for i := range 2 { // idempotent
			out := world.Read[api.PersonCredential](t, n.CallAs(t, n.Admin, true, "POST", deactivatePath(ada.ID, second), ""))
			if out.NeedsNewStart {
				t.Errorf("time %d: %+v", i, out)
			}
		}
		if n.Lives(t, stolen.Session) || !n.Lives(t, ada.Session) || !n.Lives(t, pat) {
			t.Error("the sessions that it opened end, and no other")
		}
		consume := func(what, action string, status int, code string) {
			t.Helper()
			n.Post(t, "/countersign/actions/consume", api.ConsumeActionRequest{UserAction: action, Method: "POST", Path: "/orders", Payload: new("")}).Wants(t, what, status, code)
		}
		consume("what it signed", theirs, 403, "user_action_invalid")
		consume("what another signed", pending, 200, "")
		after := details(t, n, ada.ID)
		if after.Passkeys != 1 || len(after.Sessions) >= lives || len(after.Credentials) != 3 {
			t.Errorf("ada has %+v", after)
		}
		events := n.EventsOf(t, ada.ID, store.EventCredentialDeactivated)
		if len(events) != 1 || events[0].ActorID != n.AdministratorID(t) || events[0].CredentialID != second || events[0].ActionID == "" || !strings.Contains(string(events[0].Detail), "Another passkey") {
			t.Errorf("events %+v", events)
		}

		// The owner cannot log in with it, and nobody but the owner and the operator activates it.
		if _, err := n.Client().LogIn(t.Context(), n.Org.ID, "ada@example.org", phone.Signer()); err == nil {
			t.Error("it logs in")
		}
		out := world.Read[api.PersonCredential](t, n.CallAs(t, n.Admin, true, "POST", deactivatePath(ada.ID, first), ""))
		if !out.NeedsNewStart || !strings.Contains(out.Message, "new start") || n.Lives(t, ada.Session) {
			t.Errorf("the last one: %+v", out)
		}
		if _, err := n.Client().LogIn(t.Context(), n.Org.ID, "ada@example.org", ada.Person.Signer()); err == nil {
			t.Error("the last one logs in")
		}
		for _, c := range details(t, n, ada.ID).Credentials {
			if c.IsActive != (c.CredentialID == recovery.CredentialID()) {
				t.Errorf("credential %+v", c)
			}
		}
		inv := n.NewStart(t, n.Admin, ada.Person)
		again := n.Register(t, inv)
		again.LogIn(t)

		n.Outbox.Finish()
		told := 0
		for _, m := range n.Mailbox.Messages() {
			if text := string(m.Data); strings.Contains(text, "of your account was deactivated") {
				if told++; !strings.Contains(text, "administrator@example.org") || strings.Contains(text, "If that was you") {
					t.Errorf("told %s", text)
				}
			}
		}
		if told != 2 {
			t.Errorf("the owner was told %d times, want 2", told)
		}
	}, countersigntest.Mail())
}

// Who may see and change whom: callers by targets, on each operation.
func TestWhoSeesAndChangesWhom(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		_, stranger := n.Elsewhere(t)
		strange, err := n.DB.UserByName(t.Context(), stranger.OrgID, stranger.Username)
		world.Must(t, err)
		ada := withPasskey(t, n, "ada@example.org")
		other := withPasskey(t, n, "other@example.org")
		gone := withPasskey(t, n, "gone@example.org")
		goneCredential := gone.Person.CredentialUUID(t)
		n.CallAs(t, n.Admin, true, "DELETE", "/auth/users/"+gone.ID, "").Wants(t, "archive", 200, "")

		reads := n.Employ(t, "reader@example.org", "Auth:Users:Read")
		changes := n.Employ(t, "changer@example.org", "Auth:Users:Deactivate")
		starts := n.Employ(t, "starter@example.org", "Auth:Users:Recover", "Auth:Users:Activate", "Auth:Users:Update", "Auth:Users:Delete", "Auth:Users:Create")
		guest := n.EmployAs(t, "guest@example.org", api.EndUser, "Auth:Users:Read", "Auth:Users:Deactivate")
		n.Allow(t, n.Identities[api.CallerServiceAccount], "Auth:Users:Read", "Auth:Users:Deactivate")
		n.Allow(t, n.Identities[api.CallerEmployee], "Auth:Users:Read", "Auth:Users:Deactivate")
		n.Allow(t, n.Identities[api.CallerPersonalToken], "Auth:Users:Read", "Auth:Users:Deactivate")
		const denied, missing, fine = "403 permission_denied", "404 user_not_found", "200"
		callers := map[string]struct {
			s                 *client.Session
			mayRead, mayWrite string
		}{
			"the administrator":               {n.Admin, fine, fine},
			"who reads":                       {reads.Session, fine, denied},
			"who deactivates":                 {changes.Session, denied, fine},
			"who gives new starts":            {starts.Session, denied, denied},
			"an end user with every right":    {guest.Session, denied, denied},
			"a service account with the same": {n.Callers[api.CallerServiceAccount], fine, fine},
			"a program with the same":         {n.Callers[api.CallerPersonalToken], fine, denied},
			"the very person":                 {ada.Session, denied, denied},
		}
		targets := map[string]struct{ id, credential, refusal string }{
			"ada":                     {ada.ID, other.Person.CredentialUUID(t), ""}, // a colleague's credential under her name
			"somebody elsewhere":      {strange.ID, stranger.CredentialUUID(t), missing},
			"somebody archived":       {gone.ID, goneCredential, missing},
			"a service account":       {n.Identities[api.CallerServiceAccount], api.FirstCredentialID(n.Identities[api.CallerServiceAccount]), missing},
			"nobody":                  {world.NobodysID("us"), world.NobodysID("cr"), missing},
			"no id of a user":         {world.NobodysID("cr"), world.NobodysID("us"), missing},
			"an injection":            {"x'%20OR%201=1%20--", "x'%20OR%201=1%20--", missing},
			"an id of a kilobyte":     {strings.Repeat("a", 1000), "cr-1", missing},
			"a control and overrides": {"%00%07", "%E2%80%AEcr", missing},
		}
		sessions := len(details(t, n, ada.ID).Sessions)
		for who, c := range callers {
			for whom, at := range targets {
				pick := func(may string) string {
					if may == fine && at.refusal != "" {
						return at.refusal
					}
					return may
				}
				outcome(t, who+" sees "+whom, n.CallAs(t, c.s, false, "GET", personPath(at.id), ""), pick(c.mayRead))
				want := pick(c.mayWrite)
				if want == fine {
					want = "404 credential_not_found"
				}
				outcome(t, who+" deactivates a credential of "+whom, n.CallAs(t, c.s, true, "POST", deactivatePath(at.id, at.credential), ""), want)
				want = pick(c.mayWrite)
				if want == fine {
					want = "404 session_not_found"
				}
				outcome(t, who+" ends a session of "+whom, n.CallAs(t, c.s, true, "POST", endPath(at.id), `{"sessionId":"`+world.NobodysID("se")+`"}`), want)
				if at.refusal != "" {
					outcome(t, who+" ends the sessions of "+whom, n.CallAs(t, c.s, true, "POST", endPath(at.id), `{}`), pick(c.mayWrite))
				}
			}
		}
		for _, id := range []string{ada.ID, other.ID, gone.ID, strange.ID} {
			if n := len(n.EventsOf(t, id, store.EventCredentialDeactivated)) + len(n.EventsOf(t, id, store.EventUserSessionsEnded)); n != 0 {
				t.Errorf("%d events about %s", n, id)
			}
			all, err := n.DB.CredentialsOfUser(t.Context(), id)
			world.Must(t, err)
			if slices.ContainsFunc(all, func(c store.Credential) bool { return !c.Active }) {
				t.Errorf("a credential of %s is inactive", id)
			}
		}
		if now := len(details(t, n, ada.ID).Sessions); now != sessions {
			t.Errorf("%d sessions are left of %d", now, sessions)
		}
		stranger.LogIn(t)
		// A credential of a personal access token is nobody's to see or touch here.
		worker := details(t, n, n.Identities[api.CallerEmployee])
		if len(worker.Credentials) != 1 {
			t.Errorf("the worker has %+v", worker.Credentials)
		}
		all, err := n.DB.CredentialsOfUser(t.Context(), worker.UserID)
		world.Must(t, err)
		for _, c := range all {
			if c.TokenID != "" {
				n.CallAs(t, n.Admin, true, "POST", deactivatePath(worker.UserID, c.ID), "").Wants(t, "a program's", 404, "credential_not_found")
			}
		}
		for what, body := range map[string]string{"an empty id": `{"sessionId":""}`, "another member": `{"session":"se-1"}`, "a list": `{"sessionId":[]}`, "no object": `[]`} {
			if a := n.CallAs(t, n.Admin, true, "POST", endPath(ada.ID), body); a.Status != 400 {
				t.Errorf("%s: %v", what, a)
			}
		}
		n.Call(t, "POST", endPath(ada.ID), n.Admin.Token, "", "{}").Wants(t, "unsigned", 403, "user_action_invalid")
		if !n.Lives(t, ada.Session) {
			t.Error("her session has ended")
		}
	})
}

// Nobody passes over the strength of their own credentials as an administrator; their sessions they may end.
func TestOneselfAsAdministrator(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		id := n.AdministratorID(t)
		second := n.InviteAdministrator(t)
		n.Register(t, second)
		n.CallAs(t, n.Admin, true, "POST", deactivatePath(id, details(t, n, id).Credentials[0].UUID), "").Wants(t, "one's own", 409, "own_account")
		current := 0
		for _, s := range details(t, n, id).Sessions {
			if s.Current {
				current++
			}
		}
		if current != 1 {
			t.Errorf("%d current sessions", current)
		}
		n.CallAs(t, n.Admin, true, "POST", endPath(id), "{}").Wants(t, "one's own sessions", 200, "")
		if n.Lives(t, n.Admin) {
			t.Error("the session lives on")
		}
	})
}

// Somebody who administers the organisation can still log in, whatever is deactivated and in what order.
func TestTheLastAdministratorLogsIn(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		clerk := n.Employ(t, "clerk@example.org", "Auth:Users:Deactivate", "Auth:Users:Read")
		one := n.AdministratorID(t)
		uuid := details(t, n, one).Credentials[0].UUID
		deactivate := func(userID, uuid string) world.Answer {
			t.Helper()
			return n.CallAs(t, clerk.Session, true, "POST", deactivatePath(userID, uuid), "")
		}
		deactivate(one, uuid).Wants(t, "the only one", 409, "last_administrator")
		second := n.Register(t, n.InviteAdministrator(t))
		theirs := second.CredentialUUID(t)
		phone := second.AddPasskey(t)
		deactivate(second.UserID, theirs).Wants(t, "one of two passkeys", 200, "")
		deactivate(second.UserID, phone.CredentialUUID(t)).Wants(t, "the last of one of two", 200, "")

		// The second cannot log in now, and does not count as somebody who is left.
		deactivate(one, uuid).Wants(t, "the last who logs in", 409, "last_administrator")
		n.CallAs(t, clerk.Session, true, "PUT", "/auth/users/"+one+"/deactivate", "{}").Wants(t, "deactivate the last who logs in", 409, "last_administrator")
		if !n.Lives(t, n.Admin) {
			t.Fatal("refused, and the session has ended")
		}

		// Of two at once whose last credentials are deactivated one stays.
		third := n.Register(t, n.InviteAdministrator(t))
		last := third.CredentialUUID(t)
		var calls []func() world.Answer
		for i := range 20 {
			path := deactivatePath(one, uuid)
			if i%2 == 1 {
				path = deactivatePath(third.UserID, last)
			}
			action, err := clerk.Session.SignFor(t.Context(), "POST", path, nil)
			world.Must(t, err)
			calls = append(calls, func() world.Answer { return n.Call(t, "POST", path, clerk.Session.Token, action, "") })
		}
		n.Race(t, calls, "last_administrator", "user_changed")
		left := 0
		for _, id := range []string{one, third.UserID} {
			all, err := n.DB.CredentialsOfUser(t.Context(), id)
			world.Must(t, err)
			for _, c := range all {
				if c.Active {
					left++
				}
			}
		}
		if left != 1 {
			t.Errorf("%d administrators can log in, want 1", left)
		}
	})
}

// One session ends or all of them, with what was signed in it. What is done twice is refused, or changes
// nothing.
func TestAdministratorsEndSessions(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ada, bob := withPasskey(t, n, "ada@example.org"), withPasskey(t, n, "bob@example.org")
		laptop, phone := n.Member(t, ada.Person), n.Member(t, ada.Person)
		idOf := func(s *client.Session) string {
			t.Helper()
			a, err := s.Account(t.Context())
			world.Must(t, err)
			for _, one := range a.Sessions {
				if one.Current {
					return one.ID
				}
			}
			return ""
		}
		pending, err := laptop.Session.SignFor(t.Context(), "POST", "/orders", nil)
		world.Must(t, err)
		one := fmt.Sprintf(`{"sessionId":%q}`, idOf(laptop.Session))
		n.CallAs(t, n.Admin, true, "POST", endPath(bob.ID), one).Wants(t, "hers as his", 404, "session_not_found")
		n.CallAs(t, n.Admin, true, "POST", endPath(ada.ID), one).Wants(t, "one", 200, "")
		n.CallAs(t, n.Admin, true, "POST", endPath(ada.ID), one).Wants(t, "one again", 404, "session_not_found")
		if n.Lives(t, laptop.Session) || !n.Lives(t, phone.Session) || !n.Lives(t, bob.Session) {
			t.Error("another session than that has ended")
		}
		n.Post(t, "/countersign/actions/consume", api.ConsumeActionRequest{UserAction: pending, Method: "POST", Path: "/orders", Payload: new("")}).
			Wants(t, "what was signed in it", 403, "user_action_invalid")
		for range 2 {
			n.CallAs(t, n.Admin, true, "POST", endPath(ada.ID), "{}").Wants(t, "all", 200, "")
		}
		if n.Lives(t, ada.Session) || n.Lives(t, phone.Session) || !n.Lives(t, bob.Session) || len(details(t, n, ada.ID).Sessions) != 0 {
			t.Error("all of hers end, and no other")
		}
		events := n.EventsOf(t, ada.ID, store.EventUserSessionsEnded)
		if len(events) != 2 || events[0].ActorID != n.AdministratorID(t) || events[1].ActionID == "" || !strings.Contains(string(events[0].Detail), "se-") {
			t.Errorf("events %+v", events)
		}
		ada.Person.LogIn(t)
		n.Outbox.Finish()
		told := 0
		for _, m := range n.Mailbox.Messages() {
			if strings.Contains(string(m.Data), "You were signed out") {
				told++
			}
		}
		if told != 2 {
			t.Errorf("she was told %d times, want 2", told)
		}

		// The operator sees and ends them too, for anybody of the organisation.
		listed, err := n.Users.Sessions(t.Context(), n.Org.ID, "ADA@example.org")
		if err != nil || len(listed) != 1 || listed[0].CredentialName == "" {
			t.Errorf("listed %+v, %v", listed, err)
		}
		if ended, err := n.Users.EndSessionsByOperator(t.Context(), n.Org.ID, ada.ID, &listed[0].ID); err != nil || !ended {
			t.Errorf("ended %v, %v", ended, err)
		}
		if ended, err := n.Users.EndSessionsByOperator(t.Context(), n.Org.ID, ada.ID, nil); err != nil || ended {
			t.Errorf("ended none: %v, %v", ended, err)
		}
		if events := n.EventsOf(t, ada.ID, store.EventUserSessionsEnded); len(events) != 3 || events[2].ActorID != "" {
			t.Errorf("events %+v", events)
		}
	}, countersigntest.Mail())
}

// A login that races with the deactivation of its credential leaves no session behind.
func TestDeactivationWhileLoggingIn(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ada := withPasskey(t, n, "ada@example.org")
		phone := ada.Person.AddPasskey(t)
		uuid := phone.CredentialUUID(t)
		path := deactivatePath(ada.ID, uuid)
		action, err := n.Admin.SignFor(t.Context(), "POST", path, nil)
		world.Must(t, err)
		calls := []func() world.Answer{func() world.Answer { return n.Call(t, "POST", path, n.Admin.Token, action, "") }}
		for range 20 {
			in := world.Signed(t, phone, n.InitLogin(t, n.Org.ID, "ada@example.org"))
			calls = append(calls, func() world.Answer { return n.Post(t, "/auth/login", in) })
		}
		n.Race(t, calls, "credential_inactive")
		live, err := n.DB.SessionsOfUser(t.Context(), ada.ID, n.Clock.Now())
		world.Must(t, err)
		for _, s := range live {
			if s.CredentialID == uuid {
				t.Errorf("session %s is left of a credential that is inactive", s.ID)
			}
		}
	})
}

// The operator renames a person's credential, and none of a program's.
func TestOperatorRenames(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ada := withPasskey(t, n, "ada@example.org")
		uuid := ada.Person.CredentialUUID(t)
		for range 2 {
			world.Must(t, n.Users.RenameCredential(t.Context(), n.Org.ID, uuid, "Ключ"))
		}
		if c := details(t, n, ada.ID).Credentials[0]; c.Name != "Ключ" {
			t.Errorf("renamed %+v", c)
		}
		if events := n.EventsOf(t, ada.ID, store.EventCredentialRenamed); len(events) != 1 || events[0].ActorID != "" || events[0].CredentialID != uuid {
			t.Errorf("events %+v", events)
		}
		elsewhere, stranger := n.Elsewhere(t)
		for what, c := range map[string]struct{ org, id, name, code string }{
			"elsewhere":         {elsewhere.ID, uuid, "x", "credential_not_found"},
			"a stranger's":      {n.Org.ID, stranger.CredentialUUID(t), "x", "credential_not_found"},
			"a service account": {n.Org.ID, n.ServiceAccountToken(t, "machine").CredentialID, "x", "credential_not_found"},
			"nobody's":          {n.Org.ID, world.NobodysID("cr"), "x", "credential_not_found"},
			"no name":           {n.Org.ID, uuid, "", "credential_name_invalid"},
			"10 kB":             {n.Org.ID, uuid, strings.Repeat("a", 10_000), "credential_name_invalid"},
			"a control":         {n.Org.ID, uuid, "a\x1b[31m", "credential_name_invalid"},
			"turned around":     {n.Org.ID, uuid, "a\u202eb", "credential_name_invalid"},
		} {
			if err := n.Users.RenameCredential(t.Context(), c.org, c.id, c.name); api.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", what, err, c.code)
			}
		}
	})
}

// An administrator who has a password and nothing that signs can do nothing, and does not count either.
func TestTheLastAdministratorSigns(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		n.SetPolicies(t, organisation.Policies{Passwords: "on"})
		clerk := n.Employ(t, "clerk@example.org", "Auth:Users:Deactivate", "Auth:Users:Read")
		one := n.AdministratorID(t)
		inv := n.InviteAdministrator(t)
		g := &world.Invitee{Invitation: inv, Organisation: n.Organisation}
		c := g.Begin(t)
		g.Complete(t, c.TemporaryAuthenticationToken, world.First(api.CredentialAttestation{CredentialKind: api.KindPassword,
			CredentialInfo: api.CredentialAttestationInfo{Password: "correct horse battery staple"}})).Wants(t, "register", 200, "")
		passkey := deactivatePath(one, details(t, n, one).Credentials[0].UUID)
		n.CallAs(t, clerk.Session, true, "POST", passkey, "").Wants(t, "the last passkey of an administrator", 409, "last_administrator")
		n.CallAs(t, clerk.Session, true, "PUT", "/auth/users/"+one+"/deactivate", "{}").Wants(t, "the last administrator who signs", 409, "last_administrator")
		n.CallAs(t, clerk.Session, true, "POST", deactivatePath(inv.UserID, details(t, n, inv.UserID).Credentials[0].UUID), "").Wants(t, "the password", 200, "")

		// Nor does a password save its owner a new start.
		ada := withPasskey(t, n, "ada@example.org")
		begun, err := ada.Session.InitCredential(t.Context(), api.KindPassword)
		world.Must(t, err)
		_, err = ada.Session.CreateCredential(t.Context(), api.NewCredential{ChallengeIdentifier: begun.ChallengeIdentifier,
			CredentialAttestation: api.CredentialAttestation{CredentialKind: api.KindPassword, CredentialName: "Password",
				CredentialInfo: api.CredentialAttestationInfo{Password: "correct horse battery staple"}}})
		world.Must(t, err)
		a := world.Read[api.PersonCredential](t, n.CallAs(t, clerk.Session, true, "POST", deactivatePath(ada.ID, ada.Person.CredentialUUID(t)), ""))
		if !a.NeedsNewStart {
			t.Errorf("who has only a password left needs no new start: %+v", a)
		}
	})
}

// The owner is told what the operator did to their credentials and sessions, as they are of an administrator.
func TestTheOwnerIsToldOfTheOperator(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ada := withPasskey(t, n, "ada@example.org")
		uuid := ada.Person.CredentialUUID(t)
		ctx, org := t.Context(), n.Org.ID
		for _, c := range []struct {
			what string
			do   func() error
		}{
			{"was renamed", func() error { return n.Users.RenameCredential(ctx, org, uuid, "Laptop") }},
			{"You were signed out", func() error { _, err := n.Users.EndSessionsByOperator(ctx, org, ada.Name, nil); return err }},
			{"was deactivated", func() error { return n.Users.SetCredentialActive(ctx, org, uuid, false) }},
			{"was activated", func() error { return n.Users.SetCredentialActive(ctx, org, uuid, true) }},
			{"was removed", func() error { return n.Users.RemoveCredential(ctx, org, uuid) }},
		} {
			n.Outbox.Finish()
			before := len(n.Mailbox.Messages())
			world.Must(t, c.do())
			n.Outbox.Finish()
			told := n.Mailbox.Messages()[before:]
			if len(told) != 1 || !slices.Contains(told[0].To, ada.Name) || !strings.Contains(string(told[0].Data), c.what) || !strings.Contains(string(told[0].Data), "the operator of the server") {
				t.Errorf("%s: %d mails: %+v", c.what, len(told), told)
			}
		}
		n.Outbox.Finish()
		before := len(n.Mailbox.Messages())
		world.Must(t, n.Users.SetCredentialActive(ctx, org, n.ServiceAccountToken(t, "machine").CredentialID, false))
		n.Outbox.Finish()
		if all := n.Mailbox.Messages(); len(all) != before {
			t.Errorf("a program was mailed: %+v", all[before:])
		}
	}, countersigntest.Mail())
}
