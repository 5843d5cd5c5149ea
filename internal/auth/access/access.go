// Package access says what a caller may do: the operations of the permissions that are
// assigned to them. Which operation a route needs is in the table of routes; permissions are
// changed by the permission service.
package access

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/cache"
	"github.com/countersign/countersign/internal/store"
)

// Remembered is how long rights that were read may be taken for those in force. A
// permission that is revoked on another node is gone no later than this.
const MaxAge = 500 * time.Millisecond

// most is how many callers' rights are remembered, twice at most.
const maxCallers = 4096

// Checker knows what callers may do. Make one with New.
type Checker struct {
	db     *store.DB
	rights *cache.Cache[Rights] // by identity
}

// New returns the checker of a store. It tells time by the real clock: that decides how old
// what is remembered may be.
func New(db *store.DB) *Checker {
	return &Checker{db: db, rights: cache.New[Rights](maxCallers, MaxAge)}
}

// Rights are the operations that somebody may do.
type Rights struct {
	all        bool
	operations map[string]bool // by the one name of each
}

// Hold reports whether an operation is among the rights, by whichever of its names. A name
// that is none is among nobody's.
func (r Rights) Hold(operation string) bool {
	one, known := api.Operation(operation)
	return known && (r.all || r.operations[one])
}

// Missing returns the first of the operations that is not among the rights, "" if all are.
func (r Rights) Missing(operations []string) string {
	for _, o := range operations {
		if !r.Hold(o) {
			return o
		}
	}
	return ""
}

// Everything reports whether the rights are those to do everything, future operations
// included.
func (r Rights) Everything() bool { return r.all }

// Operations lists the rights by name, in the order of the contract.
func (r Rights) Operations() []string {
	names := []string{}
	for _, o := range api.Operations {
		if r.Hold(o) {
			names = append(names, o)
		}
	}
	return names
}

// Of returns what a caller may do, as it was at most Remembered ago.
func (c *Checker) Of(ctx context.Context, who api.Caller) (Rights, error) {
	return c.rights.Get(identity(who), func() (Rights, error) { return c.Fresh(ctx, who) })
}

// Fresh returns what a caller may do now. It is for who gives rights to others.
func (c *Checker) Fresh(ctx context.Context, who api.Caller) (Rights, error) {
	held, err := c.db.Held(ctx, who.UserID, who.TokenID)
	if err != nil {
		return Rights{}, err
	}
	if who.Kind == api.CallerPersonalToken {
		return intersection(sum(held, who.UserID), sum(held, who.TokenID)), nil
	}
	return sum(held, who.UserID), nil
}

// Changed forgets what was remembered: on this node a change of permissions holds at once.
func (c *Checker) Changed() { c.rights.Clear() }

// identity is what rights are remembered by. A token has an identity of its own.
func identity(who api.Caller) string {
	if who.Kind == api.CallerPersonalToken {
		return who.TokenID
	}
	return who.UserID
}

func sum(held []store.HeldPermission, identityID string) (r Rights) {
	r.operations = map[string]bool{}
	for _, p := range held {
		if p.IdentityID != identityID {
			continue
		}
		r.all = r.all || p.Managed == store.ManagedAdministrator
		for _, o := range p.Operations {
			one, _ := api.Operation(o)
			r.operations[one] = true
		}
	}
	return r
}

// both is what a personal access token may do: what token and person both may.
func intersection(a, b Rights) Rights {
	if a.all {
		return b
	}
	if b.all {
		return a
	}
	r := Rights{operations: map[string]bool{}}
	for o := range a.operations {
		if b.operations[o] {
			r.operations[o] = true
		}
	}
	return r
}
