package login

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Complete opens a session for who signed the challenge of Init. The session, the use of
// the credential and the event are one transaction, in which it is decided that user and
// credential are active, that the counter may pass and that the challenge was not
// answered before.
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
	proofs, h, err := s.verify(ctx, ticket, first, second)
	if err != nil {
		evenOut(ctx, begun)
		return api.LoginResult{}, err
	}
	if err := assertion.Settle(ctx, s.DB, who, ticket.Challenge, proofs); err != nil {
		return api.LoginResult{}, err
	}
	session, err := s.open(ctx, who, ticket, h, proofs)
	if err != nil {
		if now, read := s.owner(ctx, ticket, first); read == nil {
			err = assertion.Why(ctx, s.DB, ticket.Challenge, now, proofs, err, errLost)
		}
		return api.LoginResult{}, api.About(err, api.Subject{OrgID: h.User.OrgID, UserID: h.User.ID})
	}
	token, err := s.Tokens.SignSession(session, h.User)
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

func (s *Service) verify(ctx context.Context, t ceremony.Ticket, first assertion.Factor, second *assertion.Factor) ([]assertion.Verified, store.Owner, error) {
	h, err := s.owner(ctx, t, first)
	if err != nil {
		return nil, h, err
	}
	if h.Found && h.User.RegisteredAt.IsZero() { // a credential without a registration answers for nobody
		h.CredentialFound = false
	}
	asked := assertion.Request{Challenge: t.Challenge, RPID: t.RPID, OrgID: t.OrgID, Named: t.Username != "", Factor: store.FactorFirst}
	proof, err := s.Verifier.Verify(first, asked, h)
	if err != nil {
		return nil, h, err
	}
	proofs := []assertion.Verified{proof}
	if second == nil {
		return proofs, h, s.Verifier.NeedsSecond(ctx, s.DB, h)
	}
	// From here on the user is known, whoever that was meant to be.
	other, err := s.DB.OwnerByUser(ctx, h.User.ID, second.CredentialID, second.UUID)
	if err != nil {
		return nil, h, err
	}
	asked.Named, asked.OrgID, asked.Factor = true, h.User.OrgID, store.FactorSecond
	another, err := s.Verifier.Verify(*second, asked, other)
	if err == nil && another.Credential.ID == proof.Credential.ID {
		err = assertion.ErrSameCredential
	}
	return append(proofs, another), h, err
}

// owner finds who answers: a credential of the named user, or the user of a discoverable
// passkey.
func (s *Service) owner(ctx context.Context, t ceremony.Ticket, f assertion.Factor) (store.Owner, error) {
	if t.Username != "" {
		return s.DB.OwnerByName(ctx, t.OrgID, username.Key(t.Username), f.CredentialID, f.UUID)
	}
	if f.Kind != api.KindFido2 {
		return store.Owner{}, &api.Error{Kind: api.Invalid, Code: "username_required",
			Message: "Begin the login with a username to log in with a key."}
	}
	return s.DB.OwnerByCredential(ctx, t.OrgID, t.RPID, f.CredentialID)
}

var errLost = errors.New("the session was not opened")

// open is the one place where a session begins.
func (s *Service) open(ctx context.Context, who api.Caller, t ceremony.Ticket, h store.Owner, proofs []assertion.Verified) (store.Session, error) {
	now := s.Now()
	first := proofs[0].Credential
	session := store.Session{ID: api.NewID(api.PrefixSession, now), OrgID: h.User.OrgID, UserID: h.User.ID, CredentialID: first.ID,
		Challenge: t.Challenge, CreatedAt: now, ExpiresAt: now.Add(s.Lifetime), Address: who.Address, UserAgent: who.UserAgent}
	detail, err := json.Marshal(map[string]any{"sessionId": session.ID, "kind": first.Kind, "factors": len(proofs)}, json.Deterministic(true))
	if err != nil {
		return session, err
	}
	return session, s.DB.Write(ctx, func(tx *store.Tx) error {
		for _, p := range proofs {
			p.Keep(tx, who)
		}
		tx.OpenSession(session, errLost)
		if t.CodeID != "" && first.Kind == api.KindPasswordProtectedKey {
			tx.SpendLoginCode(t.CodeID, now, errCodeUsed)
		}
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: session.OrgID, At: now, Kind: "user.logged_in",
			UserID: session.UserID, ActorID: session.UserID, CredentialID: first.ID, Address: who.Address, Detail: detail})
		return nil
	})
}

var errCodeUsed = &api.Error{Kind: api.Forbidden, Code: "login_code_invalid", Message: "Invalid code",
	Rule: "the login code of the ceremony is live", Received: "one that expired, was replaced or was used"}
