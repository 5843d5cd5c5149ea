package account

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/view"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

// Service shows and changes what is the caller's own.
type Service struct {
	DB     *store.DB
	Access *access.Checker
	Site   relyingparty.Site
	Now    func() time.Time
}

// SiteInfo returns what the login page may know before a user is named.
func (s *Service) SiteInfo(ctx context.Context, _ api.Caller, _ api.Nothing) (api.SiteInfo, error) {
	var info api.SiteInfo
	org, sole, err := s.DB.SoleOrganisation(ctx)
	if err == nil && sole && s.Site.Hosted(org) {
		info.Organisation = &api.NamedID{ID: org.ID, Name: org.Name}
	}
	return info, err
}

// Show shows the logged-in user with their credentials and sessions.
func (s *Service) Show(ctx context.Context, who api.Caller, _ api.Nothing) (api.Account, error) {
	state, err := s.DB.SignerState(ctx, who.UserID, "")
	if err != nil {
		return api.Account{}, err
	}
	sessions, err := s.DB.SessionsOfUser(ctx, who.UserID, s.Now())
	if err != nil {
		return api.Account{}, err
	}
	recovery, err := s.DB.OpenRecovery(ctx, who.UserID)
	if err != nil {
		return api.Account{}, err
	}
	last, err := s.DB.LastSessions(ctx, who.UserID)
	if err != nil {
		return api.Account{}, err
	}
	rights, err := s.Access.Of(ctx, who)
	if err != nil {
		return api.Account{}, err
	}
	return api.Account{
		Organisation: api.NamedID{ID: state.Organisation.ID, Name: state.Organisation.Name},
		User: api.AccountUser{ID: state.User.ID, Username: state.User.Username, Kind: state.User.Kind,
			Administrator: rights.Everything(), Operations: rights.Operations(), RegisteredAt: api.Time(state.User.RegisteredAt)},
		RPID: s.Site.Of(state.Organisation).ID,

		OneTimePasswords:    state.Organisation.OneTimePasswords,
		SecondFactorMissing: assertion.SecondFactorMissing(state.Organisation, state.Credentials),

		Credentials: view.Credentials(state.Credentials, last),
		Sessions:    view.Sessions(who, sessions, state.Credentials),
		Recovery:    recovery.Pending(s.Now()),
	}, nil
}

// Caller tells a caller who they are and what they may do: the first thing that somebody asks
// whose program is refused.
func (s *Service) Caller(ctx context.Context, who api.Caller, _ api.Nothing) (api.CallerInfo, error) {
	rights, err := s.Access.Of(ctx, who)
	if err != nil {
		return api.CallerInfo{}, err
	}
	return api.CallerInfo{Kind: who.Kind, OrgID: who.OrgID, UserID: who.UserID, Username: who.Username,
		TokenID: who.TokenID, Operations: rights.Operations()}, nil
}

// EndSession ends one of the caller's own sessions, this one or another.
func (s *Service) EndSession(ctx context.Context, who api.Caller, in api.EndSessionRequest) (api.Message, error) {
	now := s.Now()
	event := store.NewEvent(who, store.EventSessionEnded, now, map[string]any{"sessionId": in.SessionID})
	event.UserID = who.UserID
	return api.Message{Message: "The session has ended."}, s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.EndSession(in.SessionID, who.UserID, now, errNoSession)
		tx.Record(event)
		return nil
	})
}

var errNoSession = &api.Error{Kind: api.NotFound, Code: "session_not_found", Message: "You have no such session."}
