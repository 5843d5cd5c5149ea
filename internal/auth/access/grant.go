package access

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

var (
	// ErrArchived is a permission that is archived: it is neither given nor changed.
	ErrArchived = &api.Error{Kind: api.Invalid, Code: "permission_archived", Message: "This permission is archived."}

	// ErrChanged is a permission that was changed while it was given.
	ErrChanged = &api.Error{Kind: api.Conflict, Code: "permission_changed",
		Message: "The permission was changed at the same moment; please try again."}

	// ErrLastAdministrator is what would leave an organisation without anybody who can
	// administer it.
	ErrLastAdministrator = &api.Error{Kind: api.Conflict, Code: "last_administrator",
		Message: "This is the organisation's last administrator; make somebody else one first.",
		Rule:    "an organisation keeps an administrator who is active and registered"}
)

// Holds refuses, by a fresh read, a caller who may not do all of the operations. It is for
// who gives them to others.
func (c *Checker) Holds(ctx context.Context, who api.Caller, operations []string) error {
	rights, err := c.Fresh(ctx, who)
	if err != nil {
		return err
	}
	if missing := rights.Missing(operations); missing != "" {
		return who.Refused(missing, ruleGrant, "a caller without it")
	}
	return nil
}

// Grant returns a permission of the caller's organisation that they may give to somebody:
// one that allows nothing which they may not do themselves. Who assigns it names its version,
// so that it is given as it was read.
func (c *Checker) Grant(ctx context.Context, who api.Caller, permissionID string) (store.Permission, error) {
	p, err := c.db.Permission(ctx, who.OrgID, permissionID)
	if err == nil && p.Archived() {
		err = api.About(ErrArchived, who.Subject())
	}
	if err != nil {
		return p, err
	}
	return p, c.covers(ctx, who, p)
}

// covers refuses a caller who may not do all that a permission allows.
func (c *Checker) covers(ctx context.Context, who api.Caller, p store.Permission) error {
	if p.Managed != store.ManagedAdministrator {
		return c.Holds(ctx, who, p.Operations)
	}
	rights, err := c.Fresh(ctx, who)
	if err == nil && !rights.Everything() {
		err = who.Refused("Permissions:Assign", ruleGrant, "less than everything")
	}
	return err
}

const ruleGrant = "nobody gives what they do not hold"

// Give is Grant for who needs the permission to assign as well.
func (c *Checker) GrantNew(ctx context.Context, who api.Caller, permissionID string) (store.Permission, error) {
	rights, err := c.Fresh(ctx, who)
	if err == nil && !rights.Hold("Permissions:Assign") {
		err = who.Refused("Permissions:Assign", "permission of the operation", "a caller without it")
	}
	if err != nil {
		return store.Permission{}, err
	}
	return c.Grant(ctx, who, permissionID)
}

// StandIn refuses a caller who would act as a user with a permission, archived ones included,
// that the caller could not give. What end users have by default does not count.
func (c *Checker) MayActAs(ctx context.Context, who api.Caller, userID string) error {
	given, err := c.db.Assigned(ctx, userID)
	if err != nil {
		return err
	}
	for _, p := range given {
		if p.Managed == store.ManagedEndUser {
			continue
		}
		if err := c.covers(ctx, who, p.Permission); err != nil {
			return err
		}
	}
	return nil
}

// Held is a permission as an identity holds it once it is assigned.
func Held(p store.Permission, identityID string, now time.Time) store.HeldPermission {
	return store.HeldPermission{Permission: p, AssignmentID: api.NewID(api.PrefixAssignment, now), IdentityID: identityID}
}

// Assign adds to a unit that a new identity holds permissions which the caller may give, and
// records it. userID is the user behind the identity, "" if there is none. A permission that
// was changed since it was read makes the unit fail with ErrChanged.
func Assign(tx *store.Tx, who api.Caller, held []store.HeldPermission, userID string, now time.Time) {
	for _, h := range held {
		a := store.Assignment{ID: h.AssignmentID, OrgID: who.OrgID, PermissionID: h.ID, IdentityID: h.IdentityID, CreatedAt: now}
		tx.Assign(a, h.Version, ErrChanged, ErrChanged)
		tx.Record(Assigned(who, h.Permission, a, userID))
	}
}

// Assigned is the event of an assignment, to be recorded with it. userID is as of Assign.
func Assigned(who api.Caller, p store.Permission, a store.Assignment, userID string) store.Event {
	return assignmentEvent(store.EventPermissionAssigned, who, p, a, userID, a.CreatedAt)
}

// Revoked is the event of an assignment's end.
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
