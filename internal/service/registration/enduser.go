package registration

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
)

// CompleteWithSession is Complete for clients that go on at once as the user: it answers with
// the token of a session as well. The credentials have just answered a challenge, which is all
// that a login asks. There are no wallets to make; who asks for some is refused before anything
// is written.
//
// Unlike Complete, it answers once: the token is not given out again to who repeats the call.
func (s *Service) CompleteWithSession(ctx context.Context, who api.Caller, in api.EndUserRegistrationRequest) (api.EndUserRegistrationResult, error) {
	if len(in.Wallets) > 0 {
		return api.EndUserRegistrationResult{}, errWallets
	}
	var session store.Session
	done, err := s.complete(ctx, who, in.RegistrationRequest, &session)
	if err != nil {
		return api.EndUserRegistrationResult{}, err
	}
	token, err := s.Tokens.SignSession(session, store.User{ID: done.User.ID, OrgID: done.User.OrgID, Username: done.User.Username})
	return api.EndUserRegistrationResult{RegistrationResult: done, Authentication: api.LoginResult{Token: token}, Wallets: []any{}}, err
}

var errWallets = &api.Error{Kind: api.Invalid, Code: "wallets_not_offered",
	Message: "The member /wallets asks for wallets, which this server has none of; leave it out to register. Nothing was stored.",
	Rule:    "a registration makes no wallets", Received: "a list of wallets", Expected: "none"}

// session is one of the user whom a ceremony has registered, by their first credential.
func (s *Service) session(who api.Caller, t ceremony.Ticket, first store.Credential) store.Session {
	now := s.Now()
	return store.Session{ID: api.NewID(api.PrefixSession, now), OrgID: t.OrgID, UserID: t.UserID, CredentialID: first.ID,
		Challenge: t.Challenge, CreatedAt: now, ExpiresAt: now.Add(s.SessionTime), Address: who.Address, UserAgent: who.UserAgent}
}

// loggedIn is the event of a session that opens with the registration.
func loggedIn(session store.Session, by []store.Credential) store.Event {
	factors := 0
	for _, c := range by {
		if c.Factor != store.FactorRecovery {
			factors++
		}
	}
	return store.Event{ID: api.NewID(api.PrefixEvent, session.CreatedAt), OrgID: session.OrgID, At: session.CreatedAt, Kind: store.EventUserLoggedIn,
		UserID: session.UserID, ActorID: session.UserID, CredentialID: session.CredentialID, Address: session.Address,
		Detail: fmt.Appendf(nil, `{"factors":%d,"kind":%q,"sessionId":%q}`, factors, by[0].Kind, session.ID)}
}
