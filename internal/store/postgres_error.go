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

// isPostgres reports whether err is an error of the server with one of the SQLSTATE codes.
func isPostgres(err error, codes ...string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// contended reports whether a transaction failed because of a concurrent one, so that it may
// succeed, or fail by its condition, when it runs again: serialization failure, deadlock,
// lock not available, or at the same instant two codes for one user or two rows of one name.
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

// lostError says that there was no connection or that it broke, whatever the statement was.
// Nothing was committed, and another connection may work.
type lostError struct{ cause error }

func (e *lostError) Error() string { return "store: connection lost: " + e.cause.Error() }
func (e *lostError) Unwrap() error { return e.cause }

func isLost(err error) bool {
	var e *lostError
	return errors.As(err, &e)
}

// lost marks err as a lostError if the connection broke, or if the server is stopping,
// starting or no longer the primary. Then it closes the connection, so that the pool does
// not use it again.
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

// retry spaces out attempts until ctx or postgresTimeout ends.
type retry struct {
	ctx    context.Context
	cancel context.CancelFunc
	pause  time.Duration
}

func newRetry(ctx context.Context) *retry {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	return &retry{ctx, cancel, 5 * time.Millisecond}
}

// wait pauses and reports whether to try again. The pause doubles each time and is random, so
// that two callers do not meet again.
func (r *retry) wait() bool {
	select {
	case <-time.After(r.pause/2 + rand.N(r.pause)):
		r.pause = min(2*r.pause, 500*time.Millisecond)
		return true
	case <-r.ctx.Done():
		return false
	}
}
