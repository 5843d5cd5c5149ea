package access

import (
	"context"
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

// Holds refuses a caller who may not do all of the operations now. It is for callers who give
// them to others.
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

// Grant returns a permission of the caller's organisation, and refuses one that allows more
// than the caller may do. The assignment must name the version that was read, so that nobody
// is given more than was checked.
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

// covers refuses a caller who may not do everything that a permission allows.
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

// GrantNew is Grant for the permission of a new identity. The caller's route asks only for the
// right to create it, so GrantNew also asks for Permissions:Assign.
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

// MayActAs refuses a caller who could act as a user but may not grant all of the user's
// permissions, archived ones included. What end users have by default does not count.
func (c *Checker) MayActAs(ctx context.Context, who api.Caller, userID string) error {
	assigned, err := c.db.Assigned(ctx, userID)
	if err != nil {
		return err
	}
	for _, p := range assigned {
		if p.Managed == store.ManagedEndUser {
			continue
		}
		if err := c.covers(ctx, who, p.Permission); err != nil {
			return err
		}
	}
	return nil
}

// Held is a permission as an identity will hold it once it is assigned.
func Held(p store.Permission, identityID string, now time.Time) store.HeldPermission {
	return store.HeldPermission{Permission: p, AssignmentID: api.NewID(api.PrefixAssignment, now), IdentityID: identityID}
}

// Assign adds to the unit the assignments of a new identity, which Grant or GrantNew allowed, and
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
