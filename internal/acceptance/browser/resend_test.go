package browser_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
)

// Who comes too late asks for a new code with one click, gets it by mail, and registers
// with the link in it. Who is registered already sees the same words and gets no mail.
func TestResend(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.Mail())
	g := invite(t, srv)
	before := len(srv.Mailbox.Messages())
	srv.Clock.Advance(25 * time.Hour)
	ask := func() (answer string) {
		g.Open("about:blank")
		g.Open(g.inv.RegistrationURL)
		g.awaitState("problem")
		g.Click(`[data-action="resend"]`)
		g.WaitFor(`document.querySelector("#status").textContent.includes("on its way")`)
		return g.Text("#status")
	}
	open := ask()
	srv.Codes.Outbox.Finish()
	messages := srv.Mailbox.Messages()
	if len(messages) != before+1 {
		t.Fatalf("%d mails were sent, want 1", len(messages)-before)
	}
	parsed, err := messages[before].Parse()
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`http://localhost:\d+/register#\S+`).FindString(parsed.Text)
	if link == "" || link == g.inv.RegistrationURL {
		t.Fatalf("the mail holds no new link: %s", parsed.Text)
	}
	g.Open("about:blank")
	g.Open(link)
	g.awaitState("ready")
	g.Click("#create")
	g.awaitState("done")

	g.inv.RegistrationURL = link
	if closed := ask(); closed != open {
		t.Errorf("a registered user sees %q, one who is not %q", closed, open)
	}
	srv.Codes.Outbox.Finish()
	if n := len(srv.Mailbox.Messages()); n != before+1 {
		t.Errorf("%d mails more went to a registered user", n-before-1)
	}
}
