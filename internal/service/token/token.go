// Package token administers personal access tokens. A person creates one for a program, which then
// may do what both the token and the person may. Only the person and their tokens can see them, and
// only the person changes them, except that a token may rename, deactivate and archive itself.
package token

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/accesstoken"
	"github.com/countersign/countersign/internal/auth/resource"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Service administers personal access tokens.
type Service struct {
	DB     *store.DB
	Access *access.Checker
	Tokens *accesstoken.Issuer
	Now    func() time.Time
}

var (
	errName     = &api.Error{Kind: api.Conflict, Code: "token_name_taken", Message: "You have an access token of that name, or of one that looks the same."}
	errNotFound = &api.Error{Kind: api.NotFound, Code: "token_not_found", Message: "There is no such access token."}
)

// Create creates a personal access token of the caller's. If no permission is named, it is assigned
// all that the caller has now. What the caller loses, the token loses too.
func (s *Service) Create(ctx context.Context, tx *store.Tx, who api.Caller, in api.CreateTokenRequest) (api.AccessToken, error) {
	u := store.User{ID: who.UserID, OrgID: who.OrgID, Username: who.Username}
	issued, err := s.Tokens.Issue(u, accesstoken.Params{Kind: store.TokenPersonal, Name: in.Name, ExternalID: in.ExternalID,
		PublicKey: in.PublicKey, DaysValid: in.DaysValid, SecondsValid: in.SecondsValid})
	if err != nil {
		return api.AccessToken{}, err
	}
	assignments, err := s.assignments(ctx, tx, who, in.PermissionID)
	if err != nil {
		return api.AccessToken{}, err
	}
	now := s.Now()
	for i, p := range assignments {
		assignments[i] = access.Held(p.Permission, issued.Token.ID, now)
	}
	issued.Store(tx, errName, auth.ErrOwnerInactive)
	access.Assign(tx, who, assignments, who.UserID, now)
	entry := issued.Entry(assignments)
	tx.Record(event(who, store.EventTokenCreated, entry, now))
	out := accesstoken.ToAPI(entry, true)
	out.AccessToken = issued.Text
	return out, nil
}

const createToken = "Auth:Pats:Create"

// assignments returns what the token is assigned: one permission, or all of the caller's.
func (s *Service) assignments(ctx context.Context, tx *store.Tx, who api.Caller, permissionID string) ([]store.HeldPermission, error) {
	if permissionID == "" {
		return s.Access.Copy(ctx, tx, who, createToken)
	}
	p, err := s.Access.Grant(ctx, tx, who, permissionID, createToken)
	return []store.HeldPermission{{Permission: p}}, err
}

// List lists the caller's personal access tokens.
func (s *Service) List(ctx context.Context, who api.Caller, _ api.Nothing) (api.TokenList, error) {
	tokens, err := s.DB.AccessTokens(ctx, who.UserID)
	if err != nil {
		return api.TokenList{}, err
	}
	list := api.TokenList{Items: []api.AccessToken{}}
	for _, t := range tokens {
		if t.Kind == store.TokenPersonal {
			list.Items = append(list.Items, accesstoken.ToAPI(t, true))
		}
	}
	return list, nil
}

// Get shows one of the caller's personal access tokens.
func (s *Service) Get(ctx context.Context, who api.Caller, in api.TokenRequest) (api.AccessToken, error) {
	t, err := s.find(ctx, who, in.TokenID)
	if err != nil {
		return api.AccessToken{}, err
	}
	return accesstoken.ToAPI(t, true), nil
}

// find returns a personal access token of the caller's, archived or not.
func (s *Service) find(ctx context.Context, who api.Caller, id string) (store.TokenEntry, error) {
	t, err := s.DB.AccessToken(ctx, who.UserID, id)
	if err == nil && t.Kind != store.TokenPersonal {
		err = errNotFound
	}
	return t, err
}

// changeable is find for a caller who changes the token. A token changes no other: another may
// have more rights, and their person may have deactivated it.
func (s *Service) changeable(ctx context.Context, who api.Caller, id string) (store.TokenEntry, error) {
	t, err := s.find(ctx, who, id)
	if err == nil && who.Kind == api.CallerPersonalToken && who.TokenID != t.ID {
		err = &api.Error{Kind: api.Forbidden, Code: "permission_denied",
			Message: "A personal access token changes no other access token; its person may.",
			Rule:    "a personal access token changes itself alone", Received: t.ID, Expected: who.TokenID, Subject: who.Subject()}
	}
	return t, err
}

