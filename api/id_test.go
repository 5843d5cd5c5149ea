package api_test

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
)

func TestFirstIDIsTheSmallestOfItsTime(t *testing.T) {
	now := time.UnixMilli(1_795_000_000_123)
	first := api.FirstID(api.PrefixAction, now)
	if !api.ValidID(api.PrefixAction, first) {
		t.Fatalf("%s is not an id", first)
	}
	for range 1000 {
		if id := api.NewID(api.PrefixAction, now); id < first {
			t.Fatalf("%s comes before %s", id, first)
		}
		if id := api.NewID(api.PrefixAction, now.Add(-time.Millisecond)); id >= first {
			t.Fatalf("%s of the millisecond before does not come before %s", id, first)
		}
	}
}

func TestIDsOfAMillisecondSortInTheirOrder(t *testing.T) {
	now := time.UnixMilli(4_000_000_000_123) // later than that of any other test
	var ids []string
	for range 2000 {
		ids = append(ids, api.NewID(api.PrefixEvent, now))
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != 2000 {
		t.Error("they do not sort in the order they were made, or one came twice")
	}
	for range 10_000 { // more than the counter has
		ids = append(ids, api.NewID(api.PrefixEvent, now))
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 12_000 {
		t.Error("one came twice")
	}
	if next := api.NewID(api.PrefixEvent, now.Add(time.Millisecond)); next <= ids[len(ids)-1] {
		t.Errorf("%s of the next millisecond does not come after", next)
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
