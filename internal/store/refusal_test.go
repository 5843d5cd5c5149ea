package store_test

import (
	"context"
	"slices"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Refusals of unknown callers are limited; those of known callers belong to the audit log.
func TestRefusalsOfKnownCallersStay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		var all []store.Refusal
		for i := range 8 {
			f := store.Refusal{ID: api.NewID(api.PrefixRefusal, at(i)), At: at(i), Route: "PUT /auth/users/{userId}", Status: 403,
				Code: "permission_denied", OrgID: "or-1"}
			if i%2 == 0 {
				f.CallerID, f.ActionID = "us-1", "ua-1"
			}
			all = append(all, f)
			write(t, db, func(tx *store.Tx) { tx.RecordRefusal(f) })
		}
		left := func() (at []int) {
			t.Helper()
			for i, f := range all {
				got, err := db.Refusal(ctx, f.ID)
				if err == nil {
					equal(t, "stored", got, f)
					at = append(at, i)
					continue
				}
				wantKind(t, err, api.NotFound, "refusal_not_found")
			}
			return at
		}
		for _, step := range []struct {
			olderThan int
			keep      int64
			want      []int
		}{
			{0, 10, []int{0, 1, 2, 3, 4, 5, 6, 7}},
			{2, 10, []int{0, 2, 3, 4, 5, 6, 7}},
			{0, 3, []int{0, 2, 3, 4, 5, 6, 7}}, // three of unknown callers are left; those of known callers do not count
			{0, 2, []int{0, 2, 4, 5, 6, 7}},
			{0, 0, []int{0, 2, 4, 6}},
			{1000, -1, []int{0, 2, 4, 6}},
		} {
			prune(t, db.PruneRefusals(t.Context(), at(step.olderThan), step.keep))
			if got := left(); !slices.Equal(got, step.want) {
				t.Errorf("after PruneRefusals(%d, %d) there are %v, want %v", step.olderThan, step.keep, got, step.want)
			}
		}
	})
}
