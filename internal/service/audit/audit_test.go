package audit_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/receipt"
)

// The log has every change and every refusal, with who did it and what they signed.
func TestLogSaysWhoDidWhat(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		ctx := context.Background()
		bob, bobs := a.colleague(t, "bob@example.org")
		created, err := a.admin.CreateUser(ctx, api.CreateUserRequest{Email: "carol@example.org", Kind: api.CustomerEmployee})
		must(t, err)
		_, err = a.admin.DeactivateUser(ctx, created.UserID)
		must(t, err)
		_, err = bobs.DeactivateUser(ctx, a.root.UserID)
		world.Refused(t, "without permission", err, 403, "permission_denied")
		action, err := a.admin.SignFor(ctx, "PUT", "/auth/users/"+bob.UserID+"/deactivate", []byte("{}"))
		must(t, err)
		wrong := a.Call(t, "PUT", "/auth/users/"+created.UserID+"/activate", a.admin.Token, action, "{}")
		wrong.Wants(t, "signed for another request", 403, wrong.Code)

		all := a.searchAll(t)
		deactivate := "/auth/users/" + created.UserID + "/deactivate"
		for _, c := range []struct {
			e            api.AuditEntry
			actor, about string
			summary      string
			path         string
		}{
			{entry(t, all, "user.invited"), a.root.Username, "carol@example.org", "administrator@example.org invited carol@example.org", "/auth/users"},
			{entry(t, all, "user.deactivated"), a.root.Username, "carol@example.org", "administrator@example.org deactivated carol@example.org", deactivate},
			{entry(t, all, "permission_denied"), "bob@example.org", "bob@example.org", "Refused: CustomerEmployee " + bob.UserID +
				" is not authorized to perform operation (Auth:Users:Deactivate)", ""},
			{entry(t, all, wrong.Code), a.root.Username, a.root.Username, "Refused: user action signature is missing or invalid", ""},
			{entry(t, all, "user.logged_in"), "bob@example.org", "bob@example.org", "bob@example.org logged in with a key", ""},
		} {
			path := ""
			if c.e.Action != nil {
				path = c.e.Action.Path
			}
			if c.e.Actor == nil || c.e.Subject == nil || c.e.Actor.Name != c.actor || c.e.Subject.Name != c.about || c.e.Summary != c.summary ||
				path != c.path || c.e.Address != "127.0.0.1" {
				t.Errorf("%s; want %+v", world.JSON(t, c.e), c)
			}
			if refused := c.e.Outcome == "refused"; refused != strings.HasPrefix(c.e.SupportID, "rf-") || refused != strings.HasPrefix(c.summary, "Refused") {
				t.Errorf("%s", world.JSON(t, c.e))
			}
		}

		e := entry(t, all, "user.deactivated")
		found := false
		for _, row := range a.logs(t) {
			if row[1] == e.ID {
				found = true
				want := []string{e.At, e.ID, a.root.UserID, a.root.Username, e.CredentialUUID, "PUT " + deactivate, e.Summary}
				if strings.Join(row, "|") != strings.Join(want, "|") || e.CredentialUUID == "" {
					t.Errorf("%q, want %q", row, want)
				}
			}
		}
		if !found {
			t.Errorf("%s is not in the CSV", e.ID)
		}
		log := a.get(t, e.ID)
		if log.Action != "PUT "+deactivate || log.ActionToken != e.Action.ID || *log.UserID != a.root.UserID || *log.Username != a.root.Username ||
			*log.DatePerformed != e.At || log.Summary != e.Summary || log.Subject.ID != created.UserID {
			t.Errorf("%s", world.JSON(t, log))
		}
		a.checkEvidence(t, log)

		// The log says as much about a refusal as its answer did.
		log = a.get(t, entry(t, all, "permission_denied").ID)
		if log.Action != "PUT /auth/users/{userId}/deactivate" || log.Outcome != "refused" || log.ActionToken != "" || log.Receipt != "" ||
			log.Detail["code"] != "permission_denied" || !strings.HasPrefix(log.SupportID, "rf-") ||
			log.FirstFactorCredential.ID != "" || log.FirstFactorCredential.Assertion != nil {
			t.Errorf("%s", world.JSON(t, log))
		}

		logged := world.JSON(t, all) + world.JSON(t, a.logs(t))
		for _, e := range all {
			logged += world.JSON(t, a.get(t, e.ID))
		}
		code := created.Invitation.RegistrationCode
		for _, secret := range []string{code, strings.ReplaceAll(code, "-", ""), a.admin.Token, bobs.Token, action, "eyJ"} {
			if secret == "" || strings.Contains(strings.ReplaceAll(logged, clientDataStart, ""), secret) {
				t.Errorf("the log has %q", secret)
			}
		}
	})
}

// clientDataStart is how client data begin in base64url, as tokens do too.
var clientDataStart = base64.RawURLEncoding.EncodeToString([]byte(`{"type":"`))

// checkEvidence verifies the signed evidence of an entry: by itself, and by its receipt.
func (a *archive) checkEvidence(t *testing.T, log api.AuditLog) {
	t.Helper()
	f := log.FirstFactorCredential
	key, err := publickey.ParsePEM(f.PublicKey)
	must(t, err)
	message := bytesOf(t, f.Assertion.ClientData)
	if *f.Kind == api.KindFido2 {
		digest := sha256.Sum256(message)
		message = append(bytesOf(t, *f.Assertion.AuthenticatorData), digest[:]...)
	}
	if err := key.Verify(publickey.ES256, message, bytesOf(t, f.Assertion.Signature)); err != nil {
		t.Errorf("the signature of %s: %v", log.ID, err)
	}
	keys := a.ask(t, "", "/.well-known/jwks.json", nil)
	trusted, err := receipt.ReadKeySet([]byte(keys.Body))
	must(t, err)
	got, _, err := receipt.Verify([]byte(a.ask(t, a.admin.Token, log.Receipt, nil).Body), trusted)
	if err != nil || got.Action.Method+" "+got.Action.Path != log.Action || got.Assertion.Signature != f.Assertion.Signature ||
		got.Credential.PublicKey != f.PublicKey || got.Credential.UUID != f.ID {
		t.Errorf("the receipt: %v\n%+v\n%s", err, got, world.JSON(t, log))
	}
}

