package mail_test

import (
	"context"
	"errors"
	"html"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/testing/smtptest"
)

const (
	code = "7QKM-2F9X-HRTA-W3CE-8NPD"
	link = "https://id.example.org/register#org=or-00000-00000-0000000000000000&username=ada%40example.org&code=" + code
)

func invitation() mail.Invitation {
	return mail.Invitation{
		To: "ada@example.org", Organisation: "Analytical Engines", Username: "ada@example.org",
		Code: code, Link: link, InvitedBy: "Charles Babbage",
		ExpiresAt: time.Date(2026, 11, 24, 21, 34, 0, 0, time.FixedZone("CET", 3600)),
	}
}

func newSender(t *testing.T, c mail.Config) *mail.Sender {
	t.Helper()
	if c.From == "" {
		c.From = "Countersign <no-reply@id.example.org>"
	}
	c.Now = func() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }
	s, err := mail.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deliver sends m through a fresh server and returns the one mail that arrived.
func deliver(t *testing.T, opts smtptest.Options, m mail.Invitation) (smtptest.Message, smtptest.Parsed) {
	t.Helper()
	srv := smtptest.Start(t, opts)
	if err := newSender(t, mail.Config{URL: srv.URL, CAFile: srv.CAFile}).Invite(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := srv.Messages()
	if len(got) != 1 {
		t.Fatalf("%d mails arrived, want 1", len(got))
	}
	p, err := got[0].Parse()
	if err != nil {
		t.Fatal(err)
	}
	return got[0], p
}

func TestInvitationArrives(t *testing.T) {
	login := func(o smtptest.Options) smtptest.Options {
		o.User, o.Password = "mailer@example.org", "s3cret/?#@:%+ pass"
		return o
	}
	for name, opts := range map[string]smtptest.Options{
		"plain on loopback":           {},
		"plain on loopback, login":    login(smtptest.Options{}),
		"STARTTLS":                    {STARTTLS: true},
		"STARTTLS, AUTH PLAIN":        login(smtptest.Options{STARTTLS: true, Mechanisms: []string{"PLAIN"}}),
		"STARTTLS, AUTH LOGIN":        login(smtptest.Options{STARTTLS: true, Mechanisms: []string{"LOGIN"}}),
		"implicit TLS":                {ImplicitTLS: true},
		"implicit TLS, AUTH LOGIN":    login(smtptest.Options{ImplicitTLS: true, Mechanisms: []string{"LOGIN"}}),
		"server fails after the 250":  {Reply: func(c string) string { return map[string]string{"QUIT": "421 gone"}[c] }},
		"server without any SMTPUTF8": {NoSMTPUTF8: true},
	} {
		t.Run(name, func(t *testing.T) {
			m, p := deliver(t, opts, invitation())
			if want := opts.STARTTLS || opts.ImplicitTLS; m.TLS != want {
				t.Errorf("encrypted: %v, want %v", m.TLS, want)
			}
			if m.User != opts.User {
				t.Errorf("logged in as %q, want %q", m.User, opts.User)
			}
			if m.From != "no-reply@id.example.org" || len(m.To) != 1 || m.To[0] != "ada@example.org" {
				t.Errorf("envelope from %q to %q", m.From, m.To)
			}
			if strings.Contains(m.Params, "SMTPUTF8") {
				t.Error("SMTPUTF8 was requested for an ASCII address; a later server may bounce that")
			}
			if !strings.Contains(p.Text, link) || !strings.Contains(p.Text, code) {
				t.Errorf("no link or code in the text:\n%s", p.Text)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	_, p := deliver(t, smtptest.Options{}, invitation())
	for name, want := range map[string]string{
		"From":           `"Countersign" <no-reply@id.example.org>`,
		"To":             "<ada@example.org>",
		"Subject":        "Your invitation to Analytical Engines",
		"Date":           "Sun, 22 Nov 2026 09:00:00 +0000",
		"Auto-Submitted": "auto-generated",
		"Mime-Version":   "1.0",
	} {
		if got := p.Header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	id := p.Header.Get("Message-Id")
	if !strings.HasPrefix(id, "<") || !strings.HasSuffix(id, "@id.example.org>") || len(id) < 30 {
		t.Errorf("Message-ID %q", id)
	}
	for name, values := range p.Header {
		if strings.Contains(strings.Join(values, ""), code) {
			t.Errorf("the code is in header %s", name)
		}
	}
	if _, q := deliver(t, smtptest.Options{}, invitation()); q.Header.Get("Message-Id") == id {
		t.Error("two mails have the same Message-ID")
	}
}

func TestWords(t *testing.T) {
	_, p := deliver(t, smtptest.Options{}, invitation())
	for form, body := range map[string]string{"text": p.Text, "html": html.UnescapeString(p.HTML)} {
		flat := strings.Join(strings.Fields(body), " ")
		for _, want := range []string{
			"Charles Babbage invites you to Analytical Engines.",
			"ada@example.org", code, link, "24 November 2026 at 20:34 UTC",
			"Opening the page changes nothing.",
			"If you did not expect this invitation, do nothing.",
		} {
			if !strings.Contains(flat, want) {
				t.Errorf("%s lacks %q:\n%s", form, want, body)
			}
		}
	}
	for line := range strings.Lines(p.Text) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 72 && !strings.HasPrefix(line, "https://") {
			t.Errorf("line of %d characters: %q", n, line)
		}
	}
	for _, remote := range []string{"<img", "src=", "url(", "@import", "<link", "<script", "<table"} {
		if strings.Contains(p.HTML, remote) {
			t.Errorf("the HTML holds %q", remote)
		}
	}
	for _, want := range []string{`content="light dark"`, "prefers-color-scheme: dark"} {
		if !strings.Contains(p.HTML, want) {
			t.Errorf("the HTML lacks %q", want)
		}
	}
}

func TestWithoutInviter(t *testing.T) {
	m := invitation()
	m.InvitedBy = ""
	_, p := deliver(t, smtptest.Options{}, m)
	if !strings.HasPrefix(p.Text, "You are invited to Analytical Engines.") {
		t.Errorf("text begins %.60q", p.Text)
	}
}

func TestNamesInAnyScript(t *testing.T) {
	m := invitation()
	m.Organisation, m.InvitedBy, m.Username = "Ünïcode & Söhne 株式会社", "علي", "zoë@example.org"
	got, p := deliver(t, smtptest.Options{}, m)
	if want := "Your invitation to " + m.Organisation; p.Subject != want {
		t.Errorf("subject %q, want %q", p.Subject, want)
	}
	for i, b := range got.Data {
		if b >= 0x80 {
			t.Fatalf("byte %#x at %d is not ASCII", b, i)
		}
	}
	for _, want := range []string{m.Organisation, m.InvitedBy, m.Username} {
		if !strings.Contains(p.Text, want) || !strings.Contains(html.UnescapeString(p.HTML), want) {
			t.Errorf("%q is not in both forms", want)
		}
	}
}

// Such an address needs a server with SMTPUTF8 (RFC 6531).
func TestAddressBeyondASCII(t *testing.T) {
	m := invitation()
	m.To = "zoë@example.org"
	got, _ := deliver(t, smtptest.Options{}, m)
	if got.To[0] != m.To || !strings.Contains(got.Params, "SMTPUTF8") {
		t.Errorf("to %q with parameters %q", got.To, got.Params)
	}
	srv := smtptest.Start(t, smtptest.Options{NoSMTPUTF8: true})
	err := newSender(t, mail.Config{URL: srv.URL}).Invite(t.Context(), m)
	if c := api.CodeOf(err); c != "mail_recipient_refused" {
		t.Errorf("%v, want mail_recipient_refused", err)
	}
}

func TestInjection(t *testing.T) {
	hostile := []string{
		"x\r\nBcc: eve@example.net", "x\nBcc: eve@example.net", "x\rBcc: eve@example.net",
		"x\r\n\r\nHello", "x\u2028Bcc: eve@example.net", "x\x00y", "x\r\n.\r\nMAIL FROM:<eve@example.net>",
		`"; <eve@example.net>`, "=?utf-8?q?x=0D=0ABcc:_eve@example.net?=", "==??utf-8?q?x=0D=0ABcc:_eve@example.net?=", strings.Repeat("long ", 400), strings.Repeat("l", 3000),
		"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", `" onmouseover="alert(1)`, "{{.Code}}", "\xff\xfe", "\u202egro.elpmaxe",
	}
	for _, h := range hostile {
		m := invitation()
		m.Organisation, m.Username, m.InvitedBy = h, h, h
		got, p := deliver(t, smtptest.Options{}, m)
		if len(got.To) != 1 || got.To[0] != "ada@example.org" {
			t.Errorf("%.30q: envelope to %q", h, got.To)
		}
		for _, name := range []string{"Bcc", "Cc", "Reply-To"} {
			if v, ok := p.Header[name]; ok {
				t.Errorf("%.30q: header %s: %q", h, name, v)
			}
		}
		if strings.ContainsAny(p.Subject, "\r\n\x00\u2028\u202e") || len([]rune(p.Subject)) > 140 {
			t.Errorf("%.30q: subject %q", h, p.Subject)
		}
		for _, bad := range []string{"<script", "<img", `" onmouseover=`, "\u202e", "\x00"} {
			if strings.Contains(p.HTML, bad) {
				t.Errorf("%.30q: the HTML holds %q", h, bad)
			}
		}
		for line := range strings.Lines(p.Text) {
			if strings.HasPrefix(line, "Bcc:") || strings.HasPrefix(line, "Hello") {
				t.Errorf("%.30q: text line %q", h, line)
			}
		}
	}
}

func TestAddressRefused(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Options{})
	s := newSender(t, mail.Config{URL: srv.URL})
	for _, to := range []string{
		"", "ada", "@example.org", "ada@", "ada@[127.0.0.1]", "ada @example.org", " ada@example.org", "Ada <ada@example.org>", "<ada@example.org>",
		"ada@example.org, eve@example.net", "ada@example.org\r\nRCPT TO:<eve@example.net>", "ada@example.org\r\n", "ada\n@example.org",
		"ada@example.org> NOTIFY=NEVER", "ada@example.org\x00", "ada(comment)@example.org", `"a b"@example.org`, "ada@example.org;eve@example.net",
		strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("b", 260), "ada\u202e@example.org", "ada\xff@example.org",
	} {
		m := invitation()
		m.To = to
		if err := s.Invite(t.Context(), m); api.CodeOf(err) != "mail_address_invalid" || api.KindOf(err) != api.Invalid {
			t.Errorf("to %.40q: %v, want mail_address_invalid", to, err)
		}
		if mail.ValidAddress(to) {
			t.Errorf("ValidAddress(%.40q) is true", to)
		}
	}
	if c := srv.Commands(); len(c) != 0 {
		t.Errorf("the server received %q", c)
	}
	for _, to := range []string{"ada@example.org", "ada+test@example.org", "a.b-c_d@sub.example.org", "o'hara@example.org", "ada@localhost", "zoë@exämple.org"} {
		if !mail.ValidAddress(to) {
			t.Errorf("ValidAddress(%q) is false", to)
		}
	}
}

func TestLinkMustBeHTTP(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Options{})
	s := newSender(t, mail.Config{URL: srv.URL})
	for _, l := range []string{"", "javascript:alert(1)", "data:text/html,x", "/register", "//example.org/", "https://", "https://example.org/\r\nBcc: x", "https://example.org/ x"} {
		m := invitation()
		m.Link = l
		if err := s.Invite(t.Context(), m); api.CodeOf(err) != "mail_link_invalid" {
			t.Errorf("link %q: %v", l, err)
		}
	}
	if n := len(srv.Messages()); n != 0 {
		t.Errorf("%d mails sent", n)
	}
}

func TestCleanAndWrap(t *testing.T) {
	if got := mail.Clean(" a\r\n\tb\u2066c\u2069  d ", 100); got != "a bc d" {
		t.Errorf("Clean: %q", got)
	}
	if got := mail.Clean(strings.Repeat("é", 200), 100); len([]rune(got)) != 100 || !strings.HasSuffix(got, "…") {
		t.Errorf("Clean of a long name: %q", got)
	}
	if got := mail.Wrap("aa bb cc "+strings.Repeat("d", 9)+" e", 5); got != "aa bb\ncc\nddddddddd\ne" {
		t.Errorf("Wrap: %q", got)
	}
}

// Each way in which a server can refuse or fail has its own code.
func TestFailuresAreExplained(t *testing.T) {
	const password = "hunter2-hunter2"
	answer := func(command, with string) func(string) string {
		return func(c string) string {
			if strings.HasPrefix(c, command) {
				return with
			}
			return ""
		}
	}
	auth := smtptest.Options{STARTTLS: true, User: "mailer", Password: password}
	other := auth
	other.Mechanisms = []string{"GSSAPI"}
	echo := auth
	// A hostile or careless server repeats what it received.
	echo.Reply = func(c string) string {
		if verb, rest, _ := strings.Cut(c, " "); verb == "AUTH" {
			return "535 no: " + rest + " " + password
		}
		return ""
	}
	for _, tc := range []struct {
		name  string
		opts  smtptest.Options
		url   func(string) string
		noCA  bool
		code  string
		limit time.Duration
	}{
		{name: "no STARTTLS", opts: smtptest.Options{}, url: func(u string) string { return u + "?starttls=required" }, code: "mail_tls_failed"},
		{name: "unknown authority", opts: auth, noCA: true, code: "mail_tls_failed"},
		{name: "unknown authority, implicit", opts: smtptest.Options{ImplicitTLS: true}, noCA: true, code: "mail_tls_failed"},
		{name: "wrong name", opts: smtptest.Options{STARTTLS: true, CertificateName: "mail.example.net"}, code: "mail_tls_failed"},
		{name: "wrong name, implicit", opts: smtptest.Options{ImplicitTLS: true, CertificateName: "mail.example.net"}, code: "mail_tls_failed"},
		{name: "expired", opts: smtptest.Options{STARTTLS: true, Expired: true}, code: "mail_tls_failed"},
		{name: "wrong password", opts: auth, url: func(u string) string { return strings.Replace(u, password, "wrong", 1) }, code: "mail_login_refused"},
		{name: "no common mechanism", opts: other, code: "mail_login_refused"},
		{name: "no login offered", opts: smtptest.Options{}, url: func(u string) string { return strings.Replace(u, "//", "//mailer:"+password+"@", 1) }, code: "mail_login_refused"},
		{name: "server repeats the password", opts: echo, code: "mail_login_refused"},
		{name: "login needed", opts: auth, url: func(u string) string { return strings.Replace(u, "mailer:"+password+"@", "", 1) }, code: "mail_not_accepted"},
		{name: "sender refused", opts: smtptest.Options{Reply: answer("MAIL", "550 5.7.1 not you")}, code: "mail_not_accepted"},
		{name: "recipient refused", opts: smtptest.Options{Reply: answer("RCPT", "550 5.1.1 nobody here")}, code: "mail_recipient_refused"},
		{name: "data refused", opts: smtptest.Options{Reply: answer("DATA", "451 later")}, code: "mail_deferred"},
		{name: "greylisted", opts: smtptest.Options{Reply: answer("RCPT", "450 4.2.0 greylisted, try later")}, code: "mail_deferred"},
		{name: "sender not yet", opts: smtptest.Options{Reply: answer("MAIL", "452 4.3.1 no space")}, code: "mail_deferred"},
		{name: "content not yet", opts: smtptest.Options{Reply: answer(".", "451 4.7.1 try again")}, code: "mail_deferred"},
		{name: "login not yet", opts: func() smtptest.Options {
			o := auth
			o.Reply = answer("AUTH", "454 4.7.0 not now")
			return o
		}(), code: "mail_deferred"},
		{name: "relay denied", opts: smtptest.Options{Reply: answer("RCPT", "554 5.7.1 <ada@example.org>: Relay access denied")}, code: "mail_not_accepted"},
		{name: "relay denied as an unknown mailbox", opts: smtptest.Options{Reply: answer("RCPT", "550 5.1.1 relaying denied")}, code: "mail_not_accepted"},
		{name: "login needed at RCPT", opts: smtptest.Options{Reply: answer("RCPT", "530 5.7.0 login first")}, code: "mail_not_accepted"},
		{name: "client blocked", opts: smtptest.Options{Reply: answer("RCPT", "550 Client host [192.0.2.1] blocked")}, code: "mail_not_accepted"},
		{name: "sender's address at RCPT", opts: smtptest.Options{Reply: answer("RCPT", "550 5.1.8 domain not found")}, code: "mail_not_accepted"},
		{name: "policy", opts: smtptest.Options{Reply: answer("RCPT", "550 5.7.26 unsigned mail")}, code: "mail_not_accepted"},
		{name: "unknown mailbox, bare", opts: smtptest.Options{Reply: answer("RCPT", "550 no such user")}, code: "mail_recipient_refused"},
		{name: "mailbox full", opts: smtptest.Options{Reply: answer("RCPT", "552 5.2.2 mailbox full")}, code: "mail_recipient_refused"},
		{name: "unknown domain", opts: smtptest.Options{Reply: answer("RCPT", "550 5.1.2 bad domain")}, code: "mail_recipient_refused"},
		{name: "content refused, repeating it", opts: smtptest.Options{Reply: answer(".", "554 spam: "+link+" "+code)}, code: "mail_not_accepted"},
		{name: "greeting refused", opts: smtptest.Options{Reply: func(string) string { return "421 busy" }}, code: "mail_deferred"},
		{name: "no service", opts: smtptest.Options{Reply: func(string) string { return "554 no" }}, code: "mail_server_unreachable"},
		{name: "endless reply", opts: smtptest.Options{Reply: answer("EHLO", strings.Repeat("250-x\r\n", 2000)+strings.Repeat("y", 5000))}, code: "mail_timeout", limit: 500 * time.Millisecond},
		{name: "hangs on connect", opts: smtptest.Options{Stall: "connect"}, code: "mail_timeout", limit: 300 * time.Millisecond},
		{name: "hangs before the TLS handshake", opts: smtptest.Options{Stall: "connect", ImplicitTLS: true}, code: "mail_timeout", limit: 300 * time.Millisecond},
		{name: "hangs on STARTTLS", opts: smtptest.Options{STARTTLS: true, Stall: "STARTTLS"}, code: "mail_timeout", limit: 300 * time.Millisecond},
		{name: "hangs after the mail", opts: smtptest.Options{Stall: "."}, code: "mail_timeout", limit: 300 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := smtptest.Start(t, tc.opts)
			c := mail.Config{URL: srv.URL, CAFile: srv.CAFile}
			if tc.url != nil {
				c.URL = tc.url(c.URL)
			}
			if tc.noCA {
				c.CAFile = ""
			}
			s := newSender(t, c)
			if tc.limit != 0 {
				s.Limit(tc.limit)
			}
			begun := time.Now()
			err := s.Invite(t.Context(), invitation())
			var e *api.Error
			if !errors.As(err, &e) || e.Code != tc.code || e.Kind != api.Unavailable {
				t.Fatalf("%v, want %s", err, tc.code)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			noSecrets(t, e)
			if n := len(srv.Messages()); n != 0 {
				t.Errorf("%d mails arrived", n)
			}
			if tc.code == "mail_tls_failed" {
				for _, command := range srv.Commands() {
					if strings.HasPrefix(command, "AUTH") || strings.HasPrefix(command, "MAIL") {
						t.Errorf("%q was sent on a connection that is not trusted", command)
					}
				}
			}
		})
	}
}

func noSecrets(t *testing.T, e *api.Error) {
	t.Helper()
	all := strings.Join([]string{e.Error(), e.Message, e.Rule, e.Received, e.Expected}, "\n")
	for _, secret := range []string{"hunter2", "aHVudGVyMi", "h1bnRlcjI", code, "register#"} {
		if strings.Contains(all, secret) {
			t.Errorf("the error holds %q: %s", secret, all)
		}
	}
	if strings.Count(e.Message, ".") == 0 || strings.Contains(e.Message, "\n") {
		t.Errorf("message %q is not a sentence", e.Message)
	}
}

func TestNoServerListens(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	err = newSender(t, mail.Config{URL: "smtp://" + ln.Addr().String()}).Invite(t.Context(), invitation())
	if c := api.CodeOf(err); c != "mail_server_unreachable" {
		t.Errorf("%v, want mail_server_unreachable", err)
	}
}

// The greeting of a server without TLS is not a TLS record.
func TestTLSToPlainPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		if conn, err := ln.Accept(); err == nil {
			io.WriteString(conn, "220 mail.example.org ESMTP\r\n")
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	err = newSender(t, mail.Config{URL: "smtps://" + ln.Addr().String()}).Invite(t.Context(), invitation())
	if c := api.CodeOf(err); c != "mail_tls_failed" {
		t.Errorf("%v, want mail_tls_failed", err)
	}
}

func TestCancelled(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Options{Stall: "EHLO"})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	begun := time.Now()
	err := newSender(t, mail.Config{URL: srv.URL}).Invite(ctx, invitation())
	if !errors.Is(err, context.Canceled) || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

func TestConfiguration(t *testing.T) {
	dir := t.TempDir()
	noCertificate := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(noCertificate, []byte("nothing here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const from = "no-reply@example.org"
	for _, c := range []mail.Config{
		{}, {URL: "smtp://", From: from}, {URL: "mail.example.org:587", From: from}, {URL: "http://mail.example.org", From: from},
		{URL: "smtp://mail.example.org"}, {URL: "smtp://mail.example.org", From: "nobody"},
		{URL: "smtp://mail.example.org", From: "a@example.org\r\nBcc: eve@example.net"}, {URL: "smtp://mail.example.org", From: "a@example.org, b@example.org"},
		{URL: "smtp://mail.example.org:0", From: from}, {URL: "smtp://mail.example.org:70000", From: from}, {URL: "smtp://mail.example.org:smtp", From: from},
		{URL: "smtp://mailer:hunter2/x@mail.example.org", From: from}, {URL: "smtp://mailer:hunter2?x@mail.example.org", From: from},
		{URL: "smtp://mailer:hunter2#x@mail.example.org", From: from}, {URL: "smtp://mailer:hunter2%zz@mail.example.org", From: from},
		{URL: "smtp://mailer:hunter2%0d%0a@mail.example.org", From: from},
		{URL: "smtp://mailer@mail.example.org", From: from}, {URL: "smtp://:hunter2@mail.example.org", From: from},
		{URL: "smtp://mail.example.org?starttls=maybe", From: from}, {URL: "smtp://mail.example.org?tls=off", From: from},
		{URL: "smtp://mail.example.org?from=a@example.org&from=b@example.org"}, {URL: "smtps://mail.example.org?starttls=off", From: from},
		{URL: "smtp://mailer:hunter2@mail.example.org?starttls=off", From: from},
		{URL: "smtp://mail.example.org", From: from, CAFile: filepath.Join(dir, "absent.pem")}, {URL: "smtp://mail.example.org", From: from, CAFile: noCertificate},
	} {
		_, err := mail.New(c)
		var e *api.Error
		if !errors.As(err, &e) || e.Code != "mail_configuration" || e.Kind != api.Invalid {
			t.Errorf("%+v: %v, want mail_configuration", c, err)
			continue
		}
		noSecrets(t, e)
	}
	for _, c := range []mail.Config{
		{URL: "smtp://mail.example.org", From: from}, {URL: "smtps://mailer@example.org:x@mail.example.org"}, {URL: "smtp://mail.example.org?from=" + from},
		{URL: "smtp://mailer:hunter2@[::1]:2525?starttls=off", From: from}, {URL: "smtp://mail.example.org?starttls=off", From: from},
		{URL: "smtp://mailer%40example.org:hunter2@mail.example.org/"},
	} {
		if _, err := mail.New(c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
