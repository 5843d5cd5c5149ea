package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// parallel calls do from n goroutines that start together and returns their errors.
func parallel(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// wins counts nil; every other error must be want.
func wins(t *testing.T, errs []error, want error) (n int) {
	t.Helper()
	for _, err := range errs {
		switch {
		case err == nil:
			n++
		case !errors.Is(err, want):
			t.Errorf("a loser got %v, want %v", err, want)
		}
	}
	return n
}

func TestOneCodeHasOneWinner(t *testing.T) {
	t.Parallel()
	for _, handles := range []int{1, 2} {
		t.Run(fmt.Sprint(handles, " handles"), func(t *testing.T) {
			database.Each(t, func(t *testing.T, url string) {
				dbs := make([]*store.DB, handles)
				for i := range dbs {
					dbs[i] = open(t, url)
				}
				_, u, c := invite(t, dbs[0])
				errs := parallel(64, func(i int) error {
					return try(dbs[i%handles], func(tx *store.Tx) { register(tx, u, c, newCredential(u, c)) })
				})
				if n := wins(t, errs, errLost); n != 1 {
					t.Errorf("%d of 64 won", n)
				}
				for _, db := range dbs {
					ctx := context.Background()
					if got := must[[]store.Credential](t)(db.CredentialsOfUser(ctx, u.ID)); len(got) != 1 {
						t.Errorf("%d credentials", len(got))
					}
					if got := must[[]store.Event](t)(db.Events(ctx, u.OrgID, "", 0)); len(got) != 1 {
						t.Errorf("%d events", len(got))
					}
				}
			})
		})
	}
}

func TestOneCredentialHasOneOwner(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o, ada, c := invite(t, db)
		k := newCredential(ada, c)
		users := make([]store.User, 64)
		write(t, db, func(tx *store.Tx) {
			for i := range users {
				users[i] = newUser(o, fmt.Sprint("user", i))
				tx.CreateUser(users[i], errDuplicate)
			}
		})
		errs := parallel(len(users), func(i int) error {
			return try(db, func(tx *store.Tx) {
				mine := k
				mine.ID, mine.UserID = api.NewID(api.PrefixCredential, epoch), users[i].ID
				tx.RegisterUser(users[i].ID, o.ID, epoch, errLost)
				tx.AddCredential(mine, errDuplicate)
			})
		})
		if n := wins(t, errs, errDuplicate); n != 1 {
			t.Errorf("%d own the credential", n)
		}
		registered := 0
		for _, u := range must[[]store.UserSummary](t)(db.Users(context.Background(), o.ID, "", 0)) {
			if !u.RegisteredAt.IsZero() {
				registered++
			}
		}
		if registered != 1 {
			t.Errorf("%d users are registered", registered)
		}
	})
}

func TestCodesIssuedAtOnceLeaveOneLive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o, u, _ := invite(t, db)
		errs := parallel(32, func(int) error {
			return try(db, func(tx *store.Tx) { tx.IssueCode(newCode(u)) })
		})
		if n := wins(t, errs, nil); n != 32 {
			t.Errorf("%d of 32 were issued", n)
		}
		live := 0
		for _, c := range must[[]store.CodeEntry](t)(db.Codes(context.Background(), o.ID, "", "", 0)) {
			if c.Live(epoch) {
				live++
			}
		}
		if live != 1 {
			t.Errorf("%d codes are live", live)
		}
	})
}

func TestASettingIsCreatedOnce(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		a, b := open(t, url), open(t, url)
		errs := parallel(20, func(i int) error {
			return try([]*store.DB{a, b}[i%2], func(tx *store.Tx) {
				tx.CreateSetting("first-administrator", fmt.Sprint(i), errLost)
				tx.CreateOrganisation(newOrganisation())
			})
		})
		if n := wins(t, errs, errLost); n != 1 {
			t.Errorf("%d of 20 won", n)
		}
		if got := must[[]store.Organisation](t)(a.Organisations(context.Background())); len(got) != 1 {
			t.Errorf("%d organisations", len(got))
		}
	})
}

func TestHitsAreAllCounted(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		a, b := open(t, url), open(t, url)
		key := []byte("key")
		errs := parallel(64, func(i int) error {
			return try([]*store.DB{a, b}[i%2], func(tx *store.Tx) { tx.Hit(key, epoch, time.Hour) })
		})
		if n := wins(t, errs, nil); n != 64 {
			t.Errorf("%d of 64 hits", n)
		}
		if n, _, err := a.Throttled(context.Background(), key); err != nil || n != 64 {
			t.Errorf("counted %d, %v", n, err)
		}
	})
}

// TestAFailedUnitDoesNotAffectItsGroup mixes units that succeed with units that fail in every
// way, so that they share groups.
func TestAFailedUnitDoesNotAffectItsGroup(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o, _, _ := invite(t, db)
		const n = 240
		var stored atomic.Int64
		errs := parallel(n, func(i int) error {
			mine := newUser(o, fmt.Sprint("user", i))
			err := try(db, func(tx *store.Tx) {
				tx.CreateUser(mine, errDuplicate)
				tx.Record(newEvent(mine, "user.invited"))
				switch i % 4 {
				case 1:
					tx.CreateUser(newUser(o, "ada@example.org"), errDuplicate) // a condition
				case 2:
					tx.CreateOrganisation(o) // an error of the database: primary key
				case 3:
					tx.CreateUser(newUser(store.Organisation{ID: "or-none"}, "stray"), nil) // foreign key
				}
			})
			if _, missing := db.User(context.Background(), mine.ID); (missing == nil) != (err == nil) {
				return fmt.Errorf("answered %v, but reading gives %v", err, missing)
			}
			if err == nil {
				stored.Add(1)
			}
			return err
		})
		for i, err := range errs {
			ok := err == nil
			switch i % 4 {
			case 1:
				ok = errors.Is(err, errDuplicate)
			case 2, 3:
				ok = err != nil && api.CodeOf(err) == "internal"
			}
			if !ok {
				t.Errorf("unit %d: %v", i, err)
			}
		}
		events := must[[]store.Event](t)(db.Events(context.Background(), o.ID, "", 0))
		if stored.Load() != n/4 || len(events) != n/4 {
			t.Errorf("%d units and %d events stored, want %d", stored.Load(), len(events), n/4)
		}
	})
}

