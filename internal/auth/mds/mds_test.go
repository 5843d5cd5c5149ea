package mds_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/mds"
	"github.com/countersign/countersign/internal/outbound"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/testing/mdstest"
	"github.com/countersign/countersign/internal/verify/metadata"
)

const (
	one = "11111111-1111-4111-8111-111111111111"
	two = "22222222-2222-4222-8222-222222222222"
)

var start = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// log collects the lines of a log.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// life is a metadata server with a signer, and a clock.
type life struct {
	signer   *mdstest.Signer
	rootFile string
	url      string
	roots    *x509.CertPool
	database string

	now   atomic.Int64
	asked atomic.Int64
	serve atomic.Pointer[http.HandlerFunc]
	log   *log
}

func begin(t *testing.T, url string) *life {
	t.Helper()
	l := &life{signer: mdstest.New(t, start, nil), rootFile: filepath.Join(t.TempDir(), "root.pem"), database: url, log: &log{}}
	l.now.Store(start.UnixNano())
	must(t, os.WriteFile(l.rootFile, l.signer.PEM(), 0o600))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		(*l.serve.Load())(w, r)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	l.url, l.roots = s.URL+"/blob?key=secret", s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return l
}

func (l *life) Now() time.Time          { return time.Unix(0, l.now.Load()).UTC() }
func (l *life) advance(d time.Duration) { l.now.Add(int64(d)) }

// answers makes the server answer with h.
func (l *life) answers(h http.HandlerFunc) { l.serve.Store(&h) }

// offers makes the server answer with a BLOB, and with 304 to who has it.
func (l *life) offers(blob []byte) {
	l.answers(func(w http.ResponseWriter, r *http.Request) {
		tag := `"` + string(blob[len(blob)-20:]) + `"`
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write(blob)
	})
}

func (l *life) blob(t *testing.T, number int, nextUpdate time.Time, status string) []byte {
	t.Helper()
	return l.signer.Sign(t, mdstest.Payload(number, nextUpdate, mdstest.Entry(one, "A key", status)))
}

// node returns a server of its own with the database of the life.
func (l *life) node(t *testing.T) *mds.Service {
	t.Helper()
	db, err := store.Open(t.Context(), l.database, store.Options{})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	s, err := mds.New(mds.Config{URL: l.url, RootFile: l.rootFile, Host: mdstest.Host, AllowPrivate: true}, db, l.Now, slog.New(slog.NewTextHandler(l.log, nil)))
	must(t, err)
	o := outbound.Options{AllowPrivate: true, Roots: l.roots, Timeout: 2 * time.Second}
	s.SetClients(outbound.New(o), outbound.New(outbound.Options{Timeout: time.Second})) // the lists' host does not exist
	must(t, s.Read(t.Context()))
	return s
}

// tick does what the jobs of a server do.
func tick(t *testing.T, s *mds.Service) {
	t.Helper()
	must(t, s.Refresh(t.Context()))
	must(t, s.Read(t.Context()))
}

func number(s *mds.Service) int64 {
	if m := s.Current(); m != nil {
		return m.Number
	}
	return 0
}

func status(t *testing.T, s *mds.Service) mds.Status {
	t.Helper()
	st, err := s.Status(t.Context())
	must(t, err)
	return st
}

func events(t *testing.T, l *life) (all []store.Event) {
	t.Helper()
	db, err := store.Open(t.Context(), l.database, store.Options{})
	must(t, err)
	defer db.Close()
	all, err = db.Events(t.Context(), "", "", 0)
	must(t, err)
	return all
}

