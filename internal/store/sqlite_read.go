package store

import (
	"context"
	"slices"
	"sync"

	"github.com/countersign/countersign/internal/store/sqlite"
)

// maxShared is how many reads share a transaction at most, so that nobody waits long for others.
const maxShared = 32

// sharedReaders are connections for reads that take little time. A read that finds one idle runs
// there at once. Otherwise it waits, and the next connection runs what waits in one read
// transaction: after a commit SQLite empties the page cache of a reader that begins one, so reads
// that begin together find it warm.
type sharedReaders struct {
	open func() (*sqlite.Conn, error)

	mutex   sync.Mutex // guards what follows
	idle    []*sqlite.Conn
	lent    int // connections that are at work
	unmade  int // connections that may still be opened
	waiting []*waitingRead
	closed  bool
	ended   *sync.Cond // all connections are idle
}

// waitingRead is one statement that waits.
type waitingRead struct {
	sql  string
	args []any
	each func(*row)

	err  error
	turn chan *sqlite.Conn // gets a connection to run all that waits, or nil when it was run
}

func newSharedReaders(n int, open func() (*sqlite.Conn, error)) *sharedReaders {
	r := &sharedReaders{open: open, unmade: n}
	r.ended = sync.NewCond(&r.mutex)
	return r
}

// run runs one statement. Once a connection has taken it, it finishes even if ctx ends.
func (s *sharedReaders) run(ctx context.Context, sql string, args []any, each func(*row)) error {
	c, waits, err := s.take(sql, args, each)
	if err != nil {
		return err
	}
	if waits == nil {
		defer s.release(c)
		return runRead(c, sql, args, each)
	}
	select {
	case c = <-waits.turn:
	case <-ctx.Done():
		if s.forget(waits) {
			return ctx.Err()
		}
		c = <-waits.turn
	}
	if c != nil {
		s.lead(c, waits)
	}
	return waits.err
}

// take returns an idle connection, or the read that waits for one.
func (s *sharedReaders) take(sql string, args []any, each func(*row)) (c *sqlite.Conn, waits *waitingRead, err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch n := len(s.idle); {
	case s.closed:
		return nil, nil, errClosed
	case n > 0:
		c, s.idle = s.idle[n-1], s.idle[:n-1]
	case s.unmade > 0:
		if c, err = s.open(); err != nil {
			return nil, nil, err
		}
		s.unmade--
	default:
		waits = &waitingRead{sql: sql, args: args, each: each, turn: make(chan *sqlite.Conn, 1)}
		s.waiting = append(s.waiting, waits)
		return nil, waits, nil
	}
	s.lent++
	return c, nil, nil
}

// forget removes a read that still waits. It returns false if the read was taken.
func (s *sharedReaders) forget(r *waitingRead) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	i := slices.Index(s.waiting, r)
	if i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
	return i >= 0
}

// release gives the connection to the read that has waited longest, or keeps it idle.
func (s *sharedReaders) release(c *sqlite.Conn) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.waiting) > 0 {
		first := s.waiting[0]
		s.waiting = slices.Delete(s.waiting, 0, 1)
		first.turn <- c
		return
	}
	s.idle = append(s.idle, c)
	if s.lent--; s.lent == 0 {
		s.ended.Broadcast()
	}
}

// lead runs the read of its caller and others that wait, in one transaction. What they read is no
// older than when they began to wait, because the transaction begins later.
func (s *sharedReaders) lead(c *sqlite.Conn, first *waitingRead) {
	s.mutex.Lock()
	n := min(len(s.waiting)/2, maxShared-1)
	others := slices.Clone(s.waiting[:n])
	s.waiting = slices.Delete(s.waiting, 0, n)
	s.mutex.Unlock()

	defer s.release(c)
	if len(others) == 0 {
		first.err = runRead(c, first.sql, first.args, first.each)
		return
	}
	_, err := c.Exec(`BEGIN`)
	for _, r := range append(others, first) {
		if r.err = err; err == nil {
			r.err = runRead(c, r.sql, r.args, r.each)
		}
		if r != first {
			r.turn <- nil
		}
	}
	if err == nil {
		_, err = c.Exec(`COMMIT`) // of a transaction that wrote nothing
	}
	if err != nil && first.err == nil {
		first.err = err
	}
}

// close refuses what waits and what comes, waits for what runs and ends the connections.
func (s *sharedReaders) close(end func(*sqlite.Conn)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
	for _, r := range s.waiting {
		r.err = errClosed
		r.turn <- nil
	}
	s.waiting = nil
	for s.lent > 0 {
		s.ended.Wait()
	}
	for _, c := range s.idle {
		end(c)
	}
	s.idle = nil
}

func runRead(c *sqlite.Conn, sql string, args []any, each func(*row)) error {
	return c.Query(sql, args, func(r sqlite.Row) { each(&row{columns: r}) })
}
