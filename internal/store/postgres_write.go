package store

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// write commits the group in one transaction: BEGIN and all statements take one round trip,
// COMMIT a second one. If units fail, the others are sent again without them. Then each
// failed unit runs alone and gets the outcome of that, because the transaction in which it
// failed was undone.
func (p *postgresDB) write(group []*unit) {
	const rounds = 3
	together, aside := group, []*unit(nil)
	for round := 0; len(together) > 1 && round < rounds; round++ {
		failed, err := p.commitUnits(together)
		if len(failed) == 0 {
			for _, u := range together {
				u.err = err
			}
			together = nil
			break
		}
		aside = append(aside, failed...)
		together = slices.DeleteFunc(slices.Clone(together), func(u *unit) bool { return slices.Contains(failed, u) })
	}
	for _, u := range append(slices.Clone(together), aside...) {
		p.writeAlone(u)
	}
}

// writeAlone gives a unit its own transaction, and tries again while concurrent transactions
// make it fail.
func (p *postgresDB) writeAlone(u *unit) {
	const attempts = 10
	pause := newRetry(context.Background())
	defer pause.cancel()
	for attempt := 1; ; attempt++ {
		failed, err := p.commitUnits([]*unit{u})
		if len(failed) == 0 || !contended(err) || attempt == attempts || !pause.wait() {
			u.err = err
			if contended(err) {
				u.err = unavailable(err)
			}
			return
		}
	}
}

// commitUnits tries to commit the units together until the database can be reached. It
// returns the units that failed, if any, with the error of the first. Otherwise all have
// committed (nil) or share the error.
func (p *postgresDB) commitUnits(units []*unit) (failed []*unit, err error) {
	pause := newRetry(context.Background())
	defer pause.cancel()
	for {
		failed, err = p.attempt(units)
		if !isLost(err) {
			return failed, err
		}
		if !pause.wait() {
			return nil, unavailable(err)
		}
	}
}

// attempt runs the units in one transaction and commits it if all hold.
func (p *postgresDB) attempt(units []*unit) (failed []*unit, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), postgresAttempt)
	defer cancel()
	c, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Release() // closes a connection whose transaction is still open
	failed, err = send(ctx, c, units)
	if err == nil {
		err = commit(ctx, c)
		if contended(err) {
			return units, err
		}
		return nil, err
	}
	if err = p.lost(ctx, c, err); isLost(err) {
		return nil, err
	}
	c.Exec(ctx, `rollback`)
	return failed, err
}

// send begins a transaction and runs the units in it. A condition that does not hold does not
// stop it, so it finds all units that fail in that way. An error of the server ends the
// transaction, so it finds only one of those.
func send(ctx context.Context, c *pgxpool.Conn, units []*unit) (failed []*unit, err error) {
	batch := &pgx.Batch{}
	batch.Queue(`begin isolation level read committed`) // each statement sees what was committed before the locks were had
	turns := turnsOf(units)
	if turns != nil {
		batch.Queue(`SELECT pg_advisory_xact_lock(turn) FROM unnest($1::BIGINT[]) AS turn`, turns)
	}
	for _, u := range units {
		for i := range u.statements {
			batch.Queue(u.statements[i].sql, u.statements[i].args...)
		}
	}
	results := c.SendBatch(ctx, batch)
	defer func() {
		if closing := results.Close(); err == nil {
			err = closing
		}
	}()
	if _, err := results.Exec(); err != nil {
		return nil, err
	}
	if turns != nil {
		if _, err := results.Exec(); err != nil {
			return units, err // each may succeed alone
		}
	}
	for _, u := range units {
		held := true
		for i := range u.statements {
			tag, broken := results.Exec()
			if broken != nil {
				if held { // otherwise the unit failed before, by its condition
					failed = append(failed, u)
				}
				if err == nil {
					err = broken
				}
				return failed, err
			}
			if unmet := u.statements[i].check(tag.RowsAffected()); unmet != nil && held {
				held = false
				failed = append(failed, u)
				if err == nil {
					err = unmet
				}
			}
		}
	}
	return failed, err
}

// maxTurns is how many turns a group takes at most: the server can hold some thousand locks
// for all its clients. A larger group takes none.
const maxTurns = 512

// turnsOf returns the turns of the units in the order that all groups keep, nil if there are
// none or too many.
func turnsOf(units []*unit) []int64 {
	var turns []int64
	for _, u := range units {
		for _, name := range u.turns {
			hash := fnv.New64a()
			hash.Write([]byte(name))
			turns = append(turns, int64(hash.Sum64()))
		}
	}
	slices.Sort(turns)
	turns = slices.Compact(turns)
	if len(turns) > maxTurns {
		return nil
	}
	return turns
}

// commit ends the transaction. Only an answer of the server proves that it was not committed;
// a lost connection proves nothing.
func commit(ctx context.Context, c *pgxpool.Conn) error {
	tag, err := c.Exec(ctx, `commit`)
	switch {
	case err == nil && tag.String() == "COMMIT":
		return nil
	case err == nil:
		return internal(fmt.Errorf("store: COMMIT answered %s", tag))
	case contended(err):
		return err
	}
	return outcomeUnknown(err)
}