// Update renames a personal access token.
func (s *Service) Update(ctx context.Context, tx *store.Tx, who api.Caller, in api.UpdateTokenRequest) (api.AccessToken, error) {
	if err := username.CheckRename(in.Rename); err != nil {
		return api.AccessToken{}, err
	}
	return s.change(ctx, tx, who, in.TokenID, store.EventTokenUpdated, func(t *store.TokenEntry, _ time.Time) {
		name := "" // unchanged
		if in.Name != nil {
			name, t.Name = *in.Name, *in.Name
		}
		tx.RenameAccessToken(t.ID, who.UserID, name, username.Key(name), in.ExternalID, errName, errNotFound)
	})
}

// Activate activates a deactivated personal access token.
func (s *Service) Activate(ctx context.Context, tx *store.Tx, who api.Caller, in api.TokenRequest) (api.AccessToken, error) {
	return s.change(ctx, tx, who, in.TokenID, store.EventTokenActivated, func(t *store.TokenEntry, _ time.Time) {
		tx.ActivateAccessToken(t.ID, who.UserID, errNotFound)
		t.Active = true
	})
}

// Deactivate deactivates a personal access token and what it signed.
func (s *Service) Deactivate(ctx context.Context, tx *store.Tx, who api.Caller, in api.TokenRequest) (api.AccessToken, error) {
	return s.change(ctx, tx, who, in.TokenID, store.EventTokenDeactivated, func(t *store.TokenEntry, now time.Time) {
		tx.DeactivateAccessToken(t.ID, who.UserID, now, errNotFound)
		t.Active = false
	})
}

// Archive removes a personal access token permanently.
func (s *Service) Archive(ctx context.Context, tx *store.Tx, who api.Caller, in api.TokenRequest) (api.AccessToken, error) {
	return s.change(ctx, tx, who, in.TokenID, store.EventTokenArchived, func(t *store.TokenEntry, now time.Time) {
		tx.ArchiveAccessToken(t.ID, who.UserID, now, errNotFound)
		t.Active = false
	})
}

func (s *Service) change(ctx context.Context, tx *store.Tx, who api.Caller, id, kind string, do func(*store.TokenEntry, time.Time)) (api.AccessToken, error) {
	r := resource.Resource[store.TokenEntry, api.AccessToken]{Find: s.changeable, Gone: errNotFound, Event: event, Now: s.Now,
		Show: func(_ context.Context, t store.TokenEntry) (api.AccessToken, error) {
			return accesstoken.ToAPI(t, true), nil
		}}
	return r.Change(ctx, tx, who, id, kind, do)
}

func event(who api.Caller, kind string, t store.TokenEntry, now time.Time) store.Event {
	e := store.NewEvent(who, kind, now, map[string]any{"tokenId": t.ID, "name": t.Name})
	e.UserID, e.CredentialID = who.UserID, t.CredentialID
	return e
}

// Exchange returns a token of the caller's session for one of their organisations. A user belongs to
// one organisation, so it is the same session, with the same end.
func (s *Service) Exchange(ctx context.Context, who api.Caller, in api.ExchangeTokenRequest) (api.LoginResult, error) {
	if in.Target == "" {
		return api.LoginResult{}, api.Missing("target")
	}
	if in.Target != who.OrgID {
		return api.LoginResult{}, &api.Error{Kind: api.Forbidden, Code: "target_forbidden", Message: "You do not belong to that organisation.",
			Rule: "target of the exchange", Received: api.Shown(in.Target), Expected: who.OrgID, Subject: who.Subject()}
	}
	b, err := s.DB.SessionWithUser(ctx, who.SessionID)
	if err == nil && !b.Found {
		err = auth.TokenEnded("a session that is gone")
	}
	if err != nil {
		return api.LoginResult{}, err
	}
	text, err := s.Tokens.Bearer.SignSession(b.Session, b.User)
	return api.LoginResult{Token: text}, err
}
