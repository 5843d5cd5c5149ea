package main

import (
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// collectAt is how much the heap grows before it is collected, in percent. The heap is small,
	// so the half of collecting that this saves costs some ten megabytes.
	collectAt = 200
	// heapShare is the share of the container's memory that Go may use. The rest is for SQLite's
	// caches and the program itself.
	heapShare = 0.75
)

// tuneMemory trades memory for time, as far as the container has memory. What the operator says in
// GOGC and GOMEMLIMIT goes first.
func tuneMemory(log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if _, err := memlimit.Set(memlimit.WithRatio(heapShare)); err != nil {
		log.Debug("the container's memory limit is not known", "error", err)
	}
}
