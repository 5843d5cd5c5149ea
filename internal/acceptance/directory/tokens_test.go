package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/store"
)

const pats = "/auth/pats"

// A token may do what it and its person both may, now.
func TestProgramsMayNoMoreThanTheirPerson(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		ada := n.hire(t, "ada@example.org", "Auth:Pats:Create")
		reads := n.Permission(t, n.org.ID, "reads", "Auth:Users:Read", "Permissions:Read")
		given, err := n.admin.Assign(ctx, reads, ada.id)
		must(t, err)
		users := n.Permission(t, n.org.ID, "users", "Auth:Users:Read")
		copyID, copied := n.PersonalToken(t, ada.Session, "copy", "")
		narrowID, narrow := n.PersonalToken(t, ada.Session, "narrow", users)
		may := func(what string, token *client.Session, users, permissions bool) {
			t.Helper()
			if got := [2]bool{n.may(t, token.Token, "/auth/users"), n.may(t, token.Token, "/permissions")}; got != [2]bool{users, permissions} {
				t.Errorf("%s may read users %t, permissions %t", what, got[0], got[1])
			}
		}
		may("the copy", copied, true, true)
		may("the narrow one", narrow, true, false)
		if held := n.assignmentsOf(t, copyID); len(held) != 2 {
			t.Errorf("the copy holds %+v", held)
		}
		// What the person gains the token does not.
		n.promote(t, ada.id)
		may("the narrow one of an administrator", narrow, true, false)
		n.send(t, "GET", "/countersign/audit", copied.Token, "", "").wants(t, "the copy of an administrator", 403, "permission_denied")
		must(t, n.admin.Revoke(ctx, n.all, n.assignment(t, ada.id).ID))
		// What they lose it loses, and has again when they do.
		must(t, n.admin.Revoke(ctx, reads, given.ID))
		may("the copy of who lost it", copied, false, false)
		may("the narrow one of who lost it", narrow, false, false)
		n.promote(t, narrowID)
		may("one with everything, of who has nothing", narrow, false, false)
		_, err = n.admin.Assign(ctx, reads, ada.id)
		must(t, err)
		may("the copy of who has it again", copied, true, true)
		may("the one with everything", narrow, true, true)
		must(t, n.admin.Revoke(ctx, n.all, n.assignment(t, narrowID).ID))
		may("the narrow one again", narrow, true, false)

		_, err = ada.CreateToken(ctx, api.CreateTokenRequest{Name: "x", PublicKey: newKey(t, "P-256").PublicKeyPEM(), PermissionID: n.ids["permissionId"]})
		must(t, err) // of what she holds by another permission
		for id, code := range map[string]string{n.all: "permission_denied", api.NewID(api.PrefixPermission, n.Clock.Now()): "permission_not_found"} {
			_, err = ada.CreateToken(ctx, api.CreateTokenRequest{Name: "y", PublicKey: newKey(t, "P-256").PublicKeyPEM(), PermissionID: id})
			refused(t, "of "+id, err, map[string]int{"permission_denied": 403, "permission_not_found": 404}[code], code)
		}
	})
}

// Seconds win over days, and both have bounds.
func TestLifetimesOfTokens(t *testing.T) {
	later(t, func(t *testing.T, n *tenant) {
		pem := strings.ReplaceAll(newKey(t, "P-256").PublicKeyPEM(), "\n", `\n`)
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
			a := n.signedSend(t, n.admin, true, "POST", pats, fmt.Sprintf(`{"name":"%d","publicKey":"%s"%s}`, i, pem, c.members))
			if c.want == 0 {
				a.wants(t, c.members, 400, "lifetime_invalid")
				continue
			}
			a.wants(t, c.members, 200, "")
			all, err := n.DB.AccessTokens(t.Context(), n.boss(t))
			must(t, err)
			if got := all[len(all)-1].ExpiresAt.Sub(before); got < c.want-2*time.Second || got > c.want+2*time.Second {
				t.Errorf("%s: it lasts %v", c.members, got)
			}
		}
		seconds := 90
		key := newKey(t, "P-256")
		made, err := n.admin.CreateToken(t.Context(), api.CreateTokenRequest{Name: "short", PublicKey: key.PublicKeyPEM(), SecondsValid: &seconds})
		must(t, err)
		program := n.carries(t, made, key, made.CredID)
		body := jsonOf(t, api.CreatePermissionRequest{Name: "late", Operations: []string{"Wallets:Read"}})
		action, err := program.SignFor(t.Context(), "POST", "/permissions", []byte(body))
		must(t, err)
		n.Clock.Advance(88 * time.Second)
		n.send(t, "GET", pats, program.Token, "", "").wants(t, "before its end", 200, "")
		n.Clock.Advance(2 * time.Second)
		n.send(t, "GET", pats, program.Token, "", "").wants(t, "at its end", 401, "token_invalid")
		n.send(t, "POST", "/permissions", program.Token, action, body).wants(t, "signed before its end", 401, "token_invalid")
		// It does not begin again.
		if a, err := n.admin.ActivateToken(t.Context(), made.TokenID); err != nil || n.lives(t, program) {
			t.Errorf("activated: %+v, %v", a, err)
		}
	})
}

