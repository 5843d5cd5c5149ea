package user

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// List returns a page of an organisation's users in the order they were invited,
// after the user with id after.
func (r *Room) List(ctx context.Context, orgID, after string, limit int) ([]store.UserSummary, error) {
	if _, err := r.DB.Organisation(ctx, orgID); err != nil {
		return nil, err
	}
	return r.DB.Users(ctx, orgID, after, limit)
}

// State says how far a user is: registered, inactive, archived, or the state of the latest
// code.
func State(u store.User, latest store.Code, now time.Time) string {
	switch {
	case !u.ArchivedAt.IsZero():
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
func (r *Room) Show(ctx context.Context, orgID, nameOrID string) (s Shown, err error) {
	if s.User, err = r.find(ctx, orgID, nameOrID); err != nil {
		return s, err
	}
	if s.Credentials, err = r.DB.CredentialsOfUser(ctx, s.User.ID); err != nil {
		return s, err
	}
	s.Credentials = slices.DeleteFunc(s.Credentials, func(c store.Credential) bool { return c.TokenID != "" })
	if s.Administrator, err = r.DB.IsAdministrator(ctx, s.User.ID); err != nil {
		return s, err
	}
	s.Codes, err = r.DB.Codes(ctx, orgID, s.User.ID, "", 1000)
	return s, err
}
