package api_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
)

func TestFirstIDIsTheSmallestOfItsTime(t *testing.T) {
	now := time.UnixMilli(1_795_000_000_123)
	before := api.NewID(api.PrefixAction, now.Add(-time.Millisecond))
	first := api.FirstID(api.PrefixAction, now)
	if !api.ValidID(api.PrefixAction, first) {
		t.Fatalf("%s is not an id", first)
	}
	if before >= first {
		t.Errorf("%s of the millisecond before does not come before %s", before, first)
	}
	for range 1000 {
		if id := api.NewID(api.PrefixAction, now); id < first {
			t.Fatalf("%s comes before %s", id, first)
		}
	}
}

// A whole file of people is invited with one time: their ids stay in order, whatever else is
// made at the same time, and those of the next milliseconds come after.
func TestIDsSortInTheirOrder(t *testing.T) {
	now := time.UnixMilli(4_000_000_000_123) // later than that of any other test
	last := ""
	for i := range 50_000 {
		at := now
		switch {
		case i > 40_000:
			at = now.Add(time.Duration(i) * 100 * time.Microsecond) // the clock catches up and passes
		case i%1000 == 7:
			at = now.Add(-9 * time.Second) // a clock that was read a moment ago, or set back a little
		}
		id := api.NewID(api.PrefixEvent, at)
		if id <= last {
			t.Fatalf("%d: %s after %s", i, id, last)
		}
		if !api.ValidID(api.PrefixEvent, id) {
			t.Fatalf("%s is not an id", id)
		}
		last = id
	}
	back := now.Add(-time.Hour)
	if id := api.NewID(api.PrefixEvent, back); id < api.FirstID(api.PrefixEvent, back) || id >= api.FirstID(api.PrefixEvent, back.Add(time.Millisecond)) {
		t.Errorf("%s is not of the time to which the clock was set back", id)
	}
}

func TestIDsOfManyGoroutines(t *testing.T) {
	now := time.UnixMilli(3_900_000_000_123)
	each := make([][]string, 8)
	var all sync.WaitGroup
	for g := range each {
		all.Go(func() {
			for range 5000 {
				each[g] = append(each[g], api.NewID(api.PrefixUser, now))
			}
		})
	}
	all.Wait()
	var ids []string
	for g := range each {
		if !slices.IsSorted(each[g]) {
			t.Errorf("those of goroutine %d do not sort in the order they were made", g)
		}
		ids = append(ids, each[g]...)
	}
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 40_000 {
		t.Errorf("%d of 40,000 differ", n)
	}
}

func BenchmarkNewID(b *testing.B) {
	now := time.Now()
	for b.Loop() {
		api.NewID(api.PrefixUser, now)
	}
}

func TestManagedPermissionsHaveIDsOfTheirOwn(t *testing.T) {
	org := api.NewID(api.PrefixOrganization, time.Now())
	a, e := api.AdministratorPermissionID(org), api.EndUserPermissionID(org)
	if a == e || !api.ValidID(api.PrefixPermission, a) || !api.ValidID(api.PrefixPermission, e) {
		t.Errorf("%s and %s", a, e)
	}
	for range 1000 {
		if id := api.NewID(api.PrefixPermission, time.Now()); id[len(id)-1] == 'v' {
			t.Fatalf("%s may be taken for an end user's permission", id)
		}
	}
}
