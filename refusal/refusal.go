// Package refusal is the room that keeps refused requests for a while and explains
// them to the operator. What is kept is bounded, in rate and in number: refusing costs
// an attacker nothing, so it must not fill a disk.
package refusal

import (
	"context"
	"sync"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/store"
)

// Limits of what is kept.
const (
	keepFor    = 90 * 24 * time.Hour
	keepAtMost = 100_000
	burst      = 1000 // refusals kept at once …
	perSecond  = 50   // … and steadily, on one node; the log has the others
	sweepEvery = 10 * time.Minute
)

// Room is refusals with all that it needs.
type Room struct {
	DB  *store.DB
	Now func() time.Time

	mu     sync.Mutex
	tokens float64
	filled time.Time
}

// Keep stores a refusal, unless more are coming in than are worth a disk: those are
// in the log alone, and Keep returns nil.
func (r *Room) Keep(ctx context.Context, f store.Refusal) error {
	if !r.allow() {
		return nil
	}
	return r.DB.Write(ctx, func(tx *store.Tx) error { tx.RecordRefusal(f); return nil })
}

func (r *Room) allow() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	if r.filled.IsZero() {
		r.tokens = burst
	} else if gone := now.Sub(r.filled).Seconds(); gone > 0 {
		r.tokens = min(burst, r.tokens+gone*perSecond)
	}
	r.filled = now
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	return true
}

// Show returns the refusal with that support id.
func (r *Room) Show(ctx context.Context, id string) (store.Refusal, error) {
	if !api.ValidID(api.PrefixRefusal, id) {
		return store.Refusal{}, &api.Error{Kind: api.Invalid, Code: "support_id_malformed",
			Message: "That is not a support id; it looks like rf-01234-56789-0123456789abcdef."}
	}
	return r.DB.Refusal(ctx, id)
}

// Sweep removes what is too old or too much, now and again until ctx ends.
func (r *Room) Sweep(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := r.Now()
		err := r.DB.Write(ctx, func(tx *store.Tx) error {
			tx.PruneRefusals(now.Add(-keepFor), keepAtMost)
			tx.PruneThrottles(now)
			return nil
		})
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}
