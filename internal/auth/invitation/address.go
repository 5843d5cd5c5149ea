package invitation

import (
	"net/netip"
	"sync"
	"time"
)

// AddressCounts counts by client address on this node. Memory is bounded: at most
// maxAddresses are remembered, and all are forgotten with each window.
type AddressCounts struct {
	mu     sync.Mutex
	until  time.Time
	counts map[netip.Prefix]int
}

const (
	maxAddresses  = 100_000
	addressWindow = 15 * time.Minute
)

// Count adds one of an address and returns how long it must wait once it has more than
// limit in the window, zero if it need not. IPv6 clients are counted by /64, the
// smallest network one is given.
func (w *AddressCounts) Count(address string, limit int, now time.Time) time.Duration {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return 0
	}
	bits := 32
	if a = a.Unmap(); a.Is6() {
		bits = 64
	}
	network, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !now.Before(w.until) {
		w.until, w.counts = now.Add(addressWindow), map[netip.Prefix]int{}
	}
	if _, known := w.counts[network]; !known && len(w.counts) >= maxAddresses {
		return 0
	}
	w.counts[network]++
	if w.counts[network] <= limit {
		return 0
	}
	return w.until.Sub(now)
}
