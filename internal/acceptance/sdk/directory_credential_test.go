package sdk_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/service/recovery"
	"github.com/countersign/countersign/internal/store"
)

// made is a new key as the SDK sends it.
func made(key *authenticator.KeySigner, challenge api.CredentialChallenge, name string) req {
	c := key.Create(challenge.Challenge, challenge.Kind)
	all := req{"challengeIdentifier": challenge.ChallengeIdentifier, "credentialKind": c.CredentialKind, "credentialName": name,
		"credentialInfo": req{"credId": c.CredentialInfo.CredID, "clientData": c.CredentialInfo.ClientData, "attestationData": c.CredentialInfo.AttestationData}}
	if c.EncryptedPrivateKey != "" {
		all["encryptedPrivateKey"] = c.EncryptedPrivateKey
	}
	return all
}

// credentials has somebody add, list, deactivate and activate credentials of their own, also by code.
func (k actor) credentials(t *testing.T) {
	list := func() map[string]api.Credential {
		t.Helper()
		all := map[string]api.Credential{}
		for _, c := range did[api.CredentialList](t, k.do(t, "auth.listCredentials", req{})).Items {
			all[c.CredentialUUID] = c
		}
		return all
	}
	before := len(list())
	added := []api.Credential{}
	for _, kind := range []string{api.KindKey, api.KindPasswordProtectedKey} {
		key := authenticator.NewKeySigner("P-256")
		challenge := did[api.CredentialChallenge](t, k.do(t, "auth.createCredentialChallenge", body(req{"kind": kind})))
		c := did[api.Credential](t, k.do(t, "auth.createCredential", body(made(key, challenge, "of kind "+kind))))
		if c.Kind != kind || c.Name != "of kind "+kind || c.CredentialID != key.CredentialID || !c.IsActive || c.PublicKey != key.PEM {
			t.Errorf("added %+v", c)
		}
		added = append(added, c)
	}
	if k.has("auth.createCredentialCode") {
		for _, expiration := range []any{time.Now().Add(50 * time.Second).UTC().Format("2006-01-02T15:04:05.000Z"), time.Now().Add(50 * time.Second).UnixMilli()} {
			code := did[api.CredentialCode](t, k.do(t, "auth.createCredentialCode", body(req{"expiration": expiration})))
			stranger := k.as(k.member("nobody"))
			challenge := did[api.CredentialChallenge](t, stranger.do(t, "auth.createCredentialChallengeWithCode", body(req{"code": code.Code, "credentialKind": api.KindKey})))
			key := authenticator.NewKeySigner("Ed25519")
			c := did[api.Credential](t, stranger.do(t, "auth.createCredentialWithCode", body(made(key, challenge, "by code"))))
			if c.CredentialID != key.CredentialID || c.Name != "by code" {
				t.Errorf("added by code %+v", c)
			}
			added = append(added, c)
			wantRefused(t, "a code that was used", stranger.do(t, "auth.createCredentialChallengeWithCode", body(req{"code": code.Code, "credentialKind": api.KindKey})), 403, "credential_code_invalid")
		}
	}
	for _, c := range added {
		for method, active := range map[string]bool{"auth.deactivateCredential": false, "auth.activateCredential": true} {
			if !k.has(method) {
				continue
			}
			if m := did[api.Message](t, k.do(t, method, body(req{"credentialUuid": c.CredentialUUID}))); m.Message == "" {
				t.Errorf("%s answered %+v", method, m)
			}
			if now := list()[c.CredentialUUID]; now.IsActive != active {
				t.Errorf("%s: %+v", method, now)
			}
		}
	}
	if n := len(list()); n != before+len(added) {
		t.Errorf("%d credentials, want %d", n, before+len(added))
	}
	k.removes(t, added)
}

