package throttle

import (
	"net/netip"
	"sync"
	"time"
)

// maxAddresses bounds the memory: in one window, no more addresses are counted.
const maxAddresses = 100_000

// addresses counts by client address on this node. Each window begins at zero.
type addresses struct {
	mu     sync.Mutex
	until  time.Time
	counts map[netip.Prefix]int
}

// count counts an address and returns how long it must wait: zero unless it has more than limit
// in the window.
func (a *addresses) count(address string, limit int, window time.Duration, now time.Time) time.Duration {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return 0
	}
	bits := 32
	if ip = ip.Unmap(); ip.Is6() {
		bits = 64
	}
	network, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !now.Before(a.until) {
		a.until, a.counts = now.Add(window), map[netip.Prefix]int{}
	}
	if _, known := a.counts[network]; !known && len(a.counts) >= maxAddresses {
		return 0
	}
	a.counts[network]++
	if a.counts[network] <= limit {
		return 0
	}
	return a.until.Sub(now)
}
