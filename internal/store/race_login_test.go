package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// pair runs test on both databases, each opened twice, as by two servers. Groups of units must
// not deadlock: PostgreSQL takes a second to notice, in which it writes nothing.
func pair(t *testing.T, test func(t *testing.T, dbs [2]*store.DB)) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) {
		t.Cleanup(func() { // once the handles are closed
			if strings.HasPrefix(url, "postgres") {
				wantNoDeadlock(t, url)
			}
		})
		test(t, [2]*store.DB{open(t, url), open(t, url)})
	})
}

func wantNoDeadlock(t *testing.T, url string) {
	t.Helper()
	db := connect(t, url)
	db.SetMaxOpenConns(1)
	count := func(query string) (n int) {
		t.Helper()
		if err := db.QueryRow(query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for began := time.Now(); count(`SELECT COUNT(*) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`) > 0; { // they report deadlocks when they close
		if time.Since(began) > 10*time.Second {
			t.Fatal("connections stay open")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := count(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n > 0 {
		t.Errorf("%d deadlocks", n)
	}
}

func TestOneChallengeOpensOneSession(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ada := newPerson(t, dbs[0])
		bob := join(t, dbs[0], ada.o, "bob")
		challenge := ada.session().Challenge
		errs := parallel(50, func(i int) error {
			p := []person{ada, bob}[i/2%2]
			s := p.session()
			s.Challenge = challenge
			return try(dbs[i%2], func(tx *store.Tx) {
				tx.UseCredential(p.use(at(1)), errDuplicate)
				tx.OpenSession(s, errLost)
				tx.Record(newEvent(p.u, "user.logged_in"))
			})
		})
		if n := wins(t, errs, errLost); n != 1 {
			t.Errorf("%d of 50 won", n)
		}
		ctx := context.Background()
		sessions := append(must[[]store.Session](t)(dbs[1].SessionsOfUser(ctx, ada.u.ID, epoch)),
			must[[]store.Session](t)(dbs[1].SessionsOfUser(ctx, bob.u.ID, epoch))...)
		if events := must[[]store.Event](t)(dbs[0].Events(ctx, ada.o.ID, "", 0)); len(sessions) != 1 || len(events) != 1 {
			t.Errorf("%d sessions, %d events", len(sessions), len(events))
		}
	})
}

func TestOneChallengeSignsOneAction(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ada := newPerson(t, dbs[0])
		s := ada.login(t, dbs[0])
		a := ada.action(s)
		errs := parallel(50, func(i int) error {
			mine := a
			mine.ID = api.NewID("ua", epoch)
			return try(dbs[i%2], func(tx *store.Tx) { tx.UseCredential(ada.use(at(1)), errDuplicate); tx.SignAction(mine, errLost) })
		})
		if n := wins(t, errs, errLost); n != 1 {
			t.Errorf("%d of 50 won", n)
		}
	})
}

func TestOneActionHasOneEffect(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ada := newPerson(t, dbs[0])
		a := ada.sign(t, dbs[0], ada.login(t, dbs[0]))
		errs := parallel(50, func(i int) error {
			return try(dbs[i%2], func(tx *store.Tx) {
				tx.UseAction(a.ID, a.UserID, fmt.Sprint(i), at(1), errLost)
				tx.CreateUser(newUser(ada.o, fmt.Sprint("user", i)), errDuplicate)
			})
		})
		if n := wins(t, errs, errLost); n != 1 {
			t.Errorf("%d of 50 won", n)
		}
		members := must[[]store.Member](t)(dbs[1].Members(context.Background(), ada.o.ID, "", "", 0))
		if len(members) != 2 {
			t.Fatalf("%d effects", len(members)-1)
		}
		got := must[store.SignedAction](t)(dbs[1].SignedAction(context.Background(), a.ID))
		if members[0].Username != "user"+got.UsedFor && members[1].Username != "user"+got.UsedFor {
			t.Errorf("used for %s, but the effect is of another", got.UsedFor)
		}
	})
}

