package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// engines runs a benchmark on both databases.
func engines(b *testing.B, bench func(b *testing.B, db *store.DB)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, open(b, database.SQLite(b))) })
	b.Run("postgres", func(b *testing.B) { bench(b, open(b, database.Postgres(b))) })
}

// BenchmarkWriteRegistration measures units per second and processor time per unit (of
// this process; PostgreSQL's own is not counted) at three degrees of concurrency.
func BenchmarkWriteRegistration(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		for _, concurrency := range []int{1, 16, 64} {
			b.Run(fmt.Sprint(concurrency), func(b *testing.B) {
				users, codes := inviteMany(b, db, b.N)
				b.ResetTimer()
				spread(b, concurrency, func(i int) {
					write(b, db, func(tx *store.Tx) {
						register(tx, users[i], codes[i], newCredential(users[i], codes[i]))
					})
				})
			})
		}
	})
}

// BenchmarkWriteInvitation measures bulk invitations, 500 to a unit.
func BenchmarkWriteInvitation(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) { inviteMany(b, db, b.N) })
}

func BenchmarkReadInvitation(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		users, codes := inviteMany(b, db, 5000)
		throttle := []byte("192.0.2.1")
		for _, concurrency := range []int{1, 64} {
			b.Run(fmt.Sprint(concurrency), func(b *testing.B) {
				spread(b, concurrency, func(i int) {
					i = i * 7919 % len(users)
					inv, err := db.Invitation(context.Background(), users[i].OrgID, users[i].UsernameKey, codes[i].MAC, throttle)
					if err != nil || !inv.CodeFound {
						b.Fatalf("%v %+v", err, inv)
					}
				})
			})
		}
	})
}

// BenchmarkRegistration measures one registration: two reads and a unit.
func BenchmarkRegistration(b *testing.B) {
	engines(b, func(b *testing.B, db *store.DB) {
		for _, concurrency := range []int{1, 16, 64} {
			b.Run(fmt.Sprint(concurrency), func(b *testing.B) {
				users, codes := inviteMany(b, db, b.N)
				b.ResetTimer()
				spread(b, concurrency, func(i int) {
					ctx, u, c := context.Background(), users[i], codes[i]
					if inv, err := db.Invitation(ctx, u.OrgID, u.UsernameKey, c.MAC, []byte("192.0.2.1")); err != nil || !inv.CodeFound {
						b.Errorf("%v %+v", err, inv)
					}
					if inv, err := db.RegistrationState(ctx, u.ID, c.ID); err != nil || !inv.CodeFound {
						b.Errorf("%v %+v", err, inv)
					}
					write(b, db, func(tx *store.Tx) { register(tx, u, c, newCredential(u, c)) })
				})
			})
		}
	})
}

// spread calls do for 0 to b.N-1 from that many goroutines and reports processor time.
func spread(b *testing.B, goroutines int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	began := processorTime()
	b.ResetTimer()
	for range goroutines {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64((processorTime()-began).Nanoseconds())/1e3/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func inviteMany(b *testing.B, db *store.DB, n int) ([]store.User, []store.Code) {
	o := newOrganisation()
	write(b, db, func(tx *store.Tx) { tx.CreateOrganisation(o) })
	users, codes := make([]store.User, n), make([]store.Code, n)
	for i := range n {
		users[i] = newUser(o, fmt.Sprintf("user%d@example.org", i))
		users[i].CreatedAt = epoch.Add(time.Duration(i) * time.Millisecond) // ids in order, as users are invited
		users[i].ID = api.NewID(api.PrefixUser, users[i].CreatedAt)
		codes[i] = newCode(users[i])
	}
	for from := 0; from < n; from += 500 {
		write(b, db, func(tx *store.Tx) {
			for i := from; i < min(from+500, n); i++ {
				tx.CreateUser(users[i], errDuplicate)
				tx.IssueCode(codes[i])
			}
		})
	}
	return users, codes
}
