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
		write(t, db, func(tx *store.Tx) { tx.OfferCode(second, errLost) })
		for _, id := range []string{c.ID, second.ID} {
			if code := must[store.Code](t)(db.Code(ctx, id)); !code.Live(epoch) {
				t.Errorf("before the mail is accepted: %+v", code)
			}
		}
		write(t, db, func(tx *store.Tx) { tx.CodeSent(second.ID, u.ID, epoch) })
		if old := must[store.Code](t)(db.Code(ctx, c.ID)); old.RevokedReason != store.CodeReplaced {
			t.Errorf("the old code is %+v, want it replaced", old)
		}
		if now := must[store.Code](t)(db.Code(ctx, second.ID)); !now.Live(epoch) || now.SentAt.IsZero() {
			t.Errorf("the new code is %+v", now)
		}

		write(t, db, func(tx *store.Tx) { tx.RevokeCode(second.ID, o.ID, store.CodeRevoked, epoch, errLost) })
		wantError(t, try(db, func(tx *store.Tx) { tx.OfferCode(at(2), errLost) }), errLost)

		third := at(3) // after a new invitation the user may ask again
		write(t, db, func(tx *store.Tx) { tx.IssueCode(third) })
		fourth := at(4)
		write(t, db, func(tx *store.Tx) { tx.OfferCode(fourth, errLost) })

		write(t, db, func(tx *store.Tx) { register(tx, u, fourth, newCredential(u, fourth)) })
		wantError(t, try(db, func(tx *store.Tx) { tx.OfferCode(at(5), errLost) }), errLost)
		if codes := must[[]store.CodeEntry](t)(db.Codes(ctx, o.ID, u.ID, "", 0)); len(codes) != 4 {
			t.Errorf("%d codes were issued, want 4", len(codes))
		}
	})
}

func TestNoCodeIsReissuedToAnUnknownUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		u := newUser(newOrganisation(), "nobody")
		wantError(t, try(db, func(tx *store.Tx) { tx.OfferCode(newCode(u), errLost) }), errLost)
	})
}

// Codes that somebody asked for replace the earlier ones once each is mailed, in whatever order; of
// all that are good one registers the user, and a revocation revokes all.
func TestOfferedCodes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		offered := func(n int) (o store.Organisation, u store.User, all []store.Code) {
			o, u, first := invite(t, db)
			all = []store.Code{first}
			for i := 1; i <= n; i++ {
				c := newCode(u)
				c.CreatedAt = epoch.Add(time.Duration(i) * time.Minute)
				c.ID, c.MAC = api.NewID(api.PrefixCode, c.CreatedAt), []byte{byte(i)}
				write(t, db, func(tx *store.Tx) { tx.OfferCode(c, errLost) })
				all = append(all, c)
			}
			return o, u, all
		}
		live := func(all []store.Code) (which string) {
			for i, c := range all {
				if code := must[store.Code](t)(db.Code(ctx, c.ID)); code.Live(epoch) {
					which += string(rune('0' + i))
				}
			}
			return which
		}
		for _, c := range []struct {
			sent []int
			want string
		}{{nil, "0123"}, {[]int{1}, "123"}, {[]int{3}, "3"}, {[]int{2, 1}, "23"}, {[]int{1, 2}, "23"}, {[]int{2, 3}, "3"}, {[]int{3, 2, 1}, "3"}, {[]int{0}, "0123"}, {[]int{2, 2}, "23"}} {
			_, u, all := offered(3)
			for _, i := range c.sent {
				write(t, db, func(tx *store.Tx) { tx.CodeSent(all[i].ID, u.ID, epoch) })
			}
			if got := live(all); got != c.want {
				t.Errorf("sent %v: %s are good, want %s", c.sent, got, c.want)
			}
		}
		_, u, all := offered(3)
		wins(t, parallel(4, func(i int) error {
			return try(db, func(tx *store.Tx) { tx.CodeSent(all[i].ID, u.ID, epoch) })
		}), nil)
		if got := live(all); got != "3" {
			t.Errorf("all sent at once: %s are good", got)
		}
		o, _, all := offered(2)
		write(t, db, func(tx *store.Tx) { tx.RevokeCode(all[1].ID, o.ID, store.CodeRevoked, epoch, errLost) })
		if got := live(all); got != "" {
			t.Errorf("once revoked: %s are good", got)
		}
		_, u, all = offered(2)
		if n := wins(t, parallel(3, func(i int) error {
			return try(db, func(tx *store.Tx) { register(tx, u, all[i], newCredential(u, all[i])) })
		}), errLost); n != 1 {
			t.Errorf("%d registered as one user", n)
		}
		_, u, all = offered(2)
		write(t, db, func(tx *store.Tx) { tx.IssueCode(newCode(u)) })
		if got := live(all); got != "" {
			t.Errorf("after an administrator's new code: %s are good", got)
		}
	})
}
