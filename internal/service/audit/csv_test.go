package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/audit"
)

// A name may have any visible character, and a spreadsheet shows it as text.
func TestNamesStandInTheCSVAsTheyAre(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		names := map[string]string{ // and how they stand in a cell
			`Ada, "Countess" of Lovelace`: `Ada, "Countess" of Lovelace`,
			`Zoë 李 😀`:                     `Zoë 李 😀`,
			`=HYPERLINK("http://x","y")`:  `'=HYPERLINK("http://x","y")`,
			`+1`:                          `'+1`,
			`-Ada`:                        `'-Ada`,
			`@SUM(A1)`:                    `'@SUM(A1)`,
			`'quoted'`:                    `'quoted'`,
			`# TRUNCATED`:                 `# TRUNCATED`,
		}
		ids := map[string]string{}
		for name := range names {
			p, _ := a.colleague(t, name)
			ids[p.UserID] = name
		}
		found := 0
		for _, row := range a.logs(t) {
			name, ours := ids[row[2]]
			if !ours {
				continue
			}
			found++
			summary := name + " registered with a key"
			if row[5] == "user.logged_in" {
				summary = name + " logged in with a key"
			}
			if names[name] != name {
				summary = "'" + summary
			}
			if row[3] != names[name] || row[6] != summary {
				t.Errorf("%s stands as %q and in %q, want %q and %q", name, row[3], row[6], names[name], summary)
			}
			if _, err := time.Parse("2006-01-02T15:04:05.000Z", row[0]); err != nil || !api.ValidID(api.PrefixAuditLog, row[1]) || !strings.HasPrefix(row[4], "cr-") {
				t.Errorf("%q", row)
			}
		}
		if found != 2*len(names) {
			t.Errorf("%d rows of %d people", found, len(names))
		}
	})
}

// A client that reads every answer as JSON gets the same text as a JSON string.
func TestTheLogAsJSON(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		a.colleague(t, `Ada, "Countess" of Löve`)
		q := a.until(a.Clock.Now())
		plain := a.ask(t, a.admin.Token, logsPath, q)
		if plain.Status != 200 || plain.Header.Get("Content-Type") != "text/csv; charset=utf-8" || plain.Header.Get("Cache-Control") != "no-store" ||
			len(rows(t, plain.Body)) < 4 || len(plain.Header.Values("X-Dfns-Result-Truncated")) > 0 {
			t.Fatalf("%v\n%v", plain, plain.Header)
		}
		for _, headers := range [][]string{{"Accept", "application/json"}, {"Accept", "text/plain, Application/JSON; q=0.9, */*"},
			{"Accept", "text/html", "Accept", "application/json"}, {"X-Dfns-Sdk-Version", "0.8.21"}, {"X-Dfns-Sdk-Version", "0.8.21", "Accept", "*/*"}} {
			res := a.ask(t, a.admin.Token, logsPath, q, headers...)
			var text string
			if err := json.Unmarshal([]byte(res.Body), &text); err != nil || text != plain.Body || res.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%v: %v, %v\n%.300q\n%.300q", headers, err, res.Header, text, plain.Body)
			}
		}
		for _, headers := range [][]string{{"Accept", "text/csv"}, {"Accept", "*/*"}, {"Accept", "application/*"}, {"Accept", "application/jsonp"},
			{"Accept", "application/json;q=0, */*"}, {"Accept", "application/json; q=0.0"}, {"Accept", ";"}, {"X-Dfns-Sdk-Version", ""}} {
			if res := a.ask(t, a.admin.Token, logsPath, q, headers...); res.Body != plain.Body {
				t.Errorf("%v: %v", headers, res)
			}
		}
		// A client that sends a type and no body, as the Go and Python SDKs do.
		if res := a.ask(t, a.admin.Token, logsPath, q, "Content-Type", "application/json"); res.Body != plain.Body {
			t.Errorf("%v", res)
		}
	})
}

