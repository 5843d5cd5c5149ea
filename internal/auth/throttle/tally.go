package throttle

import (
	"net/netip"
	"sync"
	"time"
)

// maxCounted bounds the memory: in one window, no more keys are counted.
const maxCounted = 100_000

// tally counts by key on this node. Each window begins at zero.
type tally struct {
	mu     sync.Mutex
	until  time.Time
	counts map[string]int
}

// count counts a key and returns how long it must wait: zero unless it has more than limit in the
// window.
func (t *tally) count(key string, limit int, window time.Duration, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !now.Before(t.until) {
		t.until, t.counts = now.Add(window), map[string]int{}
	}
	if _, known := t.counts[key]; !known && len(t.counts) >= maxCounted {
		return 0
	}
	t.counts[key]++
	if t.counts[key] <= limit {
		return 0
	}
	return t.until.Sub(now)
}

// uncount takes one count of a key back.
func (t *tally) uncount(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts[key] > 0 {
		t.counts[key]--
	}
}

// network returns the network that an address is counted by: itself, or its /64 of IPv6, the smallest
// that a provider assigns. It is "" for what is no address.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	bits := 32
	if ip = ip.Unmap(); ip.Is6() {
		bits = 64
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}
