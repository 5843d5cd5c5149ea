package store

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
)

const (
	queueLength = 1024 // units that may wait
	groupSize   = 128  // units that share one commit at most
)

// Tx collects the statements of one unit, in order. None runs before the function given
// to Write has returned; from then on each runs only if all before it held.
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
	lost error // if set, the statement must change exactly one row or the unit fails with it
}

// must adds a statement that changes exactly one row, or else the unit fails with lost.
func (tx *Tx) must(lost error, sql string, args ...any) {
	if lost == nil {
		lost = internal(errors.New("store: a change met no row: " + sql))
	}
	tx.statements = append(tx.statements, statement{sql, clean(args), lost})
}

// may adds a statement that changes as many rows as it finds.
func (tx *Tx) may(sql string, args ...any) {
	tx.statements = append(tx.statements, statement{sql, clean(args), nil})
}

// inTurn names something that several units may want at the same moment. It decides
// nothing, but of two groups that want the same things in another order PostgreSQL would
// stop one only after a second; so a group takes its turns for all of them at once.
func (tx *Tx) inTurn(name string) { tx.turns = append(tx.turns, name) }

// unit is what one caller of Write wants done, all or nothing.
type unit struct {
	statements []statement
	turns      []string
	state      atomic.Int32
	err        error         // set before done is closed
	done       chan struct{} // closed when the unit is settled
}

// States of a unit. Whoever moves it out of unitQueued decides its fate.
const (
	unitQueued  int32 = iota
	unitTaken         // by a writer, which will settle it
	unitDropped       // by its caller, whose context ended
)

// Write does what fn asks of tx, all or nothing, and returns once that is on disk.
//
// It shares one commit with what other callers ask at the same time, but fails alone:
// with the error that was given for the first condition that did not hold, as it was
// given. The methods of Tx only take note; fn runs first, in the caller's goroutine,
// and an error it returns is returned with nothing written.
//
// When ctx ends before the unit's turn nothing is written; afterwards the unit
// completes and its true outcome is returned. A database that cannot be used gives an
// error of Kind Unavailable: with Code "outcome_unknown" the unit may have been written
// (PostgreSQL only), otherwise it was not.
//
// fn may read the database; it must not call Write.
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

// Do is Write for a function that has a result, which is returned once the unit is on disk.
// If a condition fails that was given an Outdated error, fn runs again from the start.
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

// maxTries is how often Do runs a function whose reads others keep making out of date.
const maxTries = 5

// Committed has do called once the unit is on disk, in the caller's goroutine before Write
// returns: for what must not happen without the unit, such as a mail.
func (tx *Tx) Committed(do func()) { tx.committed = append(tx.committed, do) }

// Outdated is the error of a condition that fails only where something was changed since it was
// read. Do then reads it again, and succeeds, or fails for the right reason; Err is the error of
// the last try.
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
	select {
	case db.queue <- u:
		return nil
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// drain writes what is queued until the queue is closed and empty.
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

// gather adds first and all that wait with it, up to groupSize. It does not wait, but
// lets callers that are just about to queue go first, because every unit that joins
// saves a commit.
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

// settled leaves the errors that callers gave as they are and gives others a kind.
func outcome(err error) error {
	var failed *conditionError
	if errors.As(err, &failed) {
		return failed.lost
	}
	return classify(err)
}

// conditionError says that a statement changed another number of rows than one.
type conditionError struct{ lost error }

func (e *conditionError) Error() string { return e.lost.Error() }

// check judges how many rows the statement changed.
func (s *statement) check(changed int64) error {
	if s.lost != nil && changed != 1 {
		return &conditionError{s.lost}
	}
	return nil
}
