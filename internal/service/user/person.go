package user

import (
	"cmp"
	"context"
	"slices"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/view"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

// Person shows a user with their credentials and live sessions.
func (s *Service) Person(ctx context.Context, who api.Caller, in api.PersonRequest) (api.PersonDetails, error) {
	p, err := s.DB.Person(ctx, who.OrgID, in.UserID)
	if err != nil {
		return api.PersonDetails{}, err
	}
	own, err := s.own(ctx, p.ID)
	if err != nil {
		return api.PersonDetails{}, err
	}
	last, err := s.DB.LastSessions(ctx, p.ID)
	if err != nil {
		return api.PersonDetails{}, err
	}
	sessions, err := s.DB.SessionsOfUser(ctx, p.ID, s.Now())
	return api.PersonDetails{Person: s.person(p), Credentials: view.Credentials(own, last), Sessions: view.Sessions(who, sessions, own)}, err
}

// own returns the credentials of a user that are theirs and not an access token's.
func (s *Service) own(ctx context.Context, userID string) ([]store.Credential, error) {
	all, err := s.DB.CredentialsOfUser(ctx, userID)
	return slices.DeleteFunc(all, func(c store.Credential) bool { return c.TokenID != "" }), err
}

var (
	errOwn = &api.Error{Kind: api.Conflict, Code: "own_account",
		Message: "This is your own account. Change your own credentials as everybody does, with one that is strong enough.",
		Rule:    "nobody changes credentials of their own as an administrator: that would pass over how strong they are"}
	errOutdated = &store.Outdated{Err: &api.Error{Kind: api.Conflict, Code: "user_changed",
		Message: "The credentials of this user were changed at the same moment; please try again."}}
	errNotTheirs     = &api.Error{Kind: api.NotFound, Code: "credential_not_found", Message: "This user has no such credential."}
	errNoSuchSession = &api.Error{Kind: api.NotFound, Code: "session_not_found", Message: "This user has no such session."}
)

// DeactivateCredential deactivates a credential of somebody else's, with what it opened and signed. It may
// be their last: a stolen key must be stopped at once. But somebody who administers the organisation can
// still log in. One that is inactive stays so.
func (s *Service) DeactivateCredential(ctx context.Context, tx *store.Tx, who api.Caller, in api.PersonCredentialRequest) (api.PersonCredential, error) {
	p, err := s.DB.Person(ctx, who.OrgID, in.UserID)
	if err != nil {
		return api.PersonCredential{}, err
	}
	if p.ID == who.UserID {
		return api.PersonCredential{}, api.About(errOwn, who.Subject())
	}
	own, err := s.own(ctx, p.ID)
	if err != nil {
		return api.PersonCredential{}, err
	}
	at := slices.IndexFunc(own, func(c store.Credential) bool { return c.ID == in.CredentialUUID })
	if at < 0 {
		return api.PersonCredential{}, errNotTheirs
	}
	c, left := own[at], 0
	for i, other := range own {
		if i != at && other.Active && other.Factor == store.FactorFirst && other.Kind != api.KindPassword { // which signs nothing
			left++
		}
	}
	out := api.PersonCredential{Message: "The credential is inactive.", NeedsNewStart: left == 0}
	if out.NeedsNewStart {
		out.Message = "The credential is inactive. The user has no other to log in and sign with: they need a new start, or recover with a recovery key."
	}
	if !c.Active {
		return out, nil
	}
	org, err := s.DB.Organisation(ctx, who.OrgID)
	if err != nil {
		return api.PersonCredential{}, err
	}
	now := s.Now()
	tx.KeepAnAdministratorWithout(c, access.ErrLastAdministrator)
	tx.SameCredentials(p.ID, active(own), own[len(own)-1].ID, errOutdated) // what the answer says of those that are left
	tx.DeactivateOwnCredential(c, now, errOutdated)
	e := store.NewEvent(who, store.EventCredentialDeactivated, now, credentialDetail(c))
	e.UserID, e.CredentialID = p.ID, c.ID
	tx.Record(e)
	m := mail.CredentialChange(c.Kind, "was deactivated")
	m.What, m.Credential = "One of your credentials was deactivated. The sessions that were opened with it have ended.", c.Name
	s.tell(tx, who, org, p.User, m)
	return out, nil
}

// active is how many first and second factors are active.
func active(own []store.Credential) (n int) {
	for _, c := range own {
		if c.Active && c.Factor != store.FactorRecovery {
			n++
		}
	}
	return n
}

// credentialDetail is what an event about a credential says of it.
func credentialDetail(c store.Credential) map[string]any {
	return map[string]any{"credentialUuid": c.ID, "kind": c.Kind, "factor": c.Factor, "name": c.Name}
}

// EndSessions ends one session of a user or all of them. What was signed in them and not used is void.
func (s *Service) EndSessions(ctx context.Context, tx *store.Tx, who api.Caller, in api.EndPersonSessionsRequest) (api.Message, error) {
	if in.SessionID != nil && *in.SessionID == "" { // a variable that is empty does not mean all
		return api.Message{}, api.Missing("sessionId")
	}
	p, err := s.DB.Person(ctx, who.OrgID, in.UserID)
	if err != nil {
		return api.Message{}, err
	}
	if _, err := s.endSessions(ctx, tx, who, p.User, in.SessionID); err != nil {
		return api.Message{}, err
	}
	return api.Message{Message: "The user's sessions have ended."}, nil
}

// endSessions adds to the unit that a session ends or, with nil, all that are live. It reports false if
// there is none.
func (s *Service) endSessions(ctx context.Context, tx *store.Tx, who api.Caller, u store.User, id *string) (bool, error) {
	org, err := s.DB.Organisation(ctx, u.OrgID)
	if err != nil {
		return false, err
	}
	now := s.Now()
	var detail map[string]any
	if id != nil {
		detail = map[string]any{"sessionId": *id}
		tx.EndSession(*id, u.ID, now, errNoSuchSession)
	} else {
		live, err := s.DB.SessionsOfUser(ctx, u.ID, now)
		if err != nil || len(live) == 0 {
			return false, err
		}
		tx.LogOut(u.ID, now)
	}
	e := store.NewEvent(who, store.EventUserSessionsEnded, now, detail)
	e.UserID = u.ID
	tx.Record(e)
	if u.ID != who.UserID {
		s.tell(tx, who, org, u, mail.AccountChange{Subject: "You were signed out", What: "Sessions of yours were ended. Sign in again if you need to."})
	}
	return true, nil
}

// tell mails a user what somebody else did to their account, once that is stored.
func (s *Service) tell(tx *store.Tx, who api.Caller, org store.Organisation, u store.User, m mail.AccountChange) {
	m.To, m.Organisation, m.Username, m.By, m.At = u.Username, org.Name, u.Username, byWhom(who), s.Now()
	tx.Committed(func() {
		s.Codes.Outbox.Tell(m, func(why error) {
			s.Codes.Log.Error("a user could not be told of a change", "orgId", u.OrgID, "userId", u.ID, "error", why)
		})
	})
}

func byWhom(who api.Caller) string { return cmp.Or(who.Username, "the operator of the server") }

// Sessions returns the live sessions of the user of that name or id, newest first, for the operator.
func (s *Service) Sessions(ctx context.Context, orgID, nameOrID string) ([]api.AccountSession, error) {
	u, err := s.find(ctx, orgID, nameOrID)
	if err != nil {
		return nil, err
	}
	own, err := s.own(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	live, err := s.DB.SessionsOfUser(ctx, u.ID, s.Now())
	return view.Sessions(api.Caller{}, live, own), err
}

// EndSessionsByOperator is EndSessions for the user of that name or id, for the operator. It reports false
// if there was none to end.
func (s *Service) EndSessionsByOperator(ctx context.Context, orgID, nameOrID string, sessionID *string) (bool, error) {
	u, err := s.find(ctx, orgID, nameOrID)
	if err != nil {
		return false, err
	}
	return store.Do(ctx, s.DB, func(tx *store.Tx) (bool, error) {
		return s.endSessions(ctx, tx, api.Caller{OrgID: orgID}, u, sessionID)
	})
}
