package browser_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/receipt"
)

// await waits for a file whose name matches, and returns what is in it.
func await(t *testing.T, dir, pattern string) []byte {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) == 1 {
			b, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > 0 {
				return b
			}
		}
	}
	t.Fatalf("no file %s came", pattern)
	return nil
}

// What was signed on one page is found on another, with a proof to take away.
func TestAdminAuditLog(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	srv.Register(t, srv.Invite(t, g.inv.OrgID, "grace@example.org"))
	g.goTo("/people")
	row := g.open("people", "grace@example.org")
	g.sign(row+" [data-key=active]", "Deactivate grace@example.org")
	g.awaitWords(row, "Deactivated")
	g.press(g.open("people", "ada@example.org") + " [data-key=active]")
	g.Click("#signing-go")
	g.WaitFor(`document.querySelector("#signing-alert .bad")`) // the last administrator stays
	g.Click("#signing-close")
	grace := g.person("grace@example.org").UserID

	dir := g.Downloads()
	g.goTo("/audit")
	g.wantText("#entries", "ada@example.org", "PUT /auth/users/"+grace+"/deactivate", "127.0.0.1")
	g.wantText("#zone", "UTC")
	g.typeInto("text", grace+"/deactivate")
	g.WaitFor(`document.querySelectorAll("#entries tbody").length === 1`)
	g.wantText("#entries", "ada@example.org", "grace@example.org", "Done")
	g.Click("#entries [data-key=manage]")
	g.wantText("#entries .panel", "uj-", "ua-", "cr-", grace, "user.deactivated")
	g.Click("#entries [data-key=receipt]")
	proof := await(t, dir, "receipt-ua-*.json")
	read, report, err := receipt.Verify(proof, nil)
	if err != nil {
		t.Fatalf("the receipt does not verify: %v", err)
	}
	if read.Action.Path != "/auth/users/"+grace+"/deactivate" || read.Who.Username != "ada@example.org" {
		t.Errorf("the receipt is of %+v (%+v)", read, report)
	}

	g.Eval(`document.querySelector("#text").value = ""`, nil)
	g.choose("#outcome", "Refused")
	g.awaitWords("#entries", "last administrator")
	g.Click("#entries [data-key=manage]")
	g.wantText("#entries .panel", "last_administrator", "rf-")
	g.choose("#outcome", "All")

	g.Click("#csv")
	rows, err := csv.NewReader(strings.NewReader(string(await(t, dir, "audit-log*.csv")))).ReadAll()
	if err != nil || len(rows) < 6 {
		t.Errorf("the file has %d rows, %v", len(rows), err)
	}
	if text := strings.Join(rows[len(rows)-2], " "); !strings.Contains(text, grace) {
		t.Errorf("the file does not tell of the change: %q", rows)
	}

	// Days are by this device's clock; today's log is there, tomorrow's is not.
	day := func(id string, date time.Time) {
		g.Eval(`{ const e = document.querySelector("#`+id+`"); e.value = "`+date.Format(time.DateOnly)+`"; e.dispatchEvent(new Event("input", {bubbles: true})); }`, nil)
	}
	day("from", time.Now().AddDate(0, 0, 2))
	g.awaitWords("#entries-none", "Nothing was found")
	day("to", time.Now().AddDate(0, 0, -2))
	g.awaitWords("#dates-error", "before the first")
	day("from", time.Now().AddDate(0, 0, -1))
	day("to", time.Now().AddDate(0, 0, 1))
	g.WaitFor(`document.querySelectorAll("#entries tbody").length > 3`)

	// From a person's row to what concerns them.
	g.goTo("/people")
	g.Click(g.open("people", "grace@example.org") + " .panel a")
	g.WaitFor(`location.pathname === "/audit" && document.body.dataset.state === "ready"`)
	g.wantText("#only", "grace@example.org")
	g.WaitFor(`[...document.querySelectorAll("#entries tbody")].length > 0`)
	if text := g.Text("#entries"); strings.Contains(text, "ada@example.org registered") {
		t.Errorf("entries about others are shown: %q", text)
	}
	g.Click("#everybody")
	g.awaitWords("#entries", "ada@example.org registered")
	g.refusedWith("409")
}

// What asks for attention is not shown as something done, in green.
func TestAdminAuditLogWarns(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.write(func(tx *store.Tx) {
		now := srv.Clock.Now()
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: g.inv.OrgID, At: now, Kind: store.EventCredentialSignCountOutOfLine,
			UserID: g.inv.UserID, ActorID: g.inv.UserID})
	})
	g.goTo("/audit")
	row := `[...document.querySelectorAll("#entries tbody")].find((b) => b.textContent.includes("out of step"))`
	g.WaitFor(row)
	var mark, kept string
	g.Eval(row+`.querySelector(".badge").textContent`, &mark)
	g.Eval(row+`.querySelector(".badge").dataset.kept || ""`, &kept)
	if mark != "Warning" || kept != "bound" {
		t.Errorf("the entry is marked %q as %q", mark, kept)
	}
	g.untroubled()
}

// What a list says when it is empty, or out of date, is said to those who do not see it too.
func TestListsSayThatTheyAreEmpty(t *testing.T) {
	t.Parallel()
	g := adminIn(t, countersigntest.Start(t))
	for path, ids := range map[string][]string{"/people": {"people-none", "stale"}, "/roles": {"roles-none"},
		"/machines": {"service-accounts-none", "tokens-none"}, "/audit": {"entries-none"}} {
		g.goTo(path)
		for _, id := range ids {
			var is bool
			g.Eval(`(({role, hidden}) => role === "status" && !hidden)(document.querySelector(`+quote("#"+id)+`))`, &is)
			if !is {
				t.Errorf("%s: %s is no live region", path, id)
			}
		}
	}
	g.goTo("/people")
	g.typeInto("name", "nobody")
	g.awaitWords("#people-none", "Nobody’s name begins like that")
	g.Eval(`document.querySelector("#name").value = ""; document.querySelector("#name").dispatchEvent(new Event("input", {bubbles: true}))`, nil)
	g.WaitFor(`document.querySelector("#people-none").textContent === ""`)
	g.untroubled()
}