// TestLife is the life of metadata on two servers with one database.
func TestLife(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		l := begin(t, url)
		month := start.AddDate(0, 1, 0)
		aaguid, err := metadata.ParseAAGUID(one)
		must(t, err)

		// Down at the start: both begin, one has asked, and it is logged once.
		l.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		a, b := l.node(t), l.node(t)
		tick(t, a)
		tick(t, b)
		if number(a)+number(b) != 0 || l.asked.Load() != 1 || l.log.count("could not be refreshed") != 1 {
			t.Errorf("down at the start: %d and %d, asked %d times, log %s", number(a), number(b), l.asked.Load(), l.log.text.String())
		}
		if st := status(t, b); st.Failures != 1 || !strings.Contains(st.Failure, "502") || st.Current != nil || st.Number != 0 {
			t.Errorf("status: %+v", st)
		}
		// It is asked again, ever more rarely.
		asked := l.asked.Load()
		for range 24 * 60 {
			l.advance(time.Minute)
			tick(t, a)
			tick(t, b)
		}
		if n := l.asked.Load() - asked; n < 4 || n > 9 {
			t.Errorf("asked %d times in a day while it was down", n)
		}
		if n := l.log.count("could not be refreshed"); n != 1 {
			t.Errorf("logged %d times", n)
		}

		// It comes back. A server that starts asks despite the failures before.
		l.offers(l.blob(t, 7, month, "FIDO_CERTIFIED_L1"))
		l.advance(time.Minute)
		a = l.node(t)
		asked = l.asked.Load()
		tick(t, a)
		tick(t, b)
		if number(a) != 7 || number(b) != 7 || l.asked.Load() != asked+1 || l.log.count("could be refreshed again") != 1 {
			t.Errorf("back: %d and %d, asked %d times", number(a), number(b), l.asked.Load()-asked)
		}
		if e := a.Current().ByAAGUID(aaguid); e == nil || len(e.Compromises(l.Now())) != 0 {
			t.Errorf("the model: %+v", e)
		}
		if all := events(t, l); len(all) != 1 || all[0].Kind != "metadata.loaded" || all[0].ActorID != "" || strings.Contains(string(all[0].Detail), "secret") ||
			!strings.Contains(string(all[0].Detail), `"number":7`) {
			t.Errorf("events: %+v", all)
		}

		// Once a day, and nothing is loaded that is kept already.
		for day := 1; day <= 3; day++ {
			asked = l.asked.Load()
			for range 25 * 60 {
				l.advance(time.Minute)
				tick(t, a)
				tick(t, b)
			}
			if n := l.asked.Load() - asked; n > 2 || n == 0 && day > 1 {
				t.Errorf("asked %d times in a day", n)
			}
		}
		if len(events(t, l)) != 1 || l.log.count("level=WARN") != 1 {
			t.Errorf("%d events, log %s", len(events(t, l)), l.log.text.String())
		}

		// A newer one revokes the model.
		l.offers(l.blob(t, 8, month, "REVOKED"))
		l.advance(26 * time.Hour)
		tick(t, b)
		must(t, a.Read(t.Context()))
		if number(a) != 8 || number(b) != 8 || len(a.Current().ByAAGUID(aaguid).Compromises(l.Now())) != 1 {
			t.Errorf("revoked: %d and %d", number(a), number(b))
		}

		// What is refused leaves it as it is, and is logged once each.
		other := mdstest.New(t, start, nil)
		broken := l.blob(t, 9, month, "FIDO_CERTIFIED_L1")
		broken[len(broken)-10] = map[bool]byte{true: 'B', false: 'A'}[broken[len(broken)-10] == 'A']
		for _, bad := range []struct {
			name string
			h    http.HandlerFunc
			code string
		}{
			{"an older number", blob(l.blob(t, 7, month, "FIDO_CERTIFIED_L1")), "metadata_older"},
			{"its number and other content", blob(l.blob(t, 8, month, "FIDO_CERTIFIED_L1")), "metadata_older"},
			{"another root", blob(other.Sign(t, mdstest.Payload(9, month))), "metadata_untrusted"},
			{"a bad signature", blob(broken), "metadata_signature_invalid"},
			{"past its next update", blob(l.blob(t, 9, start, "FIDO_CERTIFIED_L1")), "metadata_outdated"},
			{"one AAGUID twice", blob(l.signer.Sign(t, mdstest.Payload(9, month, mdstest.Entry(one, "x", "REVOKED"), mdstest.Entry(one, "x", "FIDO_CERTIFIED")))), "metadata_ambiguous"},
			{"a million entries", blob(l.signer.Sign(t, `{"no":9,"nextUpdate":"2027-01-01","entries":[`+strings.Repeat("{},", 999_999)+`{}]}`)), "metadata_too_large"},
			{"a hundred megabytes", endless(100<<20, true), "metadata_too_large"},
			{"a hundred megabytes, unannounced", endless(100<<20, false), "metadata_too_large"},
			{"a page to log in to the network", blob([]byte("<html>")), "metadata_malformed"},
			{"slow", slow, "metadata_unavailable"},
			{"a redirect to the metadata of the cloud", redirect("https://169.254.169.254/latest/"), "metadata_unavailable"},
			{"a redirect to plain http", redirect("http://mds.example.org/"), "metadata_unavailable"},
		} {
			l.answers(bad.h)
			l.advance(26 * time.Hour)
			warned := l.log.count("level=WARN")
			was := status(t, b).Failure
			tick(t, a)
			tick(t, b)
			st := status(t, b)
			if number(a) != 8 || number(b) != 8 || !strings.HasPrefix(st.Failure, bad.code+": ") || strings.Contains(st.Failure, "secret") {
				t.Errorf("%s: %d and %d, %+v", bad.name, number(a), number(b), st)
			}
			if n := l.log.count("level=WARN") - warned; n > 1 || n == 0 && !strings.HasPrefix(was, bad.code) {
				t.Errorf("%s: logged %d times after %q", bad.name, n, was)
			}
		}
		if l.log.count("secret") != 0 {
			t.Error("the query of the address is in the log")
		}

		// Nothing newer comes: it is stale, which is logged once on each server, and stays in use. It is asked
		// for as if nothing was kept.
		l.offers(l.blob(t, 8, month, "REVOKED"))
		l.now.Store(month.AddDate(0, 0, 2).UnixNano())
		for range 3 {
			l.advance(26 * time.Hour)
			tick(t, a)
			tick(t, b)
		}
		if st := status(t, a); !st.Stale || number(a) != 8 || l.log.count("is out of date: the day of its next update has passed; it stays") != 2 {
			t.Errorf("stale: %+v", st)
		}

		// A server that starts long after, with the other down and the signer's certificate expired, has it.
		l.answers(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
		l.now.Store(start.AddDate(2, 0, 0).UnixNano())
		c := l.node(t)
		tick(t, c)
		if number(c) != 8 {
			t.Errorf("years later: %d", number(c))
		}
	})
}

