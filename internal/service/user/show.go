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

// State returns registered, inactive, archived or, before registration, the state of the latest code.
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
	Recovery      store.Recovery // that has not ended
}

// Show returns the user of that name or id.
func (s *Service) Show(ctx context.Context, orgID, nameOrID string) (shown Shown, err error) {
	if shown.User, err = s.find(ctx, orgID, nameOrID); err != nil {
		return shown, err
	}
	if shown.Credentials, err = s.DB.CredentialsOfUser(ctx, shown.User.ID); err != nil {
		return shown, err
	}
	shown.Credentials = slices.DeleteFunc(shown.Credentials, func(c store.Credential) bool { return c.TokenID != "" })
	if shown.Administrator, err = s.DB.IsAdministrator(ctx, shown.User.ID); err != nil {
		return shown, err
	}
	if shown.Recovery, err = s.DB.OpenRecovery(ctx, shown.User.ID); err != nil {
		return shown, err
	}
	shown.Codes, err = s.DB.Codes(ctx, orgID, shown.User.ID, "", 1000)
	return shown, err
}
