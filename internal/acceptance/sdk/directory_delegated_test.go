package sdk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

// makeEndUser has the service account register an end user, who answers the
// challenge with a key of their own, and log them in. It returns them with that session.
func (k actor) makeEndUser(t *testing.T, name string) *sdkUser {
	t.Helper()
	request := body(req{"email": name, "kind": api.EndUser, "externalId": "№ 11"})
	begun := []json.RawMessage{
		k.do(t, "auth.createDelegatedRegistrationChallenge", request).Result,
		k.do(t, "auth.createDelegatedRegistrationChallenge", request).Result, // who did not finish begins again
	}
	if k.has("auth.recreateDelegatedRegistrationChallenge") {
		begun = append(begun, k.do(t, "auth.recreateDelegatedRegistrationChallenge", request).Result)
	}
	guest := k.member(name)
	guest.makeSigner(t, "key", k.keyOptions("Ed25519"))
	last := len(begun) - 1
	for _, former := range begun[:last] {
		wantRefused(t, "a challenge that another one replaced", k.completes(t, guest, former), 401, "registration_code_revoked")
	}
	made := did[api.RegistrationResult](t, k.completes(t, guest, begun[last]))
	if made.User.Username != name || made.User.OrgID != k.org.ID || made.Credential.Kind != api.KindKey {
		t.Fatalf("registered %+v", made)
	}
	stored, err := k.DB.Member(t.Context(), k.org.ID, made.User.ID)
	if err != nil || stored.Kind != api.EndUser || stored.RegisteredAt.IsZero() || stored.ExternalID != "№ 11" ||
		len(stored.Assignments) != 1 || stored.Assignments[0].ID != api.EndUserPermissionID(k.org.ID) {
		t.Errorf("stored %+v, %v", stored, err)
	}
	o := k.do(t, "auth.createDelegatedRegistrationChallenge", request)
	wantRefused(t, "who is registered", o, 401, "user_already_exists")
	if o.Error != nil && o.Error.Message != "User already exists." {
		t.Errorf("who is registered: the SDK's sentence is %q, want the documented one", o.Error.Message)
	}
	return guest.with("authToken", did[api.LoginResult](t, k.do(t, "auth.delegatedLogin", body(req{"username": name}))).Token)
}

// completes has a new user answer the challenge of a registration, with the
// actor's client.
func (k actor) completes(t *testing.T, u *sdkUser, text json.RawMessage) outcome {
	t.Helper()
	var challenge api.RegistrationChallenge
	if err := json.Unmarshal(text, &challenge); err != nil || challenge.TemporaryAuthenticationToken == "" {
		t.Fatalf("not the challenge of a registration: %s (%v)", text, err)
	}
	credential := did[json.RawMessage](t, u.call(t, "signer.create", text))
	return k.as(u.with("authToken", challenge.TemporaryAuthenticationToken)).do(t, "auth.register",
		body(req{"firstFactorCredential": credential}))
}

// endUsers is what a service account does for end users.
func (k actor) endUsers(t *testing.T) {
	k.makeEndUser(t, k.unique("end user"))
	if k.has("auth.registerEndUser") {
		k.registersWithSession(t, k.unique("holder"))
	}
	wantRefused(t, "nobody", k.do(t, "auth.delegatedLogin", body(req{"username": "nobody"})), 401, "user_not_found")
	wantRefused(t, "an employee", k.do(t, "auth.delegatedLogin", body(req{"username": "ada@example.org"})), 401, "user_not_found")
}

// registersWithSession has a new end user register and go on in the session that the answer has. With
// wallets it is refused by name, and the challenge is as good as before.
func (k actor) registersWithSession(t *testing.T, name string) {
	t.Helper()
	begun := did[json.RawMessage](t, k.do(t, "auth.createDelegatedRegistrationChallenge", body(req{"email": name, "kind": api.EndUser})))
	challenge := did[api.RegistrationChallenge](t, outcome{Result: begun})
	guest := k.member(name)
	guest.makeSigner(t, "key", k.keyOptions("P-256"))
	credential := did[json.RawMessage](t, guest.call(t, "signer.create", begun))
	as := k.as(guest.with("authToken", challenge.TemporaryAuthenticationToken))
	o := as.do(t, "auth.registerEndUser", body(req{"firstFactorCredential": credential, "wallets": []req{{"network": "EthereumSepolia"}}}))
	wantRefused(t, "with wallets", o, 400, "wallets_not_offered")
	made := did[api.EndUserRegistrationResult](t, as.do(t, "auth.registerEndUser", body(req{"firstFactorCredential": credential, "wallets": []req{}})))
	who := did[api.TokenList](t, k.as(guest.with("authToken", made.Authentication.Token)).do(t, "auth.listPersonalAccessTokens", req{}))
	if made.User.Username != name || len(who.Items) != 0 {
		t.Errorf("registered %+v, who has %+v", made, who)
	}
}

// A key that the server named has two names, credId and the credential's uuid, and signs
// under either. From 0.4 on the published signer itself wants credId.
func (d *directory) keyByUUID(t *testing.T) {
	key := newKey(t, client.P256)
	made := did[api.ServiceAccount](t, d.actor(d.admin, direct).do(t, "auth.createServiceAccount", body(req{
		"name": "by uuid", "publicKey": key.PublicKeyPEM(), "permissionId": api.AdministratorPermissionID(d.org.ID)})))
	token, uuid := made.AccessTokens[0], made.UserInfo.CredentialUUID
	request := body(req{"email": "by uuid", "kind": api.EndUser})
	machine := d.carrier(t, "by credId", token, key)
	token.CredID = uuid
	o := d.actor(d.carrier(t, "by uuid", token, key), direct).do(t, "auth.createDelegatedRegistrationChallenge", request)
	if !d.generated {
		o.into(t, nil)
		return
	}
	if o.Error == nil || o.Error.HTTPStatus != -1 || !strings.Contains(o.Error.Message, "does not match allowed credentials") {
		t.Errorf("the signer gave %+v", o)
	}
	const method = "auth.createDelegatedRegistrationChallenge"
	challenge := did[json.RawMessage](t, machine.delegated(t, method+"Init", request))
	signed := sign(t, machine, challenge)
	var assertion map[string]any
	if err := json.Unmarshal(signed["firstFactor"].(json.RawMessage), &assertion); err != nil {
		t.Fatal(err)
	}
	assertion["credentialAssertion"].(map[string]any)["credId"] = uuid
	signed["firstFactor"] = assertion
	machine.delegated(t, method+"Complete", request, signed).into(t, nil)
}
