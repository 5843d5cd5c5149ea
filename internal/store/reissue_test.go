package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// A user who asks for a new code gets one unless an administrator revoked the last one.
func TestACodeIsReissuedOnlyToAnInvitedUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		o, u, c := invite(t, db)
		at := func(minutes int) store.Code {
			next := newCode(u)
			next.CreatedAt = epoch.Add(time.Duration(minutes) * time.Minute)
			next.ID = api.NewID(api.PrefixCode, next.CreatedAt)
			next.MAC = []byte(next.ID)
			return next
		}
		second := at(1)
		write(t, db, func(tx *store.Tx) { tx.ReissueCode(second, errLost) })
		if old := must[store.Code](t)(db.Code(ctx, c.ID)); old.RevokedReason != store.CodeReplaced {
			t.Errorf("the old code is %+v, want it replaced", old)
		}

		write(t, db, func(tx *store.Tx) { tx.RevokeCode(second.ID, o.ID, store.CodeRevoked, epoch, errLost) })
		wantError(t, try(db, func(tx *store.Tx) { tx.ReissueCode(at(2), errLost) }), errLost)

		third := at(3) // after a new invitation the user may ask again
		write(t, db, func(tx *store.Tx) { tx.IssueCode(third) })
		fourth := at(4)
		write(t, db, func(tx *store.Tx) { tx.ReissueCode(fourth, errLost) })

		write(t, db, func(tx *store.Tx) { register(tx, u, fourth, newCredential(u, fourth)) })
		wantError(t, try(db, func(tx *store.Tx) { tx.ReissueCode(at(5), errLost) }), errLost)
		if codes := must[[]store.CodeEntry](t)(db.Codes(ctx, o.ID, u.ID, "", 0)); len(codes) != 4 {
			t.Errorf("%d codes were issued, want 4", len(codes))
		}
	})
}

func TestNoCodeIsReissuedToAnUnknownUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		u := newUser(newOrganisation(), "nobody")
		wantError(t, try(db, func(tx *store.Tx) { tx.ReissueCode(newCode(u), errLost) }), errLost)
	})
}
