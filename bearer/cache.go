package bearer

import "sync"

// generation is how many tokens are remembered, twice at most. With tokens of about
// 700 bytes that bounds a cache to some six megabytes.
const generation = 4096

// cache remembers tokens whose signature was verified, or made, here: verifying one costs
// more than all else that a read does. It has two generations: what is used moves to the
// young one, and when that is full the old one is dropped. Times and states are not
// remembered; they are judged at each use.
type cache[V any] struct {
	mu         sync.RWMutex
	young, old map[string]V
}

func (c *cache[V]) get(token string) (V, bool) {
	c.mu.RLock()
	v, young := c.young[token]
	if young {
		c.mu.RUnlock()
		return v, true
	}
	v, old := c.old[token]
	c.mu.RUnlock()
	if old {
		c.put(token, v)
	}
	return v, old
}

func (c *cache[V]) put(token string, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= generation || c.young == nil {
		c.old, c.young = c.young, make(map[string]V)
	}
	c.young[token] = v
}
