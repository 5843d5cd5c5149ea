package acceptance_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/store"
)

// A deactivated user cannot even finish what they had begun, and can once they are put
// back; both by the operator, while the server runs.
func TestDeactivatingAUser(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ada := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		begun := n.mustBegin(ada)
		out := h.do("user", "deactivate", "--org", ada.OrgID, "--username", "ADA@example.org", "--json")
		wantMembers(h, json.RawMessage(out), "orgId", "username", "active")
		if _, err := n.complete(begun); err == nil {
			h.Error("a deactivated user registers")
		}
		h.wantState(ada, "inactive")
		if text := h.do("user", "activate", "--org", ada.OrgID, "--username", ada.UserID); !strings.Contains(text, "active again") {
			h.Errorf("told %q", text)
		}
		_, err := n.complete(begun)
		must(h, err)
		h.wantState(ada, "registered")

		for _, who := range []string{"nobody@example.org", "us-4k8de-0vu8r-83h2cm7q5qa8e0lt"} {
			_, stderr, status := h.command("", "user", "deactivate", "--org", ada.OrgID, "--username", who)
			if status != 1 || strings.Count(stderr, "\n") != 1 {
				h.Errorf("deactivate %s: status %d: %s", who, status, stderr)
			}
		}
	})
}

func (h *installation) wantState(inv invitation, state string) {
	h.Helper()
	u := read[struct{ State string }](h, h.do("user", "show", "--org", inv.OrgID, inv.UserID, "--json"))
	if u.State != state {
		h.Errorf("%s is %s, want %s", inv.Username, u.State, state)
	}
}

type operatorsCredential struct {
	CredentialUUID, Kind, Factor, Name, RPID, DateLastUsed string
	Active, BackedUp                                       bool
	SignCount                                              int
}

func TestDeactivatingACredential(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ada := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		_, err := n.complete(n.mustBegin(ada, authenticator.Options{SignCount: 5, BackupEligible: true, BackupState: true, Name: "Laptop"}))
		must(h, err)
		list := func() operatorsCredential {
			h.Helper()
			all := items(h, h.do("credential", "list", "--org", ada.OrgID, "--username", ada.Username, "--json"))
			if len(all) != 1 {
				h.Fatalf("the credentials are %s", all)
			}
			return read[operatorsCredential](h, string(all[0]))
		}
		kept := list()
		id := kept.CredentialUUID
		if !kept.Active || kept.SignCount != 5 || kept.Kind != "Fido2" || kept.RPID != "localhost" || !kept.BackedUp || kept.DateLastUsed != "" {
			h.Errorf("listed as %+v", kept)
		}
		wantMembers(h, json.RawMessage(h.do("credential", "deactivate", "--org", ada.OrgID, id, "--json")), "credentialUuid", "active")
		if list().Active {
			h.Error("it is withdrawn and listed as active")
		}
		if text := h.do("credential", "list", "--org", ada.OrgID, "--username", ada.Username); !strings.Contains(text, id) || !strings.Contains(text, "never") {
			h.Errorf("listed as %q", text)
		}
		h.do("credential", "activate", "--org", ada.OrgID, id)
		wantMembers(h, json.RawMessage(h.do("credential", "reset-counter", "--org", ada.OrgID, id, "--json")), "credentialUuid", "signCount")
		if c := list(); !c.Active || c.SignCount != 0 {
			h.Errorf("listed as %+v", c)
		}

		other := h.organisation()
		for _, command := range []string{"deactivate", "activate", "reset-counter"} {
			for _, wrong := range [][2]string{{other, id}, {ada.OrgID, "cr-4k8de-0vu8r-9aaaaaaaaaaaaaaa"}, {ada.OrgID, "nonsense"}} {
				_, stderr, status := h.command("", "credential", command, "--org", wrong[0], wrong[1])
				if status != 1 || strings.Count(stderr, "\n") != 1 {
					h.Errorf("credential %s %s: status %d: %s", command, wrong, status, stderr)
				}
			}
		}
	})
}

