package acceptance_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/testing/smtptest"
)

// mailed starts a mail server that asks for a login over TLS, and has every command and
// server of the installation send through it.
func (h *installation) mailed() *smtptest.Server {
	h.Helper()
	s := smtptest.Start(h, smtptest.Options{STARTTLS: true, User: "mailer", Password: "p@ss/w:rd"})
	h.flags = append(h.flags, "--smtp", s.URL, "--smtp-ca", s.CAFile, "--mail-from", "Countersign <no-reply@example.org>")
	return s
}

var codeInMail = regexp.MustCompile(`\b[0-9A-Z]{4}(-[0-9A-Z]{4}){4}\b`)

// letter is a mail as a person reads it: for whom, and the invitation in it.
func letter(t testing.TB, m smtptest.Message) (to string, inv invitation) {
	t.Helper()
	p, err := m.Parse()
	must(t, err)
	code := codeInMail.FindString(p.Text)
	link := regexp.MustCompile(`https?://\S+/register#\S+`).FindString(p.Text)
	inv = invitationOf(t, link)
	if code != inv.RegistrationCode || !strings.Contains(p.HTML, code) || len(m.To) != 1 || !m.TLS {
		t.Errorf("the mail to %v (TLS %v) has the code %q, its link %q", m.To, m.TLS, code, link)
	}
	return strings.Join(m.To, ","), inv
}

// Asking for a new code mails one, to who is still to register and to nobody else. Once it is mailed
// the old one is void; without a mail it stays good. Whoever asks cannot tell the difference.
func TestResendIsTheSameForEverybody(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		smtp := h.mailed()
		org, elsewhere := h.organisation(), h.organisation()
		ada, registered := h.invite(org, "ada@example.org"), h.invite(org, "bob@example.org")
		expired := h.invite(org, "late@example.org", "--expires-in", "1s")
		revoked := h.invite(org, "revoked@example.org")
		robot := h.invite(org, "robot") // no mail address
		h.do("code", "revoke", "--org", org, "revoked@example.org")
		n := h.serve()
		n.register(registered)
		if got := len(smtp.Messages()); got != 4 {
			h.Fatalf("%d mails for four invitations with an address", got)
		}

		askers := map[string]invitation{
			"invited": ada, "registered": registered, "expired": expired, "revoked": revoked, "without address": robot,
			"unknown": {OrgID: org, Username: "nobody@example.org"}, "elsewhere": {OrgID: elsewhere, Username: "ada@example.org"},
			"nowhere": {OrgID: "or-00000-00000-0000000000000000", Username: "ada@example.org"},
		}
		var same string
		for who, inv := range askers {
			status, body := n.resend(inv)
			if same == "" {
				same = body
			}
			if status != 200 || body != same {
				h.Errorf("%s: %d %s, another was answered %s", who, status, body, same)
			}
		}
		n.stop() // and with it, what is still to be mailed is mailed
		got := map[string]invitation{}
		for _, m := range smtp.Messages()[4:] {
			to, inv := letter(h, m)
			if _, twice := got[to]; twice {
				h.Errorf("%s got two mails", to)
			}
			got[to] = inv
		}
		for _, name := range []string{"ada@example.org", "late@example.org"} {
			if _, is := got[name]; !is {
				h.Errorf("%s got no new code", name)
			}
		}
		if len(got) != 2 { // whose code an administrator revoked gets none by asking
			h.Errorf("mail went to %v", got)
		}

		n.restart()
		_, err := n.init(ada)
		refused(h, err, 401, "registration_code_revoked")
		_, err = n.init(robot)
		must(h, err)
		if got["ada@example.org"].OrgID != org {
			h.Errorf("the mail to ada is about %s, want %s", got["ada@example.org"].OrgID, org)
		}
		n.register(got["ada@example.org"])
		n.register(got["late@example.org"])
		h.look().want(3)
	})
}

// Who keeps asking gets the same answer but no flood of mails, and the last code stays
// good.
func TestResendingIsLimited(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		smtp := h.mailed()
		ada := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		var same string
		for range 20 {
			status, body := n.resend(ada)
			if same == "" {
				same = body
			}
			if status != 200 || body != same {
				h.Errorf("asked again: %d %s, want %s", status, body, same)
			}
		}
		n.stop()
		mails := smtp.Messages()
		if len(mails) != 1+5 {
			h.Fatalf("%d mails after one invitation and 20 requests for a new code, want 6", len(mails))
		}
		n.restart()
		live := 0
		for _, m := range mails {
			_, inv := letter(h, m)
			if _, err := n.init(inv); err == nil {
				live++
				n.register(inv)
			}
		}
		if live != 1 {
			h.Errorf("%d of the mailed codes are live, want 1", live)
		}
		h.look().want(1)
	})
}

// A mail server that is down takes nothing from the answer: the invitation stands, the
// command says that its mail did not go, and a resend is answered as always.
func TestMailServerDown(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		h.flags = []string{"--smtp", "smtp://127.0.0.1:1", "--mail-from", "no-reply@example.org"}
		stdout, stderr, status := h.command("", "user", "invite", "--org", org, "--username", "ada@example.org", "--json")
		if status != 1 || !strings.Contains(stderr, "invited but the mail did not go") {
			h.Errorf("status %d: %s", status, stderr)
		}
		ada := read[invitation](h, stdout)
		n := h.serve()
		begun := n.mustBegin(ada)
		if status, body := n.resend(invitation{OrgID: org, Username: "other@example.org"}); status != 200 {
			h.Errorf("%d %s", status, body)
		}
		_, err := n.complete(begun)
		must(h, err)
		h.look().want(1)
	})
}