func bytesOf(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	must(t, err)
	return b
}

// A key has no authenticator data; without a signature there is neither kind nor assertion.
func TestEvidenceOfKeysAndOfNothingSigned(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		ctx := context.Background()
		_, serviceAccount := a.ServiceAccount(t, a.Org.ID, "machine", api.AdministratorPermissionID(a.Org.ID))
		_, err := serviceAccount.CreateUser(ctx, api.CreateUserRequest{Email: "dora@example.org", Kind: api.CustomerEmployee})
		must(t, err)
		all := a.searchAll(t)
		log := a.get(t, entry(t, all, "user.invited").ID)
		if *log.Username != "machine" || *log.FirstFactorCredential.Kind != api.KindKey || log.FirstFactorCredential.Assertion.AuthenticatorData != nil {
			t.Errorf("%s", world.JSON(t, log))
		}
		a.checkEvidence(t, log)

		log = a.get(t, entry(t, all, "user.logged_in").ID)
		f := log.FirstFactorCredential
		if log.Action != "user.logged_in" || log.ActionToken != "" || f.Kind != nil || f.Assertion != nil || !strings.HasPrefix(f.ID, "cr-") {
			t.Errorf("%s", world.JSON(t, log))
		}
		if _, err := publickey.ParsePEM(f.PublicKey); err != nil {
			t.Errorf("the public key %q: %v", f.PublicKey, err)
		}

		log = a.get(t, entry(t, all, "service_account.created").ID) // by the operator
		if log.UserID != nil || log.Username != nil || log.FirstFactorCredential.ID != "" || log.Summary != "The operator made the service account machine" {
			t.Errorf("%s", world.JSON(t, log))
		}
	})
}

func TestEntriesAreOneOrganisations(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		b := newArchive(t, a.Server, "Looms")
		_, err := b.admin.CreateUser(context.Background(), api.CreateUserRequest{Email: "eve@example.org", Kind: api.CustomerEmployee})
		must(t, err)
		theirs := b.searchAll(t)
		if len(theirs) < 3 {
			t.Fatalf("%s", world.JSON(t, theirs))
		}
		seen := world.JSON(t, a.searchAll(t)) + world.JSON(t, a.logs(t)) + world.JSON(t, a.searchAll(t, "userId", b.root.UserID)) +
			world.JSON(t, a.logs(t, "userId", b.root.UserID)) + world.JSON(t, a.searchAll(t, "text", "eve"))
		for _, e := range theirs {
			a.ask(t, a.admin.Token, logsPath+"/"+e.ID, nil).Wants(t, e.ID, 404, "audit_log_not_found")
			if strings.Contains(seen, e.ID) {
				t.Errorf("%s is shown elsewhere", e.ID)
			}
		}
		own := a.searchAll(t)[0].ID
		for _, id := range []string{"uj-00000-00000-0000000000000000", "to" + own[2:], "ev" + own[2:], "rf" + own[2:], own + "0", "%25", "uj"} {
			a.ask(t, a.admin.Token, logsPath+"/"+id, nil).Wants(t, id, 404, "audit_log_not_found")
		}
	})
}

func TestTheAuditLogNeedsThePermission(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		bob, bobs := a.colleague(t, "bob@example.org")
		id := a.searchAll(t)[0].ID
		paths := []string{logsPath, logsPath + "/" + id, searchPath}
		for _, path := range paths {
			a.ask(t, bobs.Token, path, a.until(a.Clock.Now())).Wants(t, path, 403, "permission_denied")
			a.ask(t, "", path, a.until(a.Clock.Now())).Wants(t, path, 401, "token_invalid")
		}
		a.Grant(t, a.Org.ID, a.Permission(t, a.Org.ID, "auditors", "Auth:Logs:Read"), bob.UserID)
		a.Access.Changed()
		for _, path := range paths {
			a.ask(t, bobs.Token, path, a.until(a.Clock.Now())).Wants(t, path, 200, "")
		}
	})
}

// The log distinguishes what a person did from what their access token did, and uses the name that
// a thing had then.
func TestTheLogNamesTheToken(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		n := world.NewTenant(t, srv, "Engines")
		id, program := n.PersonalToken(t, n.Admin, "gardener", "")
		renamed := "Night gardener"
		_, err := program.UpdateToken(t.Context(), api.UpdateTokenRequest{TokenID: id, Rename: api.Rename{Name: &renamed}})
		must(t, err)
		serviceAccount := "Digger"
		_, err = n.Admin.UpdateServiceAccount(t.Context(), api.UpdateServiceAccountRequest{ServiceAccountID: n.IDs["serviceAccountId"], Rename: api.Rename{Name: &serviceAccount}})
		must(t, err)
		a := n.Call(t, "GET", "/countersign/audit?limit=2", n.Admin.Token, "", "")
		for _, said := range []string{"administrator@example.org (by a program, " + id + ") changed", "Night gardener", "administrator@example.org changed", "Digger"} {
			if !strings.Contains(a.Body, said) {
				t.Errorf("the log does not say %q: %s", said, a.Body)
			}
		}
	})
}