// Nobody else sees a person's tokens, administrators neither; their programs do.
func TestTokensAreTheirPersonsOwn(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ada, bob := n.hire(t, "ada@example.org", "Auth:Pats:Create"), n.hire(t, "bob@example.org", "Auth:Pats:Create")
		id, program := n.PersonalToken(t, ada.Session, "Program", "")
		_, bobs := n.PersonalToken(t, bob.Session, "Program", "") // a name is one person's
		_, err := ada.CreateToken(t.Context(), api.CreateTokenRequest{Name: "PROGRAM", PublicKey: newKey(t, "P-256").PublicKeyPEM()})
		refused(t, "the name in capitals", err, 409, "token_name_taken")
		_, robot := n.Machine(t, n.org.ID, "robot", n.all)
		kept, err := n.DB.AccessToken(t.Context(), ada.id, id)
		must(t, err)
		for whose, s := range map[string]*client.Session{"an administrator": n.admin, "another": bob.Session, "another's program": bobs, "a machine": robot} {
			a := n.send(t, "GET", pats, s.Token, "", "")
			if a.status != 200 || strings.Contains(a.body, id) {
				t.Errorf("%s lists it: %v", whose, a)
			}
			n.send(t, "GET", pats+"/"+id, s.Token, "", "").wants(t, whose+" looks", 404, "token_not_found")
			for _, call := range []request{{"PUT", pats + "/" + id, `{"name":"x"}`}, {"DELETE", pats + "/" + id, ""},
				{"PUT", pats + "/" + id + "/activate", ""}, {"PUT", pats + "/" + id + "/deactivate", ""}} {
				n.signedSend(t, s, true, call.method, call.path, call.body).wants(t, whose+": "+call.method+call.path, 404, "token_not_found")
			}
		}
		own := n.machineToken(t, "robot").ID
		for _, call := range []request{{"PUT", pats + "/" + own, `{"name":"x"}`}, {"DELETE", pats + "/" + own, ""}, {"PUT", pats + "/" + own + "/deactivate", ""}} {
			n.signedSend(t, robot, true, call.method, call.path, call.body).wants(t, "a machine's own token: "+call.method, 404, "token_not_found")
		}
		for _, body := range []string{`{"daysValid":7}`, `{"permissionId":"` + n.all + `"}`, `{"name":"x","isActive":false}`, `{"publicKey":"x"}`, `{"linkedUserId":"x"}`} {
			n.signedSend(t, ada.Session, true, "PUT", pats+"/"+id, body).wants(t, body, 400, "member_unknown")
		}
		if now, err := n.DB.AccessToken(t.Context(), ada.id, id); err != nil || jsonOf(t, now) != jsonOf(t, kept) {
			t.Errorf("it was %+v and is %+v, %v", kept, now, err)
		}
		n.manages(t, ada, n.watched(program))
	})
}

