package acceptance_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/countersign/countersign/internal/testing/database"
)

// asked is an answer of /healthz or /readyz, which must come within a second.
func (n *node) asked(path string) (status int, body string) {
	n.installation.Helper()
	began := time.Now()
	c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get(n.URL + path)
	if err != nil {
		n.installation.Fatalf("%s: %v", path, err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if took := time.Since(began); took > 1500*time.Millisecond { // half a second is for a busy machine
		n.installation.Errorf("%s took %s", path, took)
	}
	return res.StatusCode, string(text)
}

// wantReadiness waits until /readyz has that status, while the process is alive.
func (n *node) wantReadiness(status int, within time.Duration) {
	n.installation.Helper()
	var body string
	eventually(n.installation, within, fmt.Sprintf("/readyz says %d", status), func() bool {
		if alive, text := n.asked("/healthz"); alive != 200 {
			n.installation.Errorf("/healthz: %d %s", alive, text)
		}
		var got int
		got, body = n.asked("/readyz")
		return got == status
	})
	if status == 503 && (!strings.Contains(body, `"not_ready"`) || strings.Contains(body, "postgres") || strings.Contains(body, ".db")) {
		n.installation.Errorf("not ready: %s", body)
	}
}

// shell runs a command that must succeed.
func (h *installation) shell(format string, args ...any) {
	h.Helper()
	command := fmt.Sprintf(format, args...)
	if out, err := exec.Command("sh", "-ec", command).CombinedOutput(); err != nil {
		h.Fatalf("%s: %v: %s", command, err, out)
	}
}

// TestReadinessTellsTheTruthOfAFile spoils the file under a running server.
func TestReadinessTellsTheTruthOfAFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil, mend string // $FILE is the path of the file, $PID the process
		log         string // what it says, once
	}{
		"file deleted":     {"rm $FILE", "", "was deleted"},
		"all deleted":      {"rm $FILE*", "", "was deleted"},
		"file replaced":    {"sqlite3 $FILE \".backup $FILE.copy\"; mv $FILE.copy $FILE", "", "was replaced"},
		"file overwritten": {"sqlite3 $FILE \".backup $FILE.copy\"; cp $FILE.copy $FILE", "", "was overwritten"},
		"log deleted":      {"rm $FILE-wal", "", "was deleted"},
		"disk full":        {"prlimit --pid $PID --fsize=1000:", "prlimit --pid $PID --fsize=unlimited:", ""},
		"newer schema": {"sqlite3 $FILE '.timeout 5000' 'INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)'",
			"sqlite3 $FILE '.timeout 5000' 'DELETE FROM goose_db_version WHERE version_id = 99999'", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &installation{T: t, database: database.SQLite(t)}
			path := strings.TrimPrefix(h.database, "sqlite:")
			inv := h.invite(h.organisation(), "ada")
			n := h.serve()
			begun := n.mustBegin(inv)
			n.wantReadiness(200, time.Second)
			h.shell("FILE=%s PID=%d; %s", path, n.PID(), c.spoil)
			n.wantReadiness(503, 2500*time.Millisecond) // one second for the write before, one for the answer
			if _, err := n.complete(begun); name != "newer schema" && (err == nil || !strings.Contains(err.Error(), "database")) {
				h.Errorf("a registration: %v", err)
			}
			logged := func() int { return strings.Count(n.Stderr(), c.log+" while the server ran: nothing more") }
			for until := time.Now().Add(5 * time.Second); c.log != "" && logged() == 0 && time.Now().Before(until); {
				time.Sleep(10 * time.Millisecond) // the log is written beside the answers
			}
			if c.log != "" && logged() != 1 {
				h.Errorf("logged %s", n.Stderr())
			}
			if c.mend != "" {
				h.shell("FILE=%s PID=%d; %s", path, n.PID(), c.mend)
				n.wantReadiness(200, 5*time.Second)
				if _, err := n.complete(begun); err != nil && name != "newer schema" {
					h.Error(err)
				}
			}
		})
	}
}

