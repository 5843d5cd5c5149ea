package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store/sqlite"
)

// write commits the group in one transaction. It first tries without savepoints, because in
// nearly every group all units succeed and a savepoint for each takes a third of the time. If
// a unit fails, write undoes everything and runs it again with savepoints.
func (s *sqliteDB) write(group []*unit) {
	s.writing.Lock()
	defer s.writing.Unlock()
	defer s.emptyLongLog()
	if len(group) == 1 {
		group[0].err = s.transaction(group, s.plain)
		return
	}
	err := s.transaction(group, s.plain)
	if err == nil {
		return
	}
	if api.KindOf(err) != api.Unavailable { // a unit's fault, not the disk's
		err = s.transaction(group, s.isolated)
	}
	if err != nil {
		for _, u := range group {
			if u.err == nil {
				u.err = err
			}
		}
	}
}

// transaction runs the group inside BEGIN and COMMIT. If it returns an error, nothing of the
// group was written, or it was written to a file that is not the database any more.
func (s *sqliteDB) transaction(group []*unit, run func([]*unit) error) (err error) {
	if err := s.files.checkContent(s.writer); err != nil {
		return err
	}
	if err := s.begin(context.Background()); err != nil {
		return sqliteError(err)
	}
	defer func() {
		if s.writer.InTransaction() {
			if _, rollback := s.writer.Exec(`ROLLBACK`); rollback != nil {
				err = errors.Join(err, rollback)
			}
		}
	}()
	if err := run(group); err != nil {
		return sqliteError(err)
	}
	if _, err = s.writer.Exec(`COMMIT`); err != nil {
		return sqliteError(err)
	}
	if err := s.files.checkContent(s.writer); err != nil {
		return outcomeUnknown(err)
	}
	return nil
}

// begin takes the write lock of the file. While another process has it, begin tries again
// about every millisecond: SQLite itself would sleep up to 100 ms at a time, in which a busy
// writer elsewhere takes the lock many times.
func (s *sqliteDB) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sqliteTimeout)
	defer cancel()
	for {
		_, err := s.writer.Exec(`BEGIN IMMEDIATE`)
		if !sqlite.IsCode(err, sqlite.Busy) {
			return err
		}
		select {
		case <-time.After(200*time.Microsecond + rand.N(time.Millisecond)):
		case <-ctx.Done():
			return err
		}
	}
}

// plain runs the units one after another; the first failure ends the attempt.
func (s *sqliteDB) plain(group []*unit) error {
	for _, u := range group {
		if err := s.run(u); err != nil {
			return err
		}
	}
	return nil
}

// isolated runs each unit in a savepoint, so that a unit that fails leaves nothing behind and
// the others go on.
func (s *sqliteDB) isolated(group []*unit) error {
	for _, u := range group {
		if _, err := s.writer.Exec(`SAVEPOINT unit`); err != nil {
			return err
		}
		u.err = sqliteError(s.run(u))
		if !s.writer.InTransaction() {
			return u.err // SQLite undid everything: the disk is full or failing
		}
		if u.err != nil {
			if _, err := s.writer.Exec(`ROLLBACK TO unit`); err != nil {
				return err
			}
		}
		if _, err := s.writer.Exec(`RELEASE unit`); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqliteDB) run(u *unit) error {
	for i := range u.statements {
		st := &u.statements[i]
		changed, err := s.writer.Exec(st.sql, st.args...)
		if err != nil {
			return err
		}
		if err := st.check(changed); err != nil {
			return err
		}
	}
	return nil
}

// ping fails if the files or the tables are not those of this program.
func (s *sqliteDB) ping(ctx context.Context) error {
	if err := s.files.check(); err != nil {
		return err
	}
	var version int64
	if err := s.first(ctx, sqliteVersion, nil, func(r *row) { version = r.int() }); err != nil {
		return err
	}
	return sameSchema(SQLite, version)
}
