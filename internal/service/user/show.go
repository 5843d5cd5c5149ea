package user

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// List returns a page of an organisation's users in the order they were invited,
// after the user with id after.
func (s *Service) List(ctx context.Context, orgID, after string, limit int) ([]store.UserSummary, error) {
	if _, err := s.DB.Organisation(ctx, orgID); err != nil {
		return nil, err
	}
	return s.DB.Users(ctx, orgID, after, limit)
}

// State says how far a user is: registered, inactive, archived, or the state of the latest
// code.
func State(u store.User, latest store.Code, now time.Time) string {
	switch {
	case u.Archived():
		return "archived"
	case !u.Active:
		return "inactive"
	case !u.RegisteredAt.IsZero():
		return "registered"
	}
	return latest.State(now)
}

// Shown is everything about one user.
type Shown struct {
	User          store.User
	Administrator bool
	Credentials   []store.Credential // their own, not those of access tokens
	Codes         []store.CodeEntry
}

// Show returns the user of that name or id.
func (s *Service) Show(ctx context.Context, orgID, nameOrID string) (state Shown, err error) {
	if state.User, err = s.find(ctx, orgID, nameOrID); err != nil {
		return state, err
	}
	if state.Credentials, err = s.DB.CredentialsOfUser(ctx, state.User.ID); err != nil {
		return state, err
	}
	state.Credentials = slices.DeleteFunc(state.Credentials, func(c store.Credential) bool { return c.TokenID != "" })
	if state.Administrator, err = s.DB.IsAdministrator(ctx, state.User.ID); err != nil {
		return state, err
	}
	state.Codes, err = s.DB.Codes(ctx, orgID, state.User.ID, "", 1000)
	return state, err
}
