package throttle

import (
	"context"
	"strconv"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Limit says what is limited, and to how much. A name is closed once it was counted PerName
// times, until its window is over; an address may do it PerAddress times in a window.
type Limit struct {
	Name       string // names the counts in the store; a new name begins them all anew
	PerName    int
	PerAddress int
	Window     time.Duration

	Rule    string // what is counted, as refusals call it: "wrong login codes"
	Message string // what who is over the limit is told
}

// Counter counts what is done under one limit.
type Counter struct {
	Limit
	ring      *keyring.Ring
	addresses addresses
}

// New returns a counter whose keys in the store are made under the ring's.
func New(ring *keyring.Ring, l Limit) *Counter { return &Counter{Limit: l, ring: ring} }

// Key is the key under which the store counts a name of an organisation, whether or not
// there is such a user.
func (c *Counter) Key(orgID, name string) []byte {
	return c.ring.MAC(keyring.Throttle, c.Name, orgID, username.Key(name))
}

// CheckName refuses a name that was counted too often, as read from the store by its key.
func (c *Counter) CheckName(count int64, resetsAt, now time.Time) error {
	if count < int64(c.PerName) || !now.Before(resetsAt) {
		return nil
	}
	return c.tooMany("for this name", c.PerName, resetsAt.Sub(now))
}

// CountAddress counts an address and refuses it once it has more than its share. IPv6
// clients are counted by /64, the smallest network that one is given.
func (c *Counter) CountAddress(address string, now time.Time) error {
	if wait := c.addresses.count(address, c.PerAddress, c.Window, now); wait > 0 {
		return c.tooMany("from this address", c.PerAddress, wait)
	}
	return nil
}

// CountName counts the name of a key.
func (c *Counter) CountName(tx *store.Tx, key []byte, now time.Time) { tx.Hit(key, now, c.Window) }

// CountWrong counts a wrong try, by its address and for the name of the key. What an
// address over its limit tries is refused and not written down: each name is a row, and
// whoever makes names up must not fill the disk.
func (c *Counter) CountWrong(ctx context.Context, db *store.DB, key []byte, address string, now time.Time) error {
	if err := c.CountAddress(address, now); err != nil {
		return err
	}
	return db.Write(ctx, func(tx *store.Tx) error { c.CountName(tx, key, now); return nil })
}

// Clear forgets what was counted for a name.
func (c *Counter) Clear(tx *store.Tx, orgID, name string) { tx.ClearThrottle(c.Key(orgID, name)) }

func (c *Counter) tooMany(whose string, limit int, wait time.Duration) error {
	return &api.Error{Kind: api.TooManyRequests, Code: "too_many_tries",
		Message:    c.Message,
		Details:    map[string]any{"retryAfterSeconds": int((wait + time.Second - 1) / time.Second)},
		RetryAfter: wait,
		Rule:       "limit on " + c.Rule + " " + whose,
		Received:   "more than " + strconv.Itoa(limit) + " in " + c.Window.String()}
}
