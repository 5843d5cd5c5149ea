package acceptance_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
)

// members returns the names in a JSON object, sorted.
func members(t testing.TB, object json.RawMessage) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(read[map[string]json.RawMessage](t, string(object))))
}

// want fails the test unless the JSON object has exactly these members.
func wantMembers(t testing.TB, object json.RawMessage, names ...string) {
	t.Helper()
	if got := members(t, object); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		t.Errorf("members %q, want %q, in %s", got, names, object)
	}
}

// items returns the objects that a listing printed.
func items(t testing.TB, text string) []json.RawMessage {
	t.Helper()
	wantMembers(t, json.RawMessage(text), "items")
	return read[struct{ Items []json.RawMessage }](t, text).Items
}

// The forms that scripts rely on: each command's JSON, one value on one line.
func TestCommandsForPrograms(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		out := h.do("org", "create", "--name", "Engines", "--rp-id", "example.org", "--origin", "https://app.example.org", "--origin", "https://example.org:8443", "--json")
		wantMembers(h, json.RawMessage(out), "orgId")
		if strings.Count(out, "\n") != 1 {
			h.Errorf("%q is not one line", out)
		}
		org := read[struct{ OrgID string }](h, out).OrgID
		orgs := items(h, h.do("org", "list", "--json"))
		if len(orgs) != 1 || !strings.Contains(string(orgs[0]), `["https://app.example.org","https://example.org:8443"]`) {
			h.Errorf("the organisations are %s", orgs)
		}
		wantMembers(h, orgs[0], "orgId", "name", "rpId", "origins", "dateCreated", "policies")

		out = h.do("user", "invite", "--org", org, "--username", "ada@example.org", "--kind", "EndUser", "--expires-in", "2h", "--json")
		wantMembers(h, json.RawMessage(out), "orgId", "userId", "username", "registrationCode", "registrationUrl", "expiresAt")
		ada := read[invitation](h, out)
		if left := time.Until(ada.ExpiresAt); ada.OrgID != org || left > 2*time.Hour || left < 2*time.Hour-time.Minute ||
			invitationOf(h, ada.RegistrationURL) != (invitation{OrgID: org, Username: ada.Username, RegistrationCode: ada.RegistrationCode, RegistrationURL: ada.RegistrationURL}) {
			h.Errorf("invited %+v, which expires in %s", ada, left)
		}

		users := items(h, h.do("user", "list", "--org", org, "--json"))
		if len(users) != 1 {
			h.Fatalf("the users are %s", users)
		}
		userMembers := []string{"userId", "username", "kind", "state", "administrator", "credentials", "dateCreated"}
		wantMembers(h, users[0], userMembers...)
		codeMembers := []string{"codeId", "userId", "username", "state", "dateCreated", "expiresAt"}
		codes := items(h, h.do("code", "list", "--org", org, "--json"))
		wantMembers(h, codes[0], codeMembers...)
		for _, which := range []string{"ada@example.org", "ADA@EXAMPLE.ORG", ada.UserID} {
			shown := json.RawMessage(h.do("user", "show", "--org", org, which, "--json"))
			wantMembers(h, shown, append(userMembers, "credentialList", "registrationCodes")...)
			u := read[struct{ UserID, Kind, State string }](h, string(shown))
			if u.UserID != ada.UserID || u.Kind != "EndUser" || u.State != "invited" {
				h.Errorf("shown as %q, ada is %+v", which, u)
			}
		}

		out = h.do("code", "revoke", "--org", org, "ada@example.org", "--json")
		wantMembers(h, json.RawMessage(out), "codeId", "state")
		if c := read[struct{ CodeID, State string }](h, out); c.State != "revoked" || !strings.Contains(string(codes[0]), c.CodeID) {
			h.Errorf("revoked %s of %s", out, codes)
		}
		codes = items(h, h.do("code", "list", "--org", org, "--json"))
		wantMembers(h, codes[0], append(codeMembers, "revokedAt", "revokedReason")...)

		checks := items(h, h.do("doctor", "--json"))
		for _, c := range checks {
			wantMembers(h, c, "check", "result", "detail")
		}
		wantMembers(h, json.RawMessage(h.do("version", "--json")), "version")
	})
}

