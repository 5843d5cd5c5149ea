package directory_test

import (
	"context"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

func TestUserUpdate(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		path := "/auth/users/" + n.ids["userId"]
		n.signedSend(t, n.admin, true, "PUT", path, `{"isSSORequired":false}`).wants(t, "nothing to change", 200, "")
		before := n.state(t)
		for body, code := range map[string]string{
			`{"isSSORequired":true}`:  "sso_not_offered",
			`{}`:                      "member_missing",
			`{"isSSORequired":null}`:  "member_missing",
			`{"isSSORequired":"no"}`:  "invalid_member",
			`[]`:                      "invalid_member",
			`{"isssorequired":false}`: "member_unknown",
		} {
			n.signedSend(t, n.admin, true, "PUT", path, body).wants(t, body, 400, code)
		}
		for _, member := range []string{`"kind":"EndUser"`, `"orgId":"or-x"`, `"isActive":false`, `"administrator":true`, `"permissions":["Auth:Users:Create"]`,
			`"permissionAssignments":[]`, `"username":"x@example.org"`, `"userId":"us-x"`, `"isRegistered":true`, `"isServiceAccount":true`,
			`"credentialUuid":"cr-x"`, `"externalId":"x"`, `"":1`} {
			for _, body := range []string{`{"isSSORequired":false,` + member + `}`, `{` + member + `,"isSSORequired":false}`} {
				n.signedSend(t, n.admin, true, "PUT", path, body).wants(t, body, 400, "member_unknown")
			}
		}
		n.unchanged(t, "refused updates", before)
	})
}

// A deactivated user has lost all that they had at once, and gets back what is theirs, but
// nothing that was already on its way.
func TestUserDeactivation(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := context.Background()
		ada := n.hire(t, "ada@example.org", "Auth:Users:Create", "Auth:Users:Read", "Auth:Pats:Create")
		other := n.session(t, ada.person)
		_, program := n.PersonalToken(t, ada.Session, "program", "")
		body := `{"email":"late@example.org","kind":"CustomerEmployee"}`
		signature, err := ada.SignFor(ctx, "POST", "/auth/users", []byte(body))
		must(t, err)
		rename := `{"name":"late"}`
		own := "/auth/pats/" + n.tokenOf(t, ada.id, "program")
		byProgram, err := program.SignFor(ctx, "PUT", own, []byte(rename))
		must(t, err)
		begun, err := n.Client().InitLogin(ctx, api.InitLoginRequest{OrgID: n.org.ID, Username: ada.name})
		must(t, err)

		u, err := n.admin.DeactivateUser(ctx, ada.id)
		if err != nil || u.IsActive || !u.IsRegistered {
			t.Fatalf("%+v, %v", u, err)
		}
		for what, token := range map[string]string{"session": ada.Token, "other session": other.Token, "program": program.Token} {
			n.send(t, "GET", "/auth/users", token, "", "").wants(t, what, 401, "user_inactive")
			n.send(t, "POST", "/auth/action/init", token, "", `{"userActionHttpMethod":"POST","userActionHttpPath":"/auth/users"}`).wants(t, what+" signs", 400, "user_inactive")
		}
		n.send(t, "POST", "/auth/users", ada.Token, signature, body).wants(t, "signed before", 401, "user_inactive")
		// The holder of the key is told; who guesses learns no more than of a name that nobody has.
		_, err = n.Client().Login(ctx, api.SignedChallenge{ChallengeIdentifier: begun.ChallengeIdentifier, FirstFactor: ada.person.Assert(t, begun)})
		refused(t, "login begun before", err, 400, "user_inactive")
		_, err = n.Client().LogIn(ctx, n.org.ID, ada.name, ada.Signer)
		refused(t, "login", err, 400, "user_inactive")
		n.guesses(t, ada)

		u, err = n.admin.ActivateUser(ctx, ada.id)
		if err != nil || !u.IsActive {
			t.Fatalf("%+v, %v", u, err)
		}
		for what, token := range map[string]string{"session": ada.Token, "other session": other.Token} {
			n.send(t, "GET", "/auth/users", token, "", "").wants(t, what+" of before", 401, "token_invalid")
		}
		back := n.session(t, ada.person)
		n.send(t, "GET", "/auth/users", back.Token, "", "").wants(t, "new session", 200, "")
		n.send(t, "GET", "/auth/users", program.Token, "", "").wants(t, "program", 200, "")
		n.send(t, "POST", "/auth/users", back.Token, signature, body).wants(t, "signed before", 403, "user_action_invalid")
		n.send(t, "PUT", own, program.Token, byProgram, rename).wants(t, "signed by the program before", 403, "user_action_invalid")
	})
}

// guesses holds that who has not the user's key is answered as for a name nobody has.
func (n *tenant) guesses(t *testing.T, who member) {
	t.Helper()
	var answers []answer
	for _, name := range []string{who.name, "nobody@example.org"} {
		c, err := n.Client().InitLogin(context.Background(), api.InitLoginRequest{OrgID: n.org.ID, Username: name})
		must(t, err)
		stranger := countersigntest.Person{Key: authenticator.NewKeySigner("P-256")}
		stranger.Key.CredentialID = c.AllowCredentials.Key[0].ID
		a := n.send(t, "POST", "/auth/login", "", "", jsonOf(t, api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: stranger.Assert(t, c)}))
		answers = append(answers, answer{a.status, a.code, ""})
	}
	if answers[0] != answers[1] || answers[0].status != 401 {
		t.Errorf("a guess at %s: %v, at nobody: %v", who.name, answers[0], answers[1])
	}
}

