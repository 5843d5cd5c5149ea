package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// sh runs a shell command in a folder. What it opens and closes releases no lock of this
// process, as os.ReadFile would.
func sh(t *testing.T, dir, command string) {
	t.Helper()
	c := exec.Command("sh", "-ec", command)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v %s", command, err, out)
	}
}

// serving opens a database as a server does.
func serving(t *testing.T, path string) (*store.DB, *lines) {
	t.Helper()
	log := &lines{}
	db, err := store.Open(context.Background(), "sqlite:"+path, store.Options{Serving: true, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, log
}

func addOrganisation(db *store.DB) (string, error) {
	o := newOrganisation()
	o.ID = api.NewID(api.PrefixOrganization, time.Now())
	return o.ID, try(db, func(tx *store.Tx) { tx.CreateOrganisation(o) })
}

// TestNothingIsAcknowledgedOnceTheFilesAreGone writes without a pause while somebody deletes or
// replaces the files.
func TestNothingIsAcknowledgedOnceTheFilesAreGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, command, what string }{
		"deleted":                  {"", "rm a.db", "deleted"},
		"all deleted":              {"", "rm a.db a.db-wal a.db-shm", "deleted"},
		"moved away":               {"", "mv a.db b.db", "deleted"},
		"folder moved":             {"", "mv ../data ../data2", "deleted"},
		"folder replaced":          {"", "mv ../data ../data2; mkdir ../data; cp ../data2/a.db ../data/", ""}, // either
		"replaced by a backup":     {"sqlite3 a.db '.backup c.db'", "mv c.db a.db", "replaced"},
		"replaced by another file": {"", "echo hello > c.db; mv c.db a.db", "replaced"},
		"replaced by a link":       {"sqlite3 a.db '.backup c.db'", "ln -sf c.db a.db", "replaced"},
		"overwritten by a backup":  {"sqlite3 a.db '.backup c.db'", "cp c.db a.db", "overwritten"},
		"overwritten by text":      {"", "echo hello > a.db", "overwritten"},
		"emptied":                  {"", ": > a.db", "overwritten"},
		"log deleted":              {"", "rm a.db-wal", "deleted"},
		"log replaced":             {"", "cp a.db-wal c; mv c a.db-wal", "replaced"},
		"index deleted":            {"", "rm a.db-shm", "deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			db, log := serving(t, filepath.Join(dir, "a.db"))
			if err := db.Ready(context.Background()); err != nil {
				t.Fatal(err)
			}
			sh(t, dir, c.before)
			var last atomic.Int64 // when the last write was acknowledged
			var stop atomic.Bool
			var writers sync.WaitGroup
			for range 4 {
				writers.Go(func() {
					for !stop.Load() {
						began := time.Now()
						if _, err := addOrganisation(db); err == nil {
							last.Store(began.UnixNano())
						} else if api.KindOf(err) != api.Unavailable {
							t.Errorf("a write failed with %v", err)
							return
						}
					}
				})
			}
			time.Sleep(50 * time.Millisecond)
			sh(t, dir, c.command)
			gone := time.Now()
			time.Sleep(time.Second)
			if err := db.Ready(context.Background()); api.KindOf(err) != api.Unavailable {
				t.Errorf("ready a second later: %v", err)
			}
			stop.Store(true)
			writers.Wait()
			if late := time.Unix(0, last.Load()).Sub(gone); late > 0 {
				t.Errorf("a write that began %s later was acknowledged", late)
			}
			if _, err := db.Setting(context.Background(), "any"); api.KindOf(err) != api.Unavailable {
				t.Errorf("a read: %v", err)
			}
			if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=ERROR") ||
				!strings.Contains(text, c.what+" while the server ran") || !strings.Contains(text, "start it again") {
				t.Errorf("logged %q", text)
			}
		})
	}
}

// TestAnIdleServerNoticesToo has nobody write or ask.
func TestAnIdleServerNoticesToo(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"rm a.db", "cp b.db a.db"} {
		dir := t.TempDir()
		db, log := serving(t, filepath.Join(dir, "a.db"))
		if _, err := addOrganisation(db); err != nil {
			t.Fatal(err)
		}
		sh(t, dir, "sqlite3 a.db '.backup b.db'; "+command)
		time.Sleep(time.Second)
		if !strings.Contains(log.String(), "start it again") {
			t.Errorf("after %s logged %q", command, log)
		}
	}
}

// TestADeletedLogIsSavedByARestart: the file is in its place, so the end of the server brings
// it up to date.
func TestADeletedLogIsSavedByARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	db, _ := serving(t, path)
	id, err := addOrganisation(db)
	if err != nil {
		t.Fatal(err)
	}
	sh(t, dir, "rm a.db-wal")
	if _, err := addOrganisation(db); err == nil {
		t.Error("acknowledged")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	again, _ := serving(t, path)
	if _, err := again.Organisation(context.Background(), id); err != nil {
		t.Error(err)
	}
}