// A registered user is shown with credential and code, and a refusal by its support id
// with the rule that failed. Neither holds a secret.
func TestShowingWhatHappened(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ada := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		begun := n.mustBegin(ada)
		elsewhere, err := n.answer(must2(n.init(ada))(h))
		must(h, err)
		_, err = n.complete(attempt{token: begun.token, request: elsewhere.request})
		mismatch := refusal(h, err)
		result, err := n.complete(begun)
		must(h, err)

		shown := h.do("user", "show", "--org", ada.OrgID, ada.Username, "--json")
		u := read[struct {
			State, DateRegistered string
			Credentials           int
			CredentialList        []json.RawMessage
			RegistrationCodes     []json.RawMessage
		}](h, shown)
		if u.State != "registered" || u.DateRegistered == "" || u.Credentials != 1 || len(u.CredentialList) != 1 || len(u.RegistrationCodes) != 1 {
			h.Fatalf("shown as %s", shown)
		}
		wantMembers(h, u.CredentialList[0], "credentialUuid", "kind", "factor", "name", "algorithm", "backedUp", "backupEligible",
			"attestationFormat", "attestationType", "dateCreated")
		if !strings.Contains(string(u.CredentialList[0]), result.Credential.UUID) {
			h.Errorf("the credential is %s, answered was %+v", u.CredentialList[0], result)
		}
		wantMembers(h, u.RegistrationCodes[0], "codeId", "userId", "username", "state", "dateCreated", "expiresAt", "attemptedAt", "spentAt")

		out := h.do("refusal", "show", mismatch.ID, "--json")
		r := read[struct {
			ID, Route, Code, Message, Rule, Received, Expected, OrgID, UserID, CodeID string
			Status                                                                    int
		}](h, out)
		if r.ID != mismatch.ID || r.Route != "POST /auth/registration" || r.Code != "challenge_mismatch" || r.Status != mismatch.Status ||
			!strings.Contains(r.Rule, "§7.1") || r.Received == "" || r.Expected == "" || r.UserID != ada.UserID || r.OrgID != ada.OrgID || r.CodeID == "" {
			h.Errorf("the refusal is shown as %s", out)
		}
		text := h.do("refusal", "show", mismatch.ID)
		for _, secret := range []string{begun.challenge, elsewhere.challenge, begun.token, ada.RegistrationCode} {
			if strings.Contains(out+text+shown, secret) {
				h.Errorf("what the operator is shown holds the secret %q", secret)
			}
		}
		if !strings.Contains(text, r.Rule) {
			h.Errorf("for people, the refusal is shown as %s", text)
		}
	})
}

// must2 unwraps a call that must succeed.
func must2[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// What people read.
func TestCommandsForPeople(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := regexp.MustCompile(`or-\S+`).FindString(h.do("org", "create", "--name", "Engines"))
		inv := invitationOf(h, printedLink.FindString(h.do("user", "invite", "--org", org, "--username", "ada lovelace")))
		if inv.OrgID != org || inv.Username != "ada lovelace" {
			h.Errorf("the link is for %+v", inv)
		}
		for _, c := range []struct{ args, says string }{
			{"org list", "Engines"},
			{"user list --org " + org, "ada lovelace"},
			{"user show --org " + org + " " + "ADA LOVELACE", "invited"},
			{"code list --org " + org, "ada lovelace"},
			{"code revoke --org " + org + " " + "ADA LOVELACE", "revoked"},
			{"doctor", "database"},
			{"version", "countersign "},
		} {
			args := strings.Split(strings.Replace(c.args, "ADA LOVELACE", "ada_lovelace", 1), " ")
			for i := range args {
				args[i] = strings.Replace(args[i], "ada_lovelace", "Ada Lovelace", 1)
			}
			if out := h.do(args...); !strings.Contains(out, c.says) || strings.HasPrefix(out, "{") {
				h.Errorf("%s prints %q", c.args, out)
			}
		}
		stdout, _, status := h.command("", "user", "invite", "--help")
		if status != 0 || !strings.Contains(stdout, "--csv") {
			h.Errorf("--help: status %d: %s", status, stdout)
		}
	})
}

