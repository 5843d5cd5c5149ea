package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// isPostgres reports whether err is a server's error with one of the SQLSTATE codes.
func isPostgres(err error, codes ...string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// contended reports whether transactions got in each other's way, so that the same one
// may succeed when it runs again: serialization failure, deadlock, lock not available,
// and a unique violation that no statement declared (two codes issued at once).
func contended(err error) bool { return isPostgres(err, "40001", "40P01", "55P03", "23505") }

// lost reports whether the connection is of no use any more, through no fault of the
// statement: it broke, the server is going down or coming up, or it became a standby.
func lost(err error) bool {
	if err == nil {
		return false
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		var failed *conditionError
		return !errors.As(err, &failed) && !encoding(err)
	}
	switch e.Code {
	case "25006", // read-only transaction: not the primary any more
		"53300",                   // too many connections
		"57P01", "57P02", "57P03": // shut down, crash, cannot connect now
		return true
	}
	return strings.HasPrefix(e.Code, "08") // connection exceptions
}

// encoding reports whether the driver could not even send the arguments.
func encoding(err error) bool { return strings.Contains(err.Error(), "encode args") }

// retry spaces attempts out until ctx ends or patience does.
type retry struct {
	ctx    context.Context
	cancel context.CancelFunc
	pause  time.Duration
}

func newRetry(ctx context.Context) *retry {
	ctx, cancel := context.WithTimeout(ctx, postgresPatience)
	return &retry{ctx, cancel, 5 * time.Millisecond}
}

// wait reports whether to try again, after a pause that doubles and is never the same
// for two.
func (r *retry) wait() bool {
	select {
	case <-time.After(r.pause/2 + rand.N(r.pause)):
		r.pause = min(2*r.pause, 500*time.Millisecond)
		return true
	case <-r.ctx.Done():
		return false
	}
}

func (r *retry) stop() { r.cancel() }
