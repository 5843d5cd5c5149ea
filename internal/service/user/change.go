package user

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/resource"
	"github.com/countersign/countersign/internal/store"
)

// Update changes a user. There is nothing to change yet: single sign-on, the one member
// that the contract has, is not offered.
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

// Activate lets a deactivated user act again.
func (s *Service) Activate(ctx context.Context, tx *store.Tx, who api.Caller, in api.UserRequest) (api.User, error) {
	return s.change(ctx, tx, who, in.UserID, store.EventUserActivated, func(m *store.Member, _ time.Time) {
		tx.ActivateUser(m.ID, who.OrgID, errNoSuchUser)
		m.Active = true
	})
}

// Deactivate locks a user out, as [store.Tx.DeactivateUser] says. The last administrator stays.
func (s *Service) Deactivate(ctx context.Context, tx *store.Tx, who api.Caller, in api.UserRequest) (api.User, error) {
	return s.change(ctx, tx, who, in.UserID, store.EventUserDeactivated, func(m *store.Member, now time.Time) {
		tx.KeepAnAdministrator(who.OrgID, m.ID, access.ErrLastAdministrator)
		tx.DeactivateUser(m.ID, who.OrgID, now, errNoSuchUser)
		m.Active = false
	})
}

// Archive is Deactivate, permanently, with the user's access tokens. Their name is free again.
func (s *Service) Archive(ctx context.Context, tx *store.Tx, who api.Caller, in api.UserRequest) (api.User, error) {
	return s.change(ctx, tx, who, in.UserID, store.EventUserArchived, func(m *store.Member, now time.Time) {
		tx.KeepAnAdministrator(who.OrgID, m.ID, access.ErrLastAdministrator)
		tx.ArchiveUser(m.ID, who.OrgID, now, errNoSuchUser)
		m.Active = false
	})
}

func (s *Service) change(ctx context.Context, tx *store.Tx, who api.Caller, id, kind string, do func(*store.Member, time.Time)) (api.User, error) {
	r := resource.Resource[store.Member, api.User]{Find: s.present, Now: s.Now,
		Show: func(_ context.Context, m store.Member) (api.User, error) { return toAPI(m), nil },
		Event: func(who api.Caller, kind string, m store.Member, now time.Time) store.Event {
			e := store.NewEvent(who, kind, now, nil)
			e.UserID = m.ID
			return e
		}}
	return r.Change(ctx, tx, who, id, kind, do)
}

// present returns a user of the caller's organisation who is not archived.
func (s *Service) present(ctx context.Context, who api.Caller, id string) (store.Member, error) {
	m, err := s.DB.Member(ctx, who.OrgID, id)
	if err == nil && !m.ArchivedAt.IsZero() {
		err = errNoSuchUser
	}
	return m, err
}
