package registration

import (
	"bytes"
	"context"
	"errors"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
)

var errRecoveryStored = &api.Error{Kind: api.Conflict, Code: "recovery_already_registered",
	Message: "A recovery key was already stored with this registration.", Rule: "one recovery key for one registration"}

// AddRecovery stores a recovery key beside the credential that the same ceremony has just
// registered, so that a page can offer one once the passkey is stored. It takes the ticket of that
// ceremony until it expires, and the key answers the same challenge. The ticket of any other
// ceremony, even for the same code, is refused.
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
	stored, err := s.completedBy(ctx, inv, ticket)
	if err != nil {
		return api.AddRecoveryResult{}, about(inv, err)
	}
	if result, done, err := recovered(inv, stored, o); done {
		return result, err
	}
	c, err := s.Verifier.Verify(o, request(inv, ticket))
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
		tx.AddCredential(c, attestation.ErrKnown)
		tx.Record(e)
		return nil
	})
	if errors.Is(err, attestation.ErrKnown) { // perhaps by this call, sent twice
		if stored, again := s.completedBy(ctx, inv, ticket); again == nil {
			if result, done, err := recovered(inv, stored, o); done {
				return result, err
			}
		}
	}
	if err != nil {
		return api.AddRecoveryResult{}, about(inv, err)
	}
	return api.AddRecoveryResult{Credential: registered(c)}, nil
}

// recovered answers for a registration that has its recovery key: with that key if it is the one
// offered, since the call was repeated, otherwise with a refusal.
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

// completedBy returns the credentials that the ceremony of the ticket has registered. It refuses if
// there are none.
func (s *Service) completedBy(ctx context.Context, inv store.Invitation, ticket ceremony.Ticket) ([]store.Credential, error) {
	refused := &api.Error{Kind: api.Unauthenticated, Code: "registration_not_completed",
		Message: "A recovery key can only be added right after the registration it belongs to.",
		Rule:    "the ceremony token completed this user's registration"}
	if inv.Code.SpentAt.IsZero() || !inv.User.Active {
		return nil, refused
	}
	stored, err := s.DB.CredentialsOfCode(ctx, inv.Code.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range stored {
		if c.Factor == store.FactorFirst && attestation.Answers(c, ticket.Challenge) {
			return stored, nil
		}
	}
	return nil, refused
}