// codes has somebody add codes from an app, and log in with them after their key.
func (k actor) codes(t *testing.T) {
	if !k.generated { // before that, the SDK logged in by itself, with one factor
		return
	}
	set := func(to string) {
		t.Helper()
		if _, err := k.Organisations.SetPolicies(t.Context(), k.org.ID, organisation.Policies{OneTimePasswords: to}); err != nil {
			t.Fatal(err)
		}
	}
	set("on")
	defer set("off")
	challenge := did[api.CredentialChallenge](t, k.do(t, "auth.createCredentialChallenge", body(req{"kind": api.KindTotp})))
	app, err := client.NewOneTimeCodes(challenge.OtpURL)
	if err != nil {
		t.Fatal(err)
	}
	code := func() string {
		t.Helper()
		code, err := app.Code(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	c := did[api.Credential](t, k.do(t, "auth.createCredential", body(req{"challengeIdentifier": challenge.ChallengeIdentifier,
		"credentialKind": api.KindTotp, "credentialName": "Phone", "credentialInfo": req{"otpCode": code()}})))
	if c.Kind != api.KindTotp || c.Name != "Phone" || !c.IsActive {
		t.Errorf("added %+v", c)
	}
	login := did[json.RawMessage](t, k.do(t, "auth.createLoginChallenge", body(named(k.org.ID, "ada@example.org"))))
	answer := sign(t, k.user, login)
	answer["secondFactor"] = req{"kind": api.KindTotp, "otpCode": code()}
	token := did[api.LoginResult](t, k.do(t, "auth.login", body(answer))).Token
	if all := did[api.CredentialList](t, k.as(k.user.with("authToken", token)).do(t, "auth.listCredentials", req{})).Items; len(all) < 2 {
		t.Errorf("listed %+v", all)
	}
	wantRefused(t, "the same code again", k.do(t, "auth.login", body(answer)), 401, "one_time_code_used")
	k.removes(t, []api.Credential{c})
}

// removes removes credentials as the SDKs of other languages do: this one has no method for it.
func (k actor) removes(t *testing.T, all []api.Credential) {
	t.Helper()
	u, err := k.DB.UserByName(t.Context(), k.org.ID, "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	err = k.DB.Write(t.Context(), func(tx *store.Tx) error {
		for _, c := range all {
			tx.ArchiveCredential(store.Credential{ID: c.CredentialUUID, OrgID: u.OrgID, UserID: u.ID}, time.Now(), nil)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// recoverable registers a user with a key and a recovery key, with the challenge of a registration.
func (k actor) recoverable(t *testing.T, challenge api.RegistrationChallenge) (recoveryKey *authenticator.KeySigner) {
	t.Helper()
	recoveryKey = authenticator.NewKeySigner("P-256")
	first, second := authenticator.NewKeySigner("P-256").Create(challenge.Challenge, api.KindKey), recoveryKey.Create(challenge.Challenge, api.KindRecoveryKey)
	if _, err := k.Client().Register(t.Context(), challenge.TemporaryAuthenticationToken,
		api.RegistrationRequest{FirstFactorCredential: &first, RecoveryCredential: &second}); err != nil {
		t.Fatal(err)
	}
	return recoveryKey
}

// recovers answers a recovery challenge with a new key, which the recovery key signs. The recovery waits for
// an approval, which the SDK throws; the same call completes it then, and can be repeated.
func (k actor) recovers(t *testing.T, text json.RawMessage, recoveryKey *authenticator.KeySigner) {
	t.Helper()
	challenge := did[api.RecoveryChallenge](t, outcome{Result: text})
	if len(challenge.AllowedRecoveryCredentials) != 1 || challenge.AllowedRecoveryCredentials[0].ID != recoveryKey.CredentialID {
		t.Fatalf("begun with %+v", challenge)
	}
	next := authenticator.NewKeySigner("P-256")
	c := next.Create(challenge.Challenge, api.KindKey)
	credentials := req{"firstFactorCredential": req{"credentialKind": c.CredentialKind, "credentialInfo": req{
		"credId": c.CredentialInfo.CredID, "clientData": c.CredentialInfo.ClientData, "attestationData": c.CredentialInfo.AttestationData}}}
	signed, err := json.Marshal(credentials)
	if err != nil {
		t.Fatal(err)
	}
	data, signature := recoveryKey.Assert(base64.RawURLEncoding.EncodeToString(signed))
	as := k.as(k.member("somebody who recovers").with("authToken", challenge.TemporaryAuthenticationToken))
	approval := func(policy string) {
		t.Helper()
		if _, err := k.Organisations.SetPolicies(t.Context(), k.org.ID, organisation.Policies{RecoveryApproval: policy}); err != nil {
			t.Fatal(err)
		}
	}
	call := func() outcome {
		t.Helper()
		return as.do(t, "auth.recover", body(req{"newCredentials": credentials, "recovery": req{
			"kind": api.KindRecoveryKey, "credentialAssertion": req{"credId": recoveryKey.CredentialID,
				"clientData": base64.RawURLEncoding.EncodeToString(data), "signature": base64.RawURLEncoding.EncodeToString(signature)}}}))
	}
	approval("on")
	defer approval("off")
	wantRefused(t, "a recovery that waits", call(), http.StatusConflict, api.CodeRecoveryPending)
	v, err := k.DB.OpenRecovery(t.Context(), challenge.User.ID)
	if err == nil {
		err = k.Recovery.ApproveByOperator(t.Context(), k.org.ID, challenge.User.ID, v.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	result := did[api.RegistrationResult](t, call())
	if result.Credential.Kind != api.KindKey || result.User.Username != challenge.User.Name {
		t.Errorf("recovered %+v", result)
	}
	if again := did[api.RegistrationResult](t, call()); again != result {
		t.Errorf("sent again, it answers %+v, before %+v", again, result)
	}
}

// recoveries has users recover with a code, and an end user with the help of the service account.
func (k actor) recoveries(t *testing.T) {
	name := strings.ReplaceAll(k.unique("forgetful"), " ", "-") + "@example.org"
	inv := k.Invite(t, k.org.ID, name)
	challenge, err := k.Client().InitRegistration(t.Context(), api.InitRegistrationRequest{OrgID: k.org.ID, Username: name, RegistrationCode: inv.RegistrationCode})
	if err != nil {
		t.Fatal(err)
	}
	recoveryKey := k.recoverable(t, challenge)
	if k.has("auth.sendRecoveryCode") {
		if m := did[api.Message](t, k.do(t, "auth.sendRecoveryCode", body(req{"username": name, "orgId": k.org.ID}))); m.Message == "" {
			t.Errorf("asked for a code: %+v", m)
		}
	}
	if k.has("auth.createRecoveryChallenge") {
		u, err := k.DB.UserByName(t.Context(), k.org.ID, name)
		if err != nil {
			t.Fatal(err)
		}
		issued := k.Recovery.Codes.Make(u, recovery.CodeLifetime) // no mail is configured
		if err := k.DB.Write(t.Context(), func(tx *store.Tx) error { tx.IssueLoginCode(store.CodeForRecovery, issued.Row); return nil }); err != nil {
			t.Fatal(err)
		}
		o := k.do(t, "auth.createRecoveryChallenge", body(req{"username": name, "orgId": k.org.ID, "verificationCode": issued.Code, "credentialId": recoveryKey.CredentialID}))
		k.recovers(t, did[json.RawMessage](t, o), recoveryKey)
	}
	if k.has("auth.createDelegatedRecoveryChallenge") {
		clerk := k.as(k.serviceAccount)
		name := k.unique("customer")
		begun := did[api.RegistrationChallenge](t, clerk.do(t, "auth.createDelegatedRegistrationChallenge", body(req{"email": name, "kind": api.EndUser})))
		recoveryKey := k.recoverable(t, begun)
		o := clerk.do(t, "auth.createDelegatedRecoveryChallenge", body(req{"username": name, "credentialId": recoveryKey.CredentialID}))
		clerk.recovers(t, did[json.RawMessage](t, o), recoveryKey)
		wantRefused(t, "a recovery key from before", clerk.do(t, "auth.createDelegatedRecoveryChallenge",
			body(req{"username": name, "credentialId": recoveryKey.CredentialID})), http.StatusUnauthorized, "credential_not_recovery")
	}
}
