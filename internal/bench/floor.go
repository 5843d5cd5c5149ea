package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/bench/floor"
)

// seedBatch is how many users a floor is given in one transaction.
const seedBatch = 10000

// serveFloor is this program as the bare server: a process of its own, as the real one.
func serveFloor(args []string) error {
	flags := flag.NewFlagSet("bench floor", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	publicURL := flags.String("public-url", "", "`URL` of the pages")
	database := flags.String("database", "", "`URL` of the database")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	store, err := floor.Open(ctx, *database)
	if err != nil {
		return err
	}
	srv, err := floor.NewServer(store, *publicURL)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	return errors.Join(srv.Serve(ctx, ln), store.Close())
}

// measureRaw is this program as the raw store: registrations of the usual size, stored
// in groups by so many callers at once, no HTTP and nothing read. It prints the rate.
func measureRaw(args []string) error {
	flags := flag.NewFlagSet("bench raw", flag.ContinueOnError)
	database := flags.String("database", "", "`URL` of the database")
	concurrency := flags.Int("c", 1, "callers at once")
	n := flags.Int("n", 1000, "registrations")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	store, err := floor.Open(ctx, *database)
	if err != nil {
		return err
	}
	registrations, err := rawRegistrations(ctx, store, *n, fmt.Sprintf("raw%d", *concurrency))
	if err != nil {
		return errors.Join(err, store.Close())
	}
	elapsed, err := storeAll(ctx, store, registrations, *concurrency)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(float64(*n) / elapsed.Seconds())
}

// rawRegistrations seeds n users and makes what each will store.
func rawRegistrations(ctx context.Context, store floor.Store, n int, prefix string) ([]floor.Registration, error) {
	const origin = "http://localhost:8080"
	key, err := newPasskey(origin)
	if err != nil {
		return nil, err
	}
	invitations, err := seedFloor(ctx, store, n, prefix)
	if err != nil {
		return nil, err
	}
	challenge := []byte(base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
	registrations := make([]floor.Registration, n)
	for i, inv := range invitations {
		found, err := store.Invitation(ctx, inv.username, floor.CodeMAC(inv.code))
		if err != nil {
			return nil, err
		}
		var a attestation
		key.create(&a, challenge)
		id, _ := base64.RawURLEncoding.DecodeString(string(a.credentialID))
		object, _ := base64.RawURLEncoding.DecodeString(string(a.object))
		clientData, _ := base64.RawURLEncoding.DecodeString(string(a.clientData))
		now := time.Now()
		registrations[i] = floor.Registration{
			UserID: found.UserID, CodeID: found.CodeID, CredentialUUID: api.NewID(api.PrefixCredential, now),
			Origin: origin, RPID: "localhost", CredentialID: id, AttestationObject: object, ClientData: clientData, At: now,
		}
	}
	return registrations, nil
}

func storeAll(ctx context.Context, store floor.Store, registrations []floor.Registration, concurrency int) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	begun := time.Now()
	for range concurrency {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(registrations)); i = next.Add(1) - 1 {
				if err := store.Register(ctx, registrations[i]); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	workers.Wait()
	return time.Since(begun), context.Cause(ctx)
}

// seedFloor adds n invited users.
func seedFloor(ctx context.Context, store floor.Store, n int, prefix string) ([]invitation, error) {
	invitations := make([]invitation, 0, n)
	for len(invitations) < n {
		size := min(seedBatch, n-len(invitations))
		names, macs := make([]string, size), make([][]byte, size)
		for i := range size {
			name := fmt.Sprintf("%s-%07d@example.org", prefix, len(invitations))
			code := fmt.Sprintf("%020d", len(invitations)) // as long as a real one
			names[i], macs[i] = name, floor.CodeMAC(code)
			invitations = append(invitations, invitation{name, code})
		}
		if err := store.Seed(ctx, names, macs, time.Now()); err != nil {
			return nil, err
		}
	}
	return invitations, nil
}

// newFloor seeds an empty database with as many users as the real one has and starts
// the bare server on it.
func newFloor(ctx context.Context, set settings, database string, users int) (*target, error) {
	store, err := floor.Open(ctx, database)
	if err != nil {
		return nil, err
	}
	invitations, err := seedFloor(ctx, store, users, "user")
	if err := errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t := &target{name: "floor", orgID: floor.OrgID, invitations: invitations}
	t.stored = func(ctx context.Context) (int, error) {
		store, err := floor.Open(ctx, database)
		if err != nil {
			return 0, err
		}
		n, err := store.Count(ctx)
		return n, errors.Join(err, store.Close())
	}
	return t, t.launch(ctx, set.work, self, "floor", "--database", database)
}

// rawRate runs this program as the raw store and returns registrations per second.
func rawRate(ctx context.Context, database string, concurrency, n int) (rate float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, "raw", "--database", database, "-c", fmt.Sprint(concurrency), "-n", fmt.Sprint(n))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("raw store: %w", err)
	}
	return rate, json.Unmarshal(out, &rate)
}
