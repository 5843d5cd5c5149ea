package registration

import (
	"context"
	"errors"
	"slices"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
)

// Complete registers the user with the credentials that answer the challenge of Init. One
// transaction spends the code, registers the user, stores the credentials and records the event.
// Of any number of completions with one code exactly one wins. The winner may repeat its call with
// the same credentials, byte for byte, and gets the same answer.
func (s *Service) Complete(ctx context.Context, who api.Caller, in api.RegistrationRequest) (api.RegistrationResult, error) {
	return s.complete(ctx, who, in, nil)
}

// complete is Complete. If session is given it is filled in and opened in the same transaction.
// That answer is for one call alone: whoever repeats it is refused as everybody else is.
func (s *Service) complete(ctx context.Context, who api.Caller, in api.RegistrationRequest, session *store.Session) (api.RegistrationResult, error) {
	ticket, err := s.Ceremonies.Open(ceremony.Registration, who.RawToken)
	if err != nil {
		return api.RegistrationResult{}, err
	}
	offers, err := attestation.Read(in)
	if err != nil {
		return s.refused(ctx, ticket, nil, session, err)
	}
	inv, err := s.begun(ctx, ticket, offers)
	if err != nil {
		return api.RegistrationResult{}, err
	}
	if inv.CodeFound { // it was read, so a code that has ended costs no more
		if err := checkActive(inv, s.Now()); err != nil {
			return s.refused(ctx, ticket, offers, session, err)
		}
	}
	credentials, err := s.verify(ctx, inv, ticket, offers)
	if err != nil {
		return s.refused(ctx, ticket, offers, session, err)
	}
	if session != nil {
		*session = s.session(who, ticket, credentials[0])
	}
	if err := s.register(ctx, who, inv, credentials, session); err != nil {
		return s.refused(ctx, ticket, offers, session, err)
	}
	return result(inv, credentials[0]), nil
}

// begun returns the invitation as it was when the ceremony began, in the organisation as it is now. That
// suffices to verify the answer: register succeeds only if the user and the code are as they must be. For a
// password, whose hash costs a hundred times as much, they are read first.
func (s *Service) begun(ctx context.Context, t ceremony.Ticket, offers []attestation.Offer) (store.Invitation, error) {
	costly := slices.ContainsFunc(offers, func(o attestation.Offer) bool { return o.Kind == api.KindPassword })
	if costly || t.Username == "" || t.UserID == "" || t.UserKind == "" { // begun on a server of an older version, or by nobody
		return s.resume(ctx, t)
	}
	org, err := s.DB.Organisation(ctx, t.OrgID)
	return store.Invitation{Organisation: org, User: store.User{ID: t.UserID, OrgID: t.OrgID, Username: t.Username, Kind: t.UserKind},
		Code: store.Code{ID: t.CodeID, OrgID: t.OrgID, UserID: t.UserID}}, err
}

// refused answers a completion that failed with why, by the user and the code as they are now. It is no
// failure if this very call was made before and won. offers are nil if they could not be read.
func (s *Service) refused(ctx context.Context, t ceremony.Ticket, offers []attestation.Offer, session *store.Session, why error) (api.RegistrationResult, error) {
	inv, err := s.resume(ctx, t)
	if err != nil {
		return api.RegistrationResult{}, err
	}
	why = about(inv, why)
	if offers == nil {
		return api.RegistrationResult{}, why
	}
	ended := checkActive(inv, s.Now())
	if ended == nil && !errors.Is(why, errLost) {
		return api.RegistrationResult{}, s.attempted(ctx, inv, why)
	}
	if ended != nil {
		why = ended
	}
	if session != nil {
		return api.RegistrationResult{}, why
	}
	return s.repeated(ctx, inv, t, offers, why)
}

// resume reads the user and the code as they are now.
func (s *Service) resume(ctx context.Context, t ceremony.Ticket) (store.Invitation, error) {
	inv, err := s.DB.RegistrationState(ctx, t.UserID, t.CodeID)
	if err != nil {
		return inv, err
	}
	if !inv.Found || !inv.CodeFound || inv.User.OrgID != t.OrgID || inv.Code.UserID != t.UserID {
		return inv, about(inv, &api.Error{Kind: api.Unauthenticated, Code: "registration_refused",
			Message: "This registration cannot be completed; please begin again.",
			Rule:    "user and code of the ceremony token", Expected: "both to exist and to belong together"})
	}
	return inv, nil
}