func blob(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(b) }
}

func endless(n int, announced bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if announced {
			w.Header().Set("Content-Length", "104857600")
		}
		block := bytes.Repeat([]byte("x"), 1<<20)
		for sent := 0; sent < n && r.Context().Err() == nil; sent += len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

func slow(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// The operator loads from files and addresses. Each load is an event.
func TestLoad(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		l := begin(t, url)
		month := start.AddDate(0, 1, 0)
		s := l.node(t)
		file := func(b []byte) string {
			t.Helper()
			name := filepath.Join(t.TempDir(), "blob.jwt")
			must(t, os.WriteFile(name, b, 0o600))
			return name
		}
		first := l.blob(t, 3, month, "FIDO_CERTIFIED_L1")
		name := file(first)
		m, err := s.Load(t.Context(), name)
		must(t, err)
		if m.Number != 3 || number(s) != 3 {
			t.Errorf("number %d", m.Number)
		}
		if _, err := s.Load(t.Context(), name); err != nil {
			t.Errorf("again: %v", err)
		}
		l.offers(l.blob(t, 4, month, "FIDO_CERTIFIED_L1"))
		if _, err := s.Load(t.Context(), l.url); err != nil || number(s) != 4 {
			t.Errorf("from the address: %v", err)
		}
		all := events(t, l)
		if len(all) != 3 || !strings.Contains(string(all[0].Detail), name) {
			t.Fatalf("events: %+v", all)
		}
		var detail struct {
			Number     int
			Source     string
			Background bool
		}
		must(t, json.Unmarshal(all[2].Detail, &detail))
		if detail.Number != 4 || detail.Source != strings.TrimSuffix(l.url, "?key=secret") || detail.Background {
			t.Errorf("%+v", detail)
		}
		// One of almost 16 MiB.
		huge := mdstest.Payload(5, month, mdstest.Entry(one, "A key", "FIDO_CERTIFIED_L1"))
		huge["legalHeader"] = strings.Repeat("x", 12<<20-64<<10)
		if m, err := s.Load(t.Context(), file(l.signer.Sign(t, huge))); err != nil || m.Number != 5 || number(l.node(t)) != 5 {
			t.Errorf("a huge one: %v", err)
		}
		for source, code := range map[string]string{
			name:                                  "metadata_older",
			file([]byte("x")):                     "metadata_malformed",
			file(nil):                             "metadata_malformed",
			file(make([]byte, 17<<20)):            "metadata_source_invalid",
			filepath.Join(t.TempDir(), "none"):    "metadata_source_invalid",
			t.TempDir():                           "metadata_source_invalid",
			"http://mds.example.org/":             "metadata_source_invalid",
			"https://ada:secret@mds.example.org/": "metadata_source_invalid",
			"file:///etc/passwd":                  "metadata_source_invalid",
		} {
			if _, err := s.Load(t.Context(), source); api.CodeOf(err) != code || api.KindOf(err) != api.Invalid || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want %s", source, err, code)
			}
		}
		if number(s) != 5 || len(events(t, l)) != 4 {
			t.Errorf("number %d, %d events", number(s), len(events(t, l)))
		}
	})
}

