package store_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// The statement decides who gets a recovery key, whatever was read before.
func TestARecoveryKeyNeedsAFreshRegistration(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o := newPerson(t, db).o
		for i, c := range []struct {
			why    string
			code   func(c *store.Code)
			change func(tx *store.Tx, first store.Credential)
			alter  func(key *store.Credential, first *string)
			want   error
		}{
			{why: "fresh"},
			{why: "nobody presents the code", code: func(c *store.Code) { c.MAC = nil }, want: errLost},
			{why: "not spent", code: func(c *store.Code) { c.SpentAt = time.Time{} }, want: errLost},
			{why: "spent long ago", code: func(c *store.Code) { c.SpentAt = at(-15) }, want: errLost},
			{why: "user deactivated", change: func(tx *store.Tx, k store.Credential) { tx.DeactivateUser(k.UserID, k.OrgID, at(1), errLost) }, want: errLost},
			{why: "user archived", change: func(tx *store.Tx, k store.Credential) { tx.ArchiveUser(k.UserID, k.OrgID, at(1), errLost) }, want: errLost},
			{why: "passkey deactivated", change: func(tx *store.Tx, k store.Credential) { tx.DeactivateCredential(k, at(1), errLost) }, want: errLost},
			{why: "another organisation", alter: func(k *store.Credential, _ *string) { k.OrgID = "or-none" }, want: errLost},
			{why: "another code", alter: func(k *store.Credential, _ *string) { k.CodeID = "rc-none" }, want: errLost},
			{why: "another passkey", alter: func(_ *store.Credential, first *string) { *first = "cr-none" }, want: errLost},
		} {
			u := newUser(o, c.why)
			u.RegisteredAt = epoch
			code := newCode(u)
			code.SpentAt = at(0)
			if c.code != nil {
				c.code(&code)
			}
			first, key := newCredential(u, code), newCredential(u, code)
			key.Factor = store.FactorRecovery
			write(t, db, func(tx *store.Tx) {
				tx.CreateUser(u, errDuplicate)
				tx.IssueCode(code)
				tx.AddCredential(first, errDuplicate)
			})
			if c.change != nil {
				write(t, db, func(tx *store.Tx) { c.change(tx, first) })
			}
			id := first.ID
			if c.alter != nil {
				c.alter(&key, &id)
			}
			err := try(db, func(tx *store.Tx) { tx.AddRecoveryKey(key, id, at(-15), errLost, errDuplicate) })
			kept := 1
			if c.want == nil {
				kept = 2
			}
			if n := len(must[[]store.Credential](t)(db.CredentialsOfUser(t.Context(), u.ID))); err != c.want || n != kept {
				t.Errorf("case %d, %s: %v, and %d credentials", i, c.why, err, n)
			}
			if c.want == nil {
				second := newCredential(u, code)
				second.Factor = store.FactorRecovery
				if err := try(db, func(tx *store.Tx) { tx.AddRecoveryKey(second, id, at(-15), errLost, errDuplicate) }); err != errDuplicate {
					t.Errorf("a second one: %v", err)
				}
			}
		}
	})
}
