package token_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

const pats = "/auth/pats"

// A token may do what both it and its person may do now.
func TestTokensMayNoMoreThanTheirPerson(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		ada := n.Employ(t, "ada@example.org", "Auth:Pats:Create")
		reads := n.Permission(t, n.Org.ID, "reads", "Auth:Users:Read", "Permissions:Read")
		assignment, err := n.Admin.Assign(ctx, reads, ada.ID)
		must(t, err)
		users := n.Permission(t, n.Org.ID, "users", "Auth:Users:Read")
		copyID, copied := n.PersonalToken(t, ada.Session, "copy", "")
		narrowID, narrow := n.PersonalToken(t, ada.Session, "narrow", users)
		may := func(what string, token *client.Session, users, permissions bool) {
			t.Helper()
			if got := [2]bool{n.May(t, token.Token, "/auth/users"), n.May(t, token.Token, "/permissions")}; got != [2]bool{users, permissions} {
				t.Errorf("%s may read users %t, permissions %t", what, got[0], got[1])
			}
		}
		may("the copy", copied, true, true)
		may("the narrow one", narrow, true, false)
		if held := n.AssignmentsOf(t, copyID); len(held) != 2 {
			t.Errorf("the copy holds %+v", held)
		}
		// The token does not gain what the person gains.
		n.Promote(t, ada.ID)
		may("the narrow one of an administrator", narrow, true, false)
		n.Call(t, "GET", "/countersign/audit", copied.Token, "", "").Wants(t, "the copy of an administrator", 403, "permission_denied")
		must(t, n.Admin.Revoke(ctx, n.Everything, n.AdministratorAssignment(t, ada.ID).ID))
		// It loses what the person loses, and regains it with them.
		must(t, n.Admin.Revoke(ctx, reads, assignment.ID))
		may("the copy of who lost it", copied, false, false)
		may("the narrow one of who lost it", narrow, false, false)
		n.Promote(t, narrowID)
		may("one with everything, of who has nothing", narrow, false, false)
		_, err = n.Admin.Assign(ctx, reads, ada.ID)
		must(t, err)
		may("the copy of who has it again", copied, true, true)
		may("the one with everything", narrow, true, true)
		must(t, n.Admin.Revoke(ctx, n.Everything, n.AdministratorAssignment(t, narrowID).ID))
		may("the narrow one again", narrow, true, false)

		_, err = ada.CreateToken(ctx, api.CreateTokenRequest{Name: "x", PublicKey: world.NewKey(t, "P-256").PublicKeyPEM(), PermissionID: n.IDs["permissionId"]})
		must(t, err) // of what she holds by another permission
		for id, code := range map[string]string{n.Everything: "permission_denied", api.NewID(api.PrefixPermission, n.Clock.Now()): "permission_not_found"} {
			_, err = ada.CreateToken(ctx, api.CreateTokenRequest{Name: "y", PublicKey: world.NewKey(t, "P-256").PublicKeyPEM(), PermissionID: id})
			world.Refused(t, "of "+id, err, map[string]int{"permission_denied": 403, "permission_not_found": 404}[code], code)
		}
	})
}

// Seconds win over days, and both have bounds.
func TestLifetimesOfTokens(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		pem := strings.ReplaceAll(world.NewKey(t, "P-256").PublicKeyPEM(), "\n", `\n`)
		for i, c := range []struct {
			members string
			want    time.Duration // 0: refused
		}{
			{``, 730 * 24 * time.Hour}, {`,"daysValid":1`, 24 * time.Hour}, {`,"daysValid":730`, 730 * 24 * time.Hour},
			{`,"secondsValid":1`, time.Second}, {`,"secondsValid":63072000`, 730 * 24 * time.Hour},
			{`,"secondsValid":60,"daysValid":7`, time.Minute}, {`,"daysValid":7,"secondsValid":null`, 7 * 24 * time.Hour},
			{`,"secondsValid":0`, 0}, {`,"secondsValid":-1`, 0}, {`,"secondsValid":63072001`, 0}, {`,"daysValid":0`, 0}, {`,"daysValid":731`, 0},
			{`,"secondsValid":0,"daysValid":7`, 0}, {`,"secondsValid":60,"daysValid":731`, 0},
		} {
			before := n.Clock.Now()
			a := n.CallAs(t, n.Admin, true, "POST", pats, fmt.Sprintf(`{"name":"%d","publicKey":"%s"%s}`, i, pem, c.members))
			if c.want == 0 {
				a.Wants(t, c.members, 400, "lifetime_invalid")
				continue
			}
			a.Wants(t, c.members, 200, "")
			all, err := n.DB.AccessTokens(t.Context(), n.AdministratorID(t))
			must(t, err)
			if got := all[len(all)-1].ExpiresAt.Sub(before); got < c.want-2*time.Second || got > c.want+2*time.Second {
				t.Errorf("%s: it lasts %v", c.members, got)
			}
		}
		seconds := 90
		key := world.NewKey(t, "P-256")
		made, err := n.Admin.CreateToken(t.Context(), api.CreateTokenRequest{Name: "short", PublicKey: key.PublicKeyPEM(), SecondsValid: &seconds})
		must(t, err)
		program := n.Carry(t, made, key, made.CredID)
		body := world.JSON(t, api.CreatePermissionRequest{Name: "late", Operations: []string{"Wallets:Read"}})
		action, err := program.SignFor(t.Context(), "POST", "/permissions", []byte(body))
		must(t, err)
		n.Clock.Advance(88 * time.Second)
		n.Call(t, "GET", pats, program.Token, "", "").Wants(t, "before its end", 200, "")
		n.Clock.Advance(2 * time.Second)
		n.Call(t, "GET", pats, program.Token, "", "").Wants(t, "at its end", 401, "token_invalid")
		n.Call(t, "POST", "/permissions", program.Token, action, body).Wants(t, "signed before its end", 401, "token_invalid")
		// It does not begin again.
		if a, err := n.Admin.ActivateToken(t.Context(), made.TokenID); err != nil || n.Lives(t, program) {
			t.Errorf("activated: %+v, %v", a, err)
		}
	})
}