func TestOneLoginCodeIsSpentOnce(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ada := newPerson(t, dbs[0])
		c := newLoginCode(ada)
		write(t, dbs[0], func(tx *store.Tx) { tx.IssueLoginCode(store.CodeForLogin, c) })
		errs := parallel(50, func(i int) error {
			return try(dbs[i%2], func(tx *store.Tx) { tx.SpendLoginCode(store.CodeForLogin, c.ID, ada.u.ID, at(1), errLost) })
		})
		if n := wins(t, errs, errLost); n != 1 {
			t.Errorf("%d of 50 won", n)
		}
		codes := make([]store.Code, 30)
		errs = parallel(len(codes), func(i int) error {
			codes[i] = newLoginCode(ada)
			return try(dbs[i%2], func(tx *store.Tx) { tx.IssueLoginCode(store.CodeForLogin, codes[i]) })
		})
		if n := wins(t, errs, nil); n != 30 {
			t.Errorf("%d of 30 were issued", n)
		}
		errs = parallel(len(codes), func(i int) error { // of several codes of a user one is spent
			return try(dbs[i%2], func(tx *store.Tx) { tx.SpendLoginCode(store.CodeForLogin, codes[i].ID, ada.u.ID, at(1), errLost) })
		})
		if n := wins(t, errs, errLost); n != 1 {
			t.Errorf("%d of 30 codes were spent", n)
		}
	})
}

func TestAStrictSignCountPassesOnce(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ada := newPerson(t, dbs[0])
		use := func(count int64) error {
			u := ada.use(at(1))
			u.SignCount, u.Strict = count, true
			return try(dbs[count%2], func(tx *store.Tx) { tx.UseCredential(u, errLost) })
		}
		if n := wins(t, parallel(50, func(int) error { return use(7) }), errLost); n != 1 {
			t.Errorf("%d of 50 passed with one count", n)
		}
		var top atomic.Int64
		wins(t, parallel(50, func(i int) error {
			err := use(int64(10 + i))
			for now := top.Load(); err == nil && now < int64(10+i); now = top.Load() {
				top.CompareAndSwap(now, int64(10+i))
			}
			return err
		}), errLost)
		if got := must[store.Credential](t)(dbs[0].Credential(context.Background(), ada.k.ID)); got.SignCount != top.Load() {
			t.Errorf("stored %d, but %d passed", got.SignCount, top.Load())
		}
	})
}

func TestFirstUsersAtOnceMakeOneAdministrator(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		for range 5 {
			o := newOrganisation()
			write(t, dbs[0], func(tx *store.Tx) { tx.CreateOrganisation(o) })
			errs := parallel(20, func(i int) error {
				u := newUser(o, fmt.Sprint("user", i))
				return try(dbs[i%2], func(tx *store.Tx) { tx.CreateUser(u, errDuplicate); makeFirst(tx, o, u) })
			})
			if n := wins(t, errs, nil); n != 20 {
				t.Errorf("%d of 20 were added", n)
			}
			administrators := 0
			for _, m := range must[[]store.Member](t)(dbs[0].Members(context.Background(), o.ID, "", "", 0)) {
				if must[bool](t)(dbs[0].IsAdministrator(context.Background(), m.ID)) {
					administrators++
				}
			}
			if administrators != 1 {
				t.Errorf("%d administrators", administrators)
			}
		}
	})
}

