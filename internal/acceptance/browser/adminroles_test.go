package browser_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
)

// publicKey is a new public key in PEM.
func publicKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
}

// permission is a role as the server knows it.
func (g *user) permission(name string) (p api.Permission) {
	g.t.Helper()
	var list api.PermissionList
	if status := g.call(http.MethodGet, "/permissions", g.token(), "", &list); status != http.StatusOK {
		g.t.Fatalf("permissions are answered with %d", status)
	}
	for _, p := range list.Items {
		if p.Name == name {
			return p
		}
	}
	return p
}

func TestAdminRoles(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.goTo("/roles")
	g.wantText("#roles", everything, "Comes with the organisation", "Everything")
	g.Click("#new")
	g.awaitState("form")
	g.wantFocus("role-name")
	g.Click("#save")
	g.wantText("#role-name-error", "Enter a name")
	g.typeInto("role-name", "Auditor")
	g.Click("#save")
	g.wantText("#operations-error", "at least one thing")
	g.Click(`[value="Auth:Logs:Read"]`)
	g.Click("#other-services summary")
	g.Click(`[value="Wallets:Read"]`)
	g.wantText("#chosen", "2 chosen")
	g.sign("#save", "Make the role Auditor", "Auth:Logs:Read", "Wallets:Read")
	g.awaitState("ready")
	g.wantText("#status", "Signed and done: Make the role Auditor")
	if p := g.permission("Auditor"); strings.Join(p.Operations, " ") != "Auth:Logs:Read Wallets:Read" {
		t.Errorf("the server has %+v", p)
	}

	row := g.open("roles", "Auditor")
	g.wantText(row, "2 operations", "Wallets:Read")
	g.awaitWords(row+" .assignees", "Nobody.")
	g.Click(row + " [data-key=edit]")
	g.awaitState("form")
	g.wantText("h1", "Edit Auditor")
	g.Click(`[value="Auth:Logs:Read"]`)
	g.Click(`[value="Auth:Users:Read"]`)
	g.typeInto("role-name", "s")
	g.sign("#save", "Change the role Auditors", "at once")
	g.awaitState("ready")
	if p := g.permission("Auditors"); strings.Join(p.Operations, " ") != "Auth:Users:Read Wallets:Read" {
		t.Errorf("the server has %+v", p)
	}
	g.awaitWords(row, "Auditors") // what the list says of it is read again first
	g.sign(row+" [data-key=archive]", "Archive the role Auditors", "can be brought back")
	g.awaitWords(row, "Archived")
	if !g.permission("Auditors").IsArchived {
		t.Error("the role is not archived")
	}
	g.sign(row+" [data-key=archive]", "Bring back the role Auditors")
	g.awaitWords(row, "In use")

	// Who has it, by name, and from whom it can be taken.
	srv.Register(t, srv.Invite(t, g.inv.OrgID, "grace@example.org"))
	g.goTo("/people")
	person := g.open("people", "grace@example.org")
	g.choose(person+" select", "Auditors")
	g.sign(person+" [data-key=assign]", "Give the role Auditors")
	g.goTo("/roles")
	g.open("roles", "Auditors")
	g.awaitWords(row+" .assignees", "grace@example.org")
	g.sign(row+" .assignees button", "Take the role Auditors away from grace@example.org")
	g.awaitWords(row+" .assignees", "Nobody.")

	admin := g.open("roles", everything)
	g.awaitWords(admin+" .assignees", "ada@example.org")
	g.wantText(admin, "cannot be changed")
	if text := g.Text(admin); strings.Contains(text, "Edit") || strings.Contains(text, "Archive") {
		t.Errorf("the administrator's role can be changed: %q", text)
	}
	g.untroubled()
}

// Operations that the page does not list, because their names are old, stay in a role.
func TestAdminRolesKeepOldNames(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.goTo("/roles")
	g.Click("#new")
	g.typeInto("role-name", "Old")
	g.Eval(`document.querySelector('[value="Permissions:Read"]').value = "Permissions:Archive"`, nil) // as older clients name it
	g.Click(`[value="Permissions:Archive"]`)
	g.sign("#save", "Make the role Old")
	g.goTo("/roles")
	g.Click(g.open("roles", "Old") + " [data-key=edit]")
	g.awaitState("form")
	g.wantText("#other-names", "Under other names", "Permissions:Archive")
	g.Click(`[value="Permissions:Read"]`)
	g.sign("#save", "Change the role Old")
	g.awaitState("ready")
	if p := g.permission("Old"); !slices.Contains(p.Operations, "Permissions:Archive") || len(p.Operations) != 2 {
		t.Errorf("the server has %+v, want the old name kept", p)
	}
	g.untroubled()
}

