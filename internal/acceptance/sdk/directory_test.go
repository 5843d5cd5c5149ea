package sdk_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/contract"
	"github.com/countersign/countersign/internal/testing/database"
)

// Every method of auth and permissions, with both clients: people, machines, tokens,
// permissions, applications, end users by delegation, and the audit log.
func TestDirectory(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		d := openDirectory(t, start(t, countersigntest.Database(url)), versions[0])
		d.everyMethod(t)
		d.everyCaller(t)
	})
}

// Every method that older versions have. With that every operation of the wire contract
// which is served was done by a version of the SDK, those that only old ones call too.
func TestDirectoryByOlderSDKs(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, v := range versions[1:] {
		t.Run(v.sdk, func(t *testing.T) {
			d := openDirectory(t, h, v)
			d.everyMethod(t)
			if v.sdk == "v0.6" { // the last that changes applications
				d.everyCaller(t)
			}
		})
	}
	t.Run("every operation served", h.everyOperation)
}

// elsewhere are the operations that the SDKs of other languages have, and this one not.
var elsewhere = []string{"POST /auth/tokens", "POST /auth/users/invite", "DELETE /auth/credentials/{credentialUuid}",
	"PUT /auth/recover/user/code"}

func (h *checkedServer) everyOperation(t *testing.T) {
	var description struct {
		Paths map[string]map[string]json.RawMessage
	}
	res, err := h.HTTP().Get(h.URL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&description); err != nil {
		t.Fatal(err)
	}
	mux, reached := http.NewServeMux(), map[string]bool{}
	for path, operations := range description.Paths {
		for method := range operations {
			if strings.HasPrefix(path, "/auth/") || strings.HasPrefix(path, "/permissions") {
				operation := strings.ToUpper(method) + " " + path
				mux.Handle(operation, http.NotFoundHandler())
				reached[operation] = slices.Contains(elsewhere, operation)
			}
		}
	}
	for _, e := range h.passed(func(e contract.Exchange) bool { return e.Status == http.StatusOK }) {
		_, operation := mux.Handler(e.Request)
		reached[operation] = true
	}
	for operation, yes := range reached {
		if !yes {
			t.Errorf("no SDK reached %s", operation)
		}
	}
	if len(reached) < 50 {
		t.Errorf("%d operations are described, want at least 50", len(reached))
	}
}

// everyMethod has the administrator, and the service account where only a service account may, call
// all that the version has.
func (d *directory) everyMethod(t *testing.T) {
	for _, m := range []manner{direct, application} {
		admin := d.actor(d.admin, m)
		t.Run(string(m), func(t *testing.T) {
			t.Run("users", admin.users)
			t.Run("service accounts", admin.machines)
			t.Run("tokens", admin.tokens)
			t.Run("permissions", admin.permissions)
			t.Run("applications", admin.applications)
			t.Run("audit log", admin.auditLog)
			t.Run("not offered", admin.notOffered)
		})
	}
	t.Run("key by uuid", d.keyByUUID)
	for _, m := range []manner{direct, former, application, formerApplication} {
		t.Run("credentials/"+string(m), d.actor(d.admin, m).credentials)
		t.Run("codes/"+string(m), d.actor(d.admin, m).codes)
		t.Run("recovery/"+string(m), d.actor(d.admin, m).recoveries)
		t.Run("sessions/"+string(m), d.actor(d.admin, m).sessions)
		t.Run("end users/"+string(m), d.actor(d.serviceAccount, m).endUsers)
	}
	t.Run("unknown to the contract", d.unknown)
	t.Run("nothing is forgotten", d.nothingForgotten)
}

// everyCaller has others do what they may, and try what they may not.
func (d *directory) everyCaller(t *testing.T) {
	t.Run("the clerk's", func(t *testing.T) {
		for _, m := range []manner{direct, application} {
			clerk := d.actor(d.serviceAccount, m)
			t.Run(string(m), func(t *testing.T) {
				t.Run("users", clerk.users)
				t.Run("permissions", clerk.permissions)
				t.Run("applications", clerk.applications)
				t.Run("audit log", clerk.auditLog)
				t.Run("service accounts", clerk.mayNotMakeMachines)
			})
		}
	})
	t.Run("the end user's", d.endUserMay)
	t.Run("a program's", d.programs)
	t.Run("rights", d.rights)
}

// nothingForgotten fails t if the version has a method that was not reached.
func (d *directory) nothingForgotten(t *testing.T) {
	count := 0
	for part, methods := range d.methods {
		for _, method := range methods {
			count++
			if name := part + "." + method; !d.reached[name] {
				t.Errorf("no test reached %s of %s", name, d.sdk)
			}
		}
	}
	t.Logf("%d methods of %s", count, d.sdk)
	if count < 130 {
		t.Errorf("%s has %d methods, want at least 130: they were not all found", d.sdk, count)
	}
}

// mayNotMakeMachines: a service account keeps the others, and makes none.
func (k actor) mayNotMakeMachines(t *testing.T) {
	made, machine := k.as(k.admin).makeMachine(t, k.unique("loom"), "")
	k.managesMachine(t, made, machine)
	key := newKey(t, "P-256").PublicKeyPEM()
	wantWrongKind(t, "ServiceAccount", "createServiceAccount", k.do(t, "auth.createServiceAccount", body(req{"name": k.unique("mule"), "publicKey": key})))
	wantWrongKind(t, "ServiceAccount", "createPersonalAccessToken", k.do(t, "auth.createPersonalAccessToken", body(req{"name": "mule", "publicKey": key})))
}

// endUserMay is what an end user does whom a service account registered and logged in: they
// read with the token that it got for them, and sign with their own key.
func (d *directory) endUserMay(t *testing.T) {
	ada := d.actor(d.admin, direct)
	who := "EndUser " + userID(t, d.endUser)
	for _, m := range []manner{direct, application} {
		guest := d.actor(d.endUser, m)
		if all := did[api.TokenList](t, guest.do(t, "auth.listPersonalAccessTokens", req{})); len(all.Items) != 0 {
			t.Errorf("they have %+v", all)
		}
		wantWrongKind(t, "EndUser", "listUsers", guest.do(t, "auth.listUsers", req{}))
		wantDenied(t, who, "Permissions:Read", guest.do(t, "permissions.listPermissions", req{}))
		wantDenied(t, who, "Auth:Pats:Create", guest.do(t, "auth.createPersonalAccessToken",
			body(req{"name": "early", "publicKey": newKey(t, "P-256").PublicKeyPEM()})))
	}
	operations := append(slices.DeleteFunc(slices.Clone(clerical), func(o string) bool { return o[:4] == "Auth" }), "Auth:Pats:Create")
	ada.give(t, ada.makePermission(t, "guests", operations...).ID, userID(t, d.endUser))
	for _, m := range []manner{direct, application} {
		guest := d.actor(d.endUser, m)
		t.Run(string(m), func(t *testing.T) {
			t.Run("tokens", guest.tokens)
			t.Run("permissions", guest.permissions)
			wantWrongKind(t, "EndUser", "listUsers", guest.do(t, "auth.listUsers", req{}))
		})
	}
}
