package login

import (
	"context"
	"time"
)

// keepEnded is how long a session that is over stays on record. It outlives by far every
// challenge that could have opened it.
const keepEnded = 90 * 24 * time.Hour

// Prune removes sessions that were over long ago.
func (s *Service) Prune(ctx context.Context) error {
	return s.DB.PruneSessions(ctx, s.Now().Add(-keepEnded))
}