func TestAdminMachines(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.goTo("/machines")
	g.wantText("#service-accounts-none", "no service accounts yet")
	g.Click("#new-service-account")
	g.awaitState("form")
	g.typeInto("thing-name", "Payroll")
	g.Eval(`document.querySelector("#public-key").value = "-----BEGIN PRIVATE KEY-----\nsecret"`, nil)
	g.Click("#thing .primary")
	g.wantText("#public-key-error", "This is a private key")
	var left string
	g.Eval(`document.querySelector("#public-key").value`, &left)
	if left != "" {
		t.Error("the private key is left in the page")
	}
	g.Eval(`document.querySelector("#public-key").value = `+quote(publicKey(t)), nil)
	g.typeInto("days", "731")
	g.Click("#thing .primary")
	g.wantText("#days-error", "from 1 to 730")
	g.Eval(`document.querySelector("#days").value = "30"`, nil)
	g.choose("#thing-role", everything)
	g.sign("#thing .primary", "Make the service account Payroll with the role "+everything)
	g.awaitState("created")
	g.wantText("#created", "not shown again", "Credential id")
	token := g.Text("#created .secret code")
	if !g.opens(token) {
		t.Error("the token that is shown opens nothing")
	}
	id, err := base64.RawURLEncoding.DecodeString(g.Text("#created .secret + .secret code"))
	if err != nil || !api.ValidID(api.PrefixCredential, string(id)) {
		t.Errorf("the credential id that is shown is %q, %v", id, err)
	}
	g.Click("#created-done")
	row := g.open("service-accounts", "Payroll")
	g.wantText(row, "Active", everything, "SHA256:", "Expires", "to-")
	g.sign(row+" [data-key=active]", "Deactivate Payroll")
	g.awaitWords(row, "Deactivated")
	if g.opens(token) {
		t.Error("the token of a deactivated machine still opens something")
	}
	g.sign(row+" [data-key=active]", "Activate Payroll")
	g.awaitWords(row, "Active")
	g.sign(row+" .assignments button", "Take the role "+everything+" away from Payroll")
	g.awaitWords(row, "Without a role")
	g.Eval(`document.querySelector(`+quote(row+" [data-key=name]")+`).value = "Wages"`, nil)
	g.sign(row+" [data-key=rename]", "Rename Payroll to Wages")
	g.row("service-accounts", "Wages")
	g.sign(row+" [data-key=archive]", "Archive Wages", "for good")
	g.awaitWords("#service-accounts-none", "no service accounts yet")
	if g.opens(token) {
		t.Error("the token of an archived machine still opens something")
	}
	g.untroubled()
}

// opens reports whether a token opens what is open to everybody who has one.
func (g *user) opens(token string) bool {
	g.t.Helper()
	return g.call(http.MethodGet, "/auth/pats", token, "", nil) == http.StatusOK
}

func TestAdminOwnAccessTokens(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.goTo("/machines")
	g.Click("#new-token")
	g.typeInto("thing-name", "Backup job")
	g.Eval(`document.querySelector("#public-key").value = `+quote(publicKey(t)), nil)
	g.sign("#thing .primary", "Make the access token Backup job for a program of yours")
	g.awaitState("created")
	token := g.Text("#created .secret code")
	g.Click("#created-done")
	row := g.open("tokens", "Backup job")
	g.wantText(row, "Active", everything, "SHA256:")
	g.sign(row+" [data-key=active]", "Deactivate Backup job", "locked out")
	g.awaitWords(row, "Deactivated")
	if g.opens(token) {
		t.Error("a deactivated token still opens something")
	}
	g.sign(row+" [data-key=active]", "Activate Backup job")
	g.awaitWords(row, "Active")
	if !g.opens(token) {
		t.Error("an activated token opens nothing")
	}
	g.sign(row+" [data-key=archive]", "Archive Backup job")
	g.awaitWords("#tokens-none", "You have none")
	g.untroubled()
}
