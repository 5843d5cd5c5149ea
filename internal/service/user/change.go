package user

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/store"
)

// Update changes a user. There is nothing to change yet: single sign-on, the one member
// that the contract has, is not offered.
func (s *Service) Update(ctx context.Context, who api.Caller, in api.UpdateUserRequest) (api.User, error) {
	switch {
	case in.IsSSORequired == nil:
		return api.User{}, api.Missing("isSSORequired")
	case *in.IsSSORequired:
		return api.User{}, errSSO
	}
	return s.change(ctx, who, in.UserID, "user.updated", func(tx *store.Tx, m *store.Member, _ time.Time) {
		tx.MustStay(m.ID, who.OrgID, errNoSuchUser)
	})
}

var errSSO = &api.Error{Kind: api.Invalid, Code: "sso_not_offered", Message: "Single sign-on is not offered; the member /isSSORequired must be false."}

// Activate puts a deactivated user back.
func (s *Service) Activate(ctx context.Context, who api.Caller, in api.UserRequest) (api.User, error) {
	return s.change(ctx, who, in.UserID, "user.activated", func(tx *store.Tx, m *store.Member, _ time.Time) {
		tx.SetUserActive(m.ID, who.OrgID, true, errNoSuchUser)
		m.Active = true
	})
}

// Deactivate shuts a user out: no registration, login or signature passes any more, their
// sessions are over, and so is what they signed and did not use. The last administrator
// stays.
func (s *Service) Deactivate(ctx context.Context, who api.Caller, in api.UserRequest) (api.User, error) {
	return s.change(ctx, who, in.UserID, "user.deactivated", func(tx *store.Tx, m *store.Member, now time.Time) {
		tx.KeepAnAdministrator(who.OrgID, m.ID, access.ErrLastAdministrator)
		tx.SetUserActive(m.ID, who.OrgID, false, errNoSuchUser)
		tx.EndSessions(m.ID, now)
		m.Active = false
	})
}

// Archive is Deactivate for good, with the user's access tokens. Their name is free again.
func (s *Service) Archive(ctx context.Context, who api.Caller, in api.UserRequest) (api.User, error) {
	return s.change(ctx, who, in.UserID, "user.archived", func(tx *store.Tx, m *store.Member, now time.Time) {
		tx.KeepAnAdministrator(who.OrgID, m.ID, access.ErrLastAdministrator)
		tx.ArchiveUser(m.ID, who.OrgID, now, errNoSuchUser)
		tx.EndSessions(m.ID, now)
		m.Active = false
	})
}

// change makes a change and records it in one unit. do may run again.
func (s *Service) change(ctx context.Context, who api.Caller, id, kind string, do func(*store.Tx, *store.Member, time.Time)) (api.User, error) {
	m, err := s.DB.Member(ctx, who.OrgID, id)
	if err == nil && !m.ArchivedAt.IsZero() {
		err = errNoSuchUser
	}
	if err != nil {
		return api.User{}, err
	}
	now := s.Now()
	event := store.NewEvent(who, kind, now, nil)
	event.UserID = m.ID
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		do(tx, &m, now)
		tx.Record(event)
		return nil
	})
	return wire(m), err
}
