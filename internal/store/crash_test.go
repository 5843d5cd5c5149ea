package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// crashURL makes the test program run as the process that will be killed.
const crashURL = "COUNTERSIGN_STORE_CRASH_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(crashURL); url != "" {
		if err := registerUntilKilled(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// registerUntilKilled invites and registers users from 32 goroutines and prints the id of each
// once its registration has committed.
func registerUntilKilled(url string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	organisations, err := db.Organisations(ctx)
	if err != nil {
		return err
	}
	o := organisations[0]
	failed := make(chan error)
	for range 32 {
		go func() {
			for {
				u := newUser(o, api.NewID(api.PrefixUser, epoch))
				c := newCode(u)
				err := try(db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate); tx.IssueCode(c) })
				if err == nil {
					err = try(db, func(tx *store.Tx) { register(tx, u, c, newCredential(u, c)) })
				}
				if err != nil {
					failed <- err
				}
				os.Stdout.WriteString(u.ID + "\n") // one write: a line is whole or absent
			}
		}()
	}
	return <-failed
}

func TestKilledProcessLosesNothingAnswered(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		o := newOrganisation()
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(o) })
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		var answered []string
		for range 5 {
			answered = append(answered, killAfter(t, url, 50*time.Millisecond+rand.N(250*time.Millisecond))...)
			checkNothingLost(t, url, o, answered)
		}
		if len(answered) < 50 {
			t.Fatalf("only %d registrations were answered: nothing was tested", len(answered))
		}
		t.Logf("%d registrations were answered, all are there", len(answered))
	})
}

// killAfter runs a process that registers users, kills it some time after it printed its first
// id, and returns the ids that it printed.
func killAfter(t *testing.T, url string, after time.Duration) (answered []string) {
	t.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), crashURL+"="+url)
	var failure strings.Builder
	process.Stderr = &failure
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	var kill sync.Once
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		answered = append(answered, lines.Text())
		kill.Do(func() { time.AfterFunc(after, func() { process.Process.Kill() }) })
	}
	process.Wait()
	if failure.Len() > 0 {
		t.Fatalf("the process failed before it was killed: %s", &failure)
	}
	return answered
}

func checkNothingLost(t *testing.T, url string, o store.Organisation, answered []string) {
	t.Helper()
	db, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		t.Fatalf("open after the crash: %v", err)
	}
	defer db.Close()
	registered := map[string]bool{}
	for after := ""; ; {
		page := must[[]store.UserSummary](t)(db.Users(context.Background(), o.ID, after, 0))
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1].ID
		for _, u := range page {
			done := !u.RegisteredAt.IsZero()
			registered[u.ID] = done
			spent := u.LatestCode.State(epoch) == store.StateCompleted
			if done != spent || done != (u.Credentials == 1) {
				t.Errorf("half a registration: registered %v, code spent %v, %d credentials", done, spent, u.Credentials)
			}
		}
	}
	for _, id := range answered {
		if !registered[id] {
			t.Errorf("%s was answered and is lost", id)
		}
	}
}