// Several servers ask at one moment; one of them may.
func TestOneAsks(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		l := begin(t, url)
		l.offers(l.blob(t, 1, start.AddDate(0, 1, 0), "FIDO_CERTIFIED_L1"))
		var nodes []*mds.Service
		for range 6 {
			nodes = append(nodes, l.node(t))
		}
		var all sync.WaitGroup
		for _, n := range nodes {
			all.Go(func() {
				if err := n.Refresh(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := l.asked.Load(); n != 1 {
			t.Errorf("%d servers asked", n)
		}
		for _, n := range nodes {
			must(t, n.Read(t.Context()))
			if number(n) != 1 {
				t.Errorf("a server has number %d", number(n))
			}
		}
	})
}

// Numbers count under one root. Another root has its own, and what one signed is nothing to who trusts the other.
func TestRootsAreApart(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		l := begin(t, url)
		month := start.AddDate(0, 1, 0)
		l.offers(l.blob(t, 100, month, "FIDO_CERTIFIED_L1"))
		tick(t, l.node(t))
		before := l.signer
		l.signer = mdstest.New(t, start, nil)
		must(t, os.WriteFile(l.rootFile, l.signer.PEM(), 0o600))
		l.offers(l.blob(t, 2, month, "FIDO_CERTIFIED_L1"))
		s := l.node(t)
		if number(s) != 0 {
			t.Errorf("number %d of another root is used", number(s))
		}
		tick(t, s)
		if number(s) != 2 {
			t.Errorf("number %d", number(s))
		}
		must(t, os.WriteFile(l.rootFile, before.PEM(), 0o600))
		if s = l.node(t); number(s) != 100 {
			t.Errorf("back under the first root: number %d", number(s))
		}
	})
}

