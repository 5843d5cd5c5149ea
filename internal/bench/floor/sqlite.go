package floor

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"time"

	_ "modernc.org/sqlite" // the driver that the real store uses, so that only our own code differs

	"github.com/countersign/countersign/api"
)

type sqliteStore struct {
	read       *sql.DB
	invitation *sql.Stmt
	write      *sql.DB
	conn       *sql.Conn // the one writer
	statements map[string]*sql.Stmt
	group      *grouper
}

// The writer keeps more pages than a reader: a random credential id touches one of many.
const (
	sqlitePragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)&_txlock=immediate"
	writerCache   = "&_pragma=cache_size(-8000)"
	readerCache   = "&_pragma=cache_size(-2000)"
)

func openSQLite(ctx context.Context, path string) (Store, error) {
	_, statErr := os.Stat(path)
	s := &sqliteStore{statements: map[string]*sql.Stmt{}}
	var err error
	if s.write, err = sql.Open("sqlite", "file:"+path+sqlitePragmas+writerCache); err != nil {
		return nil, err
	}
	if s.conn, err = s.write.Conn(ctx); err != nil {
		return nil, err
	}
	if errors.Is(statErr, os.ErrNotExist) {
		if _, err := s.conn.ExecContext(ctx, schemaFor("BLOB")); err != nil {
			return nil, err
		}
	}
	for _, text := range []string{sqlSpend, sqlRegister, sqlCredential, sqlEvent, sqlSeedUser, sqlSeedCode} {
		if s.statements[text], err = s.conn.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
	}
	if s.read, err = sql.Open("sqlite", "file:"+path+sqlitePragmas+readerCache); err != nil {
		return nil, err
	}
	s.read.SetMaxOpenConns(4)
	s.read.SetMaxIdleConns(4)
	if s.invitation, err = s.read.PrepareContext(ctx, sqlInvitation); err != nil {
		return nil, err
	}
	s.group = newGrouper(1, s.commit)
	return s, nil
}

func (s *sqliteStore) Invitation(ctx context.Context, username string, mac []byte) (Invited, error) {
	var i Invited
	var registered, spent sql.NullInt64
	err := s.invitation.QueryRowContext(ctx, OrgID, username, mac).Scan(&i.UserID, &registered, &i.CodeID, &i.ExpiresAt, &spent)
	if errors.Is(err, sql.ErrNoRows) {
		return i, ErrLost
	}
	i.Registered, i.Spent = registered.Valid, spent.Valid
	return i, err
}

func (s *sqliteStore) Register(ctx context.Context, r Registration) error {
	return s.group.register(ctx, r)
}

func (s *sqliteStore) commit(group []Registration) error {
	return s.inTx(func(ctx context.Context) error {
		for _, r := range group {
			for _, st := range r.statements() {
				res, err := s.statements[st.sql].ExecContext(ctx, st.args...)
				if err != nil {
					return err
				}
				if n, err := res.RowsAffected(); err != nil || n != 1 {
					return errors.Join(ErrLost, err)
				}
			}
		}
		return nil
	})
}

// inTx runs fn between BEGIN and COMMIT on the writer.
func (s *sqliteStore) inTx(fn func(context.Context) error) error {
	ctx := context.Background() // a group outlives any one caller
	if _, err := s.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := fn(ctx); err != nil {
		_, undo := s.conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, undo)
	}
	_, err := s.conn.ExecContext(ctx, "COMMIT")
	return err
}

func (s *sqliteStore) Seed(_ context.Context, names []string, macs [][]byte, now time.Time) error {
	return s.inTx(func(ctx context.Context) error {
		at := now.UnixMilli()
		for i, name := range names {
			user := api.NewID(api.PrefixUser, now)
			if _, err := s.statements[sqlSeedUser].ExecContext(ctx, user, OrgID, name, at); err != nil {
				return err
			}
			code := api.NewID(api.PrefixCode, now)
			if _, err := s.statements[sqlSeedCode].ExecContext(ctx, code, OrgID, user, macs[i], at, now.Add(24*time.Hour).UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *sqliteStore) Count(ctx context.Context) (n int, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT count(*) FROM credentials").Scan(&n)
	return n, err
}

func (s *sqliteStore) Close() error {
	s.group.close()
	return errors.Join(s.read.Close(), s.conn.Close(), s.write.Close())
}
