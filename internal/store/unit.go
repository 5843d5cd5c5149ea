package store

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	queueLength = 1024 // units that may wait
	groupSize   = 128  // units that share one commit at most

	// queueWait is how long a unit waits for a place in a full queue. Longer would only make
	// everybody slow: who is refused can come again.
	queueWait = 500 * time.Millisecond
)

// Tx collects the statements of one unit, in order. They run after the function that was
// passed to Write has returned, each only if all before it held.
type Tx struct {
	statements []statement
	turns      []string // see inTurn
	actionID   string   // of the signed action that the unit uses, for its events
	committed  []func() // see Committed
}

// statement is one conditional change.
type statement struct {
	sql  string
	args []any
	lost error // if not nil: unless the statement changes exactly one row, the unit fails with it

	changed *int64 // if not nil: where to note how many rows it changed
}

// must adds a statement. Unless it changes exactly one row, the unit fails with lost.
func (tx *Tx) must(lost error, sql string, args ...any) {
	if lost == nil {
		lost = internal(errors.New("store: a change met no row: " + sql))
	}
	tx.statements = append(tx.statements, statement{sql: sql, args: clean(args), lost: lost})
}

// may adds a statement that changes any number of rows.
func (tx *Tx) may(sql string, args ...any) {
	tx.statements = append(tx.statements, statement{sql: sql, args: clean(args)})
}

// inTurn names something that several units may want to change at the same moment. A group
// locks all that its units named before it runs them, always in the same order: PostgreSQL
// would take a second to notice that two groups wait for each other. What a unit reads after that
// was committed by the groups before, also where no row or index would have stopped it.
func (tx *Tx) inTurn(name string) { tx.turns = append(tx.turns, name) }

// unit is what one caller of Write wants written, all or nothing.
type unit struct {
	statements []statement
	turns      []string
	state      atomic.Int32
	err        error         // set before done is closed
	done       chan struct{} // closed when the unit has committed or failed
}

// States of a unit. It leaves unitQueued once: a writer takes it or its caller drops it.
const (
	unitQueued  int32 = iota
	unitTaken         // by a writer, which will commit it or set its error
	unitDropped       // by its caller, whose context ended
)

// Write writes what fn adds to tx, all or nothing, and returns once that is on disk.
//
// fn runs once, in the caller's goroutine, before anything is written; the methods of Tx only
// collect statements. If fn fails, Write returns its error and writes nothing. The unit
// shares a commit with the units of other callers but fails alone: Write returns the very
// error that was passed for the first condition that did not hold.
//
// If ctx ends before a writer takes the unit, nothing is written. After that the unit
// completes, and Write returns its true outcome. While the database cannot be used, the error
// has Kind Unavailable: with Code "outcome_unknown" the unit may have been written, otherwise
// it was not.
//
// fn may read the database. It must not call Write.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	var tx Tx
	if err := fn(&tx); err != nil {
		return err
	}
	err := db.write(ctx, &tx)
	if err == nil {
		for _, do := range tx.committed {
			do()
		}
	}
	return err
}

// Do is Write for a function that has a result. It returns the result once the unit is on
// disk. If a condition fails whose error is an Outdated, fn runs again from the start.
func Do[Out any](ctx context.Context, db *DB, fn func(tx *Tx) (Out, error)) (Out, error) {
	for tries := 1; ; tries++ {
		var out Out
		err := db.Write(ctx, func(tx *Tx) (err error) {
			out, err = fn(tx)
			return err
		})
		if err == nil {
			return out, nil
		}
		var outdated *Outdated
		if !errors.As(err, &outdated) {
			return *new(Out), err
		}
		if tries == maxTries {
			return *new(Out), outdated.Err
		}
	}
}

// maxTries is how often Do runs a function at most.
const maxTries = 5

// Committed makes Write call do once the unit is on disk, before it returns. It is for what
// must not happen without the unit, such as sending a mail.
func (tx *Tx) Committed(do func()) { tx.committed = append(tx.committed, do) }

// Outdated is the error of a condition that fails only if something was changed after it was
// read. Do then runs its function again, which reads the change and succeeds, or fails for the
// right reason. Do returns Err if the last try fails so.
type Outdated struct{ Err error }

func (e *Outdated) Error() string { return e.Err.Error() }

// write queues the unit and waits for its outcome.
func (db *DB) write(ctx context.Context, tx *Tx) error {
	if len(tx.statements) == 0 {
		return nil
	}
	u := &unit{statements: tx.statements, turns: tx.turns, done: make(chan struct{})}
	if err := db.enqueue(ctx, u); err != nil {
		return err
	}
	select {
	case <-u.done:
	case <-ctx.Done():
		if u.state.CompareAndSwap(unitQueued, unitDropped) {
			return unavailable(ctx.Err())
		}
		<-u.done
	}
	return u.err
}

func (db *DB) enqueue(ctx context.Context, u *unit) error {
	db.closing.RLock()
	defer db.closing.RUnlock()
	if db.closed {
		return unavailable(errClosed)
	}
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	select {
	case db.queue <- u:
		return nil
	default:
	}
	wait := time.NewTimer(queueWait)
	defer wait.Stop()
	select {
	case db.queue <- u:
		return nil
	case <-wait.C:
		return errBusy
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// drain writes the queued units until the queue is closed and empty.
func (db *DB) drain() {
	group := make([]*unit, 0, groupSize)
	for first := range db.queue {
		group = db.gather(group[:0], first)
		if len(group) == 0 {
			continue
		}
		db.engine.write(group)
		for i, u := range group {
			u.err = outcome(u.err)
			close(u.done)
			group[i] = nil
		}
	}
}

// gather adds first and the other queued units to group, up to groupSize. It does not wait,
// but yields to callers that are just about to queue, because every unit that joins saves a
// commit.
func (db *DB) gather(group []*unit, first *unit) []*unit {
	group = take(group, first)
	for yields := 0; len(group) < groupSize; {
		select {
		case u, ok := <-db.queue:
			if !ok {
				return group
			}
			group = take(group, u)
		default:
			if yields++; yields > 2 {
				return group
			}
			runtime.Gosched()
		}
	}
	return group
}

func take(group []*unit, u *unit) []*unit {
	if u.state.CompareAndSwap(unitQueued, unitTaken) {
		return append(group, u)
	}
	return group
}

// outcome returns the error that the caller passed for a failed condition as it is, and
// classifies any other.
func outcome(err error) error {
	var failed *conditionError
	if errors.As(err, &failed) {
		return failed.lost
	}
	return classify(err)
}

// conditionError says that a statement did not change exactly one row.
type conditionError struct{ lost error }

func (e *conditionError) Error() string { return e.lost.Error() }

// check fails if the statement had to change one row and did not.
func (s *statement) check(changed int64) error {
	if s.changed != nil {
		*s.changed = changed
	}
	if s.lost != nil && changed != 1 {
		return &conditionError{s.lost}
	}
	return nil
}
