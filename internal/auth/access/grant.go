package access

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

var (
	// ErrArchived refuses to assign or change an archived permission.
	ErrArchived = &api.Error{Kind: api.Invalid, Code: "permission_archived", Message: "This permission is archived."}

	// ErrChanged refuses to assign a permission that was changed at the same moment.
	ErrChanged = &api.Error{Kind: api.Conflict, Code: "permission_changed",
		Message: "The permission was changed at the same moment; please try again."}

	// ErrLastAdministrator refuses what would leave an organisation without an administrator.
	ErrLastAdministrator = &api.Error{Kind: api.Conflict, Code: "last_administrator",
		Message: "This is the organisation's last administrator; make somebody else one first.",
		Rule:    "an organisation keeps an administrator who is active and registered"}
)

// Holds refuses a caller who may not do all of the operations now, and makes the unit fail unless
// they still may when it is written. It is for callers who give the operations to others; right is
// the operation that lets them.
func (c *Checker) Holds(ctx context.Context, tx *store.Tx, who api.Caller, right string, operations []string) error {
	return c.demand(ctx, tx, who, gift{rights: []string{right}, operations: operations})
}

// Grant returns a permission of the caller's organisation that they give to somebody. It refuses one
// that allows more than they may do, and who may not do all of rights. The unit fails unless that
// still holds when it is written: nobody gives what was revoked meanwhile. The assignment must name
// the version that was read, so that nobody is given more than was checked.
func (c *Checker) Grant(ctx context.Context, tx *store.Tx, who api.Caller, permissionID string, rights ...string) (store.Permission, error) {
	p, err := c.db.Permission(ctx, who.OrgID, permissionID)
	if err == nil && p.Archived() {
		err = api.About(ErrArchived, who.Subject())
	}
	if err != nil {
		return p, err
	}
	return p, c.demand(ctx, tx, who, giftOf(p, rights...))
}

// Copy returns all that a person has now, for a token of theirs. The unit fails unless they still
// have it, and the right to create the token, when it is written.
func (c *Checker) Copy(ctx context.Context, tx *store.Tx, who api.Caller, right string) ([]store.HeldPermission, error) {
	held, err := c.db.Held(ctx, who.UserID, "")
	if err != nil {
		return nil, err
	}
	for _, h := range held {
		tx.StillHeld(h, errOutdated)
	}
	return held, c.demand(ctx, tx, who, gift{rights: []string{right}})
}

// gift is what a caller must hold to give it: rights to give at all, and operations or everything.
type gift struct {
	rights, operations []string
	everything         bool
}

func giftOf(p store.Permission, rights ...string) gift {
	if p.Managed == store.ManagedAdministrator {
		return gift{rights: rights, everything: true}
	}
	return gift{rights: rights, operations: p.Operations}
}

const ruleGrant = "nobody gives what they do not hold"

// errOutdated fails a unit whose giver lost something that the gift depends on. The operation runs
// again, and is refused for what is missing.
var errOutdated = &store.Outdated{Err: ErrChanged}

// demand refuses a gift of what the caller does not hold, and adds to the unit that they hold it
// still. The decision is the statement's; the refusal before it says what is missing.
func (c *Checker) demand(ctx context.Context, tx *store.Tx, who api.Caller, g gift) error {
	held, err := c.db.Held(ctx, who.UserID, who.TokenID)
	if err != nil {
		return err
	}
	rights := rightsOf(who, held)
	if missing := rights.Missing(g.rights); missing != "" {
		return who.Refused(missing, "permission of the operation", "a caller without it")
	}
	if g.everything && !rights.Everything() {
		return who.Refused("Permissions:Assign", ruleGrant, "less than everything")
	}
	if missing := rights.Missing(g.operations); missing != "" {
		return who.Refused(missing, ruleGrant, "a caller without it")
	}
	tokenID := ""
	if who.Kind == api.CallerPersonalToken {
		tokenID = who.TokenID
	}
	tx.StillGives(who.UserID, tokenID, errOutdated)
	for _, h := range g.basis(held, who.UserID) {
		tx.StillHeld(h, errOutdated)
	}
	if tokenID != "" {
		for _, h := range g.basis(held, tokenID) {
			tx.StillHeld(h, errOutdated)
		}
	}
	return nil
}