// TestAFullFileSystem has one of a megabyte fill while people register: what was answered is
// there after a restart with more space.
func TestAFullFileSystem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := &installation{T: t, database: "sqlite:" + filepath.Join(dir, "a.db")}
	people := h.inviteMany(h.organisation(), "guest", 150)
	n := h.serve()
	h.shell("prlimit --pid %d --fsize=400000", n.PID()) // no file grows beyond it, as on a full disk
	answered, refused := 0, 0
	for _, inv := range people {
		if a, err := n.begin(inv); err != nil {
			refused++
		} else if _, err := n.complete(a); err != nil {
			refused++
		} else {
			answered++
		}
	}
	if answered == 0 || refused == 0 {
		h.Errorf("%d were answered, %d refused", answered, refused)
	}
	n.wantReadiness(503, 3*time.Second)
	n.Kill()
	n.restart()
	n.wantReadiness(200, 3*time.Second)
	registered := strings.Count(h.do("user", "list", "--org", people[0].OrgID, "--limit", "1000"), "registered")
	if registered < answered {
		h.Errorf("%d were answered and %d are registered", answered, registered)
	}
}

// valve is a TCP proxy that can stop forwarding.
type valve struct {
	to     string
	closed atomic.Bool
	mu     sync.Mutex
	open   *sync.Cond
}

// throughValve returns a valve before a database, and the URL that leads through it.
func throughValve(t *testing.T, to string) (*valve, string) {
	t.Helper()
	at, err := url.Parse(to)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	v := &valve{to: at.Host}
	v.open = sync.NewCond(&v.mu)
	t.Cleanup(func() { l.Close(); v.set(false) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go v.serve(c)
		}
	}()
	at.Host = l.Addr().String()
	return v, at.String()
}

func (v *valve) set(closed bool) {
	v.closed.Store(closed)
	v.open.Broadcast()
}

func (v *valve) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", v.to)
	if err != nil {
		return
	}
	defer server.Close()
	go v.pump(client, server)
	v.pump(server, client)
}

