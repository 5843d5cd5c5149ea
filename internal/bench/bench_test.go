package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

// TestMain lets the test binary be the floor, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "floor":
			exit(serveFloor(os.Args[2:]))
		case "raw":
			exit(measureRaw(os.Args[2:]))
		}
	}
	os.Exit(m.Run())
}

// TestFloorStoresWhatItAnswers drives the floor as a run does, on both databases, and
// counts what is stored.
func TestFloorStoresWhatItAnswers(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			ctx := t.Context()
			set := settings{concurrency: []int{1, 16}, n: 200, rounds: 2, work: t.TempDir()}
			if kind == "postgres" {
				set.postgres = database.Need(t)
			}
			url, drop, err := newDatabase(ctx, set, kind, "floor")
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := drop(); err != nil {
					t.Error(err)
				}
			}()
			bare, err := newFloor(ctx, set, url, set.total())
			if err != nil {
				t.Fatal(err)
			}
			defer bare.process.stop()
			used := bare.invitations[0]
			l, err := bare.drive(ctx, 16, 200)
			if err != nil {
				t.Fatal(err)
			}
			if err := bare.verify(ctx); err != nil {
				t.Error(err)
			}
			if now, peak, err := bare.process.memory(); err != nil || now <= 0 || peak < now {
				t.Errorf("memory %d, peak %d, %v", now, peak, err)
			}
			if l.rate() <= 0 || l.percentile(0.99) < l.percentile(0.5) || l.percentile(0.5) <= 0 {
				t.Errorf("rate %v, p50 %v, p99 %v", l.rate(), l.percentile(0.5), l.percentile(0.99))
			}

			// A code is worth one registration, here too.
			bare.invitations = append([]invitation{used}, bare.invitations...)
			if _, err := bare.drive(ctx, 1, 1); err == nil || !strings.Contains(err.Error(), "401") {
				t.Errorf("a spent code: %v, want 401", err)
			}
			if rate, err := rawRate(ctx, url, 16, 200); err != nil || rate <= 0 {
				t.Errorf("raw store: %v, %v", rate, err)
			}
			if n, err := countRows(ctx, url, "credentials"); err != nil || n != 400 {
				t.Errorf("%d credentials, %v; want 400", n, err)
			}
		})
	}
}

// TestLyingServerIsFound: success that was not stored fails the run.
func TestLyingServerIsFound(t *testing.T) {
	liar := &target{name: "liar", registered: 3, stored: func(context.Context) (int, error) { return 2, nil }}
	if err := liar.verify(t.Context()); err == nil {
		t.Error("three answered, two stored, and nothing said")
	}
}

// TestPasskeyIsGenuine: what the benchmark sends passes the real verification, with a
// new credential id each time.
func TestPasskeyIsGenuine(t *testing.T) {
	const origin = "http://localhost:8080"
	p, err := newPasskey(origin)
	if err != nil {
		t.Fatal(err)
	}
	challenge := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	seen := map[string]bool{}
	var a attestation
	for range 3 {
		p.create(&a, []byte(challenge))
		got, err := webauthn.VerifyRegistration(webauthn.RegistrationResponse{
			CredentialID:      decoded(t, a.credentialID),
			ClientDataJSON:    decoded(t, a.clientData),
			AttestationObject: decoded(t, a.object),
		}, webauthn.RegistrationPolicy{
			Challenge: challenge, RPIDs: []string{"localhost"}, Origins: []string{origin},
			Algorithms: []int{-7}, RequireUserVerification: true, Attestation: "none",
		}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		seen[string(got.CredentialID)] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d different credential ids, want 3", len(seen))
	}
}

func decoded(t *testing.T, text []byte) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestClientReadsAnswers: bodies with a length, in chunks, empty, and from a server that
// closes after each.
func TestClientReadsAnswers(t *testing.T) {
	long := strings.Repeat("0123456789", 2000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "bad", http.StatusTeapot)
			return
		}
		switch r.URL.Path {
		case "/echo":
			fmt.Fprintf(w, "%s %s", r.Header.Get("Authorization"), body)
		case "/chunked":
			io.WriteString(w, long[:5000])
			w.(http.Flusher).Flush()
			io.WriteString(w, long[5000:])
		case "/close":
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusConflict)
		}
	}))
	defer srv.Close()
	c := &client{addr: srv.Listener.Addr().String(), host: "localhost"}
	defer c.close()
	for range 2 {
		for _, tc := range []struct {
			path, bearer, body string
			status             int
			want               string
		}{
			{"/echo", "token", `{"a":1}`, 200, `Bearer token {"a":1}`},
			{"/chunked", "", "{}", 200, long},
			{"/echo", "", "{}", 200, " {}"},
			{"/close", "", "{}", 409, ""},
		} {
			status, body, err := c.post(t.Context(), tc.path, tc.bearer, []byte(tc.body))
			if err != nil || status != tc.status || string(body) != tc.want {
				t.Errorf("%s: %d %.40q %v, want %d %.40q", tc.path, status, body, err, tc.status, tc.want)
			}
		}
	}
}

