package user

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

var errNoSuchUser = &api.Error{Kind: api.NotFound, Code: "user_not_found", Message: "This organisation has no such user."}

// SetActive deactivates the user of that name or id, or puts them back. A deactivated
// user can neither register, log in nor sign, what they signed and did not use yet is
// void, and their sessions are over, also once they are put back.
func (s *Service) SetActive(ctx context.Context, orgID, nameOrID string, active bool) error {
	u, err := s.find(ctx, orgID, nameOrID)
	if err != nil {
		return err
	}
	now, kind := s.Now(), "user.deactivated"
	if active {
		kind = "user.activated"
	}
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.SetUserActive(u.ID, orgID, active, errNoSuchUser)
		if !active {
			tx.EndSessions(u.ID, now)
			if u.Kind == store.KindServiceAccount {
				tx.EndDelegatedSessions(api.FirstCredentialID(u.ID), now)
			}
		}
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: orgID, At: now, Kind: kind, UserID: u.ID})
		return nil
	})
}

// find returns the user of that name or id.
func (s *Service) find(ctx context.Context, orgID, nameOrID string) (store.User, error) {
	if !api.ValidID(api.PrefixUser, nameOrID) {
		return s.DB.UserByName(ctx, orgID, username.Key(nameOrID))
	}
	u, err := s.DB.User(ctx, nameOrID)
	if err == nil && u.OrgID != orgID {
		return store.User{}, errNoSuchUser
	}
	return u, err
}
