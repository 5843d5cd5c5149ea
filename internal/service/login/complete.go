package login

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Complete opens a session for the user who signed the challenge of Init. The session, the use of
// the credential and the event are one transaction. That transaction decides that the user and the
// credential are active, that the counter is accepted and that the challenge was not answered
// before.
func (s *Service) Complete(ctx context.Context, who api.Caller, in api.SignedChallenge) (api.LoginResult, error) {
	ticket, err := s.Ceremonies.OpenChallenge(ceremony.Login, in.ChallengeIdentifier)
	if err != nil {
		return api.LoginResult{}, err
	}
	begun := time.Now()
	first, second, err := assertion.Read(in)
	if err != nil {
		return api.LoginResult{}, err
	}
	verified, err := s.Verifier.Verify(ctx, who, assertion.Request{Challenge: ticket.Challenge, RPID: ticket.RPID, OrgID: ticket.OrgID,
		Named: ticket.Username != "", Username: ticket.Username, CodeID: ticket.CodeID, Owner: s.owner(ticket)}, first, second)
	if err != nil {
		evenOut(ctx, begun)
		return api.LoginResult{}, err
	}
	session, err := s.open(ctx, who, ticket, verified)
	if err != nil {
		return api.LoginResult{}, s.Verifier.Explain(ctx, verified, err)
	}
	token, err := s.Tokens.SignSession(session, verified.Owner.User)
	return api.LoginResult{Token: token}, err
}

// refusalTime is how long a refused login takes at least. Verifying a signature takes from 0.03 ms
// with RSA to several ms with P-521, so without it, many tries would distinguish a real credential
// from an invented one.
const refusalTime = 25 * time.Millisecond

// evenOut waits until refusalTime has passed since begun.
func evenOut(ctx context.Context, begun time.Time) {
	due := time.NewTimer(refusalTime - time.Since(begun))
	defer due.Stop()
	select {
	case <-due.C:
	case <-ctx.Done():
	}
}

// owner returns a function that finds the credential that answers: one of the named user, or a
// discoverable passkey with its user. A user who has not registered has none.
func (s *Service) owner(t ceremony.Ticket) func(context.Context, assertion.Factor) (store.Owner, error) {
	return func(ctx context.Context, f assertion.Factor) (owner store.Owner, err error) {
		switch {
		case t.Username != "" && !f.Signs():
			owner, err = s.DB.OwnerByNameAndKind(ctx, t.OrgID, username.Key(t.Username), f.Kind)
		case t.Username != "":
			owner, err = s.DB.OwnerByName(ctx, t.OrgID, username.Key(t.Username), f.CredentialID, f.UUID)
		case f.Kind != api.KindFido2:
			return owner, &api.Error{Kind: api.Invalid, Code: "username_required",
				Message: "Begin the login with a username to log in with a key or a password."}
		default:
			owner, err = s.DB.OwnerByCredential(ctx, t.OrgID, t.RPID, f.CredentialID)
		}
		if owner.User.RegisteredAt.IsZero() {
			owner.CredentialFound = false
		}
		return owner, err
	}
}

// open opens the session.
func (s *Service) open(ctx context.Context, who api.Caller, t ceremony.Ticket, verified assertion.Verified) (store.Session, error) {
	now, u, first := s.Now(), verified.Owner.User, verified.Factors[0].Credential
	session := store.Session{ID: api.NewID(api.PrefixSession, now), OrgID: u.OrgID, UserID: u.ID, CredentialID: first.ID,
		Challenge: t.Challenge, CreatedAt: now, ExpiresAt: now.Add(s.Lifetime), Address: who.Address, UserAgent: who.UserAgent}
	e := store.NewEvent(api.Caller{OrgID: u.OrgID, UserID: u.ID, Address: who.Address}, store.EventUserLoggedIn, now,
		map[string]any{"sessionId": session.ID, "kind": first.Kind, "factors": len(verified.Factors)})
	e.UserID, e.CredentialID = u.ID, first.ID
	return session, s.DB.Write(ctx, func(tx *store.Tx) error {
		verified.RecordUse(tx)
		tx.OpenSession(session, ceremony.ErrChallengeUsed)
		if t.CodeID != "" && slices.ContainsFunc(verified.Factors, usedCode) {
			tx.SpendLoginCode(store.CodeForLogin, t.CodeID, u.ID, now, errCodeUsed)
		}
		tx.Record(e)
		return nil
	})
}

// usedCode reports whether a login code is for such a factor, and so is used up by it.
func usedCode(f assertion.VerifiedFactor) bool {
	return f.Credential.Kind == api.KindPasswordProtectedKey || f.Credential.Kind == api.KindPassword
}

var errCodeUsed = &api.Error{Kind: api.Forbidden, Code: "login_code_invalid", Message: "Invalid code",
	Rule: "the login code of the ceremony is live", Received: "one that expired, was replaced or was used"}
