package login

import (
	"context"
	"time"
)

// keepEnded is how long an ended session stays on record: far longer than any challenge that could
// have opened it.
const keepEnded = 90 * 24 * time.Hour

// Prune removes sessions that ended long ago.
func (s *Service) Prune(ctx context.Context) error {
	return s.DB.PruneSessions(ctx, s.Now().Add(-keepEnded))
}