// Nobody else, not even an administrator, sees a person's tokens; their tokens do.
func TestTokensAreTheirPersonsOwn(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ada, bob := n.Employ(t, "ada@example.org", "Auth:Pats:Create"), n.Employ(t, "bob@example.org", "Auth:Pats:Create")
		id, program := n.PersonalToken(t, ada.Session, "Program", "")
		_, bobs := n.PersonalToken(t, bob.Session, "Program", "") // a name is one person's
		_, err := ada.CreateToken(t.Context(), api.CreateTokenRequest{Name: "PROGRAM", PublicKey: world.NewKey(t, "P-256").PublicKeyPEM()})
		world.Refused(t, "the name in capitals", err, 409, "token_name_taken")
		_, robot := n.ServiceAccount(t, n.Org.ID, "robot", n.Everything)
		kept, err := n.DB.AccessToken(t.Context(), ada.ID, id)
		must(t, err)
		for whose, s := range map[string]*client.Session{"an administrator": n.Admin, "another": bob.Session, "another's program": bobs, "a service account": robot} {
			a := n.Call(t, "GET", pats, s.Token, "", "")
			if a.Status != 200 || strings.Contains(a.Body, id) {
				t.Errorf("%s lists it: %v", whose, a)
			}
			n.Call(t, "GET", pats+"/"+id, s.Token, "", "").Wants(t, whose+" looks", 404, "token_not_found")
			for _, call := range []struct{ method, path, body string }{{"PUT", pats + "/" + id, `{"name":"x"}`}, {"DELETE", pats + "/" + id, ""},
				{"PUT", pats + "/" + id + "/activate", ""}, {"PUT", pats + "/" + id + "/deactivate", ""}} {
				n.CallAs(t, s, true, call.method, call.path, call.body).Wants(t, whose+": "+call.method+call.path, 404, "token_not_found")
			}
		}
		own := n.ServiceAccountToken(t, "robot").ID
		for _, call := range []struct{ method, path, body string }{{"PUT", pats + "/" + own, `{"name":"x"}`}, {"DELETE", pats + "/" + own, ""}, {"PUT", pats + "/" + own + "/deactivate", ""}} {
			n.CallAs(t, robot, true, call.method, call.path, call.body).Wants(t, "a service account's own token: "+call.method, 404, "token_not_found")
		}
		for _, body := range []string{`{"daysValid":7}`, `{"permissionId":"` + n.Everything + `"}`, `{"name":"x","isActive":false}`, `{"publicKey":"x"}`, `{"linkedUserId":"x"}`} {
			n.CallAs(t, ada.Session, true, "PUT", pats+"/"+id, body).Wants(t, body, 400, "member_unknown")
		}
		if now, err := n.DB.AccessToken(t.Context(), ada.ID, id); err != nil || world.JSON(t, now) != world.JSON(t, kept) {
			t.Errorf("it was %+v and is %+v, %v", kept, now, err)
		}
		checkManages(t, n, ada, n.Checked(program))
	})
}

