package user

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

var errNotRegistered = &api.Error{Kind: api.Conflict, Code: "user_not_registered",
	Message: "Only an active, registered user gets a new start. Activate them first, or renew their registration code.",
	Rule:    "the user is active and registered"}

// Recover gives a user who lost their credentials a new start: all of these are removed, with access
// tokens, sessions and what was signed and not used, and a registration code is issued for the same user.
// Rights, name, id and history stay. Nobody gets a new start for a user who was given more than they could
// give, nor for themselves.
func (s *Service) Recover(ctx context.Context, tx *store.Tx, who api.Caller, in api.PersonRequest) (api.InvitedPerson, error) {
	m, err := s.DB.Member(ctx, who.OrgID, in.UserID)
	if err != nil {
		return api.InvitedPerson{}, err
	}
	if m.ID == who.UserID {
		return api.InvitedPerson{}, &api.Error{Kind: api.Conflict, Code: "recovery_of_oneself",
			Message: "You are logged in: add a credential to your account instead, and remove the lost one.", Subject: who.Subject()}
	}
	if err := s.Access.MayActAs(ctx, tx, who, m.ID); err != nil {
		return api.InvitedPerson{}, err
	}
	org, err := s.DB.Organisation(ctx, who.OrgID)
	if err != nil {
		return api.InvitedPerson{}, err
	}
	tx.KeepAnAdministrator(who.OrgID, m.ID, access.ErrLastAdministrator)
	i := s.restart(tx, who, org, m.User, code.DefaultLifetime)
	if i.Mailed {
		tx.Committed(func() { s.Codes.Post(org, m.User, i.Issued) })
	}
	return invitedPerson(i), nil
}

// RecoverByOperator is Recover for the operator at the command line. The code is mailed as well if the
// name is an address and mail is configured; if that fails, the error is Unavailable and the Invitation
// is valid.
func (s *Service) RecoverByOperator(ctx context.Context, orgID, nameOrID string, lifetime time.Duration) (Invitation, error) {
	if err := code.CheckLifetime(lifetime); err != nil {
		return Invitation{}, err
	}
	org, err := s.DB.Organisation(ctx, orgID)
	if err != nil {
		return Invitation{}, err
	}
	u, err := s.find(ctx, orgID, nameOrID)
	if err != nil {
		return Invitation{}, err
	}
	i, err := store.Do(ctx, s.DB, func(tx *store.Tx) (Invitation, error) {
		return s.restart(tx, api.Caller{OrgID: orgID}, org, u, lifetime), nil
	})
	if err != nil || !i.Mailed {
		return i, err
	}
	if err := s.Codes.Send(ctx, org, u, i.Issued); err != nil {
		i.Mailed = false
		return i, &api.Error{Kind: api.Unavailable, Code: "mail_failed",
			Message: "The user has a new start but the mail did not go; hand over the link yourself.", Cause: err}
	}
	return i, nil
}

// restart adds a new start to the unit.
func (s *Service) restart(tx *store.Tx, who api.Caller, org store.Organisation, u store.User, lifetime time.Duration) Invitation {
	now := s.Now()
	i := Invitation{User: u, Issued: s.Codes.Make(u, lifetime), Mailed: s.Codes.Outbox.Reaches(u.Username)}
	tx.RestartUser(u.ID, u.OrgID, now, errNotRegistered)
	s.Codes.Wrong.Clear(tx, u.OrgID, u.Username)
	tx.IssueCode(i.Row)
	tx.Record(code.Event(who, store.EventUserRestarted, i.Row, now, nil))
	tx.Committed(func() { s.tellRestarted(who, org, u, now) })
	return i
}

// tellRestarted mails the user that they were given a new start. The code is in a mail of its own.
func (s *Service) tellRestarted(who api.Caller, org store.Organisation, u store.User, now time.Time) {
	by := byWhom(who)
	s.Codes.Outbox.Tell(mail.AccountChange{To: u.Username, Organisation: org.Name, Username: u.Username, Subject: "Your account was given a new start", At: now,
		What: "Your credentials and access tokens were removed by " + by + ", and all sessions have ended. You register again with a code that comes in another mail."}, func(why error) {
		s.Codes.Log.Error("a user could not be told of a new start", "orgId", u.OrgID, "userId", u.ID, "error", why)
	})
}
