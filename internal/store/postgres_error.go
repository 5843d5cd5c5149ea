package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// isPostgres reports whether err is a server's error with one of the SQLSTATE codes.
func isPostgres(err error, codes ...string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// contended reports whether transactions got in each other's way, so that the same one
// may succeed, or meet its condition, when it runs again: serialization failure, deadlock,
// lock not available, two codes issued to one user or two rows named alike at the same
// instant.
func contended(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "40001", "40P01", "55P03":
		return true
	case "23505":
		switch e.ConstraintName {
		case "registration_codes_live", "users_name", "access_tokens_name", "permissions_name", "applications_name":
			return true
		}
	}
	return false
}

// lostError says that a connection could not be had or is of no use any more, through
// no fault of what was asked: nothing was committed, and another may serve.
type lostError struct{ cause error }

func (e *lostError) Error() string { return "store: connection lost: " + e.cause.Error() }
func (e *lostError) Unwrap() error { return e.cause }

func isLost(err error) bool {
	var e *lostError
	return errors.As(err, &e)
}

// lost marks err as a lostError if the connection broke, the server goes down or comes
// up, or it became a standby. It then closes the connection, so that the pool does not
// hand it out again.
func lost(ctx context.Context, c *pgx.Conn, err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch {
		case e.Code == "25006", // read-only transaction: not the primary any more
			strings.HasPrefix(e.Code, "57P0"), // shut down, crashed, cannot connect now
			strings.HasPrefix(e.Code, "08"):   // connection exceptions
		default:
			return err
		}
	} else if !c.IsClosed() {
		return err
	}
	c.Close(ctx)
	return &lostError{err}
}

// retry spaces attempts out until ctx ends or patience does.
type retry struct {
	ctx    context.Context
	cancel context.CancelFunc
	pause  time.Duration
}

func newRetry(ctx context.Context) *retry {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
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