// Failure is 1 and misuse 2, with one sentence on standard error and nothing on standard
// output, and nothing is made.
func TestFailuresOfCommands(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org, elsewhere := h.organisation(), h.organisation()
		h.invite(org, "ada")
		revoked := h.invite(org, "revoked")
		h.do("code", "revoke", "--org", org, revoked.Username)
		codeID := read[struct{ CodeID string }](h, string(items(h, h.do("code", "list", "--org", org, "--json"))[0])).CodeID
		n := h.serve()
		n.register(h.invite(org, "registered"))
		before := h.look().dump("organisations", "users", "registration_codes", "credentials")
		missing := filepath.Join(h.TempDir(), "missing")
		for _, c := range []struct {
			status int
			says   string
			args   []string
		}{
			{2, "unexpected argument", []string{"frobnicate"}},
			{2, "--nonsense", []string{"org", "list", "--nonsense"}},
			{2, "--name", []string{"org", "create"}},
			{2, "name", []string{"org", "create", "--name", ""}},
			{2, "name", []string{"org", "create", "--name", "a\nb"}},
			{2, "public suffix", []string{"org", "create", "--name", "x", "--rp-id", "co.uk"}},
			{2, "IP address", []string{"org", "create", "--name", "x", "--rp-id", "192.0.2.1"}},
			{2, "host name", []string{"org", "create", "--name", "x", "--rp-id", "https://example.org"}},
			{2, "outside", []string{"org", "create", "--name", "x", "--rp-id", "example.org", "--origin", "https://example.net"}},
			{2, "plain http", []string{"org", "create", "--name", "x", "--rp-id", "example.org", "--origin", "http://example.org"}},
			{2, "--attestation", []string{"org", "create", "--name", "x", "--attestation", "some"}},
			{2, "--username or --csv", []string{"user", "invite", "--org", org}},
			{2, "--username and --csv", []string{"user", "invite", "--org", org, "--username", "x", "--csv", "y"}},
			{2, "--csv", []string{"user", "invite", "--org", org, "--username", "x", "--format", "csv"}},
			{2, "cannot be read", []string{"user", "invite", "--org", org, "--csv", missing}},
			{2, "--kind", []string{"user", "invite", "--org", org, "--username", "x", "--kind", "Robot"}},
			{2, "90 days", []string{"user", "invite", "--org", org, "--username", "x", "--expires-in", "2161h"}},
			{2, "one second", []string{"user", "invite", "--org", org, "--username", "x", "--expires-in", "1ms"}},
			{2, "--expires-in", []string{"user", "invite", "--org", org, "--username", "x", "--expires-in", "tomorrow"}},
			{2, "username", []string{"user", "invite", "--org", org, "--username", " x"}},
			{2, "username", []string{"user", "invite", "--org", org, "--username", "a\u202eb"}},
			{1, "registered", []string{"user", "invite", "--org", org, "--username", "REGISTERED"}},
			{1, "CustomerEmployee", []string{"user", "invite", "--org", org, "--username", "ada", "--kind", "EndUser"}},
			{1, "no such organisation", []string{"user", "invite", "--org", "or-00000-00000-0000000000000000", "--username", "x"}},
			{1, "no such organisation", []string{"user", "list", "--org", "or-nonsense"}},
			{2, "--limit", []string{"user", "list", "--org", org, "--limit", "0"}},
			{2, "--limit", []string{"user", "list", "--org", org, "--limit", "1001"}},
			{2, "--limit", []string{"code", "list", "--org", org, "--limit", "1001"}},
			{1, "no such user", []string{"user", "show", "--org", org, "nobody"}},
			{1, "no such user", []string{"user", "show", "--org", elsewhere, "ada"}},
			{1, "no such user", []string{"user", "show", "--org", elsewhere, revoked.UserID}},
			{1, "no code and no user", []string{"code", "revoke", "--org", org, "nobody"}},
			{1, "not live", []string{"code", "revoke", "--org", org, "revoked"}},
			{1, "not live", []string{"code", "revoke", "--org", org, "registered"}},
			{1, "no such code", []string{"code", "revoke", "--org", elsewhere, codeID}},
			{1, "no such registration code", []string{"code", "revoke", "--org", org, "rc-00000-00000-0000000000000000"}},
			{2, "support id", []string{"refusal", "show", "rf-1"}},
			{1, "no refusal", []string{"refusal", "show", "rf-00000-00000-0000000000000000"}},
		} {
			stdout, stderr, status := h.command("", c.args...)
			if status != c.status || stdout != "" || !strings.Contains(stderr, c.says) {
				h.Errorf("%q: status %d, want %d; stderr %q, want %q; stdout %q", c.args, status, c.status, stderr, c.says, stdout)
			}
			oneSentence(h, stderr)
		}
		if after := h.look().dump("organisations", "users", "registration_codes", "credentials"); after != before {
			h.Errorf("commands that failed changed the database:\nbefore\n%s\nafter\n%s", before, after)
		}
	})
}

func oneSentence(t testing.TB, stderr string) {
	t.Helper()
	if !strings.HasPrefix(stderr, "countersign: ") || strings.Count(stderr, "\n") != 1 || !strings.HasSuffix(stderr, "\n") {
		t.Errorf("%q is not one sentence on one line", stderr)
	}
}

