package store_test

import (
	"testing"

	"github.com/countersign/countersign/internal/store"
)

// Of names that look alike one is taken, also at the same moment and in one unit, and an archived
// user's is free again.
func TestOneOfLookalikesIsTaken(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		names := []string{"capo", "саро", "саρо", "cаро"}
		errs := parallel(8, func(i int) error {
			return try(dbs[i%2], func(tx *store.Tx) { tx.CreateUser(newUser(o, names[i%4]), errDuplicate) })
		})
		if n := wins(t, errs, errDuplicate); n != 1 {
			t.Errorf("%d of them were taken", n)
		}
		xop := newUser(o, "xop")
		wantError(t, try(dbs[0], func(tx *store.Tx) {
			tx.CreateUser(xop, errDuplicate)
			tx.CreateUser(newUser(o, "хор"), errDuplicate)
		}), errDuplicate)
		write(t, dbs[0], func(tx *store.Tx) { tx.CreateUser(xop, errDuplicate) })
		write(t, dbs[0], func(tx *store.Tx) { tx.ArchiveUser(xop.ID, o.ID, epoch, errLost) })
		write(t, dbs[1], func(tx *store.Tx) { tx.CreateUser(newUser(o, "хор"), errDuplicate) })
	})
}