// TestADeactivatedUserHasNoSession holds that no login commits between the statements of a
// deactivation.
func TestADeactivatedUserHasNoSession(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		opened := 0
		for round := range 12 {
			ada := join(t, dbs[0], o, fmt.Sprint("user", round))
			errs := parallel(17, func(i int) error {
				if i == 16 {
					time.Sleep(time.Duration(round) * 300 * time.Microsecond)
					return try(dbs[1], func(tx *store.Tx) {
						tx.SetUserActive(ada.u.ID, o.ID, false, errDuplicate)
						tx.EndSessions(ada.u.ID, at(1))
						if round%2 == 1 { // more turns than a group takes
							for n := range 600 {
								tx.Hit(fmt.Append(nil, round, n), epoch, time.Hour)
							}
						}
					})
				}
				return try(dbs[i%2], func(tx *store.Tx) {
					tx.UseCredential(ada.use(at(1)), errDuplicate)
					tx.OpenSession(ada.session(), errLost)
				})
			})
			opened += wins(t, errs, errLost) - 1
			if live := must[[]store.Session](t)(dbs[0].SessionsOfUser(context.Background(), ada.u.ID, at(1))); len(live) > 0 {
				t.Errorf("round %d: %d sessions are live", round, len(live))
			}
		}
		t.Logf("%d of %d logins came before", opened, 12*16)
	})
}

// TestNoActionIsUsedAfterADeactivation holds that no unused action of a user can be used once
// their deactivation, or that of their session or credential, has committed.
func TestNoActionIsUsedAfterADeactivation(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		for name, deactivate := range map[string]func(tx *store.Tx, p person, s store.Session){
			"user": func(tx *store.Tx, p person, _ store.Session) { tx.SetUserActive(p.u.ID, o.ID, false, errDuplicate) },
			"credential": func(tx *store.Tx, p person, _ store.Session) {
				tx.SetCredentialActive(p.k.ID, o.ID, false, errDuplicate)
			},
			"session": func(tx *store.Tx, p person, s store.Session) {
				tx.EndSession(s.ID, p.u.ID, at(1), errDuplicate)
			},
		} {
			p := join(t, dbs[0], o, name)
			s := p.login(t, dbs[0])
			actions := make([]store.Action, 200)
			write(t, dbs[0], func(tx *store.Tx) {
				for i := range actions {
					actions[i] = p.action(s)
					tx.SignAction(actions[i], errDuplicate)
				}
			})
			var answered atomic.Bool
			var before, after atomic.Int64
			var users sync.WaitGroup
			for g := range 8 {
				users.Go(func() {
					for i := g; i < len(actions); i += 8 {
						deactivated := answered.Load()
						err := try(dbs[i%2], func(tx *store.Tx) { tx.UseAction(actions[i].ID, actions[i].UserID, "x", at(1), errLost) })
						switch {
						case err == nil && deactivated:
							t.Errorf("%s: an action was used after the deactivation", name)
						case err == nil:
							before.Add(1)
						case errors.Is(err, errLost):
							after.Add(1)
						default:
							t.Error(err)
						}
					}
				})
			}
			for before.Load() == 0 {
				time.Sleep(100 * time.Microsecond)
			}
			write(t, dbs[1], func(tx *store.Tx) { deactivate(tx, p, s) })
			answered.Store(true)
			users.Wait()
			t.Logf("%s: %d used before, %d refused", name, before.Load(), after.Load())
		}
	})
}

// TestManyLoginsOfTheSameFewUsers holds that groups that change the same rows in different
// orders do not deadlock, nor do counted tries or issued codes.
func TestManyLoginsOfTheSameFewUsers(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		people := []person{newPerson(t, dbs[0])}
		for i := range 5 {
			people = append(people, join(t, dbs[0], people[0].o, fmt.Sprint("user", i)))
		}
		errs := parallel(32, func(g int) error {
			for i := range 12 {
				p := people[(g*7+i*5)%len(people)]
				if err := try(dbs[g%2], func(tx *store.Tx) {
					tx.UseCredential(p.use(at(1)), errLost)
					tx.OpenSession(p.session(), errLost)
				}); err != nil {
					return err
				}
				if err := try(dbs[g%2], func(tx *store.Tx) {
					tx.Hit([]byte(p.u.Username), epoch, time.Hour)
					tx.IssueLoginCode(store.CodeForLogin, newLoginCode(p))
				}); err != nil {
					return err
				}
			}
			return nil
		})
		wins(t, errs, nil)
	})
}
