package registration

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

var errRecoveryStored = &api.Error{Kind: api.Conflict, Code: "recovery_already_registered",
	Message: "A recovery key was already stored with this registration.", Rule: "one recovery key for one registration"}

var errNotCompleted = &api.Error{Kind: api.Unauthenticated, Code: "registration_not_completed",
	Message: "A recovery key can only be added right after the registration it belongs to.",
	Rule:    "the ceremony token completed this user's registration, not long ago"}

// AddRecovery stores a recovery key beside the passkey that this same ceremony has just
// registered on the hosted page, so that a person can be offered one after the passkey is safe.
// It asks for the ticket of that ceremony while it is fresh, and the key answers the same
// challenge; a ticket of any other ceremony, even for the same code, is refused. So is one that
// others could have kept: of a delegated registration, or of a page elsewhere. The owner is told
// by mail.
func (s *Service) AddRecovery(ctx context.Context, who api.Caller, in api.AddRecoveryRequest) (api.AddRecoveryResult, error) {
	ticket, err := s.Ceremonies.Open(ceremony.Registration, who.RawToken)
	if err != nil {
		return api.AddRecoveryResult{}, err
	}
	inv, err := s.resume(ctx, ticket)
	if err != nil {
		return api.AddRecoveryResult{}, err
	}
	if in.RecoveryCredential == nil {
		return api.AddRecoveryResult{}, api.Missing("recoveryCredential")
	}
	o, err := attestation.ReadOne(store.FactorRecovery, "/recoveryCredential", in.RecoveryCredential)
	if err != nil {
		return api.AddRecoveryResult{}, about(inv, err)
	}
	stored, first, err := s.completedBy(ctx, inv, ticket)
	if err != nil {
		return api.AddRecoveryResult{}, about(inv, err)
	}
	if result, done, err := recovered(inv, stored, o); done {
		return result, err
	}
	c, err := s.Verifier.Verify(ctx, o, request(inv, ticket))
	if err != nil {
		return api.AddRecoveryResult{}, about(inv, err)
	}
	for _, k := range stored {
		if bytes.Equal(k.PublicKey, c.PublicKey) || bytes.Equal(k.CredentialID, c.CredentialID) {
			return api.AddRecoveryResult{}, about(inv, attestation.NotDistinct("public key or credential ID"))
		}
	}
	now := s.Now()
	e := event(who, store.EventCredentialRecoveryAdded, inv, now, nil)
	e.CredentialID = c.ID
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.AddRecoveryKey(c, first, now.Add(-ceremony.DefaultLifetime), errNotCompleted, attestation.ErrKnown)
		tx.Record(e)
		return nil
	})
	if errors.Is(err, attestation.ErrKnown) { // or this very call, sent twice, was first
		if stored, _, again := s.completedBy(ctx, inv, ticket); again == nil {
			if result, done, err := recovered(inv, stored, o); done {
				return result, err
			}
		}
	}
	if err != nil {
		return api.AddRecoveryResult{}, about(inv, err)
	}
	s.tellOwner(inv, now)
	return api.AddRecoveryResult{Credential: registered(c)}, nil
}

// tellOwner mails the user that there is a recovery key now. Where no mail reaches them, the
// account page shows it.
func (s *Service) tellOwner(inv store.Invitation, now time.Time) {
	u := inv.User
	m := mail.CredentialChange(api.KindRecoveryKey, "was added")
	m.To, m.Organisation, m.Username, m.At = u.Username, inv.Organisation.Name, u.Username, now
	m.What = "A recovery key was added to your account right after its passkey was registered."
	s.Codes.Outbox.Tell(m, func(why error) {
		s.Codes.Log.Error("a user could not be told of a recovery key", "orgId", u.OrgID, "userId", u.ID, "error", why)
	})
}

// recovered answers for a registration that has its recovery key: with that key if it is
// the one offered, as when a call is sent again, otherwise with a refusal.
func recovered(inv store.Invitation, stored []store.Credential, o attestation.Offer) (result api.AddRecoveryResult, done bool, err error) {
	for _, c := range stored {
		if c.Factor != store.FactorRecovery {
			continue
		}
		if o.StoredIn(stored) {
			return api.AddRecoveryResult{Credential: registered(c)}, true, nil
		}
		return result, true, about(inv, errRecoveryStored)
	}
	return result, false, nil
}

// completedBy returns the credentials that the ceremony of ticket has registered, and the id of
// the passkey among them, or refuses if it has not registered one on the hosted page just now.
func (s *Service) completedBy(ctx context.Context, inv store.Invitation, ticket ceremony.Ticket) (all []store.Credential, first string, err error) {
	if inv.Code.SpentAt.IsZero() || !inv.User.Active || !s.Now().Before(inv.Code.SpentAt.Add(ceremony.DefaultLifetime)) {
		return nil, "", errNotCompleted
	}
	stored, err := s.DB.CredentialsOfCode(ctx, inv.Code.ID)
	if err != nil {
		return nil, "", err
	}
	for _, c := range stored {
		if c.Factor != store.FactorFirst || !c.Active || !attestation.Answers(c, ticket.Challenge) {
			continue
		}
		elsewhere := &api.Error{Kind: api.Forbidden, Code: "recovery_not_allowed",
			Message: "A recovery key can only be added on the page that registered the passkey.",
			Rule:    "a passkey registered on the hosted page, with a registration code", Expected: s.Site.Origin()}
		switch {
		case len(inv.Code.MAC) == 0:
			elsewhere.Received = "a delegated registration"
		case c.Kind != api.KindFido2:
			elsewhere.Received = "a credential of kind " + c.Kind
		case c.Origin != s.Site.Origin():
			elsewhere.Received = "a passkey registered at " + c.Origin
		default:
			return stored, c.ID, nil
		}
		return nil, "", elsewhere
	}
	return nil, "", errNotCompleted
}
