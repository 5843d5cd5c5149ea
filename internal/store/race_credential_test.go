package store_test

import (
	"fmt"
	"testing"

	"github.com/countersign/countersign/internal/store"
)

// TestTheLastFirstFactorStays holds that two servers which each take one of the last two leave one.
func TestTheLastFirstFactorStays(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		for round := range 20 {
			p := join(t, dbs[0], o, fmt.Sprint("user", round))
			other := newCredential(p.u, store.Code{})
			write(t, dbs[0], func(tx *store.Tx) { tx.AddCredential(other, errDuplicate) })
			both := []store.Credential{p.k, other}
			errs := parallel(2, func(i int) error {
				return try(dbs[i], func(tx *store.Tx) {
					tx.KeepFirstFactor(p.u.ID, both[i].ID, false, errLast)
					if (round+i)%2 == 0 {
						tx.ArchiveCredential(both[i], at(1), errLost)
					} else {
						tx.DeactivateOwnCredential(both[i], at(1), errLost)
					}
					if round%2 == 1 {
						exceedTurns(tx, both[i].ID)
					}
				})
			})
			if n := wins(t, errs, errLast); n != 1 {
				t.Errorf("round %d: %d of the last two were taken", round, n)
			}
		}
	})
}

// TestARecoveryAfterItsKeyWasDeactivated holds that a recovery commits before the deactivation of its recovery
// key, which is lost then, or not at all.
func TestARecoveryAfterItsKeyWasDeactivated(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		for round := range 20 {
			p := join(t, dbs[0], o, fmt.Sprint("user", round))
			key, next := newCredential(p.u, store.Code{}), newCredential(p.u, store.Code{})
			key.Factor = store.FactorRecovery
			write(t, dbs[0], func(tx *store.Tx) { tx.AddCredential(key, errDuplicate) })
			v := store.Recovery{ID: fmt.Sprint("rv-", round), OrgID: o.ID, UserID: p.u.ID, RecoveryKeyID: key.ID, Digest: random(32),
				CreatedAt: at(1), ReadyAt: at(1), ExpiresAt: at(15), EndedAt: at(1), Outcome: store.RecoveryCompleted, CredentialID: next.ID}
			errs := parallel(2, func(i int) error {
				return try(dbs[i], func(tx *store.Tx) {
					switch {
					case i == 0:
						tx.RecoverAtOnce(v, "", at(0), errLost, errLost)
						tx.AddCredential(next, errDuplicate)
					case round%4 < 2:
						tx.DeactivateCredential(key, at(1), errLost)
					default:
						tx.KeepFirstFactor(p.u.ID, key.ID, false, errLast)
						tx.DeactivateOwnCredential(key, at(1), errLost)
					}
					if round%2 == 1 {
						exceedTurns(tx, fmt.Sprint(round, i))
					}
				})
			})
			if n := wins(t, errs, errLost); n != 1 {
				t.Errorf("round %d: %d of a recovery and the deactivation of its key succeeded: %v", round, n, errs)
			}
		}
	})
}

// TestARecoveryBegunBeforeOneWasStopped holds that a recovery takes the place of one before that is stopped,
// which is lost then, or is refused.
func TestARecoveryBegunBeforeOneWasStopped(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		for round := range 20 {
			p := join(t, dbs[0], o, fmt.Sprint("user", round))
			key := newCredential(p.u, store.Code{})
			key.Factor = store.FactorRecovery
			recovery := func(n int) store.Recovery {
				return store.Recovery{ID: fmt.Sprint("rv-", round, n), OrgID: o.ID, UserID: p.u.ID, RecoveryKeyID: key.ID, Digest: random(32),
					CreatedAt: at(1), ReadyAt: at(60), ExpiresAt: at(120)}
			}
			first, second := recovery(1), recovery(2)
			write(t, dbs[0], func(tx *store.Tx) {
				tx.AddCredential(key, errDuplicate)
				tx.BeginRecovery(first, "", at(0), errLost, errLost)
			})
			errs := parallel(2, func(i int) error {
				return try(dbs[i], func(tx *store.Tx) {
					if i == 0 {
						tx.BeginRecovery(second, "", at(0), errLost, errLost)
					} else {
						tx.StopRecovery(first, p.u.ID, at(2), errLost)
					}
					if round%2 == 1 {
						exceedTurns(tx, fmt.Sprint(round, i))
					}
				})
			})
			if n := wins(t, errs, errLost); n != 1 {
				t.Errorf("round %d: %d of a recovery and a stop succeeded", round, n)
			}
		}
	})
}

// TestCodesOfOneUserAtOnce holds that each code takes the place of the one before it.
func TestCodesOfOneUserAtOnce(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		for round := range 10 {
			p := join(t, dbs[0], o, fmt.Sprint("user", round))
			codes := make([]store.CredentialCode, 8)
			errs := parallel(len(codes), func(i int) error {
				codes[i] = store.CredentialCode{ID: fmt.Sprint("cc-", round, i), OrgID: o.ID, UserID: p.u.ID, CredentialID: p.k.ID,
					MAC: random(32), CreatedAt: at(0), ExpiresAt: at(1)}
				return try(dbs[i%2], func(tx *store.Tx) {
					tx.IssueCredentialCode(codes[i])
					if round%2 == 1 {
						exceedTurns(tx, codes[i].ID)
					}
				})
			})
			if n := wins(t, errs, nil); n != len(codes) {
				t.Errorf("round %d: %d of %d codes were issued", round, n, len(codes))
			}
			left := 0
			for _, c := range codes {
				if must[store.CredentialCodeState](t)(dbs[0].CredentialCode(t.Context(), c.ID)).Found {
					left++
				}
			}
			if left != 1 {
				t.Errorf("round %d: %d codes are left, want the last", round, left)
			}
		}
	})
}
