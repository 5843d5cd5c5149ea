package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	smallScale       = 1000   // users stored in the small database
	scaleConcurrency = 16     // clients in the comparison
	scaleBatch       = 100000 // users invited by one command while filling
)

// scaleReport compares the cost of a registration with few and with many users stored.
type scaleReport struct {
	kind         string
	users        int
	filling      time.Duration // spent in `user invite` until there were that many
	small, large load
	idle, loaded int64 // resident memory with many users
}

func measureScale(ctx context.Context, set settings, binary, kind string) (s scaleReport, err error) {
	s = scaleReport{kind: kind, users: set.scale}
	small, err := filled(ctx, set, binary, kind, smallScale)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, small.drop()) }()
	large, err := filled(ctx, set, binary, kind, set.scale)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, large.drop()) }()
	s.filling = large.filling

	one, err := small.server.serve(ctx, small.invitations)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, one.process.stop()) }()
	other, err := large.server.serve(ctx, large.invitations)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, other.process.stop()) }()

	time.Sleep(settle)
	if s.idle, _, err = other.process.memory(); err != nil {
		return s, err
	}
	for _, t := range []*target{one, other} {
		if _, err := t.drive(ctx, 8, warmUp); err != nil {
			return s, err
		}
	}
	progress("%s: %d registrations with %d and with %d users stored", kind, set.n, smallScale, set.scale)
	loads, err := takeTurns(ctx, set, scaleConcurrency, one, other)
	if err != nil {
		return s, err
	}
	s.small, s.large = loads[0], loads[1]
	_, s.loaded, err = other.process.memory()
	return s, err
}

// stocked is a database with registered users in it and invited ones beside.
type stocked struct {
	server      *server
	invitations []invitation
	filling     time.Duration
	drop        func() error
}

func filled(ctx context.Context, set settings, binary, kind string, users int) (f stocked, err error) {
	database, drop, err := newDatabase(ctx, set, kind, fmt.Sprintf("scale%d", users))
	if err != nil {
		return f, err
	}
	f.drop = drop
	defer func() {
		if err != nil {
			err = errors.Join(err, drop())
		}
	}()
	if f.server, err = newServer(ctx, set, binary, database); err != nil {
		return f, err
	}
	for done := 0; done < users; done += scaleBatch {
		progress("%s: inviting users %d of %d", kind, done, users)
		_, took, err := f.server.invite(ctx, min(scaleBatch, users-done), fmt.Sprintf("old%d", done/scaleBatch))
		if err != nil {
			return f, err
		}
		f.filling += took
	}
	progress("%s: storing a credential for each of %d users", kind, users)
	if err := f.register(ctx); err != nil {
		return f, err
	}
	if n, err := countRows(ctx, database, "credentials"); err != nil || n != users+1 {
		return f, errors.Join(fmt.Errorf("%d credentials stored for %d users", n, users+1), err)
	}
	f.invitations, _, err = f.server.invite(ctx, set.n+warmUp, "new")
	return f, err
}

// register makes every user of the database a registered one: one is registered through
// the door, and the rows it left are copied for the others, whatever columns they have.
func (f *stocked) register(ctx context.Context) error {
	first, _, err := f.server.invite(ctx, 1, "model")
	if err != nil {
		return err
	}
	t, err := f.server.serve(ctx, first)
	if err != nil {
		return err
	}
	_, err = t.drive(ctx, 1, 1)
	if err := errors.Join(err, t.process.stop()); err != nil {
		return err
	}

	random, key := "randomblob(32)", "randomblob(91)"
	if !strings.HasPrefix(f.server.database, "sqlite:") {
		random, key = "decode(md5(u.id) || md5(u.id || u.id), 'hex')", "decode(repeat(md5('key' || u.id), 6), 'hex')"
	}
	credential, err := copyOf(ctx, f.server.database, "credentials", map[string]string{
		"id": "'cr' || substr(u.id, 3)", "user_id": "u.id", "code_id": "c.id", "credential_id": random, "public_key": key})
	if err != nil {
		return err
	}
	event, err := copyOf(ctx, f.server.database, "events", map[string]string{
		"id": "'ev' || substr(u.id, 3)", "user_id": "u.id", "code_id": "c.id", "credential_id": "'cr' || substr(u.id, 3)"})
	if err != nil {
		return err
	}
	pairs := " AS m CROSS JOIN users AS u JOIN registration_codes AS c ON c.user_id = u.id WHERE u.registered_at IS NULL AND m.user_id = (SELECT id FROM users WHERE registered_at IS NOT NULL)"
	statements := []string{
		credential + pairs,
		event + pairs + " AND m.id = (SELECT max(id) FROM events WHERE credential_id <> '')",
		"UPDATE registration_codes SET spent_at = created_at WHERE spent_at IS NULL",
		"UPDATE users SET registered_at = created_at WHERE registered_at IS NULL",
		"ANALYZE",
	}
	return execute(ctx, f.server.database, statements...)
}

// copyOf begins an INSERT that copies rows m of a table, with some columns replaced by
// expressions.
func copyOf(ctx context.Context, database, table string, replaced map[string]string) (string, error) {
	columns, err := columnsOf(ctx, database, table)
	if err != nil {
		return "", err
	}
	values := make([]string, len(columns))
	for i, column := range columns {
		values[i] = "m." + column
		if v, ok := replaced[column]; ok {
			values[i] = v
		}
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s", table, strings.Join(columns, ", "), strings.Join(values, ", "), table), nil
}
