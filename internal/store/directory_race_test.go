package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// removalNames are the keys of removals in a fixed order.
var removalNames = []string{"revoke", "deactivate", "archive"}

// newAdministrators adds an organisation with size administrators, and returns them with their
// assignments.
func newAdministrators(t testing.TB, db *store.DB, size int) ([]person, []store.Assignment) {
	t.Helper()
	people := []person{newPerson(t, db)}
	for i := range size - 1 {
		people = append(people, join(t, db, people[0].o, fmt.Sprint("administrator", i)))
	}
	var rights []store.Assignment
	for _, p := range people {
		rights = append(rights, promote(t, db, p.o, p.u.ID))
	}
	return people, rights
}

// exceedTurns gives a unit more turns than a group takes: without turns it must be as correct.
func exceedTurns(tx *store.Tx, name string) {
	for n := range 600 {
		tx.Hit(fmt.Append(nil, name, n), epoch, time.Hour)
	}
}

// countAdministrators counts the people who can administer.
func countAdministrators(t testing.TB, db *store.DB, people []person) (n int) {
	t.Helper()
	for _, p := range people {
		u := must[store.User](t)(db.User(context.Background(), p.u.ID))
		if u.Active && must[bool](t)(db.IsAdministrator(context.Background(), p.u.ID)) {
			n++
		}
	}
	return n
}

func TestAdministratorsRemoveEachOther(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		for round := range 20 {
			people, rights := newAdministrators(t, dbs[0], 2)
			errs := parallel(2, func(i int) error {
				// In the first three rounds both do the same.
				take := removals[removalNames[(round+i*(round/3))%3]]
				other := 1 - i
				return try(dbs[i], func(tx *store.Tx) {
					take(tx, people[other].u, rights[other])
					tx.Record(newEvent(people[other].u, "right.taken"))
					if round%2 == 1 {
						exceedTurns(tx, people[i].u.ID)
					}
				})
			})
			if n := wins(t, errs, errLast); n != 1 {
				t.Errorf("round %d: %d removed the other", round, n)
			}
			if n := countAdministrators(t, dbs[round%2], people); n != 1 {
				t.Errorf("round %d: %d administrators are left", round, n)
			}
			if events := must[[]store.Event](t)(dbs[0].Events(context.Background(), people[0].o.ID, "", 0)); len(events) != 1 {
				t.Errorf("round %d: %d events", round, len(events))
			}
		}
	})
}

// TestManyAdministratorsLeaveAtOnce does so in many organisations at once, whose units share
// groups in any order.
func TestManyAdministratorsLeaveAtOnce(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		const organisations, size = 10, 5
		var people [organisations][]person
		var rights [organisations][]store.Assignment
		for o := range people {
			people[o], rights[o] = newAdministrators(t, dbs[0], size)
		}
		errs := parallel(organisations*size, func(n int) error {
			o, i := n%organisations, n/organisations
			if i%2 == 1 {
				o = organisations - 1 - o
			}
			p := people[o][i]
			return try(dbs[i%2], func(tx *store.Tx) { removals[removalNames[(o+i)%3]](tx, p.u, rights[o][i]) })
		})
		if n := wins(t, errs, errLast); n != organisations*(size-1) {
			t.Errorf("%d of %d left", n, organisations*size)
		}
		for o := range people {
			if n := countAdministrators(t, dbs[1], people[o]); n != 1 {
				t.Errorf("organisation %d: %d administrators are left", o, n)
			}
		}
	})
}

