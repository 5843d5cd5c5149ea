package acceptance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A hundred thousand people are invited in one go, while the server serves.
func TestBulkInvitation(t *testing.T) {
	t.Parallel()
	const people = 100_000
	each(t, func(h *installation) {
		org := h.organisation()
		n := h.serve()
		var text strings.Builder
		text.WriteString("username,kind\n")
		for i := range people {
			kind := []string{"", "EndUser", "CustomerEmployee"}[i%3]
			fmt.Fprintf(&text, "person-%06d@example.org,%s\n", i, kind)
		}
		file := filepath.Join(h.TempDir(), "people.csv")
		must(h, os.WriteFile(file, []byte(text.String()), 0o600))

		begin := time.Now()
		out := h.do("user", "invite", "--org", org, "--csv", file, "--format", "csv")
		h.Logf("%d people invited in %s", people, time.Since(begin).Round(10*time.Millisecond))
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if len(lines) != people {
			h.Fatalf("%d lines for %d people", len(lines), people)
		}
		codes := map[string]bool{}
		for i, line := range lines {
			f := strings.Split(line, ",")
			if len(f) != 3 || f[0] != org || f[1] != fmt.Sprintf("person-%06d@example.org", i) {
				h.Fatalf("line %d is %q", i+1, line)
			}
			codes[f[2]] = true
		}
		if len(codes) != people {
			h.Errorf("%d different codes", len(codes))
		}
		users, live, events := h.look().count(`SELECT COUNT(*) FROM users`), h.look().count(`SELECT COUNT(*) FROM registration_codes WHERE revoked_at IS NULL`),
			h.look().count(`SELECT COUNT(*) FROM events WHERE kind = 'user.invited'`)
		if users != people || live != people || events != people {
			h.Errorf("%d users, %d live codes, %d events; want %d of each", users, live, events, people)
		}
		if n := h.look().count(`SELECT COUNT(*) FROM users WHERE kind = 'EndUser'`); n != people/3 {
			h.Errorf("%d end users", n)
		}
		for _, i := range []int{0, people / 2, people - 1} {
			f := strings.Split(lines[i], ",")
			n.register(invitation{OrgID: f[0], Username: f[1], RegistrationCode: f[2]})
		}
		h.look().want(3)

		// Whoever lists them comes to the end, page by page.
		seen, after := 0, ""
		for {
			args := []string{"user", "list", "--org", org, "--json", "--limit", "1000"}
			if after != "" {
				args = append(args, "--after", after)
			}
			page := items(h, h.do(args...))
			if seen += len(page); len(page) < 1000 || seen >= 3000 { // enough to know
				break
			}
			after = read[struct{ UserID string }](h, string(page[len(page)-1])).UserID
		}
		if seen != 3000 {
			h.Errorf("three pages of 1000 hold %d users", seen)
		}
	})
}

// A CSV with a mistake invites nobody, and the error names the line that a person finds
// the mistake in.
func TestMistakesInACSV(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		n := h.serve()
		n.register(h.invite(org, "registered"))
		h.invite(org, "ada")
		before := h.look().dump("users", "registration_codes")
		var many strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&many, "person-%d\n", i)
		}
		for _, c := range []struct {
			status     int
			text, says string
		}{
			{2, "", "header"},
			{2, "\n\n", "header"},
			{2, "name\nx\n", "first line"},
			{2, "x@example.org\ny@example.org\n", "first line"},
			{2, "username,kind,admin\nx,EndUser,yes\n", "first line"},
			{2, "username\nx,EndUser\n", "line 2"},
			{2, "username,kind\nx,EndUser\ny\n", "line 3"},
			{2, "username\nx\n\"y\n", "line 3"},
			{2, "username\nx\n\n\n y\n", "line 5"},
			{2, "username,kind\nx,EndUser\ny,Robot\n", "line 3"},
			{2, "username\nx\ny\nX\n", "line 4"},
			{2, "username\nx\n\xff\n", "line 3"},
			{2, "username\n" + many.String() + "bad\u202ename\n", "line 2002"},
			{1, "username\n" + many.String() + "REGISTERED\n", "line 2002"},
			{1, "username,kind\nx,EndUser\nada,EndUser\n", "line 3"},
		} {
			for _, format := range []string{"csv", "text"} {
				stdout, stderr, status := h.command(c.text, "user", "invite", "--org", org, "--csv", "-", "--format", format)
				if status != c.status || stdout != "" || !strings.Contains(stderr, c.says) {
					h.Errorf("%.80q: status %d, want %d; stderr %q, want %q; stdout %.80q", c.text, status, c.status, stderr, c.says, stdout)
				}
				oneSentence(h, stderr)
			}
		}
		if after := h.look().dump("users", "registration_codes"); after != before {
			h.Errorf("a CSV with a mistake changed the database:\nbefore\n%s\nafter\n%s", before, after)
		}
	})
}

// What spreadsheets write is read: a byte order mark, Windows line ends, quotes. Names
// that hold a comma come out quoted.
func TestCSVOfSpreadsheets(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		out, stderr, status := h.command("\ufeffusername,kind\r\n\"Lovelace, Ada\",EndUser\r\n\r\nŽofie,\r\n", "user", "invite", "--org", org, "--csv", "-", "--format", "csv")
		lines := strings.Split(out, "\n")
		if status != 0 || len(lines) != 3 || !strings.HasPrefix(lines[0], org+`,"Lovelace, Ada",`) || !strings.HasPrefix(lines[1], org+",Žofie,") {
			h.Errorf("status %d: %s%s", status, out, stderr)
		}
		if n := h.look().count(`SELECT COUNT(*) FROM users WHERE username = 'Lovelace, Ada' AND kind = 'EndUser'`); n != 1 {
			h.Errorf("%d users of that name", n)
		}
		// Nobody is invited by a file without people, which is no mistake.
		out, stderr, status = h.command("username\n", "user", "invite", "--org", org, "--csv", "-", "--json")
		if status != 0 || out != "" {
			h.Errorf("a file without people: status %d: %s%s", status, out, stderr)
		}
		out, _, _ = h.command("username\nbabbage\n", "user", "invite", "--org", org, "--csv", "-", "--json")
		wantMembers(h, []byte(out), "orgId", "userId", "username", "registrationCode", "registrationUrl", "expiresAt")
	})
}
