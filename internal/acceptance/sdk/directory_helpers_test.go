package sdk_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/store"
)

// directory is an organisation that one version of the SDK administers, and what of that
// version did its work.
type directory struct {
	*checkedServer
	version
	program
	org     store.Organisation
	methods map[string][]string // by part of a client: "auth", "delegated permissions"
	reached map[string]bool     // "auth.createUser", "delegated auth.createUserInit"

	admin          *sdkUser // may do everything
	serviceAccount *sdkUser // a service account that may do what its routes are for
	endUser        *sdkUser // an end user, with the token that the service account got for them
}

// req is what a method is given: names of its path, body and query.
type req = map[string]any

func openDirectory(t *testing.T, h *checkedServer, v version) *directory {
	t.Helper()
	d := &directory{checkedServer: h, version: v, org: h.Organisation(t, "Directory of "+v.sdk),
		methods: map[string][]string{}, reached: map[string]bool{}}
	d.program = d.watch(startNode(t, v.sdk))
	inv := h.Invite(t, d.org.ID, "ada@example.org")
	d.admin = d.member("ada")
	d.admin.makeSigner(t, "key", v.keyOptions("P-256"))
	d.admin.register(t, inv)
	d.admin = d.admin.logIn(t, named(d.org.ID, inv.Username))
	for _, part := range []string{"auth", "permissions"} {
		d.methods[part] = did[[]string](t, d.admin.call(t, "methods."+part))
		d.methods["delegated "+part] = did[[]string](t, d.admin.delegated(t, "methods."+part))
	}
	ada := d.actor(d.admin, direct)
	_, d.serviceAccount = ada.makeMachine(t, "clerk", ada.makePermission(t, "clerks", clerical...).ID)
	d.endUser = d.actor(d.serviceAccount, direct).makeEndUser(t, "guest")
	return d
}

// clerical is what the service account may do, by old and new names.
var clerical = []string{"Auth:Users:Create", "Auth:Users:Read", "Auth:Users:Update", "Auth:Users:Activate", "Auth:Users:Deactivate",
	"Auth:Users:Delete", "Auth:ServiceAccounts:Read", "Auth:ServiceAccounts:Update", "Auth:ServiceAccounts:Activate",
	"Auth:ServiceAccounts:Deactivate", "Auth:ServiceAccounts:Delete", "Auth:Apps:Create", "Auth:Apps:Update", "Auth:Logs:Read",
	"Auth:Register:Delegated", "Auth:Delegated:Login", "Auth:Recover:Delegated", "Permissions:Create", "Permissions:Read", "Permissions:Update", "Permissions:Archive",
	"Permissions:Assign", "PermissionAssignments:Read", "PermissionAssignments:Revoke"}

// watch notes which methods did what they are for, or were refused because this server
// does not offer them.
func (d *directory) watch(p program) program {
	return func(t *testing.T, request []byte) []byte {
		t.Helper()
		answer := p(t, request)
		var asked struct {
			Call      string
			Delegated bool
		}
		if err := json.Unmarshal(request, &asked); err != nil {
			t.Fatal(err)
		}
		if o := decodeOutcome(t, answer); o.Error == nil || o.reason() == "operation_not_offered" {
			d.reached[of(asked.Delegated, asked.Call)] = true
		}
		return answer
	}
}

// of names a method, or a part of a client, of one client or the other.
func of(delegated bool, name string) string {
	if delegated {
		return "delegated " + name
	}
	return name
}

// member is somebody of the organisation, who has neither signer nor token yet.
func (d *directory) member(name string) *sdkUser {
	u := newUser(d.program, name, d.proxy)
	if d.scoped {
		u = u.with("orgId", d.org.ID)
	}
	return u
}

// carrier is whoever carries an access token and signs with its key: the published
// signer, as it is.
func (d *directory) carrier(t *testing.T, name string, token api.AccessToken, key *client.KeySigner) *sdkUser {
	t.Helper()
	if token.AccessToken == "" || token.CredID == "" {
		t.Fatalf("made %+v, want the token itself", token)
	}
	u := d.member(name).with("authToken", token.AccessToken)
	u.makeSigner(t, "pem", map[string]any{"credId": token.CredID, "privateKey": string(key.PrivateKeyPEM())})
	return u
}

// manner is which of the SDK's clients somebody works with.
type manner string

const (
	direct            manner = "direct"      // DfnsApiClient
	former            manner = "former"      // the same, by the names that its methods had before
	application       manner = "application" // DfnsDelegatedApiClient, and who it serves signs
	formerApplication manner = "former application"
)

func (m manner) former() bool    { return m == former || m == formerApplication }
func (m manner) delegated() bool { return m == application || m == formerApplication }

// actor is somebody who works with one of the clients.
type actor struct {
	*directory
	user   *sdkUser
	manner manner
}

func (d *directory) actor(u *sdkUser, m manner) actor { return actor{d, u, m} }

// as is somebody else with the same client.
func (k actor) as(u *sdkUser) actor { return actor{k.directory, u, k.manner} }

// unique makes a name that nobody else takes.
func (k actor) unique(name string) string {
	return fmt.Sprintf("%s.%s.%s", name, k.user.name, k.manner)
}

