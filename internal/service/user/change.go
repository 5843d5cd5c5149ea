package user

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/resource"
	"github.com/countersign/countersign/internal/store"
)

// Update changes nothing yet: the one member in the contract is for single sign-on, which is not
// offered.
func (s *Service) Update(ctx context.Context, tx *store.Tx, who api.Caller, in api.UpdateUserRequest) (api.User, error) {
	switch {
	case in.IsSSORequired == nil:
		return api.User{}, api.Missing("isSSORequired")
	case *in.IsSSORequired:
		return api.User{}, errSSO
	}
	return s.change(ctx, tx, who, in.UserID, store.EventUserUpdated, func(m *store.Member, _ time.Time) {
		tx.MustNotBeArchived(m.ID, who.OrgID, errNoSuchUser)
	})
}

var errSSO = &api.Error{Kind: api.Invalid, Code: "sso_not_offered", Message: "Single sign-on is not offered; the member /isSSORequired must be false."}

// Activate activates a deactivated user.
func (s *Service) Activate(ctx context.Context, tx *store.Tx, who api.Caller, in api.UserRequest) (api.User, error) {
	return s.change(ctx, tx, who, in.UserID, store.EventUserActivated, func(m *store.Member, _ time.Time) {
		tx.ActivateUser(m.ID, who.OrgID, errNoSuchUser)
		m.Active = true
	})
}

// Deactivate deactivates a user, as [store.Tx.DeactivateUser] does, but never the last administrator.
func (s *Service) Deactivate(ctx context.Context, tx *store.Tx, who api.Caller, in api.UserRequest) (api.User, error) {
	return s.change(ctx, tx, who, in.UserID, store.EventUserDeactivated, func(m *store.Member, now time.Time) {
		tx.KeepAnAdministrator(who.OrgID, m.ID, access.ErrLastAdministrator)
		tx.DeactivateUser(m.ID, who.OrgID, now, errNoSuchUser)
		m.Active = false
	})
}

// Archive removes a user permanently, with their access tokens, but never the last administrator. The
// name is free again.
func (s *Service) Archive(ctx context.Context, tx *store.Tx, who api.Caller, in api.UserRequest) (api.User, error) {
	return s.change(ctx, tx, who, in.UserID, store.EventUserArchived, func(m *store.Member, now time.Time) {
		tx.KeepAnAdministrator(who.OrgID, m.ID, access.ErrLastAdministrator)
		tx.ArchiveUser(m.ID, who.OrgID, now, errNoSuchUser)
		m.Active = false
	})
}

func (s *Service) change(ctx context.Context, tx *store.Tx, who api.Caller, id, kind string, do func(*store.Member, time.Time)) (api.User, error) {
	r := resource.Resource[store.Member, api.User]{Gone: errNoSuchUser, Now: s.Now,
		Find: func(ctx context.Context, who api.Caller, id string) (store.Member, error) {
			return s.DB.Member(ctx, who.OrgID, id)
		},
		Show: func(_ context.Context, m store.Member) (api.User, error) { return toAPI(m), nil },
		Event: func(who api.Caller, kind string, m store.Member, now time.Time) store.Event {
			return event(who, kind, m.ID, now)
		}}
	return r.Change(ctx, tx, who, id, kind, do)
}

// event returns an event about a user, caused by who.
func event(who api.Caller, kind, userID string, now time.Time) store.Event {
	e := store.NewEvent(who, kind, now, nil)
	e.UserID = userID
	return e
}
