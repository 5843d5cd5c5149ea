package floor

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/countersign/countersign/api"
)

// pgWriters commit side by side, so that one group is collected while others wait for
// the disk.
const pgWriters = 3

type postgresStore struct {
	pool  *pgxpool.Pool
	group *grouper
}

func openPostgres(ctx context.Context, url string) (Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &postgresStore{pool: pool}
	var present bool
	err = pool.QueryRow(ctx, "SELECT to_regclass('registration_codes') IS NOT NULL").Scan(&present)
	if err == nil && !present {
		_, err = pool.Exec(ctx, schemaFor("BYTEA"))
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	s.group = newGrouper(pgWriters, s.commit)
	return s, nil
}

func (s *postgresStore) Invitation(ctx context.Context, username string, mac []byte) (Invited, error) {
	var i Invited
	var registered, spent *int64
	err := s.pool.QueryRow(ctx, sqlInvitation, OrgID, username, mac).Scan(&i.UserID, &registered, &i.CodeID, &i.ExpiresAt, &spent)
	if errors.Is(err, pgx.ErrNoRows) {
		return i, ErrLost
	}
	i.Registered, i.Spent = registered != nil, spent != nil
	return i, err
}

func (s *postgresStore) Register(ctx context.Context, r Registration) error {
	return s.group.register(ctx, r)
}

// commit sends BEGIN and a whole group as one pipeline, looks at what each statement
// did, and commits in a second round trip.
func (s *postgresStore) commit(group []Registration) error {
	ctx := context.Background() // a group outlives any one caller
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if err := execute(ctx, conn, group); err != nil {
		_, undo := conn.Exec(ctx, "ROLLBACK")
		return errors.Join(err, undo)
	}
	_, err = conn.Exec(ctx, "COMMIT")
	return err
}

func execute(ctx context.Context, conn *pgxpool.Conn, group []Registration) error {
	batch := &pgx.Batch{}
	batch.Queue("BEGIN")
	for _, r := range group {
		for _, st := range r.statements() {
			batch.Queue(st.sql, st.args...)
		}
	}
	results := conn.SendBatch(ctx, batch)
	defer results.Close()
	for i := range batch.Len() {
		tag, err := results.Exec()
		if err != nil {
			return err
		}
		if i > 0 && tag.RowsAffected() != 1 {
			return ErrLost
		}
	}
	return results.Close()
}

func (s *postgresStore) Seed(ctx context.Context, names []string, macs [][]byte, now time.Time) error {
	at, expires := now.UnixMilli(), now.Add(24*time.Hour).UnixMilli()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		for i, name := range names {
			user := api.NewID(api.PrefixUser, now)
			batch.Queue(sqlSeedUser, user, OrgID, name, at)
			batch.Queue(sqlSeedCode, api.NewID(api.PrefixCode, now), OrgID, user, macs[i], at, expires)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}

func (s *postgresStore) Count(ctx context.Context) (n int, err error) {
	err = s.pool.QueryRow(ctx, "SELECT count(*) FROM credentials").Scan(&n)
	return n, err
}

func (s *postgresStore) Close() error {
	s.group.close()
	s.pool.Close()
	return nil
}