var errLost = &api.Error{Kind: api.Conflict, Code: "registration_lost",
	Message: "This registration code was used by another registration.", Rule: "one winner for one code"}

// verify verifies the offers. The first factor gets the id of a user's first credential, unless the user
// had one before a new start.
func (s *Service) verify(ctx context.Context, inv store.Invitation, t ceremony.Ticket, offers []attestation.Offer) ([]store.Credential, error) {
	credentials, err := s.Verifier.VerifyAll(ctx, offers, request(inv, t))
	if err != nil {
		return nil, err
	}
	if !t.Restarted {
		credentials[0].ID = api.FirstCredentialID(inv.User.ID)
	}
	return credentials, nil
}

func request(inv store.Invitation, t ceremony.Ticket) attestation.Request {
	return attestation.Request{Challenge: t.Challenge, RPID: t.RPID, Algorithms: t.Algorithms,
		Organisation: inv.Organisation, UserID: inv.User.ID, Username: inv.User.Username, UserKind: inv.User.Kind, CodeID: inv.Code.ID}
}

// register spends the code, registers the user and opens the session, if one is given.
func (s *Service) register(ctx context.Context, who api.Caller, inv store.Invitation, credentials []store.Credential, session *store.Session) error {
	now := s.Now()
	e := event(who, store.EventUserRegistered, inv, now, evidence(credentials))
	e.CredentialID = credentials[0].ID
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.SpendCode(inv.Code.ID, inv.User.ID, now, errLost)
		tx.RegisterUser(inv.User.ID, inv.User.OrgID, now, errLost)
		for _, c := range credentials {
			tx.AddCredential(c, attestation.ErrKnown)
		}
		tx.Record(e)
		if session != nil {
			tx.OpenSession(*session, errLost)
			tx.Record(loggedIn(*session, credentials))
		}
		return nil
	})
}

// attempted records that a completion was tried and refused; the code stays valid. It returns the
// refusal, joined with the error if it could not be recorded.
func (s *Service) attempted(ctx context.Context, inv store.Invitation, refusal error) error {
	if api.KindOf(refusal) != api.Internal && inv.Code.AttemptedAt.IsZero() {
		now := s.Now()
		err := s.DB.Write(ctx, func(tx *store.Tx) error { tx.CodeAttempted(inv.Code.ID, now); return nil })
		if err != nil {
			return errors.Join(refusal, err)
		}
	}
	return refusal
}

// repeated answers a completion whose code is spent: with the first answer if the winner repeats its
// call with the same ticket, otherwise with why.
func (s *Service) repeated(ctx context.Context, inv store.Invitation, ticket ceremony.Ticket, offers []attestation.Offer, why error) (api.RegistrationResult, error) {
	if inv.Code.SpentAt.IsZero() || !inv.User.Active {
		return api.RegistrationResult{}, why
	}
	stored, err := s.DB.CredentialsOfCode(ctx, inv.Code.ID)
	if err != nil {
		return api.RegistrationResult{}, err
	}
	for _, o := range offers {
		if !o.StoredIn(stored) {
			return api.RegistrationResult{}, why
		}
	}
	for _, c := range stored {
		if c.Factor == store.FactorFirst && attestation.Answers(c, ticket.Challenge) {
			return result(inv, c), nil
		}
	}
	return api.RegistrationResult{}, why
}

func result(inv store.Invitation, c store.Credential) api.RegistrationResult {
	return api.RegistrationResult{
		Credential: registered(c),
		User:       api.RegisteredUser{ID: inv.User.ID, Username: inv.User.Username, OrgID: inv.User.OrgID},
	}
}

func registered(c store.Credential) api.RegisteredCredential {
	return api.RegisteredCredential{UUID: c.ID, Kind: c.Kind, Name: c.Name}
}

// evidence is what the event says of the credentials. The rest is in their rows.
func evidence(credentials []store.Credential) map[string]any {
	var all []map[string]any
	for _, c := range credentials {
		all = append(all, map[string]any{"credentialUuid": c.ID, "kind": c.Kind, "factor": c.Factor,
			"algorithm": c.Algorithm, "format": c.Format, "attestationType": c.AttestationType})
	}
	return map[string]any{"credentials": all}
}
