package action

import (
	"context"

	"github.com/countersign/countersign/internal/store"
)

// pruneStep is how many actions one statement deletes, so that nobody waits for it long.
const pruneStep = 500

// Prune removes actions that were never used, a day after they expired. What was used stays: it is
// the log.
func (s *Service) Prune(ctx context.Context) error {
	before := s.Now().Add(-store.UnusedActionsKept)
	for {
		more, err := s.DB.UnusedActionsBefore(ctx, before)
		if err != nil || !more {
			return err
		}
		if err := s.DB.Write(ctx, func(tx *store.Tx) error { tx.PruneUnusedActions(before, pruneStep); return nil }); err != nil {
			return err
		}
	}
}
