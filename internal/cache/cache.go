// Package cache remembers values that were read or verified recently, in bounded space.
package cache

import (
	"sync"
	"time"
)

// Cache remembers values by key. It has two generations: a value that is read moves to the
// young one. When that is full it becomes the old one, and the former old one is dropped.
// Cache is safe for concurrent use.
type Cache[V any] struct {
	size     int           // greatest number of values in a generation
	lifetime time.Duration // of a value; 0: until it is dropped

	mu         sync.RWMutex
	young, old map[string]entry[V]
	clears     uint64 // how often Clear was called
}

type entry[V any] struct {
	value V
	read  time.Time
}

// New returns a cache of at most twice size values. It returns no value for longer than
// lifetime, unless that is 0.
func New[V any](size int, lifetime time.Duration) *Cache[V] {
	return &Cache[V]{size: size, lifetime: lifetime}
}

// Get returns the value of key. If the cache has none, it calls load and remembers the value
// unless load fails. The lifetime of the value begins before load. If Clear is called
// meanwhile, the value is not remembered.
func (c *Cache[V]) Get(key string, load func() (V, error)) (V, error) {
	c.mu.RLock()
	e, found := c.young[key]
	c.mu.RUnlock()
	if found && c.alive(e) {
		return e.value, nil
	}
	return c.renew(key, load)
}

// renew finds the value of a key in the old generation or loads it.
func (c *Cache[V]) renew(key string, load func() (V, error)) (V, error) {
	c.mu.RLock()
	e, found := c.old[key]
	clears := c.clears
	c.mu.RUnlock()
	if !found || !c.alive(e) {
		begun := time.Now()
		v, err := load()
		if err != nil {
			return v, err
		}
		e = entry[V]{v, begun}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if clears == c.clears {
		c.put(key, e)
	}
	return e.value, nil
}

func (c *Cache[V]) alive(e entry[V]) bool {
	return c.lifetime == 0 || time.Since(e.read) < c.lifetime
}

// Put remembers a value.
func (c *Cache[V]) Put(key string, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(key, entry[V]{v, time.Now()})
}

// Clear forgets everything.
func (c *Cache[V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clears++
	c.young, c.old = nil, nil
}

// put adds an entry to the young generation. The caller holds mu.
func (c *Cache[V]) put(key string, e entry[V]) {
	if len(c.young) >= c.size || c.young == nil {
		c.old, c.young = c.young, make(map[string]entry[V])
	}
	c.young[key] = e
}
