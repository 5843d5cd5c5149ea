// Package refusal records refused requests and explains them to the operator. Refusals of
// unauthenticated callers are limited in rate, number and age: a refusal costs an attacker
// nothing, so it must not fill a disk. Refusals of authenticated callers belong to the audit log
// and are limited in rate alone.
package refusal

import (
	"context"
	"sync"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Limits on what is recorded of unauthenticated callers.
const (
	keepFor    = 90 * 24 * time.Hour
	keepAtMost = 100_000
)

// How many refusals one node records in a burst and per second: of unauthenticated callers, of
// authenticated callers, and of each of these. The rest is in the log alone. Refusals of
// authenticated callers are never removed, so nobody may fill the disk with theirs, or use up what
// is for others.
var (
	anonymousRate = rate{burst: 1000, perSecond: 50}
	callersRate   = rate{burst: 10_000, perSecond: 200}
	callerRate    = rate{burst: 1000, perSecond: 1}
)

// maxCallers bounds the memory: with one caller more, all are forgotten.
const maxCallers = 10_000

type rate struct{ burst, perSecond float64 }

// Service records refusals and shows them.
type Service struct {
	DB  *store.DB
	Now func() time.Time

	anonymous, callers bucket

	mu   sync.Mutex
	each map[string]*bucket // by caller
}

// bucket is a token bucket: take succeeds as often as a rate allows.
type bucket struct {
	mu     sync.Mutex
	tokens float64
	filled time.Time
}

// Record stores a refusal. If there are too many, it does not, and returns nil.
func (s *Service) Record(ctx context.Context, f store.Refusal) error {
	now := s.Now()
	allowed := f.CallerID == "" && s.anonymous.take(anonymousRate, now) ||
		f.CallerID != "" && s.of(f.CallerID).take(callerRate, now) && s.callers.take(callersRate, now)
	if !allowed {
		return nil
	}
	return s.DB.Write(ctx, func(tx *store.Tx) error { tx.RecordRefusal(f); return nil })
}

// of returns the bucket of a caller.
func (s *Service) of(callerID string) *bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.each[callerID]
	if !known {
		if s.each == nil || len(s.each) >= maxCallers {
			s.each = map[string]*bucket{}
		}
		b = &bucket{}
		s.each[callerID] = b
	}
	return b
}

func (b *bucket) take(r rate, now time.Time) bool {
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

// Prune removes refusals that are too old or too many, and throttles that have ended.
func (s *Service) Prune(ctx context.Context) error {
	now := s.Now()
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.PruneRefusals(now.Add(-keepFor), keepAtMost)
		tx.PruneThrottles(now)
		return nil
	})
}
