package recovery

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

var (
	errStopped = &api.Error{Kind: api.Conflict, Code: "recovery_stopped",
		Message: "This recovery was stopped, by the owner of the account or by an administrator.",
		Rule:    "no recovery of the user was stopped since this one began"}
	errReplaced = &api.Error{Kind: api.Conflict, Code: "recovery_replaced",
		Message: "Another recovery of this account has taken the place of this one.", Rule: "one recovery of a user waits"}
	errExpired = &api.Error{Kind: api.Conflict, Code: "recovery_expired",
		Message: "This recovery was not completed in time; please begin again.", Rule: "lifetime of a recovery that waits"}
	errNotPending = &api.Error{Kind: api.Conflict, Code: "recovery_not_pending",
		Message: "No such recovery waits; it may be complete, stopped or replaced by another.", Rule: "a recovery of the user waits"}
	errNoApproval = &api.Error{Kind: api.Conflict, Code: "recovery_approval_not_needed",
		Message: "This recovery waits for no approval.", Rule: "the recovery needs an approval and has none"}
)

// unready is why a recovery cannot be completed now, or not any more. It is nil for one that can, and for
// none.
func unready(v store.Recovery, now time.Time) error {
	switch {
	case v.ID == "":
		return nil
	case v.Outcome == store.RecoveryStopped:
		return errStopped
	case v.Outcome == store.RecoveryReplaced:
		return errReplaced
	case v.Outcome != "":
		return errLost
	}
	p := v.Pending(now)
	switch early := now.Before(v.ReadyAt); {
	case p == nil:
		return errExpired
	case early && p.Approval == api.ApprovalNeeded:
		return pending(p, "until "+p.Until+" and for an administrator's approval")
	case early:
		return pending(p, "until "+p.Until)
	case p.Approval == api.ApprovalNeeded:
		return pending(p, "for an administrator's approval")
	}
	return nil
}

func pending(p *api.PendingRecovery, what string) error {
	return &api.Error{Kind: api.Conflict, Code: api.CodeRecoveryPending,
		Message: "Nothing has changed yet: your recovery waits " + what + ". Send this same request again then.",
		Details: map[string]any{"id": p.ID, "since": p.Since, "until": p.Until, "expires": p.Expires, "approval": p.Approval},
		Rule:    "the organisation has recoveries wait"}
}

// wait stores a recovery that waits. The error that it returns then says so. It takes the place of one that
// waits already, whichever recovery key that was in the name of, and waits anew for everything: whoever can
// begin another delays a recovery but never speeds one up, and an owner is not kept out by who came first.
func (s *Service) wait(ctx context.Context, r request, v store.Recovery, credentials []store.Credential) error {
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.BeginRecovery(v, r.ticket.CodeID, r.ticket.Issued, errLost, errStopped)
		tx.Record(s.event(r, store.EventRecoveryRequested, v, credentials, v.CreatedAt))
		tx.Committed(func() { s.tellPending(r.who, r.owner, v) })
		return nil
	})
	if err != nil {
		return err
	}
	return unready(v, v.CreatedAt)
}

// StopOwn stops the recovery of the caller's own account. The session is enough: who stops a recovery gets
// nothing by it, and the owner may have no key left to sign with.
func (s *Service) StopOwn(ctx context.Context, who api.Caller, _ api.Nothing) (api.Message, error) {
	return store.Do(ctx, s.DB, func(tx *store.Tx) (api.Message, error) { return s.stop(ctx, tx, who, who.UserID) })
}

// Stop stops the recovery of a person.
func (s *Service) Stop(ctx context.Context, tx *store.Tx, who api.Caller, in api.PersonRequest) (api.Message, error) {
	m, err := s.DB.Member(ctx, who.OrgID, in.UserID)
	if err != nil {
		return api.Message{}, err
	}
	return s.stop(ctx, tx, who, m.ID)
}

// Approve approves the recovery of a person that waits for it. Nobody approves their own, nor that of a
// user who was given more than they could give.
func (s *Service) Approve(ctx context.Context, tx *store.Tx, who api.Caller, in api.ApproveRecoveryRequest) (api.Message, error) {
	if in.RecoveryID == "" {
		return api.Message{}, api.Missing("recoveryId")
	}
	m, err := s.DB.Member(ctx, who.OrgID, in.UserID)
	if err != nil {
		return api.Message{}, err
	}
	if m.ID == who.UserID {
		return api.Message{}, &api.Error{Kind: api.Conflict, Code: "recovery_of_oneself",
			Message: "Nobody approves the recovery of their own account.", Subject: who.Subject()}
	}
	if err := s.Access.MayActAs(ctx, tx, who, m.ID); err != nil {
		return api.Message{}, err
	}
	return s.approve(ctx, tx, who, m.ID, in.RecoveryID)
}

// StopByOperator stops the recovery of the user of that name or id, for the operator.
func (s *Service) StopByOperator(ctx context.Context, orgID, nameOrID string) error {
	return s.byOperator(ctx, orgID, nameOrID, s.stop)
}

// ApproveByOperator approves the recovery of the user of that name or id, for the operator.
func (s *Service) ApproveByOperator(ctx context.Context, orgID, nameOrID, recoveryID string) error {
	return s.byOperator(ctx, orgID, nameOrID, func(ctx context.Context, tx *store.Tx, who api.Caller, userID string) (api.Message, error) {
		return s.approve(ctx, tx, who, userID, recoveryID)
	})
}