func TestALongLogIsCutAndSaysSo(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		q := a.until(a.record(t, 7))
		for most, cut := range map[int]bool{3: true, 6: true, 7: false, 8: false} {
			a.Audit.MaxRows = most
			for _, headers := range [][]string{nil, {"Accept", "application/json"}} {
				res := a.ask(t, a.admin.Token, logsPath, q, headers...)
				text := res.Body
				if headers != nil {
					must(t, json.Unmarshal([]byte(res.Body), &text))
				}
				got, want := rows(t, text), min(most, 7)
				lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
				if last := strings.HasPrefix(lines[len(lines)-1], "# TRUNCATED"); len(got) != want || last != cut || (res.Header.Get("X-Dfns-Result-Truncated") == "true") != cut {
					t.Errorf("at most %d: %d rows, %v\n%s", most, len(got), res.Header, text)
				}
				if cut && !strings.Contains(lines[len(lines)-1], got[len(got)-1][0]) {
					t.Errorf("it does not say where to go on: %s", lines[len(lines)-1])
				}
			}
		}
		// What others did does not count.
		a.Audit.MaxRows = 3
		if res := a.ask(t, a.admin.Token, logsPath, a.until(a.Clock.Now(), "userId", api.NewID(api.PrefixUser, a.since))); len(rows(t, res.Body)) > 0 || strings.Contains(res.Body, "TRUNC") {
			t.Errorf("of nobody: %v", res)
		}
		bob, _ := a.colleague(t, "bob@example.org")
		res := a.ask(t, a.admin.Token, logsPath, a.until(a.Clock.Now().Add(time.Hour), "userId", bob.UserID))
		if got := rows(t, res.Body); len(got) != 3 || strings.Contains(res.Body, "TRUNC") { // invited, registered, logged in
			t.Errorf("of Bob: %v", res)
		}
	})
}

// A log of any length is sent in pieces of at most a thousand rows, oldest first, with every row
// once.
func TestALongLogIsMadeInPieces(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		ctx := context.Background()
		q := a.until(a.record(t, 2500))
		who := api.Caller{OrgID: a.Org.ID}
		begun, err := a.Audit.Export(ctx, who, api.ListAuditLogsRequest{StartTime: q.Get("startTime"), EndTime: q.Get("endTime")})
		must(t, err)
		pieces, text := 0, ""
		for {
			piece, err := begun.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			pieces++
			if n := strings.Count(string(piece), "\n"); n > 1001 {
				t.Errorf("a piece of %d lines", n)
			}
			text += string(piece)
		}
		if res := a.ask(t, a.admin.Token, logsPath, q); res.Body != text || pieces < 3 {
			t.Errorf("%d pieces, which are the answer: %v", pieces, res.Body == text)
		}
		got := rows(t, text)
		ids := make([]string, len(got))
		for i, row := range got {
			ids[i] = row[1]
		}
		if len(ids) != 2500 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 2500 {
			t.Errorf("%d rows, sorted: %v", len(got), slices.IsSorted(ids))
		}
		if res := a.ask(t, a.admin.Token, logsPath, a.until(a.since.Add(time.Millisecond))); len(rows(t, res.Body)) != 0 {
			t.Errorf("before all: %v", res)
		}
		if audit.MaxRows != 100_000 {
			t.Errorf("an export has at most %d rows", audit.MaxRows)
		}
	})
}

// The range includes its start and excludes its end, to the millisecond.
func TestTheTimeOfALogIsKeptTo(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		a.record(t, 10)
		first := a.since.Add(time.Millisecond)
		in := func(from, to time.Time) int {
			t.Helper()
			q := a.until(a.since)
			q.Set("startTime", from.Format(time.RFC3339Nano))
			q.Set("endTime", to.Format(time.RFC3339Nano))
			res := a.ask(t, a.admin.Token, logsPath, q)
			res.Wants(t, q.Encode(), 200, "")
			search := a.searchAll(t, "startTime", q.Get("startTime"), "endTime", q.Get("endTime"))
			if n := len(rows(t, res.Body)); n != len(search) {
				t.Errorf("%d rows, %d entries", n, len(search))
			}
			return len(search)
		}
		elsewhere := time.FixedZone("", 2*60*60)
		for _, c := range []struct {
			from, to time.Time
			want     int
		}{
			{first, first.Add(time.Millisecond), 1},
			{first, first.Add(10 * time.Millisecond), 10},
			{first.In(elsewhere), first.Add(3 * time.Millisecond).In(elsewhere), 3},
			{first.Add(time.Microsecond), first.Add(3 * time.Millisecond), 2},
			{first, first.Add(2*time.Millisecond + time.Microsecond), 3},
			{first.Add(-time.Hour), first, 0},
			{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), first.Add(time.Millisecond), 1 + in(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), first)},
			{first.Add(48 * time.Hour), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), 0},
		} {
			if got := in(c.from, c.to); got != c.want {
				t.Errorf("from %v to %v: %d entries, want %d", c.from, c.to, got, c.want)
			}
		}
	})
}

