package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	postgresReaders = 2  // groups of reads that run at once
	readGroup       = 32 // reads that share one round trip at most
)

// read is one statement that takes little time and has few rows. Its caller may use what each
// received once done is closed.
type read struct {
	sql   string
	args  []any
	each  func(*row)
	state atomic.Int32 // as in unit
	err   error        // set before done is closed
	done  chan struct{}
}

// first runs a statement of which only the first row matters: a connection that breaks after
// that row is no failure. Reads that arrive together share one round trip. That halves what
// a read costs both sides under load, and costs nothing when idle.
func (p *postgresDB) first(ctx context.Context, sql string, args []any, each func(*row)) error {
	r := &read{sql: sql, args: args, done: make(chan struct{})}
	came := false
	r.each = func(row *row) { came = true; each(row) }
	if err := p.together(ctx, r); err != nil {
		return err
	}
	if r.err == nil || came {
		return nil
	}
	err := p.alone(ctx, sql, args, r.each)
	if came {
		return nil
	}
	return err
}

// few is first for a statement that needs all its rows: if the connection breaks, it runs
// again from the start.
func (p *postgresDB) few(ctx context.Context, sql string, args []any, restart func(), each func(*row)) error {
	r := &read{sql: sql, args: args, each: each, done: make(chan struct{})}
	restart()
	if err := p.together(ctx, r); err != nil || r.err == nil {
		return err
	}
	pause := newRetry(ctx)
	defer pause.cancel()
	for {
		restart()
		err := p.queryOnce(ctx, sql, args, each)
		if !isLost(err) {
			return err
		}
		if !pause.wait() {
			return unavailable(err)
		}
	}
}

// together runs a read in the next group and returns once it has an answer. It returns an
// error if the read did not begin.
func (p *postgresDB) together(ctx context.Context, r *read) error {
	select {
	case p.reads <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closed:
		return errClosed
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(unitQueued, unitDropped) {
			return ctx.Err()
		}
		<-r.done
	case <-p.closed:
		if r.state.CompareAndSwap(unitQueued, unitDropped) {
			return errClosed
		}
		<-r.done
	}
	return nil
}

// serveReads runs groups of reads until the pool is closed.
func (p *postgresDB) serveReads() {
	group := make([]*read, 0, readGroup)
	for {
		select {
		case r := <-p.reads:
			group = p.gatherReads(group[:0], r)
		case <-p.closed:
			return
		}
		if len(group) == 0 {
			continue
		}
		p.readTogether(group)
		for i, r := range group {
			close(r.done)
			group[i] = nil
		}
	}
}

// gatherReads adds first and the other waiting reads to group, after it has yielded once to
// callers that are about to read.
func (p *postgresDB) gatherReads(group []*read, first *read) []*read {
	group = takeRead(group, first)
	for yielded := false; len(group) < readGroup; {
		select {
		case r := <-p.reads:
			group = takeRead(group, r)
		default:
			if yielded {
				return group
			}
			yielded = true
			runtime.Gosched()
		}
	}
	return group
}

func takeRead(group []*read, r *read) []*read {
	if r.state.CompareAndSwap(unitQueued, unitTaken) {
		return append(group, r)
	}
	return group
}

// readTogether sends the group in one round trip. After a failure the rest of the group has
// no answer and shares the error.
func (p *postgresDB) readTogether(group []*read) {
	ctx, cancel := context.WithTimeout(context.Background(), postgresTimeout)
	defer cancel()
	c, err := p.acquire(ctx)
	if err != nil {
		for _, r := range group {
			r.err = err
		}
		return
	}
	defer c.Release()
	batch := &pgx.Batch{}
	for _, r := range group {
		batch.Queue(r.sql, r.args...)
	}
	results := c.SendBatch(ctx, batch)
	for _, r := range group {
		if err == nil {
			var rows pgx.Rows
			if rows, err = results.Query(); err == nil {
				err = scan(rows, r.each)
			}
		}
		r.err = err
	}
	if closing := results.Close(); err == nil {
		err = closing
	}
	if err != nil {
		p.lost(ctx, c, err)
	}
}

// query runs one statement that may take long, once not too many others run.
func (p *postgresDB) query(ctx context.Context, sql string, args []any, each func(*row)) error {
	select {
	case p.long <- struct{}{}:
		defer func() { <-p.long }()
		return p.alone(ctx, sql, args, each)
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closed:
		return errClosed
	}
}

// alone runs one statement. If the connection breaks before the first row, it runs again.
func (p *postgresDB) alone(ctx context.Context, sql string, args []any, each func(*row)) error {
	pause := newRetry(ctx)
	defer pause.cancel()
	for {
		began := false
		err := p.queryOnce(ctx, sql, args, func(r *row) { began = true; each(r) })
		if !isLost(err) {
			return err
		}
		if began || !pause.wait() {
			return unavailable(err)
		}
	}
}

func (p *postgresDB) queryOnce(ctx context.Context, sql string, args []any, each func(*row)) error {
	c, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	rows, err := c.Query(ctx, sql, args...)
	if err == nil {
		err = scan(rows, each)
	}
	if err != nil && ctx.Err() == nil {
		err = p.lost(ctx, c, err)
	}
	return err
}

// scan calls each for every row.
func scan(rows pgx.Rows, each func(*row)) error {
	defer rows.Close()
	var columns postgresRow
	for rows.Next() {
		columns.fields, columns.values = rows.FieldDescriptions(), rows.RawValues()
		each(&row{columns: &columns})
	}
	rows.Close()
	return rows.Err()
}

// postgresRow is a row as PostgreSQL sent it.
type postgresRow struct {
	fields []pgconn.FieldDescription
	values [][]byte
}

// Text returns a column of type TEXT, which is the same in both wire formats.
func (r *postgresRow) Text(i int) string { return string(r.values[i]) }

// Bytes returns a copy of a column of type BYTEA.
func (r *postgresRow) Bytes(i int) []byte {
	value := r.values[i]
	if value == nil {
		return nil
	}
	if r.fields[i].Format == pgx.BinaryFormatCode {
		return append([]byte{}, value...)
	}
	decoded, err := hex.DecodeString(strings.TrimPrefix(string(value), `\x`))
	if err != nil {
		return nil
	}
	return decoded
}

// Int returns a column of an integer type.
func (r *postgresRow) Int(i int) int64 {
	value := r.values[i]
	if r.fields[i].Format != pgx.BinaryFormatCode {
		n, _ := strconv.ParseInt(string(value), 10, 64)
		return n
	}
	switch len(value) {
	case 8:
		return int64(binary.BigEndian.Uint64(value))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(value)))
	}
	return 0
}
