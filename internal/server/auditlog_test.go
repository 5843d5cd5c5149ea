package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/service/audit"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// slowTaker is a client that gets more time for each piece, and may make the next write fail.
type slowTaker struct {
	*httptest.ResponseRecorder
	deadlines int
	writes    int
	then      func()
}

func (s *slowTaker) SetWriteDeadline(time.Time) error { s.deadlines++; return nil }

func (s *slowTaker) Write(b []byte) (int, error) {
	if s.writes++; s.then != nil && len(b) > 1 {
		s.then()
	}
	return s.ResponseRecorder.Write(b)
}

// longLog is an export of two pieces.
func longLog(t *testing.T) (*store.DB, *audit.Export) {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, database.SQLite(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	err = db.Write(ctx, func(tx *store.Tx) error {
		for range store.MaxPage + 1 {
			tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, start), OrgID: "or-1", At: start, Kind: "user.updated"})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	service := &audit.Service{DB: db, Now: func() time.Time { return start.Add(time.Hour) }}
	log, err := service.Export(ctx, api.Caller{OrgID: "or-1"}, api.ListAuditLogsRequest{
		StartTime: "2026-11-22T10:00:00Z", EndTime: "2026-11-22T11:00:00Z"})
	if err != nil {
		t.Fatal(err)
	}
	return db, log
}

func TestEachPieceOfALogHasItsTime(t *testing.T) {
	_, log := longLog(t)
	w := &slowTaker{ResponseRecorder: httptest.NewRecorder()}
	if err := (&Server{}).sendLog(w, httptest.NewRequest("GET", "/auth/action/logs", nil), api.Caller{}, log); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(w.Body.String(), "\n"); lines != store.MaxPage+2 || w.writes != 2 || w.deadlines != 2 {
		t.Errorf("%d lines in %d pieces with %d deadlines", lines, w.writes, w.deadlines)
	}
}

// A log that cannot be read to its end breaks off.
func TestALogThatBreaksOffShowsIt(t *testing.T) {
	for _, accept := range []string{"text/csv", "application/json"} {
		db, log := longLog(t)
		var lines strings.Builder
		s := &Server{log: slog.New(slog.NewTextHandler(&lines, nil))}
		w := &slowTaker{ResponseRecorder: httptest.NewRecorder(), then: func() { db.Close() }}
		r := httptest.NewRequest("GET", "/auth/action/logs", nil)
		r.Header.Set("Accept", accept)
		func() {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("%s: it ended with %v", accept, p)
				}
			}()
			err := s.sendLog(w, r, api.Caller{RequestID: "rf-1"}, log)
			t.Errorf("%s: it ended well, with %v", accept, err)
		}()
		if !strings.Contains(lines.String(), "broke off") || !strings.Contains(lines.String(), "rf-1") {
			t.Errorf("%s: the log has %q", accept, lines.String())
		}
		if accept == "application/json" && json.Valid(w.Body.Bytes()) {
			t.Error("what was sent is a whole JSON value")
		}
	}
	// A log that cannot be read at all is refused like anything else.
	db, log := longLog(t)
	db.Close()
	w := httptest.NewRecorder()
	if err := (&Server{}).sendLog(w, httptest.NewRequest("GET", "/auth/action/logs", nil), api.Caller{}, log); err == nil || w.Body.Len() > 0 {
		t.Errorf("%v, %q", err, w.Body)
	}
}
