package acceptance_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// The operator renames a credential, and lists and ends the sessions of a user.
func TestOperatorsRenamesAndSessions(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ada := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		id := n.register(ada).Credential.UUID
		if text := h.do("credential", "rename", "--org", ada.OrgID, id, "--name", "In the safe"); !strings.Contains(text, `is called "In the safe"`) {
			h.Errorf("told %q", text)
		}
		wantMembers(h, json.RawMessage(h.do("credential", "rename", "--org", ada.OrgID, id, "--name", "Ключ", "--json")), "credentialUuid", "name")
		if c := read[operatorsCredential](h, string(items(h, h.do("credential", "list", "--org", ada.OrgID, "--username", ada.Username, "--json"))[0])); c.Name != "Ключ" {
			h.Errorf("listed as %+v", c)
		}
		other := h.organisation()
		fails := func(status int, says string, args ...string) {
			h.Helper()
			_, stderr, got := h.command("", args...)
			if got != status || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, says) {
				h.Errorf("%q: status %d: %s", args, got, stderr)
			}
		}
		fails(1, "no such credential", "credential", "rename", "--org", other, id, "--name", "x")
		fails(1, "no such credential", "credential", "rename", "--org", ada.OrgID, "cr-4k8de-0vu8r-9aaaaaaaaaaaaaaa", "--name", "x")
		fails(2, "100 visible characters", "credential", "rename", "--org", ada.OrgID, id, "--name", "\x1b[31m")
		fails(2, "100 visible characters", "credential", "rename", "--org", ada.OrgID, id, "--name", strings.Repeat("a", 10_000))
		fails(2, "--name", "credential", "rename", "--org", ada.OrgID, id)

		sessions := func(args ...string) string {
			h.Helper()
			return h.do(append([]string{"user", "sessions", "--org", ada.OrgID, "--username", ada.Username}, args...)...)
		}
		if all := items(h, sessions("--json")); len(all) != 0 {
			h.Errorf("sessions %s", all)
		}
		if text := sessions("--end", "all"); !strings.Contains(text, "has no session") {
			h.Errorf("told %q", text)
		}
		fails(1, "no such session", "user", "sessions", "--org", ada.OrgID, "--username", ada.Username, "--end", "se-4k8de-0vu8r-9aaaaaaaaaaaaaaa")
		fails(2, "--end", "user", "sessions", "--org", ada.OrgID, "--username", ada.Username, "--end", "everything")
		fails(1, "no such user", "user", "sessions", "--org", other, "--username", ada.UserID)
		fails(1, "no such user", "user", "sessions", "--org", ada.OrgID, "--username", "nobody")
	})
}

// What the operator ends is over at once, on a server that runs.
func TestOperatorEndsSessions(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		n := h.serve()
		p := n.person(h.invite(h.organisation(), "ada@example.org"))
		first, second := p.LogIn(h), p.LogIn(h)
		lives := func(token string) bool {
			_, err := n.client.Session(token, nil).ListCredentials(h.Context())
			return err == nil
		}
		all := items(h, h.do("user", "sessions", "--org", p.OrgID, "--username", p.Username, "--json"))
		if len(all) != 2 {
			h.Fatalf("sessions %s", all)
		}
		wantMembers(h, all[0], "sessionId", "credentialName", "userAgent", "address", "dateCreated", "dateExpires")
		newest := read[struct{ SessionID string }](h, string(all[0])).SessionID
		if text := h.do("user", "sessions", "--org", p.OrgID, "--username", p.Username); !strings.Contains(text, newest) || !strings.Contains(text, "127.0.0.1") {
			h.Errorf("listed as %q", text)
		}
		wantMembers(h, json.RawMessage(h.do("user", "sessions", "--org", p.OrgID, "--username", p.Username, "--end", newest, "--json")), "orgId", "username", "ended")
		if lives(second) || !lives(first) {
			h.Error("the newest session ends, and no other")
		}
		if text := h.do("user", "sessions", "--org", p.OrgID, "--username", p.UserID, "--end", "all"); !strings.Contains(text, "All sessions") {
			h.Errorf("told %q", text)
		}
		if lives(first) {
			h.Error("a session lives on")
		}
	})
}
