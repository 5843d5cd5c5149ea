package store

import (
	"context"
	"sync"
	"time"
)

// These methods are parts of DeactivateUser and DeactivateCredential, to be tested one by one.
func (tx *Tx) SetUserActive(userID, orgID string, active bool, lost error) {
	tx.setUserActive(userID, orgID, active, lost)
	if !active {
		tx.stopLogins(userID)
	}
}

func (tx *Tx) SetCredentialActive(id, orgID string, active bool, lost error) {
	tx.setCredentialActive(id, orgID, active, lost)
}

func (tx *Tx) EndSessions(userID string, now time.Time) {
	tx.endSessions(userID, now)
	tx.may(voidActions, now.UnixMilli(), userID, firstUnused(now))
}

func (tx *Tx) EndDelegatedSessions(credentialID string, now time.Time) {
	tx.endDelegatedSessions(credentialID, now)
}

// CopyAction adds n copies of an unused action, without looking at any limit: signing thousands takes long.
func (tx *Tx) CopyAction(id string, n int) {
	const same = `org_id, user_id, credential_id, session_id, method, path, payload, statement, client_data,
		authenticator_data, signature, second_factor, signed_at, expires_at, used_for, address, size`
	tx.may(`
		WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $2)
		INSERT INTO actions (id, challenge, `+same+`)
		SELECT id || '-' || CAST(n AS TEXT), challenge || '-' || CAST(n AS TEXT), `+same+`
		FROM actions, number WHERE id = $1`, id, n)
}

// Plan is how a database would run a statement.
type Plan struct {
	SQL   string
	Steps []string
}

// Plans returns how the database would run the statements of read, without running them. It
// ignores failures of read, which gets no rows.
func Plans(db *DB, read func(db *DB)) []Plan {
	e := &explaining{engine: db.engine}
	func() {
		defer func() { recover() }() // because there is no row
		read(&DB{engine: e})
	}()
	return e.plans
}

// PlansOf is Plans for the statements that fn adds to a unit.
func PlansOf(db *DB, fn func(tx *Tx)) []Plan {
	e := &explaining{engine: db.engine}
	var tx Tx
	fn(&tx)
	for _, s := range tx.statements {
		e.explain(context.Background(), s.sql, s.args)
	}
	return e.plans
}

// explaining is an engine that collects the plans of statements.
type explaining struct {
	engine
	plans []Plan
}

func (e *explaining) explain(ctx context.Context, sql string, args []any) error {
	how, column := "EXPLAIN ", 0
	if e.kind() == SQLite {
		how, column = "EXPLAIN QUERY PLAN ", 3
	}
	plan := Plan{SQL: sql}
	err := e.engine.query(ctx, how+sql, args, func(r *row) { plan.Steps = append(plan.Steps, r.columns.Text(column)) })
	e.plans = append(e.plans, plan)
	return err
}

func (e *explaining) query(ctx context.Context, sql string, args []any, _ func(*row)) error {
	return e.explain(ctx, sql, args)
}

func (e *explaining) first(ctx context.Context, sql string, args []any, _ func(*row)) error {
	return e.explain(ctx, sql, args)
}

func (e *explaining) few(ctx context.Context, sql string, args []any, _ func(), _ func(*row)) error {
	return e.explain(ctx, sql, args)
}

// PruneSteps adds the statements that pruning repeats.
func PruneSteps(tx *Tx) {
	for _, p := range []prunable{expiredSessions, endedSessions, oldRefusals, manyRefusals, pastThrottles} {
		var upTo any = int64(1)
		if p.order == "id" {
			upTo = "rf-1"
		}
		tx.may(p.step(), upTo, int64(pruneStep))
	}
}

// ReadLong runs n reads at once that may take long, and do until the channel is closed. It returns
// once they have all ended.
func ReadLong(db *DB, n int, until <-chan struct{}) {
	var reads sync.WaitGroup
	for range n {
		reads.Go(func() {
			db.engine.query(context.Background(), `SELECT 1`, nil, func(*row) { <-until })
		})
	}
	reads.Wait()
}

// Sizes of the queue of writes and of a group of them.
const (
	QueueLength = queueLength
	GroupSize   = groupSize
)
