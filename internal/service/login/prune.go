package login

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// keepEnded is how long an ended session stays on record: far longer than any challenge that could
// have opened it.
const keepEnded = 90 * 24 * time.Hour

// Prune removes sessions that ended long ago.
func (s *Service) Prune(ctx context.Context) error {
	return s.DB.Write(ctx, func(tx *store.Tx) error { tx.PruneSessions(s.Now().Add(-keepEnded)); return nil })
}