func TestPoliciesOfAnOrganisation(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		want := func(signCount, backup, second string) {
			h.Helper()
			listed := read[struct {
				Policies struct{ SignCount, Backup, SecondFactor string }
			}](h, string(items(h, h.do("org", "list", "--json"))[0])).Policies
			if listed.SignCount != signCount || listed.Backup != backup || listed.SecondFactor != second {
				h.Errorf("listed as %+v", listed)
			}
		}
		want("auto", "auto", "optional")
		out := h.do("org", "set", "--org", org, "--sign-count-policy", "refuse", "--second-factor", "required", "--json")
		wantMembers(h, json.RawMessage(out), "orgId", "name", "rpId", "origins", "attestation", "policies")
		want("refuse", "auto", "required")
		if text := h.do("org", "set", "--org", org, "--backup-policy", "alert"); !strings.Contains(text, "sign count refuse, backup alert, second factor required") {
			h.Errorf("told %q", text)
		}
		h.do("org", "set", "--org", org, "--sign-count-policy", "auto", "--backup-policy", "auto", "--second-factor", "optional")
		want("auto", "auto", "optional")
		for _, args := range [][]string{
			{}, {"--sign-count-policy", "off"}, {"--backup-policy", "yes"}, {"--second-factor", "auto"}, {"--second-factor", "Required"},
		} {
			_, stderr, status := h.command("", append([]string{"org", "set", "--org", org}, args...)...)
			if status != 2 || strings.Count(stderr, "\n") != 1 {
				h.Errorf("org set %q: status %d: %s", args, status, stderr)
			}
		}
		want("auto", "auto", "optional")
	})
}

// A key that was made now is published and signs in a while; the former one stays.
func TestRotatingTheSigningKey(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		type key struct {
			Kid, X, DateCreated string
			Signs               bool
		}
		list := func() (keys []key) {
			h.Helper()
			for _, k := range items(h, h.do("key", "list", "--json")) {
				wantMembers(h, k, "kid", "x", "signs", "dateCreated")
				keys = append(keys, read[key](h, string(k)))
			}
			return keys
		}
		h.organisation() // the first command that writes creates the database
		before := list()
		if len(before) != 1 || !before[0].Signs || len(before[0].X) != 43 {
			h.Fatalf("the keys are %+v", before)
		}
		made := read[key](h, h.do("key", "rotate", "--json"))
		after := list()
		if len(after) != 2 || after[0] != before[0] || after[1] != made || made.Signs || made.X == before[0].X {
			h.Errorf("after making %+v the keys are %+v", made, after)
		}
		if text := h.do("key", "list"); strings.Count(text, "\n") != 3 {
			h.Errorf("listed as %q", text)
		}
	})
}

// The first user of an organisation is its administrator; another one becomes it by the
// operator's word alone.
func TestInvitingAnotherAdministrator(t *testing.T) {
	// Not parallel: it changes the environment.
	// Serve has a setting of the flag's name, which must not be taken for it.
	t.Setenv("COUNTERSIGN_ADMINISTRATOR", "root@example.org")
	config := filepath.Join(t.TempDir(), "config.json")
	must(t, os.WriteFile(config, []byte(`{"administrator": "root@example.org"}`), 0o600))
	inTurn(t, func(h *installation) {
		org := h.organisation()
		h.invite(org, "first@example.org")
		h.invite(org, "member@example.org", "--config", config)
		h.invite(org, "second@example.org", "--administrator")
		h.invite(org, "second@example.org") // again, and still one
		for name, want := range map[string]bool{"first@example.org": true, "member@example.org": false, "second@example.org": true} {
			u := read[struct{ Administrator bool }](h, h.do("user", "show", "--org", org, name, "--json"))
			if u.Administrator != want {
				h.Errorf("%s: administrator %v, want %v", name, u.Administrator, want)
			}
		}
		for _, args := range [][]string{
			{"--csv", "-", "--administrator"},
			{"--username", "end@example.org", "--kind", "EndUser", "--administrator"},
		} {
			_, stderr, status := h.command("username\nx@example.org\n", append([]string{"user", "invite", "--org", org}, args...)...)
			if status != 2 || strings.Count(stderr, "\n") != 1 {
				h.Errorf("user invite %q: status %d: %s", args, status, stderr)
			}
		}
	})
}

// The operator gives somebody who lost everything a new start, and removes a credential for good.
func TestRecoveringAUser(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ada := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		before := n.register(ada)
		out := h.do("user", "recover", "--org", ada.OrgID, "--username", "ADA@example.org", "--expires-in", "1h", "--json")
		wantMembers(h, json.RawMessage(out), "orgId", "userId", "username", "registrationCode", "registrationUrl", "expiresAt")
		again := read[invitation](h, out)
		if again.UserID != ada.UserID || again.Username != ada.Username {
			h.Errorf("ada was %+v and is %+v", ada, again)
		}
		for _, who := range []string{ada.Username, "nobody@example.org"} {
			_, stderr, status := h.command("", "user", "recover", "--org", ada.OrgID, "--username", who)
			if status != 1 || strings.Count(stderr, "\n") != 1 {
				h.Errorf("recover %s: status %d: %s", who, status, stderr)
			}
		}
		after := n.register(again)
		if after.User.ID != before.User.ID || after.Credential.UUID == before.Credential.UUID {
			h.Errorf("registered as %+v, and again as %+v", before, after)
		}
		h.wantState(ada, "registered")
		if text := h.do("credential", "remove", "--org", ada.OrgID, after.Credential.UUID); !strings.Contains(text, "removed") {
			h.Errorf("told %q", text)
		}
		if all := items(h, h.do("credential", "list", "--org", ada.OrgID, "--username", ada.Username, "--json")); len(all) != 0 {
			h.Errorf("left are %s", all)
		}
		for _, command := range []string{"activate", "remove"} {
			if _, stderr, status := h.command("", "credential", command, "--org", ada.OrgID, after.Credential.UUID); status != 1 {
				h.Errorf("%s one that was removed: status %d: %s", command, status, stderr)
			}
		}
		if text := h.do("user", "recover", "--org", ada.OrgID, "--username", ada.UserID); !strings.Contains(text, again.RegistrationURL[:20]) || !strings.Contains(text, "registers again") {
			h.Errorf("told %q", text)
		}
	})
}

