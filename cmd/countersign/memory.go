package main

import (
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// A heap of up to smallHeap bytes is collected when it has grown by collectSmall percent, not
	// by Go's own 100. That halves the work of collecting and costs some ten megabytes. A larger
	// one, as when thousands of clients are connected, is collected as Go does.
	collectSmall = 200
	collectLarge = 100
	smallHeap    = 48 << 20

	// heapShare is the share of the container's memory that Go may use. The rest is for SQLite's
	// caches and the program itself.
	heapShare = 0.75
)

// tuneMemory trades memory for time, as far as the container has memory. What the operator says in
// GOGC and GOMEMLIMIT goes first.
func tuneMemory(log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		percent := collectSmall
		debug.SetGCPercent(percent)
		afterCollections(func(live uint64) {
			want := collectSmall
			if live > smallHeap {
				want = collectLarge
			}
			if want != percent {
				percent = want
				debug.SetGCPercent(percent)
			}
		})
	}
	if _, err := memlimit.Set(memlimit.WithRatio(heapShare)); err != nil {
		log.Debug("the container's memory limit is not known", "error", err)
	}
}

// afterCollections calls do after each collection with the size of what it left on the heap, one
// call at a time.
func afterCollections(do func(live uint64)) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var watch func(*[16]byte)
	watch = func(*[16]byte) {
		metrics.Read(sample)
		do(sample[0].Value.Uint64())
		runtime.SetFinalizer(new([16]byte), watch)
	}
	runtime.SetFinalizer(new([16]byte), watch)
}
