package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store/sqlite"
)

const (
	// longLog is the size in bytes at which the log is emptied after a write.
	longLog = 16 << 20
	// checkpointEvery is how often the log is emptied otherwise.
	checkpointEvery = time.Minute
	// checkpointPause is how long to wait after an attempt while readers hold the log.
	checkpointPause = 100 * time.Millisecond
	// quickCheckTime is how long a start may check the file: the whole of some hundred
	// megabytes, otherwise the first part.
	quickCheckTime = time.Second
)

// watch checks the files and empties the log now and then, until the database is closed.
func (s *sqliteDB) watch() {
	look, empty := time.NewTicker(fileCheck), time.NewTicker(checkpointEvery)
	defer look.Stop()
	defer empty.Stop()
	for {
		select {
		case <-s.closed:
			return
		case <-look.C:
			s.files.check()
			if s.writing.TryLock() { // otherwise a group is being written, which checks more
				s.files.checkContent(s.writer)
				s.writing.Unlock()
			}
		case <-empty.C:
			s.writing.Lock()
			if s.files.logSize.Load() > 2*(frameHeaderSize+s.files.header.pageSize)+logHeaderSize {
				s.emptyLog()
			}
			s.writing.Unlock()
		}
	}
}

// emptyLongLog empties the log if it is long. Its caller has the writer.
func (s *sqliteDB) emptyLongLog() {
	if s.files.logSize.Load() >= longLog && time.Since(s.checkpoint) >= checkpointPause {
		s.emptyLog()
	}
}

// emptyLog copies the log into the database file and begins the next generation. If that fails,
// or if somebody still reads the log, it stays, and the next attempt goes on. Its caller has the
// writer.
func (s *sqliteDB) emptyLog() error {
	s.checkpoint = time.Now()
	if err := s.files.checkContent(s.writer); err != nil {
		return err
	}
	busy := true
	err := s.writer.Query(`PRAGMA wal_checkpoint(TRUNCATE)`, nil, func(r sqlite.Row) { busy = r.Int(0) != 0 })
	if err == nil {
		err = s.files.checkContent(s.writer)
	}
	if err != nil || busy {
		return err
	}
	return s.nextGeneration(context.Background())
}

// nextGeneration writes the first page with the next number, see fileHeader.
func (s *sqliteDB) nextGeneration(ctx context.Context) error {
	return s.alone(ctx, func() error {
		var generation int32
		err := s.writer.Query(`PRAGMA user_version`, nil, func(r sqlite.Row) { generation = int32(r.Int(0)) })
		if err != nil {
			return err
		}
		return s.writer.ExecOnce(fmt.Sprintf(`PRAGMA user_version = %d`, generation+1))
	})
}

// mark gives a database that was never served, or is a restored backup, a schema cookie that
// backups do not have, and empties the log.
func (s *sqliteDB) mark(ctx context.Context) error {
	// So that a log in which the cookie changes begins with the one that the file has.
	if err := s.nextGeneration(ctx); err != nil {
		return err
	}
	err := s.alone(ctx, func() error {
		var cookie int64
		err := s.writer.Query(`PRAGMA schema_version`, nil, func(r sqlite.Row) { cookie = r.Int(0) })
		if err != nil || cookie >= servedCookie {
			return err
		}
		return s.writer.ExecOnce(fmt.Sprintf(`PRAGMA schema_version = %d`, servedCookie+rand.Int32N(1<<29)))
	})
	if err != nil {
		return err
	}
	return s.emptyLog()
}

// alone runs do in a transaction.
func (s *sqliteDB) alone(ctx context.Context, do func() error) error {
	err := s.begin(ctx)
	if err != nil {
		return err
	}
	if err = do(); err == nil {
		_, err = s.writer.Exec(`COMMIT`)
	}
	if err != nil && s.writer.InTransaction() {
		s.writer.Exec(`ROLLBACK`)
	}
	return err
}

// quickCheck refuses a file whose pages do not fit together, as far as it comes in
// quickCheckTime.
func (s *sqliteDB) quickCheck() error {
	interrupted := make(chan struct{})
	limit := time.AfterFunc(quickCheckTime, func() { s.writer.Interrupt(); close(interrupted) })
	var found string
	err := s.writer.Query(`PRAGMA quick_check(1)`, nil, func(r sqlite.Row) { found = r.Text(0) })
	if !limit.Stop() {
		<-interrupted
	}
	switch {
	case sqlite.IsCode(err, sqlite.Interrupted):
		return nil
	case err != nil:
		return err
	case found != "ok":
		return openError(api.Invalid, "database_damaged",
			fmt.Sprintf("The database %s is damaged (%s): restore a backup, all three files together.", s.path, found), nil)
	}
	return nil
}
