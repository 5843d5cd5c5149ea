package store

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"
)

const (
	readyTime  = 900 * time.Millisecond // how long Ready waits
	readyEvery = time.Second            // how often it writes
)

// readiness is what Ready knows.
type readiness struct {
	mu      sync.Mutex
	running *readyCheck
	written time.Time // when the last write ended, and with what
	err     error
}

// readyCheck is one check for all who ask while it runs.
type readyCheck struct {
	done chan struct{}
	err  error // set before done is closed
}

// Ready fails unless a row can be written now, to the database that was opened, with the tables
// that this program knows. However many ask, and whatever hangs, it writes once a second at
// most and returns within a second.
func (db *DB) Ready(ctx context.Context) error {
	check := db.ready.join(db)
	limit := time.NewTimer(readyTime)
	defer limit.Stop()
	select {
	case <-check.done:
		return check.err
	case <-limit.C:
		return unavailable(errors.New("store: the database does not answer within a second"))
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// join returns the check that runs, or begins one.
func (r *readiness) join(db *DB) *readyCheck {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != nil {
		return r.running
	}
	check := &readyCheck{done: make(chan struct{})}
	r.running = check
	go func() {
		err := r.run(db)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running, check.err = nil, err
		close(check.done)
	}()
	return check
}

func (r *readiness) run(db *DB) error {
	ctx, cancel := context.WithTimeout(context.Background(), postgresTimeout)
	defer cancel()
	if err := classify(db.engine.ping(ctx)); err != nil {
		return err
	}
	if time.Since(r.written) >= readyEvery { // only one check runs at a time
		r.err = db.writeRow(ctx)
		r.written = time.Now()
	}
	return r.err
}

// Ping fails unless a row can be written now, to the database that was opened, with the tables
// that this program knows.
func (db *DB) Ping(ctx context.Context) error {
	if err := classify(db.engine.ping(ctx)); err != nil {
		return err
	}
	return db.writeRow(ctx)
}

// settingWritten is the row that is written to see whether one can be.
const settingWritten = "written_at"

func (db *DB) writeRow(ctx context.Context) error {
	return db.Write(ctx, func(tx *Tx) error {
		tx.PutSetting(settingWritten, strconv.FormatInt(time.Now().UnixMilli(), 10))
		return nil
	})
}