// formerly is what methods were called before. Some versions have both names.
var formerly = map[string]string{
	"auth.createDelegatedRegistrationChallenge":   "auth.createDelegatedUserRegistration",
	"auth.recreateDelegatedRegistrationChallenge": "auth.restartDelegatedUserRegistration",
	"auth.delegatedLogin":                         "auth.createDelegatedUserLogin",
	"auth.register":                               "auth.createUserRegistration",
	"auth.createUserActionChallenge":              "auth.createUserActionSignatureChallenge",
	"auth.getPersonalAccessToken":                 "auth.getPersonalAccessTokens",
	"auth.listCredentials":                        "auth.listUserCredentials",
	"auth.createCredential":                       "auth.createUserCredential",
	"auth.createCredentialChallenge":              "auth.createUserCredentialChallenge",
	"auth.createDelegatedRecoveryChallenge":       "auth.createDelegatedUserRecovery",
	"auth.recover":                                "auth.createUserRecovery",
	"permissions.getPermission":                   "permissions.getPermissionById",
}

// name is what the version calls a method, "" if it does not have it. split says that the
// client has it as two, with the signature in between.
func (k actor) name(method string) (name string, split bool) {
	names := []string{method, formerly[method]}
	if k.manner.former() {
		slices.Reverse(names)
	}
	for _, name := range names {
		part, n, _ := strings.Cut(name, ".")
		switch methods := k.methods[of(k.manner.delegated(), part)]; {
		case slices.Contains(methods, n):
			return name, false
		case slices.Contains(methods, n+"Init"):
			return name, true
		}
	}
	return "", false
}

func (k actor) has(method string) bool {
	name, _ := k.name(method)
	return name != ""
}

// do has something done with the client.
func (k actor) do(t *testing.T, method string, request req) outcome {
	t.Helper()
	name, split := k.name(method)
	switch {
	case name == "":
		t.Fatalf("%s has no %s", k.sdk, method)
	case !k.manner.delegated():
		return k.user.call(t, name, request)
	case !split:
		return k.user.delegated(t, name, request)
	}
	challenge := k.user.delegated(t, name+"Init", request)
	if challenge.Error != nil {
		return challenge
	}
	return k.user.delegated(t, name+"Complete", request, sign(t, k.user, challenge.Result))
}

// reaches notes that a method did what it is for, although the SDK threw.
func (k actor) reaches(method string) {
	name, split := k.name(method)
	if split {
		name += "Complete"
	}
	k.reached[of(k.manner.delegated(), name)] = true
}

// did decodes what the SDK returned, and fails t if it threw.
func did[Out any](t *testing.T, o outcome) (out Out) {
	t.Helper()
	o.into(t, &out)
	return out
}

// list is a page of anything.
type list struct {
	Items         []map[string]any
	NextPageToken string
}

// ids lists what there is, at once and, if the version can ask for that, a few at a time:
// the order must be the same. member is what names an item.
func (k actor) ids(t *testing.T, method string, request req, member string, paged bool) (ids []string) {
	t.Helper()
	page := func(query req) (ids []string, next string) {
		t.Helper()
		p := did[list](t, k.do(t, method, merged(request, query)))
		for _, item := range p.Items {
			ids = append(ids, fmt.Sprint(item[member]))
		}
		return ids, p.NextPageToken
	}
	ids, _ = page(req{})
	if !paged {
		return ids
	}
	limit := max(1, len(ids)/3)
	var all []string
	for next := ""; ; {
		query := req{"limit": limit}
		if next != "" {
			query["paginationToken"] = next
		}
		var few []string
		few, next = page(req{"query": query})
		if all = append(all, few...); len(few) > limit || next != "" && len(few) < limit {
			t.Fatalf("%s: a page has %d items, want %d", method, len(few), limit)
		}
		if next == "" {
			break
		}
	}
	if !slices.Equal(all, ids) {
		t.Errorf("%s gives %q page by page and %q at once", method, all, ids)
	}
	return ids
}

func merged(a, b req) req {
	all := req{}
	for _, m := range []req{a, b} {
		for name, value := range m {
			all[name] = value
		}
	}
	return all
}

// wantDenied fails t unless somebody may not do an operation, in the documented words.
func wantDenied(t *testing.T, who, operation string, o outcome) {
	t.Helper()
	wantRefused(t, operation+" by "+who, o, 403, "permission_denied")
	if want := who + " is not authorized to perform operation (" + operation + ")"; o.Error != nil && o.Error.Message != want {
		t.Errorf("the SDK's sentence is %q, want %q", o.Error.Message, want)
	}
}

// wantWrongKind fails t unless somebody is told that their kind may not do an operation at all.
func wantWrongKind(t *testing.T, kind, operation string, o outcome) {
	t.Helper()
	wantRefused(t, operation+" by a "+kind, o, 403, "permission_denied")
	if want := "Callers of kind " + kind + " cannot use " + operation + "; it is for "; o.Error != nil && !strings.HasPrefix(o.Error.Message, want) {
		t.Errorf("the SDK's sentence is %q, want %q", o.Error.Message, want)
	}
}
