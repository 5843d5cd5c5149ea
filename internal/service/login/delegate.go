package login

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// errOutdated is returned if the user was deactivated or archived at the same moment.
var errOutdated = &store.Outdated{Err: &api.Error{Kind: api.Conflict, Code: "user_changed",
	Message: "The user was changed at the same moment; please try again."}}

// Delegate opens a session of an end user for a service account. The session can read what the user
// may read; what must be signed still takes the user's own credential.
func (s *Service) Delegate(ctx context.Context, tx *store.Tx, who api.Caller, in api.DelegatedLoginRequest) (api.LoginResult, error) {
	if in.Username == "" {
		return api.LoginResult{}, api.Missing("username")
	}
	u, err := s.endUser(ctx, who, in.Username)
	if err != nil {
		return api.LoginResult{}, err
	}
	now := s.Now()
	id := api.NewID(api.PrefixSession, now)
	session := store.Session{ID: id, OrgID: u.OrgID, UserID: u.ID, CredentialID: api.FirstCredentialID(who.UserID), Challenge: store.DelegatedChallenge(id),
		CreatedAt: now, ExpiresAt: now.Add(min(s.Lifetime, store.MaxDelegatedLife)), Address: who.Address, UserAgent: who.UserAgent}
	event := store.NewEvent(who, store.EventUserLoggedInByDelegate, now, map[string]any{"sessionId": id})
	event.UserID, event.CredentialID = session.UserID, session.CredentialID
	tx.OpenDelegatedSession(session, errOutdated)
	tx.Record(event)
	token, err := s.Tokens.SignSession(session, u)
	return api.LoginResult{Token: token}, err
}

// endUser returns the end user of that name. Delegate opens sessions for nobody else, and only for
// a user who could log in themselves.
func (s *Service) endUser(ctx context.Context, who api.Caller, name string) (store.User, error) {
	u, err := s.DB.UserByName(ctx, who.OrgID, username.Key(name))
	unknown := &api.Error{Kind: api.Unauthenticated, Code: "user_not_found", Message: "User not found",
		Rule: "the user is a registered end user", Subject: api.Subject{OrgID: who.OrgID, UserID: u.ID}}
	switch {
	case api.KindOf(err) == api.NotFound:
		unknown.Received = "a username that this organisation does not have"
	case err != nil:
		return u, err
	case u.Kind != api.EndUser:
		unknown.Received = "a user of kind " + u.Kind
	case u.Username != name:
		return u, auth.UsernameDiffers(u.Username, name, unknown.Subject)
	case !u.Active:
		return u, api.About(auth.ErrUserInactive, unknown.Subject)
	case u.RegisteredAt.IsZero():
		unknown.Received = "a user who is still to register"
	default:
		return u, nil
	}
	return u, unknown
}
