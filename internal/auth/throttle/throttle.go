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

// Limit says what is limited, and how often it may be done in a window: PerName times for a name,
// PerAddress times by an address and PerOrganisation times for the names of an organisation.
type Limit struct {
	Name            string // part of the keys in the store; under a new one all counts begin at zero
	PerName         int
	PerAddress      int
	PerOrganisation int
	Window          time.Duration

	Rule    string // what is counted, as refusals call it: "wrong login codes"
	Message string // for the client that is over the limit
}

// Counter counts what one Limit limits.
type Counter struct {
	Limit
	ring          *keyring.Ring
	addresses     tally
	organisations tally
}

// New returns a counter. The ring has the key that its keys in the store are derived from.
func New(ring *keyring.Ring, l Limit) *Counter { return &Counter{Limit: l, ring: ring} }

// Key returns the key under which the store counts a name of an organisation, whether or not
// there is such a user.
func (c *Counter) Key(orgID, name string) []byte {
	return c.ring.MAC(keyring.Throttle, c.Name, orgID, username.Key(name))
}

// CheckName refuses a name that was counted too often. The store has its count by its key.
func (c *Counter) CheckName(count int64, resetsAt, now time.Time) error {
	if count < int64(c.PerName) || !now.Before(resetsAt) {
		return nil
	}
	return c.tooMany("for this name", c.PerName, resetsAt.Sub(now))
}

// CountAddress counts an address and refuses it over the limit. IPv6 clients are counted by /64.
func (c *Counter) CountAddress(address string, now time.Time) error {
	from := network(address)
	if from == "" {
		return nil
	}
	if wait := c.addresses.count(from, c.PerAddress, c.Window, now); wait > 0 {
		return c.tooMany("from this address", c.PerAddress, wait)
	}
	return nil
}

// CountOrganisation counts an organisation and refuses it over the limit. All that do not exist are
// one: "".
func (c *Counter) CountOrganisation(orgID string, now time.Time) error {
	if wait := c.organisations.count(orgID, c.PerOrganisation, c.Window, now); wait > 0 {
		return c.tooMany("for this organisation", c.PerOrganisation, wait)
	}
	return nil
}

// CountName counts the name of a key.
func (c *Counter) CountName(tx *store.Tx, key []byte, now time.Time) { tx.Hit(key, now, c.Window) }

// CountWithin counts the name of a key, and makes the unit fail with over if it is over the limit.
func (c *Counter) CountWithin(tx *store.Tx, key []byte, now time.Time, over error) {
	tx.HitWithin(key, now, c.Window, c.PerName, over)
}

// CountWrong counts a wrong try by its address, by its organisation ("" if that does not exist) and for
// the name of the key. A try over the limit of its address or organisation is refused and not stored:
// each name is a row, and invented names from however many addresses must not fill the disk.
func (c *Counter) CountWrong(ctx context.Context, db *store.DB, orgID string, key []byte, address string, now time.Time) error {
	if err := c.CountAddress(address, now); err != nil {
		return err
	}
	if err := c.CountOrganisation(orgID, now); err != nil {
		return err
	}
	return db.Write(ctx, func(tx *store.Tx) error { c.CountName(tx, key, now); return nil })
}

// Try counts a try for the name of a key before it is made, and refuses it over the limit: however many are
// made at once, no more are made than one after the other. Forget takes it back.
func (c *Counter) Try(ctx context.Context, db *store.DB, key []byte, now time.Time) error {
	count, resetsAt, err := db.Throttled(ctx, key)
	if err != nil {
		return err
	}
	if err := c.CheckName(count, resetsAt, now); err != nil {
		return err
	}
	over := c.tooMany("for this name", c.PerName, c.Window)
	return db.Write(ctx, func(tx *store.Tx) error { c.CountWithin(tx, key, now, over); return nil })
}

// Forget makes the count of keys begin at zero again.
func (c *Counter) Forget(ctx context.Context, db *store.DB, keys ...[]byte) error {
	return db.Write(ctx, func(tx *store.Tx) error {
		for _, key := range keys {
			tx.ClearThrottle(key)
		}
		return nil
	})
}

// ForgetAddress takes back what CountAddress and CountOrganisation counted.
func (c *Counter) ForgetAddress(address, orgID string) {
	c.addresses.uncount(network(address))
	c.organisations.uncount(orgID)
}

// Clear adds to the unit that the count of a name begins at zero again.
func (c *Counter) Clear(tx *store.Tx, orgID, name string) { tx.ClearThrottle(c.Key(orgID, name)) }

func (c *Counter) tooMany(whose string, limit int, wait time.Duration) error {
	return &api.Error{Kind: api.TooManyRequests, Code: "too_many_tries",
		Message:    c.Message,
		Details:    map[string]any{"retryAfterSeconds": int((wait + time.Second - 1) / time.Second)},
		RetryAfter: wait,
		Rule:       "limit on " + c.Rule + " " + whose,
		Received:   "more than " + strconv.Itoa(limit) + " in " + c.Window.String()}
}
