package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// relay forwards between the store and PostgreSQL and breaks the connection at a statement
// that begins with prefix.
type relay struct {
	t      *testing.T
	server string

	mu     sync.Mutex
	prefix string
	after  bool // break after the server has answered, not before the statement reaches it
	part   int  // bytes of that answer that pass first
	cuts   atomic.Int64
}

// throughRelay returns a relay and the URL that goes through it.
func throughRelay(t *testing.T, to string) (*relay, string) {
	t.Helper()
	at, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	r := &relay{t: t, server: at.Host}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go r.serve(client)
		}
	}()
	at.Host = listener.Addr().String()
	at.RawQuery = "sslmode=disable"
	return r, at.String()
}

// cut breaks the next connection on which such a statement runs, once.
func (r *relay) cut(prefix string, after bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prefix, r.after, r.part = prefix, after, 0
}

// cutWithin is cut in the middle of the answer, after so many bytes.
func (r *relay) cutWithin(prefix string, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prefix, r.after, r.part = prefix, true, bytes
}

// due reports whether the statement is the one to break at.
func (r *relay) due(statement string) (due, after bool, part int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.prefix == "" || !strings.HasPrefix(strings.TrimSpace(statement), r.prefix) {
		return false, false, 0
	}
	r.prefix = ""
	r.cuts.Add(1)
	return true, r.after, r.part
}

func (r *relay) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer server.Close()
	const all = 1 << 62
	var allowed atomic.Int64 // how much more of the answers may pass
	allowed.Store(all)
	go func() {
		defer client.Close()
		defer server.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			last := false
			if left := allowed.Load(); left < all {
				n = min(n, int(left))
				last = allowed.Add(-int64(n)) == 0
			}
			if _, err := client.Write(buffer[:n]); err != nil || last {
				return
			}
		}
	}()
	if !forward(server, client, false, func(byte, []byte) bool { return true }) { // startup
		return
	}
	statements := map[string]string{}
	for forward(server, client, true, func(kind byte, body []byte) bool {
		first, rest, _ := bytes.Cut(body, []byte{0})
		second, _, _ := bytes.Cut(rest, []byte{0})
		statement := ""
		switch kind {
		case 'P': // Parse: name, text
			statements[string(first)] = string(second)
		case 'B': // Bind: portal, name
			statement = statements[string(second)]
		case 'Q': // Query: text
			statement = string(first)
		}
		due, after, part := r.due(statement)
		if due && after {
			allowed.Store(int64(part))
		}
		return !due || after
	}) {
	}
}

// forward forwards one message if pass allows it.
func forward(to io.Writer, from io.Reader, typed bool, pass func(kind byte, body []byte) bool) bool {
	head := make([]byte, 5)
	if !typed {
		head = head[1:]
	}
	if _, err := io.ReadFull(from, head); err != nil {
		return false
	}
	body := make([]byte, binary.BigEndian.Uint32(head[len(head)-4:])-4)
	if _, err := io.ReadFull(from, body); err != nil {
		return false
	}
	if !pass(head[0], body) {
		return false
	}
	_, err := to.Write(append(head, body...))
	return err == nil
}

func TestAConnectionLostBeforeCommitDoesNoHarm(t *testing.T) {
	t.Parallel()
	r, through := throughRelay(t, database.Postgres(t))
	db := open(t, through)
	o, u, c := invite(t, db)
	for _, statement := range []string{"begin", "UPDATE registration_codes", "INSERT INTO events"} {
		before := r.cuts.Load()
		r.cut(statement, false)
		k := newUser(o, statement)
		write(t, db, func(tx *store.Tx) {
			tx.CreateUser(k, errDuplicate)
			tx.IssueCode(newCode(k))
			tx.Record(newEvent(k, "user.invited"))
		})
		if r.cuts.Load() != before+1 {
			t.Fatalf("%s was never cut", statement)
		}
	}
	r.cut("SELECT", false)
	inv := must[store.Invitation](t)(db.Invitation(context.Background(), o.ID, u.UsernameKey, c.MAC, nil))
	if !inv.CodeFound || r.cuts.Load() != 4 {
		t.Errorf("%+v after %d cuts", inv, r.cuts.Load())
	}
	if events := must[[]store.Event](t)(db.Events(context.Background(), o.ID, "", 0)); len(events) != 3 {
		t.Errorf("%d events", len(events))
	}
}

