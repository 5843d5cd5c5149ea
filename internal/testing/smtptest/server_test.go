package smtptest_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/testing/smtptest"
)

// dial connects the standard library's client, a second opinion on the protocol.
func dial(t *testing.T, s *smtptest.Server) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(c *smtp.Client, text string) error {
	if err := c.Mail("a@example.org"); err != nil {
		return err
	}
	if err := c.Rcpt("b@example.org"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return w.Close()
}

func TestDotsAreUnstuffed(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{})
	c := dial(t, s)
	text := "Subject: dots\r\n\r\n.\r\n..\r\n.hidden\r\nend.\r\n"
	for range 2 { // two mails on one connection
		if err := send(c, text); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Messages()
	if len(got) != 2 || string(got[0].Data) != text || string(got[1].Data) != text {
		t.Errorf("got %+v", got)
	}
	if got[0].From != "a@example.org" || got[0].To[0] != "b@example.org" || got[0].TLS {
		t.Errorf("got %+v", got[0])
	}
}

func TestLoginAfterSTARTTLS(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{STARTTLS: true, User: "u", Password: "p"})
	c := dial(t, s)
	if ok, _ := c.Extension("AUTH"); ok {
		t.Error("AUTH offered before encryption")
	}
	if err := c.Mail("a@example.org"); err == nil || !strings.Contains(err.Error(), "530") {
		t.Errorf("MAIL before STARTTLS: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.CA)
	if err := c.StartTLS(&tls.Config{ServerName: "localhost", RootCAs: pool}); err != nil {
		t.Fatal(err)
	}
	if ok, _ := c.Extension("STARTTLS"); ok {
		t.Error("STARTTLS offered twice")
	}
	if err := c.Mail("a@example.org"); err == nil || !strings.Contains(err.Error(), "530") {
		t.Errorf("MAIL before AUTH: %v", err)
	}
	if err := c.Auth(smtp.PlainAuth("", "u", "wrong", "127.0.0.1")); err == nil {
		t.Error("a wrong password was taken")
	}
	d := dial(t, s)
	if err := d.StartTLS(&tls.Config{ServerName: "127.0.0.1", RootCAs: pool}); err != nil {
		t.Fatal(err)
	}
	if err := d.Auth(smtp.PlainAuth("", "u", "p", "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	if err := send(d, "Subject: x\r\n\r\ny\r\n"); err != nil {
		t.Fatal(err)
	}
	if got := s.Messages(); len(got) != 1 || !got[0].TLS || got[0].User != "u" {
		t.Errorf("got %+v", got)
	}
}

// recorder takes the place of a test, so that its failing can be seen.
type recorder struct {
	testing.TB
	failed   []string
	cleanups []func()
}

func (r *recorder) Errorf(format string, args ...any) { r.failed = append(r.failed, format) }
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }

// TestViolationsFail: a client that ends lines with a bare LF, writes endless lines, or
// slips commands in before the TLS handshake fails its test.
func TestViolationsFail(t *testing.T) {
	for name, text := range map[string]string{
		"bare LF in a command":   "EHLO x\n",
		"endless command":        "EHLO " + strings.Repeat("x", 2000) + "\r\n",
		"bare LF in the mail":    "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhello\n.\r\n",
		"bare CR in the mail":    "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhel\rlo\r\n.\r\n",
		"commands before TLS":    "EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n",
		"long line in the mail":  "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + strings.Repeat("x", 1200) + "\r\n.\r\n",
		"broken line after QUIT": "EHLO x\r\nNOOP\n",
	} {
		r := &recorder{TB: t}
		s := smtptest.Start(r, smtptest.Options{STARTTLS: name == "commands before TLS"})
		conn, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		for buf := make([]byte, 512); err == nil; { // until the server hangs up
			_, err = conn.Read(buf)
		}
		conn.Close()
		for _, f := range r.cleanups {
			f()
		}
		if len(r.failed) != 1 {
			t.Errorf("%s: %d failures", name, len(r.failed))
		}
	}
}