// checkManages has a token rename, deactivate, activate and archive tokens of its person.
func checkManages(t *testing.T, n *world.Tenant, ada world.Member, program *client.Session) {
	t.Helper()
	ctx := t.Context()
	id, other := n.PersonalToken(t, ada.Session, "other", "")
	if list, err := program.ListTokens(ctx); err != nil || len(list.Items) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	name, taken := "Other", "program"
	if a, err := program.UpdateToken(ctx, api.UpdateTokenRequest{TokenID: id, Rename: api.Rename{Name: &name}}); err != nil || a.Name != name {
		t.Errorf("%+v, %v", a, err)
	}
	_, err := program.UpdateToken(ctx, api.UpdateTokenRequest{TokenID: id, Rename: api.Rename{Name: &taken}})
	world.Refused(t, "a name that is taken", err, 409, "token_name_taken")
	if a, err := program.DeactivateToken(ctx, id); err != nil || a.IsActive || n.Lives(t, other) {
		t.Errorf("deactivated: %+v, %v", a, err)
	}
	if a, err := program.ActivateToken(ctx, id); err != nil || !a.IsActive || !n.Lives(t, other) {
		t.Errorf("activated: %+v, %v", a, err)
	}
	if a, err := program.ArchiveToken(ctx, id); err != nil || a.IsActive || n.Lives(t, other) {
		t.Errorf("archived: %+v, %v", a, err)
	}
	for what, do := range map[string]func() error{
		"archive":  func() error { _, err := program.ArchiveToken(ctx, id); return err },
		"activate": func() error { _, err := program.ActivateToken(ctx, id); return err },
		"rename": func() error {
			_, err := program.UpdateToken(ctx, api.UpdateTokenRequest{TokenID: id, Rename: api.Rename{Name: &name}})
			return err
		},
	} {
		world.Refused(t, what+" once archived", do(), 404, "token_not_found")
	}
	if a, err := program.GetToken(ctx, id); err != nil || a.IsActive {
		t.Errorf("shown once archived: %+v, %v", a, err)
	}
	if list, err := program.ListTokens(ctx); err != nil || len(list.Items) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	// Its name is free, and a new token of that name has none of its rights.
	_, namesake := n.PersonalToken(t, ada.Session, "other", "")
	if n.Lives(t, other) || !n.Lives(t, namesake) {
		t.Error("the archived token lives, or its namesake does not")
	}
	// A token may deactivate itself; the answer is its last.
	all, err := n.DB.AccessTokens(ctx, ada.ID)
	must(t, err)
	self := all[slices.IndexFunc(all, func(e store.TokenEntry) bool { return e.Name == "Program" })].ID
	if a, err := program.DeactivateToken(ctx, self); err != nil || a.IsActive || n.Lives(t, program) {
		t.Errorf("itself: %+v, %v", a, err)
	}
}

// Deactivating a token also voids what it signed, but not what its person signed otherwise.
func TestDeactivatedTokensVoidTheirSignatures(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		ada := n.Employ(t, "ada@example.org", "Auth:Pats:Create", "Permissions:Create")
		id, program := n.PersonalToken(t, ada.Session, "program", "")
		_, other := n.PersonalToken(t, ada.Session, "other", "")
		signed := map[*client.Session]string{}
		body := func(s *client.Session) string {
			return world.JSON(t, api.CreatePermissionRequest{Name: fmt.Sprint("by ", s.Token[len(s.Token)-8:]), Operations: []string{"Wallets:Read"}})
		}
		for _, s := range []*client.Session{program, other, ada.Session} {
			var err error
			signed[s], err = s.SignFor(ctx, "POST", "/permissions", []byte(body(s)))
			must(t, err)
		}
		_, err := ada.DeactivateToken(ctx, id)
		must(t, err)
		n.Call(t, "POST", "/permissions", program.Token, signed[program], body(program)).Wants(t, "deactivated", 401, "token_invalid")
		_, err = ada.ActivateToken(ctx, id)
		must(t, err)
		n.Call(t, "POST", "/permissions", program.Token, signed[program], body(program)).Wants(t, "activated", 403, "user_action_invalid")
		n.Call(t, "POST", "/permissions", other.Token, signed[other], body(other)).Wants(t, "another program", 200, "")
		n.Call(t, "POST", "/permissions", ada.Token, signed[ada.Session], body(ada.Session)).Wants(t, "the person", 200, "")
		must(t, ada.LogOut(ctx, true))
		if !n.Lives(t, program) {
			t.Error("a program ends with its person's sessions")
		}
	})
}

// What end users may not do, their tokens may not do either.
func TestTokensOfEndUsers(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		customer := n.EmployAs(t, "customer", api.EndUser, "Auth:Pats:Create", "Auth:Users:Read", "Auth:Users:Update", "Auth:Logs:Read", "Permissions:Read")
		_, program := n.PersonalToken(t, customer.Session, "program", "")
		for path, open := range map[string]bool{"/permissions": true, pats: true, "/auth/users": false, "/auth/users/" + n.IDs["userId"]: false,
			"/countersign/people": false, "/countersign/audit": false, n.AuditLogPath(): false} {
			for who, s := range map[string]*client.Session{"the end user": customer.Session, "their program": program} {
				if n.May(t, s.Token, path) != open {
					t.Errorf("%s, %s: may %t", path, who, !open)
				}
			}
		}
		n.CallAs(t, program, true, "PUT", "/auth/users/"+n.IDs["userId"], `{"isSSORequired":false}`).Wants(t, "their program updates a user", 403, "permission_denied")
	})
}