// An archived user is gone for good, and their name is free.
func TestUserArchiving(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := context.Background()
		ada := n.hire(t, "ada@example.org", "Auth:Users:Create", "Auth:Users:Read", "Auth:Pats:Create")
		_, program := n.PersonalToken(t, ada.Session, "program", "")
		body := `{"email":"late@example.org","kind":"CustomerEmployee"}`
		signature, err := ada.SignFor(ctx, "POST", "/auth/users", []byte(body))
		must(t, err)
		u, err := n.admin.ArchiveUser(ctx, ada.id)
		if err != nil || u.IsActive || u.Username != ada.name {
			t.Fatalf("%+v, %v", u, err)
		}
		if u, err = n.admin.GetUser(ctx, ada.id); err != nil || u.IsActive || u.Username != ada.name || u.UserID != ada.id {
			t.Errorf("shown: %+v, %v", u, err)
		}
		for _, call := range []string{"DELETE /auth/users/{}", "PUT /auth/users/{}/activate", "PUT /auth/users/{}/deactivate", "PUT /auth/users/{}",
			"POST /countersign/people/{}/code", "DELETE /countersign/people/{}/code"} {
			method, path, _ := strings.Cut(strings.Replace(call, "{}", ada.id, 1), " ")
			a := n.signedSend(t, n.admin, true, method, path, `{"isSSORequired":false}`)
			if a.status != 404 && a.status != 409 || strings.Contains(path, "/auth/") && a.code != "user_not_found" {
				t.Errorf("%s of who is archived: %v", call, a)
			}
		}
		if n.lives(t, ada.Session) || n.lives(t, program) {
			t.Error("a token of an archived user lives")
		}
		_, err = n.Client().LogIn(ctx, n.org.ID, ada.name, ada.Signer)
		refused(t, "login", err, 401, "signature_invalid")
		n.send(t, "POST", "/auth/users", ada.Token, signature, body).wants(t, "signed before", 401, "user_inactive")

		again, err := n.admin.CreateUser(ctx, api.CreateUserRequest{Email: "Ada@example.org", Kind: api.CustomerEmployee})
		if err != nil || again.UserID == ada.id || again.IsRegistered || len(again.PermissionAssignments) > 0 {
			t.Fatalf("invited again: %+v, %v", again, err)
		}
		_, err = n.Client().LogIn(ctx, n.org.ID, ada.name, ada.Signer)
		refused(t, "login before the namesake registered", err, 401, "signature_invalid")
		namesake := n.RegisterKey(t, countersigntest.Invitation{OrgID: n.org.ID, UserID: again.UserID, Username: again.Username,
			RegistrationCode: again.Invitation.RegistrationCode}, "P-256")
		_, err = n.Client().LogIn(ctx, n.org.ID, ada.name, ada.Signer)
		refused(t, "login with the key of who was archived", err, 401, "signature_invalid")
		n.send(t, "GET", "/auth/users", n.Session(t, namesake).Token, "", "").wants(t, "the namesake", 403, "permission_denied")
		if list, err := n.admin.ListUsers(ctx, api.ListUsersRequest{Limit: 200}); err != nil || strings.Count(jsonOf(t, list), ada.id) != 0 {
			t.Errorf("the list has who is archived: %v", err)
		}
	})
}

// A registration code does not outlive the invited user, whatever is done to them.
func TestCodesOfWhoIsGone(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := context.Background()
		begin := func(i countersigntest.Invitation) error {
			_, err := n.Client().InitRegistration(ctx, api.InitRegistrationRequest{OrgID: i.OrgID, Username: i.Username, RegistrationCode: i.RegistrationCode})
			return err
		}
		off, gone := n.Invite(t, n.org.ID, "off@example.org"), n.Invite(t, n.org.ID, "gone@example.org")
		must(t, begin(off))
		must(t, begin(gone))
		_, err := n.admin.DeactivateUser(ctx, off.UserID)
		must(t, err)
		_, err = n.admin.ArchiveUser(ctx, gone.UserID)
		must(t, err)
		if begin(off) == nil || begin(gone) == nil {
			t.Error("a code outlived its user")
		}
		_, err = n.admin.ActivateUser(ctx, off.UserID)
		must(t, err)
		must(t, begin(off))
		n.Invite(t, n.org.ID, "gone@example.org")
		if begin(gone) == nil {
			t.Error("the code of who is gone is good for their namesake")
		}
	})
}

// Who may deactivate or archive may do so to themselves; that is the end of their session.
func TestOneselfDeactivated(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := context.Background()
		for name, do := range map[string]func(m member) (api.User, error){
			"off@example.org":  func(m member) (api.User, error) { return m.DeactivateUser(ctx, m.id) },
			"gone@example.org": func(m member) (api.User, error) { return m.ArchiveUser(ctx, m.id) },
		} {
			m := n.hire(t, name, "Auth:Users:Deactivate", "Auth:Users:Delete", "Auth:Users:Activate")
			if u, err := do(m); err != nil || u.IsActive {
				t.Errorf("%s: %+v, %v", name, u, err)
			}
			if n.lives(t, m.Session) {
				t.Errorf("%s: the session lives", name)
			}
		}
	})
}
