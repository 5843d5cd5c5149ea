package login

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// kept is how long a session that is over stays on record. It outlives by far every
// challenge that could have opened it.
const kept = 90 * 24 * time.Hour

// Sweep removes sessions that were over long ago, now and then until ctx ends.
func (s *Service) Sweep(ctx context.Context, failed func(error)) {
	t := time.NewTicker(time.Hour)
	defer t.Stop()
	for {
		err := s.DB.Write(ctx, func(tx *store.Tx) error { tx.PruneSessions(s.Now().Add(-kept)); return nil })
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