// The operator sees a recovery that waits, approves it by its id and no other, and stops one.
func TestRecoveriesThatWait(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ada := h.invite(h.organisation(), "ada@example.org")
		if text := h.do("org", "set", "--org", ada.OrgID, "--recovery-wait", "24h", "--recovery-approval", "on"); !strings.Contains(text, "recovery wait 24h, recovery approval on") {
			h.Errorf("told %q", text)
		}
		if text := h.do("org", "list"); !strings.Contains(text, "RECOVERY WAIT") || !strings.Contains(text, "24h") {
			h.Errorf("listed %q", text)
		}
		fails := func(status int, code string, args ...string) {
			h.Helper()
			_, stderr, got := h.command("", append(args, "--org", ada.OrgID)...)
			if got != status || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, code) {
				h.Errorf("%q: status %d: %s", args, got, stderr)
			}
		}
		fails(2, "whole minutes", "org", "set", "--recovery-wait", "721h")
		fails(2, "on or off", "org", "set", "--recovery-approval", "maybe")
		n := h.serve()
		n.register(ada)
		name := []string{"--org", ada.OrgID, "--username", ada.Username}
		fails(1, "No such recovery waits", "user", "stop-recovery", "--username", ada.Username)
		shown := func() (v struct{ Recovery *api.PendingRecovery }) {
			h.Helper()
			if err := json.Unmarshal([]byte(h.do("user", "show", "--org", ada.OrgID, ada.Username, "--json")), &v); err != nil {
				h.Fatal(err)
			}
			return v
		}
		if got := shown().Recovery; got != nil {
			h.Errorf("without a recovery it shows %+v", got)
		}
		h.pends(ada)
		id := shown().Recovery.ID
		if text := h.do("user", "show", "--org", ada.OrgID, ada.Username); !strings.Contains(text, id) || !strings.Contains(text, "approval needed") {
			h.Errorf("shown %q", text)
		}
		fails(1, "No such recovery waits", "user", "approve-recovery", "--username", ada.Username, "--recovery", "rv-another")
		h.do(append([]string{"user", "approve-recovery", "--recovery", id}, name...)...)
		if got := shown().Recovery; got.Approval != api.ApprovalGiven {
			h.Errorf("approved, it shows %+v", got)
		}
		fails(1, "waits for no approval", "user", "approve-recovery", "--username", ada.Username, "--recovery", id)
		if text := h.do(append([]string{"user", "stop-recovery"}, name...)...); !strings.Contains(text, "is stopped") {
			h.Errorf("told %q", text)
		}
		if got := shown().Recovery; got != nil {
			h.Errorf("stopped, it shows %+v", got)
		}
	})
}

// pends stores a recovery of a registered user that waits, as the server does.
func (h *installation) pends(inv invitation) {
	h.Helper()
	db, err := store.Open(h.Context(), h.database, store.Options{Existing: true})
	must(h, err)
	defer db.Close()
	now := time.Now()
	key := store.Credential{ID: api.NewID(api.PrefixCredential, now), OrgID: inv.OrgID, UserID: inv.UserID, Kind: api.KindRecoveryKey,
		Factor: store.FactorRecovery, Realm: inv.OrgID, CredentialID: []byte("recovery"), PublicKey: []byte("recovery"), CreatedAt: now}
	must(h, db.Write(h.Context(), func(tx *store.Tx) error {
		tx.AddCredential(key, nil)
		tx.BeginRecovery(store.Recovery{ID: api.NewID(api.PrefixRecovery, now), OrgID: inv.OrgID, UserID: inv.UserID, RecoveryKeyID: key.ID,
			Digest: []byte("request"), CreatedAt: now, ReadyAt: now.Add(24 * time.Hour), ExpiresAt: now.Add(store.RecoveryLife), NeedsApproval: true},
			"", now, nil, nil)
		return nil
	}))
}
