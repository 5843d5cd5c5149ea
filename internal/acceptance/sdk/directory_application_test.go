package sdk_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

// applications shows applications, which only versions before 0.7 have methods to change.
func (k actor) applications(t *testing.T) {
	name := k.unique("console")
	request := body(req{"name": name, "kind": api.ServerSideApplication, "relyingPartyId": "example.org", "origin": "https://example.org",
		"publicKey": newKey(t, client.P256).PublicKeyPEM(), "externalId": "№ 10", "daysValid": 30})
	writes := k.has("auth.createApplication")
	create := func() outcome {
		if writes {
			return k.do(t, "auth.createApplication", request)
		}
		return k.user.call(t, "fetch.userActionFetch", "/auth/apps", map[string]any{"method": "POST", "body": request["body"]})
	}
	made := did[api.Application](t, create())
	if made.Name != name || made.Kind != api.ServerSideApplication || made.OrgID != k.org.ID || !made.IsActive ||
		made.ExpectedRPID != "example.org" || made.ExpectedOrigin != "https://example.org" {
		t.Fatalf("made %+v", made)
	}
	wantRefused(t, "a name that is taken", create(), 409, "application_name_taken")
	id := req{"appId": made.AppID}
	shown := func(want api.Application) {
		t.Helper()
		if got := did[api.Application](t, k.do(t, "auth.getApplication", id)); got.AppID != want.AppID || got.Name != want.Name || got.IsActive != want.IsActive {
			t.Errorf("shown %+v, want %+v", got, want)
		}
	}
	listed := func() bool {
		return slices.ContainsFunc(did[api.ApplicationList](t, k.do(t, "auth.listApplications", req{})).Items,
			func(a api.Application) bool { return a.AppID == made.AppID })
	}
	shown(made)
	if !listed() {
		t.Errorf("%s is not listed", name)
	}
	unknown := req{"appId": api.NewID(api.PrefixApplication, k.Clock.Now())}
	wantRefused(t, "no application", k.do(t, "auth.getApplication", unknown), 404, "application_not_found")
	if !writes {
		return
	}
	if k.sdk >= "v0.4" { // the first versions sent another method
		made.Name += " II"
		if got := did[api.Application](t, k.do(t, "auth.updateApplication", merged(id, body(req{"name": made.Name})))); got.Name != made.Name {
			t.Errorf("renamed to %+v", got)
		}
	}
	for _, c := range []struct {
		method string
		active bool
	}{{"auth.deactivateApplication", false}, {"auth.activateApplication", true}, {"auth.archiveApplication", false}} {
		made.IsActive = c.active
		if got := did[api.Application](t, k.do(t, c.method, id)); got.IsActive != c.active {
			t.Errorf("%s gave %+v", c.method, got)
		}
		shown(made)
	}
	if listed() {
		t.Error("an archived application is listed")
	}
	wantRefused(t, "archiving again", k.do(t, "auth.archiveApplication", id), 404, "application_not_found")
}