// TestRowsOfABrokenAnswerDoNotCount breaks the connection between the rows of an answer, and
// again in the second attempt.
func TestRowsOfABrokenAnswerDoNotCount(t *testing.T) {
	t.Parallel()
	r, through := throughRelay(t, database.Postgres(t))
	db := open(t, through)
	ada := newPerson(t, db)
	want := []store.Credential{light(ada.k)}
	for i := range 5 {
		k := newCredential(ada.u, store.Code{})
		k.ID = api.NewID(api.PrefixCredential, at(i+1))
		k.EncryptedPrivateKey = strings.Repeat("x", 8<<10)
		write(t, db, func(tx *store.Tx) { tx.AddCredential(k, errDuplicate) })
		want = append(want, light(k))
	}
	read := func() {
		t.Helper()
		s := must[store.LoginState](t)(db.LoginState(context.Background(), ada.o.ID, ada.u.UsernameKey, nil, nil))
		equal(t, "credentials", s.Credentials, want)
	}
	read() // the statement is prepared on a connection now
	for i, part := range []int{100, 20 << 10, 30 << 10} {
		r.cutWithin("SELECT o.id", part)
		read()
		if n := r.cuts.Load(); n != int64(i+1) {
			t.Fatalf("%d cuts after %d answers", n, i+1)
		}
	}
	sessions := []store.Session{ada.login(t, db), ada.login(t, db), ada.login(t, db)}
	r.cutWithin("SELECT s.id", 700)
	got := must[[]store.Session](t)(db.SessionsOfUser(context.Background(), ada.u.ID, epoch))
	if len(got) != len(sessions) || r.cuts.Load() != 4 {
		t.Errorf("%d sessions after %d cuts", len(got), r.cuts.Load())
	}
}

// TestAConnectionLostAtCommitIsAnUnknownOutcome holds that a commit is never sent twice,
// and that the error says that the outcome is unknown.
func TestAConnectionLostAtCommitIsAnUnknownOutcome(t *testing.T) {
	// Not parallel: it waits a while for the server.
	for _, committed := range []bool{false, true} {
		t.Run(fmt.Sprint("committed ", committed), func(t *testing.T) {
			r, through := throughRelay(t, database.Postgres(t))
			db := open(t, through)
			o, u, c := invite(t, db)
			r.cut("commit", committed)
			err := try(db, func(tx *store.Tx) { register(tx, u, c, newCredential(u, c)) })
			wantKind(t, err, api.Unavailable, "outcome_unknown")
			time.Sleep(50 * time.Millisecond) // the server may still be committing
			if got := must[store.Code](t)(db.Code(context.Background(), c.ID)); got.SpentAt.IsZero() == committed {
				t.Errorf("spent at %v", got.SpentAt)
			}
			write(t, db, func(tx *store.Tx) { tx.CreateUser(newUser(o, "next"), errDuplicate) })
		})
	}
}

// TestAllConnectionsBreakUnderLoad ends all connections under load, as a restart or a
// failover does.
func TestAllConnectionsBreakUnderLoad(t *testing.T) {
	// Not parallel: it interrupts a server under load.
	url := database.Postgres(t)
	db, outside := open(t, url), connect(t, url)
	o := newOrganisation()
	write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(o) })
	var stop atomic.Bool
	var answered sync.Map
	var load sync.WaitGroup
	for g := range 16 {
		load.Go(func() {
			for i := 0; !stop.Load(); i++ {
				u := newUser(o, fmt.Sprint("user", g, "-", i))
				switch err := try(db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate) }); {
				case err == nil:
					answered.Store(u.ID, true)
				case api.CodeOf(err) != "outcome_unknown":
					t.Errorf("unit: %v", err)
				}
				if _, err := db.Organisation(context.Background(), o.ID); err != nil {
					t.Errorf("read: %v", err)
				}
			}
		})
	}
	for range 5 {
		time.Sleep(100 * time.Millisecond)
		if _, err := outside.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	load.Wait()
	n := 0
	answered.Range(func(id, _ any) bool {
		n++
		if _, err := db.User(context.Background(), id.(string)); err != nil {
			t.Errorf("answered and lost: %v", err)
		}
		return true
	})
	if n < 20 {
		t.Errorf("only %d units were answered", n)
	}
}

func TestARefusedPasswordIsNotShown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server := pgproto3.NewBackend(client, client)
			if _, err := server.ReceiveStartupMessage(); err == nil {
				server.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "password authentication failed"})
				server.Flush()
			}
			client.Close()
		}
	}()
	openFails(t, "postgres://ada:"+secret+"@"+listener.Addr().String()+"/x?sslmode=disable",
		"database_password_refused", `"ada"`, "correct the user or password")
}
