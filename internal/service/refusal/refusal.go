// Package refusal is the room that keeps refused requests and explains them to the
// operator. What is kept of callers whom nobody knows is bounded in rate, number and age:
// being refused costs an attacker nothing, so it must not fill a disk. What is kept of those
// who are known is bounded in rate alone, for it belongs to the audit log.
package refusal

import (
	"context"
	"sync"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Limits of what is kept.
const (
	keepFor    = 90 * 24 * time.Hour
	keepAtMost = 100_000
)

// How many refusals are kept at once and steadily, on one node, of callers whom nobody knows,
// of those who are known, and of each of these; the log has the others. Those of known
// callers stay for good, and nobody may fill the disk with theirs or crowd others out.
var (
	ofStrangers = rate{burst: 1000, perSecond: 50}
	ofCallers   = rate{burst: 10_000, perSecond: 200}
	ofEach      = rate{burst: 1000, perSecond: 1}
)

// mostCallers are told apart; with one more all are forgotten.
const mostCallers = 10_000

type rate struct{ burst, perSecond float64 }

// Service is refusals with all that it needs.
type Service struct {
	DB  *store.DB
	Now func() time.Time

	strangers, callers bucket

	mu   sync.Mutex
	each map[string]*bucket // by caller
}

// bucket lets through as many as its rate allows.
type bucket struct {
	mu     sync.Mutex
	tokens float64
	filled time.Time
}

// Keep stores a refusal, unless more are coming in than are worth a disk: those are
// in the log alone, and Keep returns nil.
func (s *Service) Keep(ctx context.Context, f store.Refusal) error {
	now := s.Now()
	worth := f.CallerID == "" && s.strangers.allow(ofStrangers, now) ||
		f.CallerID != "" && s.of(f.CallerID).allow(ofEach, now) && s.callers.allow(ofCallers, now)
	if !worth {
		return nil
	}
	return s.DB.Write(ctx, func(tx *store.Tx) error { tx.RecordRefusal(f); return nil })
}

// of is the bucket of a caller.
func (s *Service) of(callerID string) *bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.each[callerID]
	if !known {
		if s.each == nil || len(s.each) >= mostCallers {
			s.each = map[string]*bucket{}
		}
		b = &bucket{}
		s.each[callerID] = b
	}
	return b
}

func (b *bucket) allow(r rate, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.filled.IsZero() {
		b.tokens = r.burst
	} else if gone := now.Sub(b.filled).Seconds(); gone > 0 {
		b.tokens = min(r.burst, b.tokens+gone*r.perSecond)
	}
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// Show returns the refusal with that support id.
func (s *Service) Show(ctx context.Context, id string) (store.Refusal, error) {
	if !api.ValidID(api.PrefixRefusal, id) {
		return store.Refusal{}, &api.Error{Kind: api.Invalid, Code: "support_id_malformed",
			Message: "That is not a support id; it looks like rf-01234-56789-0123456789abcdef."}
	}
	return s.DB.Refusal(ctx, id)
}

// Prune removes what is too old or too much.
func (s *Service) Prune(ctx context.Context) error {
	now := s.Now()
	if err := s.DB.PruneRefusals(ctx, now.Add(-keepFor), keepAtMost); err != nil {
		return err
	}
	return s.DB.PruneThrottles(ctx, now)
}
