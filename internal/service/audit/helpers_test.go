package audit_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

const (
	logsPath   = "/auth/action/logs"
	searchPath = "/countersign/audit"
)

var must = world.Must

// archive is an organisation whose administrator reads its log.
type archive struct {
	*world.Organisation
	root  *countersigntest.Person
	admin *client.Session
	since time.Time
}

func newArchive(t *testing.T, srv *countersigntest.Server, name string) *archive {
	t.Helper()
	a := &archive{since: srv.Clock.Now().Add(-time.Second)}
	org, root := srv.Administrator(t, name)
	a.Organisation, a.root, a.admin = world.On(t, srv, org), root, srv.Session(t, root)
	return a
}

// archives runs test on each database.
func archives(t *testing.T, test func(t *testing.T, a *archive)) {
	t.Helper()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) { test(t, newArchive(t, srv, "Engines")) })
}

// ask sends a GET with a token. headers are names and values by turns.
func (a *archive) ask(t *testing.T, token, path string, query url.Values, headers ...string) world.Answer {
	t.Helper()
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	header := world.Bearer(token)
	header["Content-Type"] = nil
	for i := 0; i < len(headers); i += 2 {
		header.Add(headers[i], headers[i+1])
	}
	return a.Send(t, "GET", path, header, nil)
}

// until is a query for everything since the archive was created, changed by the pairs of names and
// values.
func (a *archive) until(end time.Time, pairs ...string) url.Values {
	q := url.Values{"startTime": {api.Time(a.since)}, "endTime": {api.Time(end)}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

// rows reads a CSV answer and returns the rows below the header.
func rows(t *testing.T, text string) [][]string {
	t.Helper()
	const header = "Date Performed,Audit Log ID,User ID,Username,Primary Credential ID,Action Path,Summary\n"
	below, found := strings.CutPrefix(text, header)
	if !found {
		t.Fatalf("the header is missing in %.200q", text)
	}
	r := csv.NewReader(strings.NewReader(below))
	r.Comment, r.FieldsPerRecord = '#', 7
	all, err := r.ReadAll()
	must(t, err)
	return all
}

// logs is the CSV of everything until now.
func (a *archive) logs(t *testing.T, pairs ...string) [][]string {
	t.Helper()
	res := a.ask(t, a.admin.Token, logsPath, a.until(a.Clock.Now().Add(time.Hour), pairs...))
	res.Wants(t, "logs", 200, "")
	return rows(t, res.Body)
}

// search reads one page.
func (a *archive) search(t *testing.T, pairs ...string) (page api.AuditPage) {
	t.Helper()
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	res := a.ask(t, a.admin.Token, searchPath, q)
	res.Wants(t, "search "+q.Encode(), 200, "")
	must(t, json.Unmarshal([]byte(res.Body), &page))
	return page
}

// searchAll reads every page.
func (a *archive) searchAll(t *testing.T, pairs ...string) (all []api.AuditEntry) {
	t.Helper()
	for token := ""; ; {
		page := a.search(t, append(pairs, "paginationToken", token)...)
		all = append(all, page.Items...)
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
}

// get reads one entry.
func (a *archive) get(t *testing.T, id string) (log api.AuditLog) {
	t.Helper()
	res := a.ask(t, a.admin.Token, logsPath+"/"+id, nil)
	res.Wants(t, id, 200, "")
	must(t, json.Unmarshal([]byte(res.Body), &log))
	return log
}

// colleague registers a user with a key.
func (a *archive) colleague(t *testing.T, name string) (*countersigntest.Person, *client.Session) {
	t.Helper()
	p := a.RegisterKey(t, a.Invite(t, a.Org.ID, name), "P-256")
	return p, a.Session(t, p)
}

// record adds events about the administrator of a day before anything else happened, a
// millisecond apart. The first is one after a.since, and the last one before end.
func (a *archive) record(t *testing.T, n int) (end time.Time) {
	t.Helper()
	a.since = a.since.Add(-24 * time.Hour).Truncate(time.Millisecond)
	after := func(i int) time.Time { return a.since.Add(time.Duration(i) * time.Millisecond) }
	must(t, a.DB.Write(context.Background(), func(tx *store.Tx) error {
		for i := 1; i <= n; i++ {
			tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, after(i)), OrgID: a.Org.ID, At: after(i), Kind: "user.updated", UserID: a.root.UserID})
		}
		return nil
	}))
	return after(n + 1)
}

// entry finds the newest entry of a kind.
func entry(t *testing.T, all []api.AuditEntry, kind string) api.AuditEntry {
	t.Helper()
	for _, e := range all {
		if e.Kind == kind {
			return e
		}
	}
	t.Fatalf("no entry of kind %s among %s", kind, world.JSON(t, all))
	return api.AuditEntry{}
}
