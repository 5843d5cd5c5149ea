package user_test

import (
	"context"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
)

func TestUserUpdate(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		path := "/auth/users/" + n.IDs["userId"]
		n.CallAs(t, n.Admin, true, "PUT", path, `{"isSSORequired":false}`).Wants(t, "nothing to change", 200, "")
		before := n.State(t)
		for body, code := range map[string]string{
			`{"isSSORequired":true}`:  "sso_not_offered",
			`{}`:                      "member_missing",
			`{"isSSORequired":null}`:  "member_missing",
			`{"isSSORequired":"no"}`:  "invalid_member",
			`[]`:                      "invalid_member",
			`{"isssorequired":false}`: "member_unknown",
		} {
			n.CallAs(t, n.Admin, true, "PUT", path, body).Wants(t, body, 400, code)
		}
		for _, member := range []string{`"kind":"EndUser"`, `"orgId":"or-x"`, `"isActive":false`, `"administrator":true`, `"permissions":["Auth:Users:Create"]`,
			`"permissionAssignments":[]`, `"username":"x@example.org"`, `"userId":"us-x"`, `"isRegistered":true`, `"isServiceAccount":true`,
			`"credentialUuid":"cr-x"`, `"externalId":"x"`, `"":1`} {
			for _, body := range []string{`{"isSSORequired":false,` + member + `}`, `{` + member + `,"isSSORequired":false}`} {
				n.CallAs(t, n.Admin, true, "PUT", path, body).Wants(t, body, 400, "member_unknown")
			}
		}
		n.Unchanged(t, "refused updates", before)
	})
}

// A deactivated user loses all access at once. Activation restores it, but nothing that was under
// way.
func TestUserDeactivation(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := context.Background()
		ada := n.Employ(t, "ada@example.org", "Auth:Users:Create", "Auth:Users:Read", "Auth:Pats:Create")
		other := n.Member(t, ada.Person)
		_, program := n.PersonalToken(t, ada.Session, "program", "")
		body := `{"email":"late@example.org","kind":"CustomerEmployee"}`
		signature, err := ada.SignFor(ctx, "POST", "/auth/users", []byte(body))
		must(t, err)
		rename := `{"name":"late"}`
		own := "/auth/pats/" + n.TokenOf(t, ada.ID, "program")
		byProgram, err := program.SignFor(ctx, "PUT", own, []byte(rename))
		must(t, err)
		begun, err := n.Client().InitLogin(ctx, api.InitLoginRequest{OrgID: n.Org.ID, Username: ada.Name})
		must(t, err)

		u, err := n.Admin.DeactivateUser(ctx, ada.ID)
		if err != nil || u.IsActive || !u.IsRegistered {
			t.Fatalf("%+v, %v", u, err)
		}
		for what, token := range map[string]string{"session": ada.Token, "other session": other.Token, "program": program.Token} {
			n.Call(t, "GET", "/auth/users", token, "", "").Wants(t, what, 401, "user_inactive")
			n.Call(t, "POST", "/auth/action/init", token, "", `{"userActionHttpMethod":"POST","userActionHttpPath":"/auth/users"}`).Wants(t, what+" signs", 400, "user_inactive")
		}
		n.Call(t, "POST", "/auth/users", ada.Token, signature, body).Wants(t, "signed before", 401, "user_inactive")
		// A user with the right key learns it; a guess is answered as for a name that nobody has.
		_, err = n.Client().Login(ctx, api.SignedChallenge{ChallengeIdentifier: begun.ChallengeIdentifier, FirstFactor: ada.Person.Assert(t, begun)})
		world.Refused(t, "login begun before", err, 400, "user_inactive")
		_, err = n.Client().LogIn(ctx, n.Org.ID, ada.Name, ada.Signer)
		world.Refused(t, "login", err, 400, "user_inactive")
		checkGuesses(t, n, ada)

		u, err = n.Admin.ActivateUser(ctx, ada.ID)
		if err != nil || !u.IsActive {
			t.Fatalf("%+v, %v", u, err)
		}
		for what, token := range map[string]string{"session": ada.Token, "other session": other.Token} {
			n.Call(t, "GET", "/auth/users", token, "", "").Wants(t, what+" of before", 401, "token_invalid")
		}
		back := n.Member(t, ada.Person)
		n.Call(t, "GET", "/auth/users", back.Token, "", "").Wants(t, "new session", 200, "")
		n.Call(t, "GET", "/auth/users", program.Token, "", "").Wants(t, "program", 200, "")
		n.Call(t, "POST", "/auth/users", back.Token, signature, body).Wants(t, "signed before", 403, "user_action_invalid")
		n.Call(t, "PUT", own, program.Token, byProgram, rename).Wants(t, "signed by the program before", 403, "user_action_invalid")
	})
}

// checkGuesses requires that an answer without the user's key is refused as for a name that nobody
// has.
func checkGuesses(t *testing.T, n *world.Tenant, who world.Member) {
	t.Helper()
	var answers []world.Answer
	for _, name := range []string{who.Name, "nobody@example.org"} {
		c, err := n.Client().InitLogin(context.Background(), api.InitLoginRequest{OrgID: n.Org.ID, Username: name})
		must(t, err)
		stranger := countersigntest.Person{Key: authenticator.NewKeySigner("P-256")}
		stranger.Key.CredentialID = c.AllowCredentials.Key[0].ID
		a := n.Call(t, "POST", "/auth/login", "", "", world.JSON(t, api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: stranger.Assert(t, c)}))
		answers = append(answers, a)
	}
	if answers[0].Outcome() != answers[1].Outcome() || answers[0].Status != 401 {
		t.Errorf("a guess at %s: %v, at nobody: %v", who.Name, answers[0], answers[1])
	}
}

