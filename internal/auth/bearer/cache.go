package bearer

import "sync"

// How many tokens of a kind are remembered, twice at most. A session's is read again and
// again and takes about a kilobyte; an action's is read once, soon after it was made, and
// takes two.
const (
	manySessions = 4096
	someActions  = 512
)

// cache remembers tokens whose signature was verified, or made, here: verifying one costs
// more than all else that a read does. It has two generations: what is used moves to the
// young one, and when that is full the old one is dropped. Times and states are not
// remembered; they are judged at each use.
type cache[V any] struct {
	generation int
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
	if len(c.young) >= c.generation || c.young == nil {
		c.old, c.young = c.young, make(map[string]V)
	}
	c.young[token] = v
}