// TestOrdinaryUseLosesNothing has other processes read, write, back up and check the database,
// and the log go round several times.
func TestOrdinaryUseLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	db, log := serving(t, path)
	big := strings.Repeat("x", 200_000)
	for i := range 200 {
		write(t, db, func(tx *store.Tx) { tx.PutSetting(fmt.Sprint("big", i%20), big+fmt.Sprint(i)) })
		if i%50 == 0 {
			sh(t, dir, fmt.Sprintf(`sqlite3 a.db '.timeout 5000' 'PRAGMA wal_checkpoint' '.backup b%d.db' 'PRAGMA quick_check' 'CREATE TABLE x%d (y)' 'DROP TABLE x%d'`, i, i, i))
			other := open(t, "sqlite:"+path)
			if _, err := addOrganisation(other); err != nil {
				t.Error(err)
			}
			other.Close()
		}
	}
	if err := db.Ready(context.Background()); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() > 20<<20 {
		t.Errorf("the log has %d bytes: %v", info.Size(), err)
	}
	if log.String() != "" {
		t.Errorf("logged %s", log)
	}
}

// TestALogThatDoesNotBelongIsRefused restores databases beside the log of a server that was
// killed.
func TestALogThatDoesNotBelongIsRefused(t *testing.T) {
	t.Parallel()
	const refused = "database_log_foreign"
	for name, c := range map[string]struct{ early, late, crash, code string }{
		"nothing restored":      {"", "", "", ""},
		"the three restored":    {"", "", "mkdir b; cp a.db a.db-wal a.db-shm b; rm a.db*; cp b/* .", ""},
		"two of three restored": {"", "", "mkdir b; cp a.db a.db-wal b; rm a.db*; cp b/* .", ""},
		"log moved away":        {"sqlite3 a.db '.backup b.db'", "", "cp b.db a.db; rm a.db-wal a.db-shm", ""},
		"an empty log":          {"", "", ": > a.db-wal", ""},
		"old backup":            {"sqlite3 a.db '.backup b.db'", "", "cp b.db a.db", refused},
		"new backup":            {"", "sqlite3 a.db '.backup b.db'", "cp b.db a.db", refused},
		"old copy":              {"cp a.db b.db", "", "cp b.db a.db", refused},
		"old copy, renamed":     {"cp a.db b.db", "", "mv b.db a.db", refused},
		"vacuumed":              {"", "sqlite3 a.db \"VACUUM INTO 'b.db'\"", "cp b.db a.db", refused},
		"empty database":        {"", "", ": > a.db", refused},
		"no database":           {"", "", "rm a.db", refused},
		"other pages":           {"", "sqlite3 b.db 'PRAGMA page_size=1024' 'PRAGMA journal_mode=WAL' 'CREATE TABLE t(x)'", "cp b.db a.db", refused},
		"another log":           {"", "", "head -c 9000 /dev/urandom > a.db-wal", refused},
		"damaged log":           {"", "", "printf x | dd of=a.db-wal bs=1 seek=13 conv=notrunc", refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "a.db")
			db, _ := serving(t, path)
			if _, err := addOrganisation(db); err != nil {
				t.Fatal(err)
			}
			sh(t, dir, c.early)
			db.Close()
			db, _ = serving(t, path) // a restart, and so the next generation
			if _, err := addOrganisation(db); err != nil {
				t.Fatal(err)
			}
			sh(t, dir, c.late)
			id, err := addOrganisation(db)
			if err != nil {
				t.Fatal(err)
			}
			crashed := filepath.Join(t.TempDir(), "a.db")
			sh(t, dir, "cp * "+filepath.Dir(crashed)) // what a kill leaves
			sh(t, filepath.Dir(crashed), c.crash)
			if c.code != "" {
				openFails(t, "sqlite:"+crashed, c.code, crashed+"-wal", "move", "away")
				if c.crash == "rm a.db" {
					if _, err := os.Stat(crashed); err == nil {
						t.Error("it was created")
					}
				}
				return
			}
			again, _ := serving(t, crashed)
			if _, err := again.Organisation(context.Background(), id); c.crash != "" && strings.Contains(c.crash, "restored") && err != nil {
				t.Error(err)
			}
		})
	}
}

func TestADamagedFileIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	db, _ := serving(t, path)
	for range 50 {
		if _, err := addOrganisation(db); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	sh(t, dir, "dd if=/dev/urandom of=a.db bs=4096 seek=5 count=20 conv=notrunc")
	_, err := store.Open(context.Background(), "sqlite:"+path, store.Options{Serving: true})
	if code := api.CodeOf(err); code != "database_damaged" && code != "database_not_sqlite" {
		t.Errorf("opened: %v", err)
	}
}

func TestAnExistingDatabaseIsNotCreated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	_, err := store.Open(context.Background(), "sqlite:"+path, store.Options{Existing: true})
	if api.CodeOf(err) != "database_missing" || !strings.Contains(api.AsError(err).Message, "--database") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it was created")
	}
}