// basis returns permissions of an identity that together allow all that the gift takes.
func (g gift) basis(held []store.HeldPermission, identityID string) (some []store.HeldPermission) {
	held = slices.DeleteFunc(slices.Clone(held), func(h store.HeldPermission) bool { return h.IdentityID != identityID })
	for _, h := range held {
		if h.Managed == store.ManagedAdministrator {
			return []store.HeldPermission{h}
		}
	}
	allowed := Rights{operations: map[string]bool{}}
	for _, o := range slices.Concat(g.rights, g.operations) {
		if allowed.Hold(o) {
			continue
		}
		for _, h := range held {
			if one := sum([]store.HeldPermission{h}, identityID); one.Hold(o) {
				maps.Copy(allowed.operations, one.operations)
				some = append(some, h)
				break
			}
		}
	}
	return some
}

// MayActAs refuses a caller who could act as a user but may not grant all of the user's
// permissions, archived ones included, now and when the unit is written. What end users have by
// default does not count.
func (c *Checker) MayActAs(ctx context.Context, tx *store.Tx, who api.Caller, userID string) error {
	assigned, err := c.db.Assigned(ctx, userID)
	if err != nil {
		return err
	}
	for _, p := range assigned {
		if p.Managed == store.ManagedEndUser {
			continue
		}
		if err := c.demand(ctx, tx, who, giftOf(p.Permission)); err != nil {
			return err
		}
	}
	return nil
}

// Held is a permission as an identity will hold it once it is assigned.
func Held(p store.Permission, identityID string, now time.Time) store.HeldPermission {
	return store.HeldPermission{Permission: p, AssignmentID: api.NewID(api.PrefixAssignment, now), IdentityID: identityID}
}

// Assign adds to the unit the assignments of a new identity, which Grant or Copy allowed, and
// their events. userID is the user behind the identity, "" if there is none. The unit fails with
// ErrChanged if a permission was changed since it was read.
func Assign(tx *store.Tx, who api.Caller, held []store.HeldPermission, userID string, now time.Time) {
	for _, h := range held {
		a := store.Assignment{ID: h.AssignmentID, OrgID: who.OrgID, PermissionID: h.ID, IdentityID: h.IdentityID, CreatedAt: now}
		tx.Assign(a, h.Version, ErrChanged, ErrChanged)
		tx.Record(Assigned(who, h.Permission, a, userID))
	}
}

// Assigned is the event of an assignment. userID is as for Assign.
func Assigned(who api.Caller, p store.Permission, a store.Assignment, userID string) store.Event {
	return assignmentEvent(store.EventPermissionAssigned, who, p, a, userID, a.CreatedAt)
}

// Revoked is the event that an assignment was revoked.
func Revoked(who api.Caller, p store.Permission, a store.Assignment, userID string, now time.Time) store.Event {
	return assignmentEvent(store.EventPermissionRevoked, who, p, a, userID, now)
}

func assignmentEvent(kind string, who api.Caller, p store.Permission, a store.Assignment, userID string, now time.Time) store.Event {
	e := store.NewEvent(who, kind, now, map[string]any{"permissionId": p.ID, "name": p.Name, "assignmentId": a.ID, "identityId": a.IdentityID})
	e.UserID = userID
	return e
}

// Summaries shows held permissions as the wire has them.
func Summaries(held []store.HeldPermission) []api.PermissionAssignmentSummary {
	all := make([]api.PermissionAssignmentSummary, 0, len(held))
	for _, p := range held {
		all = append(all, api.PermissionAssignmentSummary{PermissionName: p.Name, PermissionID: p.ID, AssignmentID: p.AssignmentID})
	}
	return all
}