func TestACommittedUnitIsVisibleToOthers(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		a, b := open(t, url), open(t, url)
		o := newOrganisation()
		write(t, a, func(tx *store.Tx) { tx.CreateOrganisation(o) })
		errs := parallel(8, func(g int) error {
			for i := range 25 {
				u := newUser(o, fmt.Sprint("user", g, "-", i))
				if err := try(a, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate) }); err != nil {
					return err
				}
				for _, db := range []*store.DB{a, b} {
					if _, err := db.User(context.Background(), u.ID); err != nil {
						return fmt.Errorf("answered, but not there: %w", err)
					}
				}
			}
			return nil
		})
		wins(t, errs, nil)
	})
}

func TestOpeningAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		errs := parallel(6, func(int) error {
			db, err := store.Open(context.Background(), url, store.Options{})
			if err != nil {
				return err
			}
			defer db.Close()
			return try(db, func(tx *store.Tx) { tx.CreateOrganisation(newOrganisation()) })
		})
		if n := wins(t, errs, nil); n != 6 {
			t.Errorf("%d of 6 came up", n)
		}
		if got := must[[]store.Organisation](t)(open(t, url).Organisations(context.Background())); len(got) != 6 {
			t.Errorf("%d organisations", len(got))
		}
	})
}

func TestCloseFinishesWhatIsQueued(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		o := newOrganisation()
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(o) })
		answered := make([]string, 200)
		var wrote sync.WaitGroup
		for i := range answered {
			wrote.Go(func() {
				u := newUser(o, fmt.Sprint("user", i))
				err := try(db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate) })
				if err == nil {
					answered[i] = u.ID
				} else if api.KindOf(err) != api.Unavailable {
					t.Errorf("unit %d: %v", i, err)
				}
			})
		}
		time.Sleep(2 * time.Millisecond)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		wrote.Wait()
		again := open(t, url)
		for _, id := range answered {
			if id == "" {
				continue
			}
			if _, err := again.User(context.Background(), id); err != nil {
				t.Errorf("answered, but not there after Close: %v", err)
			}
		}
		wantKind(t, try(db, func(tx *store.Tx) { tx.CreateOrganisation(newOrganisation()) }), api.Unavailable, "store_unavailable")
		_, err := db.Organisations(context.Background())
		wantKind(t, err, api.Unavailable, "store_unavailable")
		_, err = db.Organisation(context.Background(), o.ID)
		wantKind(t, err, api.Unavailable, "store_unavailable")
		wantKind(t, db.Ping(context.Background()), api.Unavailable, "store_unavailable")
		if err := db.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	})
}

func TestAUnitOfACancelledCallerIsAllOrNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o, _, _ := invite(t, db)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		err := db.Write(ended, func(tx *store.Tx) error { tx.CreateUser(newUser(o, "never"), errDuplicate); return nil })
		wantKind(t, err, api.Unavailable, "store_unavailable")
		if _, err := db.UserByName(context.Background(), o.ID, "never"); err == nil {
			t.Error("written for a caller who had cancelled")
		}
		// What Write returns is true, whenever the caller cancels.
		errs := parallel(100, func(i int) error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*50*time.Microsecond)
			defer cancel()
			u := newUser(o, fmt.Sprint("user", i))
			err := db.Write(ctx, func(tx *store.Tx) error { tx.CreateUser(u, errDuplicate); return nil })
			_, missing := db.User(context.Background(), u.ID)
			if (err == nil) != (missing == nil) {
				return fmt.Errorf("answered %v, but reading gives %v", err, missing)
			}
			return nil
		})
		wins(t, errs, nil)
	})
}

// TestASecondProcessCanWrite holds that another process can write to a file whose first writer
// never pauses: the command line beside a busy server.
func TestASecondProcessCanWrite(t *testing.T) {
	// Not parallel: its writers never pause.
	url := database.SQLite(t)
	server, command := open(t, url), open(t, url)
	o := newOrganisation()
	write(t, server, func(tx *store.Tx) { tx.CreateOrganisation(o) })
	var stop atomic.Bool
	var load sync.WaitGroup
	var next atomic.Int64
	for range 32 {
		load.Go(func() {
			for !stop.Load() {
				u := newUser(o, fmt.Sprint("server", next.Add(1)))
				if err := try(server, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate) }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for next.Load() < 64 {
		time.Sleep(time.Millisecond)
	}
	var longest time.Duration
	for i := range 30 {
		before, began := next.Load(), time.Now()
		write(t, command, func(tx *store.Tx) { tx.CreateUser(newUser(o, fmt.Sprint("command", i)), errDuplicate) })
		longest = max(longest, time.Since(began))
		for next.Load() < before+32 { // nor does the other starve the first
			time.Sleep(time.Millisecond)
		}
	}
	stop.Store(true)
	load.Wait()
	t.Logf("the longest turn took %v", longest)
}