func (s *Service) byOperator(ctx context.Context, orgID, nameOrID string, do func(context.Context, *store.Tx, api.Caller, string) (api.Message, error)) error {
	u, err := s.DB.UserNamed(ctx, orgID, nameOrID)
	if err != nil {
		return err
	}
	_, err = store.Do(ctx, s.DB, func(tx *store.Tx) (api.Message, error) { return do(ctx, tx, api.Caller{OrgID: orgID}, u.ID) })
	return err
}

// waiting reads the recovery of a user that waits, and the user.
func (s *Service) waiting(ctx context.Context, userID string, now time.Time) (v store.Recovery, owner store.Owner, err error) {
	if v, err = s.DB.OpenRecovery(ctx, userID); err != nil {
		return v, owner, err
	}
	if v.Pending(now) == nil {
		return v, owner, errNotPending
	}
	owner, err = s.DB.OwnerByUser(ctx, userID, nil, "")
	return v, owner, err
}

// stop adds to the unit that the recovery of a user is stopped.
func (s *Service) stop(ctx context.Context, tx *store.Tx, who api.Caller, userID string) (api.Message, error) {
	now := s.Now()
	v, owner, err := s.waiting(ctx, userID, now)
	if err != nil {
		return api.Message{}, err
	}
	tx.StopRecovery(v, who.UserID, now, &store.Outdated{Err: errNotPending})
	by := byWhom(who)
	if who.UserID == userID {
		by = "from a session of yours"
	}
	s.decided(tx, who, owner, v, store.EventRecoveryStopped, now, change{subject: "The recovery of your account was stopped",
		what:   "The recovery of your account was stopped " + by + ". Nothing was changed. If you did not begin it, somebody has your recovery key: remove that key on your account page.",
		remedy: "If you were recovering your account yourself, ask an administrator of your organisation for a new start."})
	return api.Message{Message: "The recovery is stopped."}, nil
}

// approve adds to the unit that a recovery of a user is approved. It must be the one that waits: another
// may have taken its place.
func (s *Service) approve(ctx context.Context, tx *store.Tx, who api.Caller, userID, recoveryID string) (api.Message, error) {
	now := s.Now()
	v, owner, err := s.waiting(ctx, userID, now)
	switch {
	case err != nil:
		return api.Message{}, err
	case v.ID != recoveryID:
		return api.Message{}, errNotPending
	case v.Pending(now).Approval != api.ApprovalNeeded:
		return api.Message{}, errNoApproval
	}
	tx.ApproveRecovery(v, who.UserID, now, &store.Outdated{Err: errNotPending})
	s.decided(tx, who, owner, v, store.EventRecoveryApproved, now, change{subject: "The recovery of your account was approved",
		what: "The recovery of your account was approved " + byWhom(who) + "." + when(v, now), remedy: s.remedy(owner)})
	return api.Message{Message: "The recovery is approved."}, nil
}

func byWhom(who api.Caller) string {
	if who.Username == "" {
		return "by the operator of the server"
	}
	return "by " + who.Username
}

// decided adds the event of a decision to the unit, and has the owner told.
func (s *Service) decided(tx *store.Tx, who api.Caller, owner store.Owner, v store.Recovery, kind string, now time.Time, c change) {
	e := store.NewEvent(who, kind, now, map[string]any{"recoveryId": v.ID})
	e.UserID = v.UserID
	tx.Record(e)
	tx.Committed(func() { s.tell(who, owner, c) })
}

// tellPending mails the user that somebody is recovering their account.
func (s *Service) tellPending(who api.Caller, owner store.Owner, v store.Recovery) {
	c := change{subject: "Somebody is recovering your account", remedy: s.remedy(owner),
		what: "Somebody has begun to recover your account with your recovery key. Nothing has changed yet." + when(v, v.CreatedAt)}
	if v.NeedsApproval {
		c.what += " An administrator must approve it first."
	}
	s.tell(who, owner, c)
}

// when says when a recovery can be completed, if it must wait.
func when(v store.Recovery, now time.Time) string {
	if !now.Before(v.ReadyAt) {
		return ""
	}
	return " It can be completed from " + v.ReadyAt.UTC().Format("2 January 2006 at 15:04 UTC") + "."
}

// remedy is what its owner does against a recovery that waits.
func (s *Service) remedy(owner store.Owner) string {
	const others = "tell an administrator of your organisation at once: they can stop it."
	if !s.Site.Hosted(owner.Organisation) {
		return "If it was not you, " + others
	}
	return "If it was not you, stop it: open " + s.Site.Origin() + "/account where you are signed in. If you are signed in nowhere, " + others
}

// change is what a user is told of.
type change struct{ subject, what, remedy string }

// tell mails the user what was done about their account.
func (s *Service) tell(who api.Caller, owner store.Owner, c change) {
	u := owner.User
	s.Codes.Outbox.Tell(mail.AccountChange{To: u.Username, Organisation: owner.Organisation.Name, Username: u.Username,
		Subject: c.subject, What: c.what, At: s.Now(), Address: who.Address, Remedy: c.remedy}, func(why error) {
		s.Log.Error("a user could not be told of a recovery", "orgId", u.OrgID, "userId", u.ID, "error", why)
	})
}