// manages has a program rename, withdraw, put back and archive tokens of its person.
func (n *tenant) manages(t *testing.T, ada member, program *client.Session) {
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
	refused(t, "a name that is taken", err, 409, "token_name_taken")
	if a, err := program.DeactivateToken(ctx, id); err != nil || a.IsActive || n.lives(t, other) {
		t.Errorf("withdrawn: %+v, %v", a, err)
	}
	if a, err := program.ActivateToken(ctx, id); err != nil || !a.IsActive || !n.lives(t, other) {
		t.Errorf("put back: %+v, %v", a, err)
	}
	if a, err := program.ArchiveToken(ctx, id); err != nil || a.IsActive || n.lives(t, other) {
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
		refused(t, what+" once archived", do(), 404, "token_not_found")
	}
	if a, err := program.GetToken(ctx, id); err != nil || a.IsActive {
		t.Errorf("shown once archived: %+v, %v", a, err)
	}
	if list, err := program.ListTokens(ctx); err != nil || len(list.Items) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	// Its name is free, and what it was is not what its namesake is.
	_, namesake := n.PersonalToken(t, ada.Session, "other", "")
	if n.lives(t, other) || !n.lives(t, namesake) {
		t.Error("the archived token lives, or its namesake does not")
	}
	// A program may end itself; the answer is its last.
	all, err := n.DB.AccessTokens(ctx, ada.id)
	must(t, err)
	self := all[slices.IndexFunc(all, func(e store.TokenEntry) bool { return e.Name == "Program" })].ID
	if a, err := program.DeactivateToken(ctx, self); err != nil || a.IsActive || n.lives(t, program) {
		t.Errorf("itself: %+v, %v", a, err)
	}
}

// A withdrawn token takes what it signed with it, and leaves its person's other signatures.
func TestWithdrawnTokensVoidTheirSignatures(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		ada := n.hire(t, "ada@example.org", "Auth:Pats:Create", "Permissions:Create")
		id, program := n.PersonalToken(t, ada.Session, "program", "")
		_, other := n.PersonalToken(t, ada.Session, "other", "")
		signed := map[*client.Session]string{}
		body := func(s *client.Session) string {
			return jsonOf(t, api.CreatePermissionRequest{Name: fmt.Sprint("by ", s.Token[len(s.Token)-8:]), Operations: []string{"Wallets:Read"}})
		}
		for _, s := range []*client.Session{program, other, ada.Session} {
			var err error
			signed[s], err = s.SignFor(ctx, "POST", "/permissions", []byte(body(s)))
			must(t, err)
		}
		_, err := ada.DeactivateToken(ctx, id)
		must(t, err)
		n.send(t, "POST", "/permissions", program.Token, signed[program], body(program)).wants(t, "withdrawn", 401, "token_invalid")
		_, err = ada.ActivateToken(ctx, id)
		must(t, err)
		n.send(t, "POST", "/permissions", program.Token, signed[program], body(program)).wants(t, "put back", 403, "user_action_invalid")
		n.send(t, "POST", "/permissions", other.Token, signed[other], body(other)).wants(t, "another program", 200, "")
		n.send(t, "POST", "/permissions", ada.Token, signed[ada.Session], body(ada.Session)).wants(t, "the person", 200, "")
		must(t, ada.LogOut(ctx, true))
		if !n.lives(t, program) {
			t.Error("a program ends with its person's sessions")
		}
	})
}

// What is not for end users is not for their programs either.
func TestProgramsOfEndUsers(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		customer := n.hireAs(t, "customer", api.EndUser, "Auth:Pats:Create", "Auth:Users:Read", "Auth:Users:Update", "Auth:Logs:Read", "Permissions:Read")
		_, program := n.PersonalToken(t, customer.Session, "program", "")
		for path, open := range map[string]bool{"/permissions": true, pats: true, "/auth/users": false, "/auth/users/" + n.ids["userId"]: false,
			people: false, "/countersign/audit": false, n.auditLog(): false} {
			for who, s := range map[string]*client.Session{"the end user": customer.Session, "their program": program} {
				if n.may(t, s.Token, path) != open {
					t.Errorf("%s, %s: may %t", path, who, !open)
				}
			}
		}
		n.signedSend(t, program, true, "PUT", "/auth/users/"+n.ids["userId"], `{"isSSORequired":false}`).wants(t, "their program updates a user", 403, "permission_denied")
	})
}