// What somebody wrote to the database is not believed.
func TestWhatIsKeptIsVerified(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		l := begin(t, url)
		month := start.AddDate(0, 1, 0)
		s := l.node(t)
		l.offers(l.blob(t, 1, month, "REVOKED"))
		tick(t, s)
		db, err := store.Open(t.Context(), url, store.Options{})
		must(t, err)
		defer db.Close()
		kept, _, err := db.MetadataBlob(t.Context(), status(t, s).Trust)
		must(t, err)
		kept.Number, kept.Digest = 2, "other"
		forged := mdstest.New(t, start, nil).Sign(t, mdstest.Payload(2, month))
		must(t, db.Write(t.Context(), func(tx *store.Tx) error { tx.PutMetadata(kept, forged, errors.New("older")); return nil }))
		for range 3 {
			must(t, s.Read(t.Context()))
		}
		if number(s) != 1 || l.log.count("cannot be used") != 1 {
			t.Errorf("number %d, log %s", number(s), l.log.text.String())
		}
		if n := l.node(t); n.Current() != nil {
			t.Errorf("a server that starts has number %d", number(n))
		}
	})
}

// Revocation lists are read where the certificates say, and decide. One that is down keeps nothing away.
func TestRevocation(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		l := begin(t, url)
		month := start.AddDate(0, 1, 0)
		var lists atomic.Pointer[[][]byte]
		plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			all := lists.Load()
			if all == nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.Write((*all)[1])
		}))
		defer plain.Close()
		l.signer = mdstest.New(t, start, func(c *x509.Certificate) { c.CRLDistributionPoints = []string{plain.URL} })
		must(t, os.WriteFile(l.rootFile, l.signer.PEM(), 0o600))
		s := l.node(t)
		s.SetClients(outbound.New(outbound.Options{AllowPrivate: true, Roots: l.roots}), outbound.New(outbound.Options{AllowPrivate: true, AllowPlain: true, Timeout: 2 * time.Second}))
		l.offers(l.blob(t, 1, month, "FIDO_CERTIFIED_L1"))
		tick(t, s)
		if st := status(t, s); number(s) != 1 || st.Revocation == "checked" || !strings.Contains(st.Revocation, mdstest.Host) {
			t.Errorf("lists down: number %d, %s", number(s), st.Revocation)
		}
		good := l.signer.Lists(t, false, nil)
		lists.Store(&good)
		l.offers(l.blob(t, 2, month, "FIDO_CERTIFIED_L1"))
		l.advance(26 * time.Hour)
		tick(t, s)
		if st := status(t, s); number(s) != 2 || strings.Contains(st.Revocation, mdstest.Host) {
			t.Errorf("lists up: number %d, %s", number(s), st.Revocation)
		}
		bad := l.signer.Lists(t, true, nil)
		lists.Store(&bad)
		l.offers(l.blob(t, 3, month, "FIDO_CERTIFIED_L1"))
		l.advance(26 * time.Hour)
		tick(t, s)
		if st := status(t, s); number(s) != 2 || !strings.HasPrefix(st.Failure, "metadata_revoked: ") {
			t.Errorf("revoked: number %d, %+v", number(s), st)
		}
	})
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	noPEM := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(noPEM, []byte("secret"), 0o600))
	for name, c := range map[string]mds.Config{
		"plain http": {URL: "http://mds.example.org/"}, "no URL": {URL: "mds.example.org"}, "a password": {URL: "https://ada:secret@mds.example.org/"},
		"no file": {RootFile: filepath.Join(t.TempDir(), "none")}, "no PEM": {RootFile: noPEM},
	} {
		if _, err := mds.New(c, nil, time.Now, slog.Default()); err == nil || !strings.Contains(err.Error(), "--metadata-") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Without being told to, the server connects to nobody in its own network.
func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		l := begin(t, url)
		l.answers(func(http.ResponseWriter, *http.Request) { t.Error("the server was reached") })
		db, err := store.Open(t.Context(), url, store.Options{})
		must(t, err)
		defer db.Close()
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(strings.TrimSuffix(l.url, "/blob?key=secret"), "https://"))
		s, err := mds.New(mds.Config{URL: "https://localhost:" + port + "/", RootFile: l.rootFile}, db, l.Now, slog.New(slog.NewTextHandler(l.log, nil)))
		must(t, err)
		tick(t, s)
		if st := status(t, s); !strings.Contains(st.Failure, "--metadata-allow-private") {
			t.Errorf("%+v", st)
		}
	})
}
