// Package access says what a caller may do: the operations of the permissions that are
// assigned to them. The route table says which operation a route needs; the permission service
// changes permissions.
package access

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/cache"
	"github.com/countersign/countersign/internal/store"
)

// MaxAge is how old the rights may be that Of returns. A permission that is revoked on another
// node is gone after this at the latest.
const MaxAge = 500 * time.Millisecond

// maxCallers is how many callers' rights the cache holds; at most it holds twice as many.
const maxCallers = 4096

// Checker knows what callers may do. Make one with New.
type Checker struct {
	db     *store.DB
	rights *cache.Cache[Rights] // by identity
}

// New returns the checker of a store. It uses the real clock, which decides how old cached
// rights may be.
func New(db *store.DB) *Checker {
	return &Checker{db: db, rights: cache.New[Rights](maxCallers, MaxAge)}
}

// Rights are the operations that somebody may do.
type Rights struct {
	all        bool
	operations map[string]bool // by the canonical name of each
}

// Hold reports whether an operation, by any of its names, is among the rights. An unknown name
// never is.
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

// Everything reports whether the rights include every operation, future ones too.
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

// Of returns what a caller may do, as it was at most MaxAge ago.
func (c *Checker) Of(ctx context.Context, who api.Caller) (Rights, error) {
	return c.rights.Get(identity(who), func() (Rights, error) { return c.Fresh(ctx, who) })
}

// Fresh returns what a caller may do now. It is for callers who give rights to others.
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

// Changed clears the cache, so that a change of permissions holds at once on this node.
func (c *Checker) Changed() { c.rights.Clear() }

// identity is the key that rights are cached by. A token has an identity of its own.
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

// intersection is what a personal access token may do: what the token and its person both may.
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
