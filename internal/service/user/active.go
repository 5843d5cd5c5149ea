package user

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

var errNoSuchUser = &api.Error{Kind: api.NotFound, Code: "user_not_found", Message: "This organisation has no such user."}

// SetActive deactivates or activates the user of that name or id, for the operator, as
// [store.Tx.DeactivateUser] and [store.Tx.ActivateUser] do.
func (s *Service) SetActive(ctx context.Context, orgID, nameOrID string, active bool) error {
	u, err := s.find(ctx, orgID, nameOrID)
	if err != nil {
		return err
	}
	now := s.Now()
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		kind := store.EventUserActivated
		if active {
			tx.ActivateUser(u.ID, orgID, errNoSuchUser)
		} else {
			kind = store.EventUserDeactivated
			tx.DeactivateUser(u.ID, orgID, now, errNoSuchUser)
		}
		tx.Record(event(api.Caller{OrgID: orgID}, kind, u.ID, now))
		return nil
	})
}

// find returns the user of that name or id.
func (s *Service) find(ctx context.Context, orgID, nameOrID string) (store.User, error) {
	return s.DB.UserNamed(ctx, orgID, nameOrID)
}
