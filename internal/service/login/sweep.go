package login

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// keepEnded is how long a session that has ended stays on record: far longer than any
// challenge that could have opened it.
const keepEnded = 90 * 24 * time.Hour

// Sweep removes sessions that ended long ago, now and every hour until ctx ends.
func (s *Service) Sweep(ctx context.Context, failed func(error)) {
	t := time.NewTicker(time.Hour)
	defer t.Stop()
	for {
		err := s.DB.Write(ctx, func(tx *store.Tx) error { tx.PruneSessions(s.Now().Add(-keepEnded)); return nil })
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