// Settings come from flags, then the environment, then the config file.
func TestConfiguration(t *testing.T) {
	// Not parallel: it changes the environment.
	inTurn(t, func(h *installation) {
		h.organisation()
		dir := h.TempDir()
		write := func(name, text string) string {
			path := filepath.Join(dir, name)
			must(h, os.WriteFile(path, []byte(text), 0o600))
			return path
		}
		other := "sqlite:" + filepath.Join(dir, "other.db")
		quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
		full := write("full.json", `{"database":`+quoted(h.database)+`,"json":true,"listen":"127.0.0.1:1","public_url":"https://sign.example.org"}`)
		elsewhere := write("other.json", `{"database":`+quoted(other)+`,"json":true}`)
		listed := func(args ...string) int {
			h.Helper()
			stdout, stderr, status := command(h, "", append([]string{"org", "list"}, args...)...)
			if status != 0 {
				h.Fatalf("%q: status %d: %s", args, status, stderr)
			}
			return len(items(h, stdout))
		}
		if _, stderr, status := command(h, "", "org", "create", "--name", "One", "--database", other); status != 0 {
			h.Fatal(stderr)
		}
		if _, stderr, status := command(h, "", "org", "create", "--name", "Two", "--database", other); status != 0 {
			h.Fatal(stderr)
		}
		if n := listed("--config", full); n != 1 {
			h.Errorf("by config file, %d organisations", n)
		}
		if n := listed("--config", elsewhere); n != 2 {
			h.Errorf("by another config file, %d organisations", n)
		}
		if n := listed("--config", elsewhere, "--database", h.database); n != 1 {
			h.Errorf("the flag does not come before the config file: %d organisations", n)
		}
		h.Setenv("COUNTERSIGN_DATABASE", h.database)
		if n := listed("--json"); n != 1 {
			h.Errorf("by environment, %d organisations", n)
		}
		if n := listed("--config", elsewhere); n != 1 {
			h.Errorf("the environment does not come before the config file: %d organisations", n)
		}
		if n := listed("--json", "--database", other); n != 2 {
			h.Errorf("the flag does not come before the environment: %d organisations", n)
		}
		h.Setenv("COUNTERSIGN_CONFIG", full)
		if out := read[struct{ RegistrationURL string }](h, h.do("user", "invite", "--org", onlyOrganisation(h), "--username", "ada")); !strings.HasPrefix(out.RegistrationURL, "https://sign.example.org/register#") {
			h.Errorf("by config file, the link is %s", out.RegistrationURL)
		}
		for name, text := range map[string]string{
			"misspelt": `{"listn":"x"}`, "hyphen": `{"public-url":"https://x.example.org"}`, "cut off": `{"listen":`, "no object": `["listen"]`,
			"wrong type": `{"administrator":7}`, "twice": `{"drain":"1s","drain":"2s"}`, "wrong enum": `{"log_format":"xml"}`,
		} {
			h.unservable(2, "", "--config", write(name+".json", text))
		}
		_, stderr, status := command(h, "", "org", "list", "--config", filepath.Join(dir, "missing.json"))
		if status != 2 || !strings.Contains(stderr, "missing.json") {
			h.Errorf("no config file: status %d: %s", status, stderr)
		}
	})
}

func onlyOrganisation(h *installation) string {
	h.Helper()
	all := items(h, h.do("org", "list", "--json"))
	if len(all) != 1 {
		h.Fatalf("the organisations are %s", all)
	}
	return read[struct{ OrgID string }](h, string(all[0])).OrgID
}

// The server serves what its environment says, without a flag.
func TestServeByEnvironment(t *testing.T) {
	// Not parallel: it changes the environment.
	inTurn(t, func(h *installation) {
		h.Setenv("COUNTERSIGN_DATABASE", h.database)
		h.Setenv("COUNTERSIGN_ADMINISTRATOR", "by environment")
		h.Setenv("COUNTERSIGN_LOG_FORMAT", "json")
		p := countersigntest.StartBinary(h)
		n := &node{installation: h, Process: p, origin: p.URL}
		if who := n.printed().Username; who != "by environment" {
			h.Errorf("the administrator is %q", who)
		}
		if status := p.Stop(); status != 0 || !strings.HasPrefix(p.Stderr(), "{") {
			h.Errorf("status %d, log %q", status, p.Stderr())
		}
		if h.look().count(`SELECT COUNT(*) FROM users`) != 1 {
			h.Error("the database named in the environment is not the one that is used")
		}
	})
}
