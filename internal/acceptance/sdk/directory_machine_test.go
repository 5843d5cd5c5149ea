package sdk_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/testing/contract"
)

func newKey(t *testing.T, keyType string) *client.KeySigner {
	t.Helper()
	key, err := client.GenerateKeySigner(keyType)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// makeMachine makes a service account with a permission, or none, and returns it and
// whoever carries its token.
func (k actor) makeMachine(t *testing.T, name, permissionID string) (api.ServiceAccount, *sdkUser) {
	t.Helper()
	key := newKey(t, client.P256)
	request := req{"name": name, "publicKey": key.PublicKeyPEM(), "externalId": "№ 8", "daysValid": 30}
	if permissionID != "" {
		request["permissionId"] = permissionID
	}
	made := did[api.ServiceAccount](t, k.do(t, "auth.createServiceAccount", body(request)))
	info := made.UserInfo
	if info.Username != name || info.OrgID != k.org.ID || !info.IsServiceAccount || !info.IsActive || len(made.AccessTokens) != 1 {
		t.Fatalf("made %+v", made)
	}
	token := made.AccessTokens[0]
	if token.Kind != "ServiceAccount" || token.LinkedUserID != info.UserID || lifetime(t, token) != 30*24*time.Hour {
		t.Errorf("made the token %+v", token)
	}
	return made, k.carrier(t, name, token, key)
}

// lifetime is how long an access token is good for, which is told to the second.
func lifetime(t *testing.T, token api.AccessToken) time.Duration {
	t.Helper()
	from, err := time.Parse(time.RFC3339, token.DateCreated)
	if err != nil {
		t.Fatal(err)
	}
	until, err := time.Parse(time.RFC3339, token.DateExpires)
	if err != nil {
		t.Fatal(err)
	}
	return until.Sub(from.Truncate(time.Second))
}

// machines is what who may make service accounts does with them.
func (k actor) machines(t *testing.T) {
	name := k.unique("loom")
	made, machine := k.makeMachine(t, name, "")
	again := body(req{"name": name, "publicKey": newKey(t, client.Ed25519).PublicKeyPEM()})
	wantRefused(t, "a name that is taken", k.do(t, "auth.createServiceAccount", again), 409, "service_account_name_taken")
	k.managesMachine(t, made, machine)
	again["body"].(req)["permissionId"] = api.NewID(api.PrefixPermission, k.Clock.Now())
	wantRefused(t, "a permission that does not exist", k.do(t, "auth.createServiceAccount", again), 404, "permission_not_found")
}

// managesMachine shows, renames, deactivates and archives a service account, whose token
// goes with it.
func (k actor) managesMachine(t *testing.T, made api.ServiceAccount, machine *sdkUser) {
	t.Helper()
	id := req{"serviceAccountId": made.UserInfo.UserID}
	shown := k.do(t, "auth.getServiceAccount", id)
	listed := k.do(t, "auth.listServiceAccounts", req{})
	for what, o := range map[string]outcome{"shown": shown, "listed": listed} {
		if strings.Contains(string(o.Result), machine.token()) {
			t.Errorf("the token is %s again", what)
		}
	}
	if got := did[api.ServiceAccount](t, shown); got.UserInfo.Name != made.UserInfo.Name || got.AccessTokens[0].TokenID != made.AccessTokens[0].TokenID {
		t.Errorf("shown %+v, made %+v", got, made)
	}
	if !k.listsMachine(t, id) {
		t.Errorf("%s is not listed", made.UserInfo.Name)
	}
	rename := func(name string) outcome {
		return k.do(t, "auth.updateServiceAccount", merged(id, body(req{"name": name, "externalId": "№ 9"})))
	}
	name := made.UserInfo.Name + " II"
	if got := did[api.ServiceAccount](t, rename(name)); got.UserInfo.Name != name || got.UserInfo.UserID != made.UserInfo.UserID {
		t.Errorf("renamed to %+v", got)
	}
	wantRefused(t, "a name that is taken", rename("clerk"), 409, "service_account_name_taken")

	alive := func() outcome { return machine.call(t, "auth.listPersonalAccessTokens", req{}) }
	alive().into(t, nil)
	turn := func(method string, more req, active bool) {
		t.Helper()
		if got := did[api.ServiceAccount](t, k.do(t, method, merged(id, more))); got.UserInfo.IsActive != active || got.AccessTokens[0].IsActive != active {
			t.Errorf("%s gave %+v", method, got)
		}
		if active {
			alive().into(t, nil)
		} else {
			wantRefused(t, "after "+method, alive(), 401, "user_inactive")
		}
	}
	turn("auth.deactivateServiceAccount", body(req{"force": true}), false)
	turn("auth.activateServiceAccount", req{}, true)
	forced := func() int { return k.forced("/auth/service-accounts/" + made.UserInfo.UserID) }
	before := forced()
	turn("auth.archiveServiceAccount", req{"query": req{"force": true}}, false)
	if k.sdk == "v0.8" && forced() != before+1 { // older ones take no query
		t.Error("force was not sent")
	}
	if k.listsMachine(t, id) {
		t.Error("an archived service account is listed")
	}
	wantRefused(t, "archiving again", k.do(t, "auth.archiveServiceAccount", id), 404, "service_account_not_found")
}

func (k actor) listsMachine(t *testing.T, id req) bool {
	t.Helper()
	return slices.ContainsFunc(did[api.ServiceAccountList](t, k.do(t, "auth.listServiceAccounts", req{})).Items,
		func(s api.ServiceAccount) bool { return s.UserInfo.UserID == id["serviceAccountId"] })
}

// forced counts the deletions of a path that were sent, signed and done by force.
func (d *directory) forced(path string) int {
	return len(d.passed(func(e contract.Exchange) bool {
		return e.Request.Method == http.MethodDelete && e.Request.URL.Path == path && e.Request.URL.RawQuery == "force=true" &&
			e.Request.Header.Get(api.HeaderUserAction) != "" && e.Status == http.StatusOK
	}))
}

// makeToken makes a personal access token and returns it and whoever carries it.
func (k actor) makeToken(t *testing.T, name, permissionID string) (api.AccessToken, *sdkUser) {
	t.Helper()
	key := newKey(t, client.Ed25519)
	request := req{"name": name, "publicKey": key.PublicKeyPEM(), "daysValid": 2, "secondsValid": 3600}
	if permissionID != "" {
		request["permissionId"] = permissionID
	}
	made := did[api.AccessToken](t, k.do(t, "auth.createPersonalAccessToken", body(request)))
	if made.Name != name || made.Kind != "Pat" || made.OrgID != k.org.ID || !made.IsActive || lifetime(t, made) != time.Hour {
		t.Fatalf("made %+v", made)
	}
	return made, k.carrier(t, name, made, key)
}

// tokens is what people do with their personal access tokens.
func (k actor) tokens(t *testing.T) {
	name := k.unique("script")
	made, script := k.makeToken(t, name, "")
	again := body(req{"name": name, "publicKey": newKey(t, client.P256).PublicKeyPEM()})
	wantRefused(t, "a name that is taken", k.do(t, "auth.createPersonalAccessToken", again), 409, "token_name_taken")
	k.managesToken(t, made, script)
}

// managesToken shows, renames, withdraws and archives a token, and whoever carries it
// stands and falls with it.
func (k actor) managesToken(t *testing.T, made api.AccessToken, script *sdkUser) {
	t.Helper()
	id := req{"tokenId": made.TokenID}
	shown := k.do(t, "auth.getPersonalAccessToken", id)
	if got := did[api.AccessToken](t, shown); got.AccessToken != "" || got.TokenID != made.TokenID || got.CredID != made.CredID || got.Name != made.Name {
		t.Errorf("shown %+v, made %+v", got, made)
	}
	if o := k.do(t, "auth.listPersonalAccessTokens", req{}); strings.Contains(string(o.Result), script.token()) {
		t.Error("the token is listed itself")
	}
	if !k.listsToken(t, id) {
		t.Errorf("%s is not listed", made.Name)
	}
	renamed := did[api.AccessToken](t, k.do(t, "auth.updatePersonalAccessToken", merged(id, body(req{"name": made.Name + " II"}))))
	if renamed.Name != made.Name+" II" || renamed.TokenID != made.TokenID {
		t.Errorf("renamed to %+v", renamed)
	}
	alive := func() outcome { return script.call(t, "auth.listPersonalAccessTokens", req{}) }
	alive().into(t, nil)
	for _, c := range []struct {
		method string
		active bool
	}{{"auth.deactivatePersonalAccessToken", false}, {"auth.activatePersonalAccessToken", true}, {"auth.archivePersonalAccessToken", false}} {
		if got := did[api.AccessToken](t, k.do(t, c.method, id)); got.IsActive != c.active {
			t.Errorf("%s gave %+v", c.method, got)
		}
		if c.active {
			alive().into(t, nil)
		} else {
			wantRefused(t, "after "+c.method, alive(), 401, "token_invalid")
		}
	}
	if k.listsToken(t, id) {
		t.Error("an archived token is listed")
	}
	wantRefused(t, "archiving again", k.do(t, "auth.archivePersonalAccessToken", id), 404, "token_not_found")
}

func (k actor) listsToken(t *testing.T, id req) bool {
	t.Helper()
	return slices.ContainsFunc(did[api.TokenList](t, k.do(t, "auth.listPersonalAccessTokens", req{})).Items,
		func(a api.AccessToken) bool { return a.TokenID == id["tokenId"] })
}
