package throttle_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/throttle"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

const orgID = "or-00000-00000-0000000000000000"

var (
	start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	limit = throttle.Limit{Name: "wrong login codes", PerName: 3, PerAddress: 5, PerOrganisation: 100, Window: 15 * time.Minute,
		Rule: "wrong codes", Message: "Too many wrong codes."}
)

func open(t *testing.T) (*store.DB, *keyring.Ring) {
	t.Helper()
	db, err := store.Open(t.Context(), database.SQLite(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ring, err := keyring.Open(t.Context(), db, nil, start)
	if err != nil {
		t.Fatal(err)
	}
	return db, ring
}

// Counts outlive an upgrade, so the input of their keys is fixed. Each part follows its length in
// eight bytes.
func TestKeysStayTheSame(t *testing.T) {
	_, ring := open(t)
	h := hmac.New(sha256.New, ring.Key(keyring.Throttle))
	h.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x11wrong login codes" +
		"\x00\x00\x00\x00\x00\x00\x00\x1f" + orgID +
		"\x00\x00\x00\x00\x00\x00\x00\x0fada@example.org"))
	if got := throttle.New(ring, limit).Key(orgID, "Ada@Example.org"); !bytes.Equal(got, h.Sum(nil)) {
		t.Errorf("the key is %x, want %x", got, h.Sum(nil))
	}
}

func TestNameIsClosedForTheWindow(t *testing.T) {
	db, ring := open(t)
	c := throttle.New(ring, limit)
	key := c.Key(orgID, "ada")
	check := func(now time.Time) error {
		t.Helper()
		n, resets, err := db.Throttled(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return c.CheckName(n, resets, now)
	}
	for i := range 3 {
		if err := check(start); err != nil {
			t.Fatalf("try %d: %v", i+1, err)
		}
		if err := c.CountWrong(t.Context(), db, orgID, key, fmt.Sprintf("192.0.2.%d", i), start); err != nil {
			t.Fatalf("try %d: %v", i+1, err)
		}
	}
	e := api.AsError(check(start.Add(14*time.Minute + 500*time.Millisecond)))
	if e.Kind != api.TooManyRequests || e.Code != "too_many_tries" || e.Message != limit.Message ||
		e.RetryAfter != 59500*time.Millisecond || e.Details["retryAfterSeconds"] != 60 ||
		e.Rule != "limit on wrong codes for this name" || e.Received != "more than 3 in 15m0s" {
		t.Errorf("the fourth try is refused as %+v", e)
	}
	if err := check(start.Add(15 * time.Minute)); err != nil {
		t.Errorf("after the window: %v", err)
	}
	if err := db.Write(t.Context(), func(tx *store.Tx) error { c.Clear(tx, orgID, "ADA"); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := check(start); err != nil {
		t.Errorf("once the count is cleared: %v", err)
	}
}

// An address over its limit adds no more rows, whatever names it invents.
func TestAddressOverItsLimitWritesNothing(t *testing.T) {
	db, ring := open(t)
	c := throttle.New(ring, limit)
	try := func(name, address string, now time.Time) (int64, error) {
		t.Helper()
		key := c.Key(orgID, name)
		refused := c.CountWrong(context.Background(), db, orgID, key, address, now)
		n, _, err := db.Throttled(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return n, refused
	}
	for i := range 5 {
		if n, err := try(fmt.Sprint("nobody", i), "192.0.2.1", start); n != 1 || err != nil {
			t.Fatalf("try %d: counted %d, %v", i+1, n, err)
		}
	}
	n, err := try("nobody6", "::ffff:192.0.2.1", start.Add(time.Minute))
	if e := api.AsError(err); n != 0 || e.Code != "too_many_tries" || e.RetryAfter != 14*time.Minute ||
		e.Rule != "limit on wrong codes from this address" || e.Received != "more than 5 in 15m0s" {
		t.Errorf("the sixth try of an address was counted %d and refused as %+v", n, e)
	}
	if n, err := try("nobody7", "192.0.2.2", start); n != 1 || err != nil {
		t.Errorf("another address: counted %d, %v", n, err)
	}
	if n, err := try("nobody6", "192.0.2.1", start.Add(15*time.Minute)); n != 1 || err != nil {
		t.Errorf("after the window: counted %d, %v", n, err)
	}
}

// However many addresses try the names of one organisation, rows are bounded, and other organisations
// are not concerned. Organisations that do not exist are one.
func TestOrganisationOverItsLimitWritesNothing(t *testing.T) {
	db, ring := open(t)
	limit := limit
	limit.PerOrganisation = 10
	c := throttle.New(ring, limit)
	try := func(orgID string, i int, now time.Time) (int64, error) {
		t.Helper()
		key := c.Key(orgID, fmt.Sprint("name", i))
		refused := c.CountWrong(t.Context(), db, orgID, key, fmt.Sprintf("192.0.%d.%d", i/250, i%250), now)
		n, _, err := db.Throttled(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return n, refused
	}
	for _, org := range []string{orgID, ""} {
		for i := range 10 {
			if n, err := try(org, i, start); n != 1 || err != nil {
				t.Fatalf("try %d in %q: counted %d, %v", i+1, org, n, err)
			}
		}
		n, err := try(org, 10, start.Add(time.Minute))
		if e := api.AsError(err); n != 0 || e.Code != "too_many_tries" || e.RetryAfter != 14*time.Minute ||
			e.Rule != "limit on wrong codes for this organisation" {
			t.Errorf("the eleventh try in %q was counted %d and refused as %+v", org, n, e)
		}
	}
	if n, err := try("or-another", 11, start); n != 1 || err != nil {
		t.Errorf("another organisation: counted %d, %v", n, err)
	}
	if n, err := try(orgID, 12, start.Add(15*time.Minute)); n != 1 || err != nil {
		t.Errorf("after the window: counted %d, %v", n, err)
	}
}

func TestAddressesAreCountedByNetwork(t *testing.T) {
	_, ring := open(t)
	c := throttle.New(ring, limit)
	for i := range 5 {
		if err := c.CountAddress(fmt.Sprintf("2001:db8:1:2::%d%%eth0", i), start); err != nil {
			t.Fatal(err)
		}
	}
	if c.CountAddress("2001:db8:1:2:ffff::1", start) == nil {
		t.Error("a /64 has more than its share")
	}
	if err := c.CountAddress("2001:db8:1:3::1", start); err != nil {
		t.Errorf("the next /64: %v", err)
	}
	for range 10 {
		if err := c.CountAddress("", start); err != nil {
			t.Errorf("without an address: %v", err)
		}
	}
}

// Two limits do not share their counts.
func TestLimitsCountApart(t *testing.T) {
	_, ring := open(t)
	other := limit
	other.Name = "login codes asked for"
	a, b := throttle.New(ring, limit), throttle.New(ring, other)
	if bytes.Equal(a.Key(orgID, "ada"), b.Key(orgID, "ada")) {
		t.Error("two limits have the same key")
	}
	for range 6 {
		a.CountAddress("192.0.2.1", start)
	}
	if err := b.CountAddress("192.0.2.1", start); err != nil {
		t.Errorf("an address over another limit: %v", err)
	}
}