func (v *valve) pump(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		v.mu.Lock()
		for v.closed.Load() {
			v.open.Wait()
		}
		v.mu.Unlock()
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// TestReadinessTellsTheTruthOfAServer has PostgreSQL hang, take no writes, go, and be taken
// over.
func TestReadinessTellsTheTruthOfAServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil, mend func(v *valve, db *sql.DB, name string) error
	}{
		"hung": {
			func(v *valve, _ *sql.DB, _ string) error { v.set(true); return nil },
			func(v *valve, _ *sql.DB, _ string) error { v.set(false); return nil }},
		"read-only": {
			func(_ *valve, db *sql.DB, name string) error {
				_, err := db.Exec(`ALTER DATABASE ` + name + ` SET default_transaction_read_only = on`)
				if err == nil {
					_, err = db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`, name)
				}
				return err
			},
			func(_ *valve, db *sql.DB, name string) error {
				_, err := db.Exec(`SET default_transaction_read_only = off`)
				if err == nil {
					_, err = db.Exec(`ALTER DATABASE ` + name + ` RESET default_transaction_read_only`)
				}
				return err
			}},
		"table locked": {
			func(_ *valve, db *sql.DB, _ string) error {
				_, err := db.Exec(`BEGIN; LOCK TABLE settings`)
				return err
			},
			func(_ *valve, db *sql.DB, _ string) error { _, err := db.Exec(`ROLLBACK`); return err }},
		"newer schema": {
			func(_ *valve, db *sql.DB, _ string) error {
				_, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
				return err
			},
			func(_ *valve, db *sql.DB, _ string) error {
				_, err := db.Exec(`DELETE FROM goose_db_version WHERE version_id = 99999`)
				return err
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := database.Postgres(t)
			v, through := throughValve(t, to)
			h := &installation{T: t, database: through}
			outside, err := sql.Open("pgx", to)
			must(t, err)
			defer outside.Close()
			outside.SetMaxOpenConns(1)
			at, err := url.Parse(to)
			must(t, err)
			n := h.serve()
			n.wantReadiness(200, 2*time.Second)
			must(t, c.spoil(v, outside, at.Path[1:]))
			n.wantReadiness(503, 5*time.Second)
			for range 20 { // whoever asks, and however many
				go n.http.Get(n.URL + "/readyz")
			}
			n.wantReadiness(503, time.Second)
			must(t, c.mend(v, outside, at.Path[1:]))
			n.wantReadiness(200, 30*time.Second)
		})
	}
}

// TestReadinessWritesOnceASecond counts the log's growth while many ask.
func TestReadinessWritesOnceASecond(t *testing.T) {
	t.Parallel()
	h := &installation{T: t, database: database.SQLite(t)}
	n := h.serve()
	size := func() int64 {
		info, err := os.Stat(strings.TrimPrefix(h.database, "sqlite:") + "-wal")
		must(t, err)
		return info.Size()
	}
	before := size()
	for range 300 {
		if status, body := n.asked("/readyz"); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	if grown := size() - before; grown > 40*4120 { // a write takes one to three pages of it
		t.Errorf("the log grew by %d bytes", grown)
	}
}

// TestStoppingIsToldBeforehand asks on one connection while the server stops.
func TestStoppingIsToldBeforehand(t *testing.T) {
	t.Parallel()
	h := &installation{T: t, database: database.SQLite(t)}
	n := h.serve()
	var connections []*bufio.ReadWriter
	for range 5 {
		c, err := net.Dial("tcp", "127.0.0.1:"+n.port)
		must(t, err)
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		connections = append(connections, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)))
	}
	ask := func(c *bufio.ReadWriter, path string) *http.Response {
		t.Helper()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost:%s\r\n\r\n", path, n.port)
		must(t, c.Flush())
		res, err := http.ReadResponse(c.Reader, nil)
		must(t, err)
		io.Copy(io.Discard, res.Body)
		return res
	}
	for _, c := range connections {
		if res := ask(c, "/readyz"); res.StatusCode != 200 || res.Close {
			t.Fatalf("before: %d, close %v", res.StatusCode, res.Close)
		}
	}
	status := make(chan int, 1)
	go func() { status <- n.Stop() }()
	eventually(h, time.Second, "the server is not ready", func() bool { got, _ := n.asked("/readyz"); return got == 503 })
	for i, path := range []string{"/readyz", "/healthz", "/.well-known/jwks.json", "/register", "/nothing"} {
		want := []int{503, 200, 200, 200, 404}[i]
		if res := ask(connections[i], path); res.StatusCode != want || !res.Close {
			t.Errorf("%s while it stops: %d, close %v", path, res.StatusCode, res.Close)
		}
		if _, err := connections[i].ReadByte(); err != io.EOF {
			t.Errorf("the connection is still open: %v", err)
		}
	}
	if got := <-status; got != 0 {
		t.Errorf("the server ended with %d: %s", got, n.Stderr())
	}
}

// TestCommandsCreateNoDatabase runs commands where there is none.
func TestCommandsCreateNoDatabase(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"doctor", "org list", "org set --org or-1 --second-factor optional", "user list --org or-1",
		"user invite --org or-1 --username ada", "code list --org or-1", "key list", "key rotate", "service-account list --org or-1",
		"refusal show rf-01234-56789-0123456789abcdef", "receipt export --org or-1 ua-1", "credential list --org or-1 --username ada"} {
		path := filepath.Join(t.TempDir(), "a.db")
		h := &installation{T: t, database: "sqlite:" + path}
		stdout, stderr, status := h.command("", strings.Fields(command)...)
		if said := stdout + stderr; status == 0 || !strings.Contains(said, "There is no database "+path) || !strings.Contains(said, "countersign serve") {
			t.Errorf("%s: status %d: %s", command, status, said)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s created a database", command)
		}
	}
	path := filepath.Join(t.TempDir(), "a.db")
	h := &installation{T: t, database: "sqlite:" + path}
	h.organisation()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("org create: %v %v", info, err)
	}
}

// TestTheDocumentedBackup makes a backup of a running server and restores it, by the commands of
// docs/operating.md.
func TestTheDocumentedBackup(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operating.md")
	must(t, err)
	var commands []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "    ") && strings.Contains(line, "countersign.db") && !strings.Contains(line, "=") {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	if len(commands) != 3 {
		t.Fatalf("the manual has %q", commands)
	}
	dir := t.TempDir()
	h := &installation{T: t, database: "sqlite:" + filepath.Join(dir, "countersign.db")}
	org := h.organisation()
	n := h.serve()
	n.register(h.invite(org, "ada"))
	h.shell("cd %s; umask 022; %s", dir, commands[0])
	if info, err := os.Stat(filepath.Join(dir, "copy.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v %v", info, err)
	}
	n.register(h.invite(org, "bob"))
	n.Kill()
	h.shell("cd %s; cp countersign.db saved; cp copy.db countersign.db", dir) // what the manual warns of
	if _, stderr, status := h.command("", "user", "list", "--org", org); status != 2 || !strings.Contains(stderr, "countersign.db-shm away") {
		t.Errorf("beside the old log: status %d: %s", status, stderr)
	}
	h.shell("cd %s; cp saved countersign.db; umask 022; %s; %s", dir, commands[1], commands[2])
	n.restart()
	if list := h.do("user", "list", "--org", org); !strings.Contains(list, "ada") || strings.Contains(list, "bob") {
		t.Errorf("restored: %s", list)
	}
	if info, err := os.Stat(filepath.Join(dir, "countersign.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("restored: %v %v", info, err)
	}
}