// TestOneNameHasOneOwner renames two, and many, to one name at once.
func TestOneNameHasOneOwner(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ada := newPerson(t, dbs[0])
		name := func(kind, i int) string { return fmt.Sprint("kind", kind, "-", i) }
		kinds := []func(i int) func(tx *store.Tx, name string){
			func(i int) func(*store.Tx, string) { // a user
				u := join(t, dbs[0], ada.o, name(0, i)).u
				return func(tx *store.Tx, name string) { tx.RenameUser(u.ID, u.OrgID, name, name, nil, errDuplicate, errLost) }
			},
			func(i int) func(*store.Tx, string) {
				token := newProgram(t, dbs[0], ada, name(1, i)).token
				return func(tx *store.Tx, name string) {
					tx.RenameAccessToken(token.ID, ada.u.ID, name, name, nil, errDuplicate, errLost)
				}
			},
			func(i int) func(*store.Tx, string) {
				p := permit(t, dbs[0], ada.o, name(2, i))
				return func(tx *store.Tx, name string) {
					p := p
					p.Name, p.NameKey = name, name
					tx.UpdatePermission(p, at(1), errDuplicate, errLost)
				}
			},
			func(i int) func(*store.Tx, string) {
				a := newApplication(ada.o, name(3, i), i)
				write(t, dbs[0], func(tx *store.Tx) { tx.CreateApplication(a, errDuplicate) })
				return func(tx *store.Tx, name string) {
					a := a
					a.Name, a.NameKey = name, name
					tx.RenameApplication(a.ID, a.OrgID, a.Name, a.NameKey, &a.ExternalID, errDuplicate, errLost)
				}
			},
			func(i int) func(*store.Tx, string) { // a permission that is restored
				p := permit(t, dbs[0], ada.o, name(4, i))
				write(t, dbs[0], func(tx *store.Tx) { tx.ArchivePermission(p, true, at(1), errDuplicate, errLost) })
				p.Version++
				return func(tx *store.Tx, name string) {
					p := p
					p.NameKey = name
					tx.ArchivePermission(p, false, at(2), errDuplicate, errLost)
				}
			},
		}
		for kind, add := range kinds {
			for round := range 10 {
				n := 2
				if round >= 8 {
					n = 20
				}
				var renames []func(*store.Tx, string)
				for i := range n {
					renames = append(renames, add(100*round+i))
				}
				errs := parallel(n, func(i int) error {
					return try(dbs[i%2], func(tx *store.Tx) {
						renames[i](tx, fmt.Sprint("taken", kind, round))
						if round < 4 {
							exceedTurns(tx, fmt.Sprint(kind, round, i))
						}
					})
				})
				if n := wins(t, errs, errDuplicate); n != 1 {
					t.Errorf("kind %d, round %d: %d have the name", kind, round, n)
				}
			}
		}
	})
}

// TestNamesAreTakenInAnyOrder writes groups that take the same names, and rename the same
// things, in different orders.
func TestNamesAreTakenInAnyOrder(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ada := newPerson(t, dbs[0])
		const n = 6
		var users [n]store.User
		var tokens [n]store.AccessToken
		var permissions [n]store.Permission
		var applications [n]store.Application
		for i := range n {
			users[i] = join(t, dbs[0], ada.o, fmt.Sprint("user", i)).u
			tokens[i] = newProgram(t, dbs[0], ada, fmt.Sprint("token", i)).token
			permissions[i] = permit(t, dbs[0], ada.o, fmt.Sprint("permission", i))
			applications[i] = newApplication(ada.o, fmt.Sprint("application", i), i)
			write(t, dbs[0], func(tx *store.Tx) { tx.CreateApplication(applications[i], errDuplicate) })
		}
		errs := parallel(40, func(g int) error {
			for round := range 8 {
				i, name := (g*5+round*(1+g%5))%n, fmt.Sprint("name", (g+round*(1+g%3))%4)
				u, token, p, a := users[i], tokens[i], permissions[i], applications[i]
				a.Name, a.NameKey, p.Name, p.NameKey = name, name, name, name
				for _, change := range []func(tx *store.Tx){
					func(tx *store.Tx) { tx.RenameUser(u.ID, u.OrgID, name, name, nil, errDuplicate, errDuplicate) },
					func(tx *store.Tx) {
						tx.RenameAccessToken(token.ID, ada.u.ID, name, name, nil, errDuplicate, errDuplicate)
					},
					func(tx *store.Tx) { tx.UpdatePermission(p, at(1), errDuplicate, errDuplicate) },
					func(tx *store.Tx) {
						tx.RenameApplication(a.ID, a.OrgID, a.Name, a.NameKey, &a.ExternalID, errDuplicate, errDuplicate)
					},
				} {
					if err := try(dbs[(g+i)%2], change); err != nil && !errors.Is(err, errDuplicate) {
						return err
					}
				}
			}
			return nil
		})
		wins(t, errs, nil)
	})
}

