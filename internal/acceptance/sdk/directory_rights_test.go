package sdk_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
)

// userID reads in somebody's token who they are.
func userID(t *testing.T, u *sdkUser) string {
	t.Helper()
	parts := strings.Split(u.token(), ".")
	if len(parts) != 3 {
		t.Fatalf("%s has no token: %q", u.name, u.token())
	}
	var claims struct {
		Metadata struct{ UserID string } `json:"https://custom/app_metadata"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil || claims.Metadata.UserID == "" {
		t.Fatalf("the token says %s: %v", payload, err)
	}
	return claims.Metadata.UserID
}

// employee registers and logs in somebody who has no rights yet.
func (d *directory) employee(t *testing.T, name string) (u *sdkUser, userID string) {
	t.Helper()
	inv := d.Invite(t, d.org.ID, name)
	u = d.member(name)
	u.makeSigner(t, "key", d.keyOptions("P-256"))
	u.register(t, inv)
	return u.logIn(t, named(d.org.ID, name)), inv.UserID
}

// rights are had as long as they are assigned, and a token never has more than its person.
func (d *directory) rights(t *testing.T) {
	ada := d.actor(d.admin, direct)
	user, id := d.employee(t, "bob")
	bob, who := d.actor(user, direct), "CustomerEmployee "+id
	invitation := body(req{"email": "eve@example.org", "kind": api.CustomerEmployee})
	wantDenied(t, who, "Auth:Users:Create", bob.do(t, "auth.createUser", invitation))
	wantDenied(t, who, "Auth:Pats:Create", bob.do(t, "auth.createPersonalAccessToken",
		body(req{"name": "early", "publicKey": newKey(t, client.P256).PublicKeyPEM()})))

	kept := ada.makePermission(t, "kept", "Auth:Pats:Create", "Permissions:Create", "Permissions:Assign")
	lost := ada.makePermission(t, "lost", "Auth:Users:Read")
	ada.give(t, kept.ID, id)
	assignmentID := ada.give(t, lost.ID, id)
	wide, user := bob.makeToken(t, "wide", "")
	script := bob.as(user)
	narrow, user := bob.makeToken(t, "narrow", kept.ID)
	bob.do(t, "auth.listUsers", req{}).into(t, nil)
	script.do(t, "auth.listUsers", req{}).into(t, nil)
	wantDenied(t, "Pat "+narrow.TokenID, "Auth:Users:Read", bob.as(user).do(t, "auth.listUsers", req{}))
	if bob.has("permissions.createAssignment") {
		more := bob.makePermission(t, "more", "Auth:Users:Delete")
		wantDenied(t, who, "Auth:Users:Delete", bob.do(t, "permissions.createAssignment",
			merged(req{"permissionId": more.ID}, body(req{"identityId": id}))))
		ada.take(t, lost.ID, assignmentID, false)
		wantDenied(t, who, "Auth:Users:Read", bob.do(t, "auth.listUsers", req{}))
		wantDenied(t, "Pat "+wide.TokenID, "Auth:Users:Read", script.do(t, "auth.listUsers", req{}))
		script.do(t, "auth.listPersonalAccessTokens", req{}).into(t, nil)
		ada.give(t, lost.ID, id)
		script.do(t, "auth.listUsers", req{}).into(t, nil)
	}
	ada.do(t, "auth.deactivateUser", req{"userId": id}).into(t, nil)
	wantRefused(t, "a token whose person is deactivated", script.do(t, "auth.listUsers", req{}), 401, "user_inactive")
	wantRefused(t, "the last administrator", ada.do(t, "auth.deactivateUser", req{"userId": userID(t, d.admin)}), 409, "last_administrator")
	d.noUser(t, d.admin, "eve@example.org")
}

// programs is what a program does with an administrator's token and a key of its own.
func (d *directory) programs(t *testing.T) {
	ada := d.actor(d.admin, direct)
	_, user := ada.makeToken(t, "program", "")
	for _, m := range []manner{direct, application} {
		program := d.actor(user, m)
		t.Run(string(m), func(t *testing.T) {
			t.Run("permissions", program.permissions)
			t.Run("audit log", program.auditLog)
			other, _ := ada.makeToken(t, program.unique("script"), "")
			id := req{"tokenId": other.TokenID}
			wantRefused(t, "another token's name", program.do(t, "auth.updatePersonalAccessToken", merged(id, body(req{"name": "mine"}))), 403, "permission_denied")
			wantRefused(t, "another token", program.do(t, "auth.deactivatePersonalAccessToken", id), 403, "permission_denied")
			bob := req{"userId": d.Invite(t, d.org.ID, program.unique("bob")).UserID}
			wantWrongKind(t, "Pat", "createUser", program.do(t, "auth.createUser", body(req{"email": "eve@example.org", "kind": api.CustomerEmployee})))
			wantWrongKind(t, "Pat", "deactivateUser", program.do(t, "auth.deactivateUser", bob))
			program.do(t, "auth.archiveUser", bob).into(t, nil)
			key := newKey(t, client.P256).PublicKeyPEM()
			wantWrongKind(t, "Pat", "createPersonalAccessToken", program.do(t, "auth.createPersonalAccessToken", body(req{"name": "more", "publicKey": key})))
			wantWrongKind(t, "Pat", "createServiceAccount", program.do(t, "auth.createServiceAccount", body(req{"name": "more", "publicKey": key})))
		})
	}
}

// sessions invites, registers, logs in, signs by hand and logs out by the single calls.
func (k actor) sessions(t *testing.T) {
	inv := k.Invite(t, k.org.ID, k.unique("carol"))
	login := named(k.org.ID, inv.Username)
	says := func(method string, request req) {
		t.Helper()
		if k.has(method) && did[api.Message](t, k.do(t, method, request)).Message == "" {
			t.Errorf("%s says nothing", method)
		}
	}
	says("auth.resendRegistrationCode", body(named(k.org.ID, "nobody")))
	says("auth.sendLoginCode", body(login))
	carol := k.member(inv.Username)
	carol.makeSigner(t, "key", k.keyOptions("P-256"))
	carol = k.as(carol).logsIn(t, inv)

	request := body(req{"userActionHttpMethod": "POST", "userActionHttpPath": "/looms", "userActionPayload": "{}", "userActionServerKind": "Api"})
	challenge := did[json.RawMessage](t, k.as(carol).do(t, "auth.createUserActionChallenge", request))
	signed := body(sign(t, carol, challenge))
	if did[api.ActionResult](t, k.as(carol).do(t, "auth.createUserActionSignature", signed)).UserAction == "" {
		t.Error("the signature brought no user action")
	}
	if !k.has("auth.logout") {
		return
	}
	k.as(carol).do(t, "auth.logout", body(req{})).into(t, nil)
	wantRefused(t, "after the logout", carol.call(t, "auth.listPersonalAccessTokens", req{}), 401, "token_invalid")
}

// logsIn registers the actor and logs them in, by the generated calls where
// there are any.
func (k actor) logsIn(t *testing.T, inv countersigntest.Invitation) *sdkUser {
	t.Helper()
	invitation := req{"orgId": inv.OrgID, "username": inv.Username, "registrationCode": inv.RegistrationCode}
	if !k.generated {
		challenge := did[json.RawMessage](t, k.user.call(t, "base.createUserRegistrationChallenge", invitation))
		k.completes(t, k.user, challenge).into(t, nil)
		return k.user.logIn(t, named(inv.OrgID, inv.Username))
	}
	k.completes(t, k.user, did[json.RawMessage](t, k.do(t, "auth.createRegistrationChallenge", body(invitation)))).into(t, nil)
	challenge := did[json.RawMessage](t, k.do(t, "auth.createLoginChallenge", body(named(inv.OrgID, inv.Username))))
	return k.user.with("authToken", did[api.LoginResult](t, k.do(t, "auth.login", body(sign(t, k.user, challenge)))).Token)
}
