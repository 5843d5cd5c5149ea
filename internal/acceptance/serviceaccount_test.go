package acceptance_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

// program is a service account's key with the file that its public half is in.
type program struct {
	key  *client.KeySigner
	file string
}

func newProgram(t testing.TB) program {
	t.Helper()
	key, err := client.GenerateKeySigner(client.P256)
	must(t, err)
	p := program{key, filepath.Join(t.TempDir(), "public.pem")}
	must(t, os.WriteFile(p.file, []byte(key.PublicKeyPEM()), 0o600))
	return p
}

// madeAccount is what service-account create --json prints.
type madeAccount struct{ UserID, CredentialID, AccessToken string }

func (h *installation) serviceAccount(org, name string, p program, flags ...string) madeAccount {
	h.Helper()
	out := h.do(append([]string{"service-account", "create", "--org", org, "--name", name, "--public-key", p.file, "--json"}, flags...)...)
	wantMembers(h, json.RawMessage(out), "userId", "credentialId", "accessToken")
	if strings.Count(out, "\n") != 1 {
		h.Errorf("%q is not one line", out)
	}
	return read[madeAccount](h, out)
}

// as is the session of a program at a server.
func (p program) as(t testing.TB, n *node, a madeAccount) *client.Session {
	t.Helper()
	signer, err := client.NewKeySigner(a.CredentialID, p.key.PrivateKeyPEM())
	must(t, err)
	return n.client.Session(a.AccessToken, signer)
}

// What the operator prints is all that a program needs: it reads and signs at a running
// server, as far as its permissions go and until the operator deactivates it.
func TestServiceAccountsOfTheOperator(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		n := h.serve()
		ctx := h.Context()
		all, idle := newProgram(h), newProgram(h)
		made := h.serviceAccount(org, "deployer", all, "--permission", "managedfulladminaccess", "--permission", api.AdministratorPermissionID(org))
		if !api.ValidID(api.PrefixUser, made.UserID) {
			h.Errorf("made %q", made.UserID)
		}
		deployer := all.as(h, n, made)
		p, err := deployer.CreatePermission(ctx, api.CreatePermissionRequest{Name: "Read, only", Operations: []string{"Permissions:Read"}})
		must(h, err)
		if list, err := deployer.ListPermissions(ctx, api.ListPermissionsRequest{}); err != nil || len(list.Items) != 3 {
			h.Errorf("the permissions are %+v, %v", list, err)
		}

		nothing := idle.as(h, n, h.serviceAccount(org, "idle", idle))
		_, err = nothing.ListPermissions(ctx, api.ListPermissionsRequest{})
		refused(h, err, 403, "permission_denied")
		reader := newProgram(h)
		reads := reader.as(h, n, h.serviceAccount(org, "reader", reader, "--permission", "Read, only", "--days", "3"))
		_, err = reads.GetPermission(ctx, p.ID)
		must(h, err)
		_, err = reads.ArchivePermission(ctx, p.ID, true)
		refused(h, err, 403, "permission_denied")

		h.listsServiceAccounts(org, made)

		for _, c := range []struct {
			args, state string
			working     bool
		}{
			{"deactivate deployer", "inactive", false}, {"activate " + made.UserID, "active", true}, {"archive DEPLOYER", "archived", false},
		} {
			verb, which, _ := strings.Cut(c.args, " ")
			out := h.do("service-account", verb, "--org", org, which, "--json")
			wantMembers(h, json.RawMessage(out), "userId", "name", "state")
			if got := read[struct{ UserID, State string }](h, out); got.UserID != made.UserID || got.State != c.state {
				h.Errorf("%s prints %s", c.args, out)
			}
			if _, err := deployer.ListPermissions(ctx, api.ListPermissionsRequest{}); (err == nil) != c.working {
				h.Errorf("after %s: %v", c.args, err)
			}
		}
		h.serviceAccount(org, "deployer", newProgram(h)) // the name is free again

		must(h, h.archivePermission(n, org, p.ID))
		_, stderr, status := h.command("", "service-account", "create", "--org", org, "--name", "late", "--public-key", idle.file, "--permission", p.ID)
		if status != 1 || !strings.Contains(stderr, "no permission") {
			h.Errorf("with an archived permission: status %d: %s", status, stderr)
		}
	})
}

func (h *installation) archivePermission(n *node, org, id string) error {
	h.Helper()
	p := newProgram(h)
	_, err := p.as(h, n, h.serviceAccount(org, "archiver", p, "--permission", "ManagedFullAdminAccess")).ArchivePermission(h.Context(), id, true)
	return err
}