// An archived user is archived permanently, and their name is free.
func TestUserArchiving(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := context.Background()
		ada := n.Employ(t, "ada@example.org", "Auth:Users:Create", "Auth:Users:Read", "Auth:Pats:Create")
		_, program := n.PersonalToken(t, ada.Session, "program", "")
		body := `{"email":"late@example.org","kind":"CustomerEmployee"}`
		signature, err := ada.SignFor(ctx, "POST", "/auth/users", []byte(body))
		must(t, err)
		u, err := n.Admin.ArchiveUser(ctx, ada.ID)
		if err != nil || u.IsActive || u.Username != ada.Name {
			t.Fatalf("%+v, %v", u, err)
		}
		if u, err = n.Admin.GetUser(ctx, ada.ID); err != nil || u.IsActive || u.Username != ada.Name || u.UserID != ada.ID {
			t.Errorf("shown: %+v, %v", u, err)
		}
		for _, call := range []string{"DELETE /auth/users/{}", "PUT /auth/users/{}/activate", "PUT /auth/users/{}/deactivate", "PUT /auth/users/{}",
			"POST /countersign/people/{}/code", "DELETE /countersign/people/{}/code"} {
			method, path, _ := strings.Cut(strings.Replace(call, "{}", ada.ID, 1), " ")
			a := n.CallAs(t, n.Admin, true, method, path, `{"isSSORequired":false}`)
			if a.Status != 404 && a.Status != 409 || strings.Contains(path, "/auth/") && a.Code != "user_not_found" {
				t.Errorf("%s of who is archived: %v", call, a)
			}
		}
		if n.Lives(t, ada.Session) || n.Lives(t, program) {
			t.Error("a token of an archived user lives")
		}
		_, err = n.Client().LogIn(ctx, n.Org.ID, ada.Name, ada.Signer)
		world.Refused(t, "login", err, 401, "signature_invalid")
		n.Call(t, "POST", "/auth/users", ada.Token, signature, body).Wants(t, "signed before", 401, "user_inactive")

		again, err := n.Admin.CreateUser(ctx, api.CreateUserRequest{Email: "Ada@example.org", Kind: api.CustomerEmployee})
		if err != nil || again.UserID == ada.ID || again.IsRegistered || len(again.PermissionAssignments) > 0 {
			t.Fatalf("invited again: %+v, %v", again, err)
		}
		_, err = n.Client().LogIn(ctx, n.Org.ID, ada.Name, ada.Signer)
		world.Refused(t, "login before the namesake registered", err, 401, "signature_invalid")
		namesake := n.RegisterKey(t, countersigntest.Invitation{OrgID: n.Org.ID, UserID: again.UserID, Username: again.Username,
			RegistrationCode: again.Invitation.RegistrationCode}, "P-256")
		_, err = n.Client().LogIn(ctx, n.Org.ID, ada.Name, ada.Signer)
		world.Refused(t, "login with the key of who was archived", err, 401, "signature_invalid")
		n.Call(t, "GET", "/auth/users", n.Session(t, namesake).Token, "", "").Wants(t, "the namesake", 403, "permission_denied")
		if list, err := n.Admin.ListUsers(ctx, api.ListUsersRequest{Limit: 200}); err != nil || strings.Count(world.JSON(t, list), ada.ID) != 0 {
			t.Errorf("the list has who is archived: %v", err)
		}
	})
}

// A registration code does not outlive the invited user, whatever is done to them.
func TestCodesOfWhoIsGone(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := context.Background()
		begin := func(i countersigntest.Invitation) error {
			_, err := n.Client().InitRegistration(ctx, api.InitRegistrationRequest{OrgID: i.OrgID, Username: i.Username, RegistrationCode: i.RegistrationCode})
			return err
		}
		off, gone := n.Invite(t, n.Org.ID, "off@example.org"), n.Invite(t, n.Org.ID, "gone@example.org")
		must(t, begin(off))
		must(t, begin(gone))
		_, err := n.Admin.DeactivateUser(ctx, off.UserID)
		must(t, err)
		_, err = n.Admin.ArchiveUser(ctx, gone.UserID)
		must(t, err)
		if begin(off) == nil || begin(gone) == nil {
			t.Error("a code outlived its user")
		}
		_, err = n.Admin.ActivateUser(ctx, off.UserID)
		must(t, err)
		must(t, begin(off))
		n.Invite(t, n.Org.ID, "gone@example.org")
		if begin(gone) == nil {
			t.Error("the code of who is gone is good for their namesake")
		}
	})
}

// Users who may deactivate or archive may do so to themselves, which ends their session.
func TestOneselfDeactivated(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := context.Background()
		for name, do := range map[string]func(m world.Member) (api.User, error){
			"off@example.org":  func(m world.Member) (api.User, error) { return m.DeactivateUser(ctx, m.ID) },
			"gone@example.org": func(m world.Member) (api.User, error) { return m.ArchiveUser(ctx, m.ID) },
		} {
			m := n.Employ(t, name, "Auth:Users:Deactivate", "Auth:Users:Delete", "Auth:Users:Activate")
			if u, err := do(m); err != nil || u.IsActive {
				t.Errorf("%s: %+v, %v", name, u, err)
			}
			if n.Lives(t, m.Session) {
				t.Errorf("%s: the session lives", name)
			}
		}
	})
}
