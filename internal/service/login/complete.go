package login

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Complete opens a session for who signed the challenge of Init. The session, the use of
// the credential and the event are one transaction. It decides that user and credential are
// active, that the counter may pass and that the challenge was not answered before.
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
		Named: ticket.Username != "", Owner: s.owner(ticket)}, first, second)
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

// refusalTime is how long a refused login takes at least. How long a signature takes to
// verify depends on the key, from 0.03 ms for RSA to some for P-521, which would tell a
// credential from an invented one to who asks often enough.
const refusalTime = 25 * time.Millisecond

// evenOut waits until the refusal of what was begun then is due.
func evenOut(ctx context.Context, begun time.Time) {
	due := time.NewTimer(refusalTime - time.Since(begun))
	defer due.Stop()
	select {
	case <-due.C:
	case <-ctx.Done():
	}
}

// owner returns a function that finds who answers: a credential of the named user, or the
// user of a discoverable passkey. Before the user has registered, a credential answers for
// nobody.
func (s *Service) owner(t ceremony.Ticket) func(context.Context, assertion.Factor) (store.Owner, error) {
	return func(ctx context.Context, f assertion.Factor) (owner store.Owner, err error) {
		switch {
		case t.Username != "":
			owner, err = s.DB.OwnerByName(ctx, t.OrgID, username.Key(t.Username), f.CredentialID, f.UUID)
		case f.Kind != api.KindFido2:
			return owner, &api.Error{Kind: api.Invalid, Code: "username_required",
				Message: "Begin the login with a username to log in with a key."}
		default:
			owner, err = s.DB.OwnerByCredential(ctx, t.OrgID, t.RPID, f.CredentialID)
		}
		if owner.User.RegisteredAt.IsZero() {
			owner.CredentialFound = false
		}
		return owner, err
	}
}

// open is the one place where a session begins.
func (s *Service) open(ctx context.Context, who api.Caller, t ceremony.Ticket, verified assertion.Verified) (store.Session, error) {
	now, u, first := s.Now(), verified.Owner.User, verified.Factors[0].Credential
	session := store.Session{ID: api.NewID(api.PrefixSession, now), OrgID: u.OrgID, UserID: u.ID, CredentialID: first.ID,
		Challenge: t.Challenge, CreatedAt: now, ExpiresAt: now.Add(s.Lifetime), Address: who.Address, UserAgent: who.UserAgent}
	detail, err := json.Marshal(map[string]any{"sessionId": session.ID, "kind": first.Kind, "factors": len(verified.Factors)}, json.Deterministic(true))
	if err != nil {
		return session, err
	}
	return session, s.DB.Write(ctx, func(tx *store.Tx) error {
		verified.RecordUse(tx)
		tx.OpenSession(session, ceremony.ErrChallengeUsed)
		if t.CodeID != "" && first.Kind == api.KindPasswordProtectedKey {
			tx.SpendLoginCode(t.CodeID, now, errCodeUsed)
		}
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: session.OrgID, At: now, Kind: store.EventUserLoggedIn,
			UserID: session.UserID, ActorID: session.UserID, CredentialID: first.ID, Address: who.Address, Detail: detail})
		return nil
	})
}

var errCodeUsed = &api.Error{Kind: api.Forbidden, Code: "login_code_invalid", Message: "Invalid code",
	Rule: "the login code of the ceremony is live", Received: "one that expired, was replaced or was used"}