// listsServiceAccounts holds that the list shows the three and what they may do, and no
// token.
func (h *installation) listsServiceAccounts(org string, deployer madeAccount) {
	h.Helper()
	out := h.do("service-account", "list", "--org", org, "--json")
	want := map[string]string{"deployer": "ManagedFullAdminAccess", "idle": "", "reader": "Read, only"}
	rows := items(h, out)
	for _, row := range rows {
		wantMembers(h, row, "userId", "name", "active", "credentialId", "permissions", "dateCreated", "dateExpires")
		r := read[struct {
			UserID, Name, CredentialID string
			Active                     bool
			Permissions                []string
			DateExpires                time.Time
		}](h, string(row))
		if may, known := want[r.Name]; !known || !r.Active || strings.Join(r.Permissions, ";") != may {
			h.Errorf("listed %s", row)
		}
		if r.Name == "deployer" && (r.UserID != deployer.UserID || r.CredentialID != deployer.CredentialID) {
			h.Errorf("listed %s, made %+v", row, deployer)
		}
		if days := time.Until(r.DateExpires).Hours() / 24; (r.Name == "reader") != (days < 4) {
			h.Errorf("%s expires in %.1f days", r.Name, days)
		}
	}
	if len(rows) != len(want) || strings.Contains(out, deployer.AccessToken) {
		h.Errorf("listed %s", out)
	}
}

// What people read.
func TestServiceAccountCommandsForPeople(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		create := func(name string, flags ...string) []string {
			return append([]string{"service-account", "create", "--org", org, "--public-key", newProgram(h).file, "--name", name}, flags...)
		}
		for _, c := range []struct {
			args []string
			says string
		}{
			{create("idle"), "may do nothing yet"},
			{create("deployer", "--permission", "ManagedFullAdminAccess"), "this allows: ManagedFullAdminAccess."},
			{[]string{"service-account", "list", "--org", org}, "deployer"},
			{[]string{"service-account", "list", "--org", org}, "valid"},
			{[]string{"service-account", "reissue", "--org", org, "idle", "--days", "3"}, "the former one is refused from now on"},
			{[]string{"doctor"}, "expires on"},
			{[]string{"service-account", "deactivate", "--org", org, "idle"}, "service-account activate --org " + org + " us-"},
			{[]string{"service-account", "activate", "--org", org, "idle"}, "active again"},
			{[]string{"service-account", "archive", "--org", org, "idle"}, "removed permanently"},
		} {
			if out := h.do(c.args...); !strings.Contains(out, c.says) || strings.HasPrefix(out, "{") {
				h.Errorf("%q prints %q", c.args, out)
			}
		}
	})
}

// Failure is 1 and misuse 2, one sentence each, and nothing is made. A private key that is
// given by mistake is not printed.
func TestFailuresOfServiceAccountCommands(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org, elsewhere, p := h.organisation(), h.organisation(), newProgram(h)
		made := h.serviceAccount(org, "taken", p)
		dir := h.TempDir()
		private, empty := filepath.Join(dir, "private.pem"), filepath.Join(dir, "empty.pem")
		must(h, os.WriteFile(private, p.key.PrivateKeyPEM(), 0o600))
		must(h, os.WriteFile(empty, nil, 0o600))
		create := func(org, name, file string, flags ...string) []string {
			return append([]string{"create", "--org", org, "--name", name, "--public-key", file}, flags...)
		}
		tables := []string{"users", "access_tokens", "credentials", "permission_assignments", "events"}
		before := h.look().dump(tables...)
		for _, c := range []struct {
			status int
			says   string
			args   []string
		}{
			{2, "--public-key", []string{"create", "--org", org, "--name", "x"}},
			{2, "--name", []string{"create", "--org", org, "--public-key", p.file}},
			{2, "cannot be read", create(org, "x", filepath.Join(dir, "missing.pem"))},
			{2, "cannot be read", create(org, "x", dir)},
			{2, "public key in PEM", create(org, "x", private)},
			{2, "public key in PEM", create(org, "x", empty)},
			{2, "--days", create(org, "x", p.file, "--days", "0")},
			{2, "--days", create(org, "x", p.file, "--days", "731")},
			{2, "--name", create(org, "", p.file)},
			{2, "--name", create(org, "a\u202eb", p.file)},
			{1, "no such organisation", create("or-00000-00000-0000000000000000", "x", p.file)},
			{1, "of that name", create(org, "TAKEN", p.file)},
			{1, "no permission", create(org, "x", p.file, "--permission", "nonsense")},
			{1, "no permission", create(org, "x", p.file, "--permission", "ManagedFullAdminAccess", "--permission", api.AdministratorPermissionID(elsewhere))},
			{1, "no such organisation", []string{"list", "--org", "or-nonsense"}},
			{1, "no such service account", []string{"deactivate", "--org", org, "nobody"}},
			{1, "no such service account", []string{"activate", "--org", elsewhere, "taken"}},
			{1, "no such service account", []string{"archive", "--org", elsewhere, made.UserID}},
			{2, "account", []string{"archive", "--org", org}},
		} {
			stdout, stderr, status := h.command("", append([]string{"service-account"}, c.args...)...)
			if status != c.status || stdout != "" || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "BEGIN") {
				h.Errorf("%q: status %d, want %d; stderr %q, want %q; stdout %q", c.args, status, c.status, stderr, c.says, stdout)
			}
			oneSentence(h, stderr)
		}
		if after := h.look().dump(tables...); after != before {
			h.Errorf("commands that failed changed the database:\nbefore\n%s\nafter\n%s", before, after)
		}
	})
}
