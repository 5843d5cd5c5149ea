package main

import (
	"runtime"
	"testing"
	"time"
)

// After each collection the size of the heap is told, with what is kept.
func TestAfterCollections(t *testing.T) {
	told := make(chan uint64, 100)
	afterCollections(func(live uint64) { told <- live })
	next := func() uint64 {
		t.Helper()
		for range 50 {
			runtime.GC()
			select {
			case live := <-told:
				return live
			case <-time.After(100 * time.Millisecond):
			}
		}
		t.Fatal("nothing was told of a collection")
		return 0
	}
	before := next()
	kept := make([]byte, 64<<20)
	var after uint64
	for range 3 { // one may have been told before kept was made
		after = next()
	}
	if after < before+60<<20 {
		t.Errorf("%d bytes are live after 64 MiB were kept beside %d", after, before)
	}
	runtime.KeepAlive(kept)
}