// TestNoActionIsUsedAfterItsTokenIsDeactivated holds that no unused action of a token can be
// used once its deactivation has committed.
func TestNoActionIsUsedAfterItsTokenIsDeactivated(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		for round, w := range append(deactivations, deactivations...) {
			if w.name == "key inactive" {
				continue // this does not concern the token
			}
			p := newProgram(t, dbs[0], join(t, dbs[0], o, fmt.Sprint(w.name, round)), "program")
			actions := make([]store.Action, 100)
			write(t, dbs[0], func(tx *store.Tx) {
				for i := range actions {
					actions[i] = p.action(store.Session{ID: p.token.ID})
					tx.SignAction(actions[i], errDuplicate)
				}
			})
			used := func() (n int) {
				for _, a := range must[[]store.Action](t)(dbs[1].Actions(context.Background(), o.ID, p.u.ID, "", 0)) {
					if !a.UsedAt.IsZero() {
						n++
					}
				}
				return n
			}
			began := make(chan struct{}, len(actions))
			var users sync.WaitGroup
			for g := range 8 {
				users.Go(func() {
					for i := g; i < len(actions); i += 8 {
						began <- struct{}{}
						err := try(dbs[i%2], func(tx *store.Tx) { tx.UseAction(actions[i].ID, p.u.ID, "x", at(1), errLost) })
						if err != nil && !errors.Is(err, errLost) {
							t.Error(err)
						}
					}
				})
			}
			for range 12 + round {
				<-began
			}
			write(t, dbs[1], func(tx *store.Tx) { w.do(tx, p) })
			then := used()
			users.Wait()
			if now := used(); now != then {
				t.Errorf("%s: %d were used when it was answered, %d in the end", w.name, then, now)
			}
			t.Logf("%s: %d of %d used", w.name, then, len(actions))
		}
	})
}

// TestAUserIsArchivedDuringRegistration holds that an archived user is inactive and has no code.
func TestAUserIsArchivedDuringRegistration(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ctx := context.Background()
		o := newPerson(t, dbs[0]).o
		const n = 16
		var guests [n]store.User
		var codes [n]store.Code
		for i := range n {
			guests[i] = newUser(o, fmt.Sprint("guest", i))
			codes[i] = newCode(guests[i])
			write(t, dbs[0], func(tx *store.Tx) { tx.CreateUser(guests[i], errDuplicate); tx.IssueCode(codes[i]) })
		}
		errs := parallel(4*n, func(g int) error {
			i := g * 5 % n
			u, c := guests[i], codes[i]
			return try(dbs[(g/n+g)%2], func(tx *store.Tx) {
				switch g / n {
				case 0:
					register(tx, u, c, newCredential(u, c))
				case 1:
					tx.ArchiveUser(u.ID, o.ID, at(2), errLost)
					tx.EndSessions(u.ID, at(2))
				case 2:
					tx.OfferCode(newCode(u), errLost)
				default:
					tx.MustBeInvited(u.ID, o.ID, errLost)
					tx.IssueCode(newCode(u))
				}
			})
		})
		wins(t, errs, errLost)
		for _, u := range guests {
			if got := must[store.User](t)(dbs[1].User(ctx, u.ID)); got.Active || !got.ArchivedAt.Equal(at(2)) {
				t.Errorf("%s: %+v", u.Username, got)
			}
			for _, c := range must[[]store.CodeEntry](t)(dbs[1].Codes(ctx, o.ID, u.ID, "", 0)) {
				if c.Live(epoch) {
					t.Errorf("%s has a live code", u.Username)
				}
			}
		}
	})
}
