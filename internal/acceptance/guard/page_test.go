package guard_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// The page of the example service: log in by passkey, sign, send, all from another
// origin than Countersign's.
func TestPage(t *testing.T) {
	t.Parallel()
	tab, srv := chromium.Open(t), countersigntest.Start(t)
	port := countersigntest.FreePort(t) // the organisation names the page's origin, and the service the organisation
	url := "http://localhost:" + port
	org := srv.OrganisationWith(t, organisation.New{Name: "Payments", Origins: []string{url}})
	serviceAt(t, port, "--countersign", srv.URL, "--org", org.ID)
	inv := srv.Invite(t, org.ID, "ada@example.org")
	key := tab.AddVirtualAuthenticator()

	tab.Open(inv.RegistrationURL)
	tab.WaitFor(`document.body.dataset.state === "ready"`)
	tab.Click("#create")
	tab.WaitFor(`document.body.dataset.state === "done"`)

	const status = `document.querySelector("[role=status]").textContent`
	said := func() (text string) {
		tab.WaitFor(status)
		tab.Eval(status, &text)
		return text
	}
	tab.Open(url)
	tab.Click("button")
	if text := said(); !strings.HasPrefix(text, "10.00 sent to grace@example.org, signed by ada@example.org (ua-") {
		t.Fatalf("the page says %q", text)
	}
	first := said()
	tab.Eval(`document.querySelector("[name=amount]").value = "20.00"`, nil)
	tab.Click("button")
	tab.WaitFor(status + `.startsWith("20.00 sent")`)
	if second := said(); second == first {
		t.Errorf("the page says %q again", second)
	}
	var kept string
	tab.Eval(`JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])`, &kept)
	if kept != `[{},{},""]` {
		t.Errorf("the page keeps %s", kept)
	}
	if p := tab.Problems(); len(p) > 0 {
		t.Errorf("the browser says %q", p)
	}

	key.SetUserVerified(false) // as when the prompt is closed
	tab.Click("button")
	tab.WaitFor(status + ` && !` + status + `.includes("sent")`)
	var unsigned int
	tab.Eval(`fetch("/transfers", {method: "POST", body: "{}"}).then((r) => r.status)`, &unsigned)
	if unsigned != 403 {
		t.Errorf("unsigned it answers %d, want 403", unsigned)
	}
}
