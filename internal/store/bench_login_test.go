package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/countersign/countersign/internal/store"
)

// newPeople adds an organisation with n registered users, each with a passkey.
func newPeople(b *testing.B, db *store.DB, n int) []person {
	o := newOrganisation()
	write(b, db, func(tx *store.Tx) { tx.CreateOrganisation(o) })
	people := make([]person, n)
	for from := 0; from < n; from += 500 {
		write(b, db, func(tx *store.Tx) {
			for i := from; i < min(from+500, n); i++ {
				u := newUser(o, fmt.Sprint("user", i))
				u.RegisteredAt = epoch
				people[i] = person{o, u, newCredential(u, store.Code{})}
				tx.CreateUser(u, errDuplicate)
				tx.AddCredential(people[i].k, errDuplicate)
			}
		})
	}
	return people
}

// BenchmarkWriteLogin measures the unit of a completed login.
func BenchmarkWriteLogin(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		people := newPeople(b, db, 5000)
		for _, concurrency := range []int{1, 16, 64} {
			b.Run(fmt.Sprint(concurrency), func(b *testing.B) {
				spread(b, concurrency, func(i int) {
					p := people[i*7919%len(people)]
					s := p.session()
					e := newEvent(p.u, "user.logged_in")
					e.CredentialID = p.k.ID
					write(b, db, func(tx *store.Tx) {
						tx.UseCredential(p.use(at(1)), errDuplicate)
						tx.OpenSession(s, errLost)
						tx.Record(e)
					})
				})
			})
		}
	})
}

// BenchmarkLogin measures one login: two reads and a unit.
func BenchmarkLogin(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		people := newPeople(b, db, 5000)
		for _, concurrency := range []int{1, 16} {
			b.Run(fmt.Sprint(concurrency), func(b *testing.B) {
				spread(b, concurrency, func(i int) {
					ctx, p := context.Background(), people[i*7919%len(people)]
					if s, err := db.LoginState(ctx, p.o.ID, p.u.UsernameKey, nil, []byte("192.0.2.1")); err != nil || !s.Found {
						b.Errorf("%v %+v", err, s)
					}
					if h, err := db.OwnerByName(ctx, p.o.ID, p.u.UsernameKey, p.k.CredentialID, ""); err != nil || !h.CredentialFound {
						b.Errorf("%v %+v", err, h)
					}
					e := newEvent(p.u, "user.logged_in")
					write(b, db, func(tx *store.Tx) {
						tx.UseCredential(p.use(at(1)), errDuplicate)
						tx.OpenSession(p.session(), errLost)
						tx.Record(e)
					})
				})
			})
		}
	})
}

// BenchmarkAction measures one signed call: the session is read three times, the owner once,
// and the action is signed, then used with an effect.
func BenchmarkAction(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		people := newPeople(b, db, 1000)
		sessions := make([]store.Session, len(people))
		for i, p := range people {
			sessions[i] = p.session()
		}
		write(b, db, func(tx *store.Tx) {
			for _, s := range sessions {
				tx.OpenSession(s, errLost)
			}
		})
		for _, concurrency := range []int{1, 16} {
			b.Run(fmt.Sprint(concurrency), func(b *testing.B) {
				spread(b, concurrency, func(i int) {
					ctx, p, s := context.Background(), people[i*7919%len(people)], sessions[i*7919%len(people)]
					for range 3 {
						if h, err := db.SessionWithUser(ctx, s.ID); err != nil || !h.Found {
							b.Errorf("%v %+v", err, h)
						}
					}
					if h, err := db.OwnerByUser(ctx, p.u.ID, p.k.CredentialID, ""); err != nil || !h.CredentialFound {
						b.Errorf("%v %+v", err, h)
					}
					a := p.action(s)
					write(b, db, func(tx *store.Tx) { tx.UseCredential(p.use(at(1)), errDuplicate); tx.SignAction(a, errLost) })
					e := newEvent(p.u, "user.invited")
					write(b, db, func(tx *store.Tx) { tx.UseAction(a.ID, a.UserID, "bench", at(1), errLost); tx.Record(e) })
				})
			})
		}
	})
}