func TestWhatALogIsNotAskedFor(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a *archive) {
		const early, late = "2026-11-22T10:00:00Z", "2026-11-23T10:00:00.000+02:00"
		user := a.root.UserID
		for query, code := range map[string]string{
			"":                                                                "parameter_missing",
			"startTime=" + early:                                              "parameter_missing",
			"endTime=" + early:                                                "parameter_missing",
			"startTime=&endTime=" + early:                                     "parameter_missing",
			"startTime=" + early + "&endTime=":                                "parameter_missing",
			"startTime=yesterday&endTime=today":                               "parameter_invalid",
			"startTime=2026-11-22&endTime=2026-11-23":                         "parameter_invalid",
			"startTime=2026-11-22T10:00:00&endTime=" + early:                  "parameter_invalid",
			"startTime=1763805600&endTime=1763892000":                         "parameter_invalid",
			"startTime=2026-02-30T10:00:00Z&endTime=" + early:                 "parameter_invalid",
			"startTime=" + early + "&endTime=" + early:                        "parameter_invalid",
			"startTime=" + early + "&endTime=2026-11-22T09:59:59Z":            "parameter_invalid",
			"startTime=" + early + "&endTime=2026-11-22T12:00:00%2B02:00":     "parameter_invalid", // the same instant
			"startTime=" + early + "&startTime=" + early + "&endTime=" + late: "parameter_invalid",
			"startTime=" + early + "&endTime=%zz":                             "query_invalid",
		} {
			res := a.ask(t, a.admin.Token, logsPath+"?"+query, nil)
			res.Wants(t, query, 400, code)
		}
		for _, id := range []string{"%25", "us-%25", "*", "us-*", "us-", user + "%25", strings.ToUpper(user), "to" + user[2:], a.Org.ID, "ada@example.org", "'%20OR%201=1"} {
			times := "startTime=" + early + "&endTime=2026-11-23T10:00:00Z&userId="
			a.ask(t, a.admin.Token, logsPath+"?"+times+id, nil).Wants(t, id, 400, "parameter_invalid")
			a.ask(t, a.admin.Token, searchPath+"?userId="+id, nil).Wants(t, id, 400, "parameter_invalid")
		}
	})
}

// Refusals have the time of the server's clock, as events do.
func TestEntriesAreInTheOrderOfTheClock(t *testing.T) {
	clock := &countersigntest.Clock{}
	a := newArchive(t, countersigntest.Start(t, countersigntest.At(clock)), "Engines")
	for range 3 {
		clock.Advance(time.Hour)
		a.admin = a.Session(t, a.root)
		clock.Advance(time.Second)
		a.ask(t, a.admin.Token, logsPath, nil).Wants(t, "without a time", 400, "parameter_missing")
	}
	all := a.searchAll(t)
	kinds := ""
	for i, e := range all[:6] {
		kinds += e.Kind + " "
		if i > 0 && e.At > all[i-1].At {
			t.Errorf("%s stands after %s", e.At, all[i-1].At)
		}
	}
	if want := strings.Repeat("parameter_missing user.logged_in ", 3); kinds != want {
		t.Errorf("%s, want %s", kinds, want)
	}
}

// Fullwidth letters, which some spreadsheets read as the narrow ones, begin no formula either.
func TestWideFormulasInTheCSV(t *testing.T) {
	t.Parallel()
	a := newArchive(t, countersigntest.Start(t), "Engines")
	ids := map[string]string{}
	for _, name := range []string{"＝1+1", "＋1", "－1", "＠SUM(A1)"} {
		p, _ := a.colleague(t, name)
		ids[p.UserID] = name
	}
	found := 0
	for _, row := range a.logs(t) {
		if name, ours := ids[row[2]]; ours {
			found++
			if row[3] != "'"+name || row[6][0] != '\'' {
				t.Errorf("%q stands as %q and in %q", name, row[3], row[6])
			}
		}
	}
	if found != 2*len(ids) {
		t.Errorf("%d rows", found)
	}
}
