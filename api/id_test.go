package api_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/api"
)

func TestFirstIDComesBeforeAllOfItsTime(t *testing.T) {
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
