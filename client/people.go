package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/countersign/countersign/api"
)

const peoplePath = "/countersign/people"

// Account returns the session's user with their credentials and live sessions.
func (s *Session) Account(ctx context.Context) (api.Account, error) {
	return read[api.Account](ctx, s, path("/countersign/account"))
}

// EndSession ends one of the user's own sessions, this one or another.
func (s *Session) EndSession(ctx context.Context, sessionID string) error {
	at := path("/countersign/sessions", sessionID)
	if at.err != nil {
		return at.err
	}
	return s.Do(ctx, http.MethodDelete, at.path, nil, nil)
}

// ListPeople returns a page of the organisation's people, with how far the registration of each is.
func (s *Session) ListPeople(ctx context.Context, in api.ListPeopleRequest) (api.PeopleList, error) {
	at := paged(peoplePath, in.Limit, in.PaginationToken, in.Kind)
	if in.Name != "" {
		at += map[bool]string{false: "?", true: "&"}[strings.Contains(at, "?")] + "name=" + url.QueryEscape(in.Name)
	}
	return read[api.PeopleList](ctx, s, place{path: at})
}

// Person returns a user with their credentials and live sessions.
func (s *Session) Person(ctx context.Context, userID string) (api.PersonDetails, error) {
	return read[api.PersonDetails](ctx, s, path(peoplePath, userID))
}

// InvitePeople invites people, either all of them or none.
func (s *Session) InvitePeople(ctx context.Context, in api.InvitePeopleRequest) (api.InvitedPeople, error) {
	return signed[api.InvitedPeople](ctx, s, http.MethodPost, path(peoplePath), in)
}

// RenewRegistrationCode issues a new registration code for a user who is still to register. The one before
// is void.
func (s *Session) RenewRegistrationCode(ctx context.Context, userID string) (api.InvitedPerson, error) {
	return signed[api.InvitedPerson](ctx, s, http.MethodPost, path(peoplePath, userID, "code"), empty)
}

// RevokeRegistrationCode revokes the registration code of a user.
func (s *Session) RevokeRegistrationCode(ctx context.Context, userID string) error {
	_, err := signed[api.Message](ctx, s, http.MethodDelete, path(peoplePath, userID, "code"), empty)
	return err
}

// RecoverUser removes all credentials of another user who lost them, and issues a registration code for
// the same user.
func (s *Session) RecoverUser(ctx context.Context, userID string) (api.InvitedPerson, error) {
	return signed[api.InvitedPerson](ctx, s, http.MethodPost, path(peoplePath, userID, "recover"), empty)
}

// DeactivatePersonCredential deactivates a credential of another user, "cr-…". The sessions that it opened
// end.
func (s *Session) DeactivatePersonCredential(ctx context.Context, userID, uuid string) (api.PersonCredential, error) {
	return signed[api.PersonCredential](ctx, s, http.MethodPost, path(peoplePath, userID, "credentials", uuid, "deactivate"), empty)
}

// EndPersonSession ends a session of a user, "se-…".
func (s *Session) EndPersonSession(ctx context.Context, userID, sessionID string) error {
	return s.endSessions(ctx, userID, api.EndPersonSessionsRequest{SessionID: &sessionID})
}

// EndPersonSessions ends all sessions of a user.
func (s *Session) EndPersonSessions(ctx context.Context, userID string) error {
	return s.endSessions(ctx, userID, api.EndPersonSessionsRequest{})
}

func (s *Session) endSessions(ctx context.Context, userID string, in api.EndPersonSessionsRequest) error {
	_, err := signed[api.Message](ctx, s, http.MethodPost, path(peoplePath, userID, "sessions", "end"), in)
	return err
}
