package store

import (
	"context"
	"sync"
	"sync/atomic"
)

// Rider is a change that goes along with another which somebody else writes: a signed
// action is used up in the unit of its effect, whatever room has that effect.
//
// The first Write under a context that carries it runs Do before the function that it
// was given, in the same unit: both hold or neither is written. A Write that fails leaves
// the rider to the next one, after "outcome_unknown" too, so Do must be something that
// may happen once and says so. After a Write that succeeded the rider is done: later ones
// go without it. Writes at the same time take turns until one has succeeded.
//
// A Write whose function adds nothing still writes what Do adds. The function must not
// call Write under the same context itself: it would wait for its own turn.
type Rider struct {
	// ActionID is given to the events of the unit that have none.
	ActionID string
	// Do adds the change. It may run again.
	Do func(tx *Tx)

	turn sync.Mutex
	done atomic.Bool
}

type riderKey struct{}

// Alongside returns a context whose first Write takes r along. A nil r parts the context
// from the rider that it carries: for what is written whether or not the request is
// granted, such as a refusal or a counted try.
func Alongside(ctx context.Context, r *Rider) context.Context {
	return context.WithValue(ctx, riderKey{}, r)
}

func riderOf(ctx context.Context) *Rider {
	r, _ := ctx.Value(riderKey{}).(*Rider)
	return r
}

// Done reports whether the rider's change is on disk.
func (r *Rider) Done() bool { return r.done.Load() }

// write is DB.Write with the rider aboard, unless it is done.
func (r *Rider) write(ctx context.Context, db *DB, fn func(tx *Tx) error) error {
	if r.done.Load() {
		return db.write(ctx, &Tx{}, fn)
	}
	r.turn.Lock()
	if r.done.Load() {
		r.turn.Unlock()
		return db.write(ctx, &Tx{}, fn)
	}
	defer r.turn.Unlock()
	tx := Tx{actionID: r.ActionID}
	r.Do(&tx)
	err := db.write(ctx, &tx, fn)
	if err == nil {
		r.done.Store(true)
	}
	return err
}