// TestClientRefusesNonsense: an answer cut short or beyond HTTP is an error, never a
// panic or a success.
func TestClientRefusesNonsense(t *testing.T) {
	for _, answer := range []string{
		"", "\n", "SSH-2.0-x\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
		"HTTP/1.1 200 " + strings.Repeat("x", 10000),
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if conn, err := ln.Accept(); err == nil {
				conn.Read(make([]byte, 4096))
				io.WriteString(conn, answer)
				conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, conn)
				conn.Close()
			}
		}()
		c := &client{addr: ln.Addr().String(), host: "localhost"}
		if status, body, err := c.post(t.Context(), "/", "", nil); err == nil {
			t.Errorf("%.60q: %d %q and no error", answer, status, body)
		}
		c.close()
		ln.Close()
	}
}

func TestSettings(t *testing.T) {
	good := settings{n: 1000, rounds: 2, invitations: 10}
	for _, tc := range []struct {
		name, database, concurrency string
		args                        []string
		change                      func(*settings)
		ok                          bool
	}{
		{name: "plain", database: "sqlite", concurrency: "1,16", ok: true},
		{name: "argument", database: "sqlite", concurrency: "1", args: []string{"flor"}},
		{name: "database", database: "mysql", concurrency: "1"},
		{name: "no clients", database: "sqlite", concurrency: "0"},
		{name: "words", database: "sqlite", concurrency: "1,many"},
		{name: "too few", database: "sqlite", concurrency: "1", change: func(s *settings) { s.n = 1 }},
		{name: "scale below the small one", database: "sqlite", concurrency: "1", change: func(s *settings) { s.scale = 10 }},
	} {
		s := good
		if tc.change != nil {
			tc.change(&s)
		}
		if err := s.parse(tc.database, tc.concurrency, tc.args); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	s := good
	if err := s.parse("sqlite", "1,16", nil); err != nil || s.total() != warmUp+2*(250+1000) {
		t.Errorf("total %d, %v", s.total(), err)
	}
}

// TestReport: a run's numbers stand where a reader looks for them.
func TestReport(t *testing.T) {
	measured := func(n int, cpu time.Duration) load {
		return load{n: n, elapsed: time.Second, cpu: cpu, latencies: []time.Duration{time.Millisecond, 2 * time.Millisecond}}
	}
	r := report{
		binarySize: 20e6, verifications: 10000, syncs: 2000,
		databases: []databaseReport{{kind: "sqlite", invitations: 100000, inviting: 3 * time.Second, coldStart: 12 * time.Millisecond,
			idle: 15e6, loaded: 40e6, floorAt: 10e6, floorLoaded: 30e6,
			rows:  []row{{concurrency: 16, countersign: measured(6000, time.Second), floor: measured(8000, time.Second), before: measured(4000, time.Second), raw: 12000}},
			reads: []readRow{{concurrency: 16, user: measured(12000, time.Second), bare: measured(48000, time.Second)}},
			lists: listReport{users: 300, pages: 3, all: []time.Duration{time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond}, before: 20e6, after: 21e6},
			checks: checkReport{few: measured(1000, 80*time.Millisecond), many: measured(1000, 81*time.Millisecond), fewer: 2, more: 1002,
				fewAssigned: 10, manyAssigned: 10010}}},
		scales: []scaleReport{{kind: "postgres", users: 1000000, small: measured(2000, 400*time.Millisecond), large: measured(2000, 440*time.Millisecond)}},
	}
	var out bytes.Buffer
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"### Complete registrations, SQLite", "| 16 | **Countersign** | 6000 | 2.00 | 2.00 | 0.167 | **75 %, 1.33** |",
		"| 16 | bare server | 8000 |", "| 16 | before | 4000 | 2.00 | 2.00 | 0.250 | 50 %, 2.00 |", "| 16 | store alone, no HTTP | 12000 |", "10000 ES256 verifications",
		"| resident memory, idle | 15.0 MB |", "| cold start to a healthy answer | 12 ms |", "100000 in 3.0 s", "Binary: 20.0 MB.",
		"| PostgreSQL | 1000000 | 2000 | 2.00 | 0.220 | 1.10 |",
		"| 16 | `GET /auth/users/{userId}` | 12000 | 2.00 | 2.00 | 0.083 | 25 % |", "| 16 | bare JSON answer of net/http | 48000 |",
		"with 2 permissions and 10 assignments: 0.080 ms of server CPU; with 1002 and 10010: 0.081 ms",
		"A list of 300 users", "| the first 1 | 1.00 | 1.00 |", "| the last 1 | 3.00 | 3.00 |", "| all 3 | 2.00 | 3.00 |", "20.0 MB, the most until its end 21.0 MB",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}

func TestMember(t *testing.T) {
	text := []byte(`{"challenge":"abc","temporaryAuthenticationToken":"x.y.z","empty":""}`)
	for name, want := range map[string]string{`"challenge":"`: "abc", `"temporaryAuthenticationToken":"`: "x.y.z", `"empty":"`: "", `"absent":"`: ""} {
		got, ok := member(nil, text, name)
		if string(got) != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", name, got, ok, want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var l load
	for i := 100; i > 0; i-- {
		l.latencies = append(l.latencies, time.Duration(i))
	}
	if l.percentile(0.5) != 51 || l.percentile(0.99) != 100 || l.percentile(1) != 100 {
		t.Errorf("p50 %d, p99 %d, p100 %d", l.percentile(0.5), l.percentile(0.99), l.percentile(1))
	}
}
