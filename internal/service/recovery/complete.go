package recovery

import (
	"context"
	"errors"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

// errLost refuses a recovery that came after something else: another recovery, or the end of its user,
// code or recovery key.
var errLost = &api.Error{Kind: api.Conflict, Code: "recovery_lost",
	Message: "This recovery cannot be completed any more; please begin again.",
	Rule:    "the user, the code and the recovery key are as they were when it began"}

// errPassword refuses a recovery with a password, after which its user could sign nothing any more.
var errPassword = &api.Error{Kind: api.Invalid, Code: "credential_kind_not_supported",
	Message: "A recovery needs a passkey or key as first factor; a password signs nothing.", Rule: "the first factor of a recovery can sign"}

// Complete gives the user the new credentials that their recovery key signed. One transaction spends the
// code, removes all former credentials and access tokens, ends all sessions, voids what was signed and not
// used, stores the new credentials and records the event. Of any number of recoveries with one code or
// recovery key exactly one wins.
func (s *Service) Complete(ctx context.Context, who api.Caller, in api.RecoverRequest) (api.RegistrationResult, error) {
	ticket, err := s.Ceremonies.Open(ceremony.Recovery, who.RawToken)
	if err != nil {
		return api.RegistrationResult{}, err
	}
	switch {
	case in.Recovery == nil:
		return api.RegistrationResult{}, api.Missing("recovery")
	case in.NewCredentials == nil:
		return api.RegistrationResult{}, api.Missing("newCredentials")
	}
	if f := in.NewCredentials.FirstFactorCredential; f != nil && f.CredentialKind == api.KindPassword {
		return api.RegistrationResult{}, errPassword // before the recovery key is verified: what it signed has the password in it
	}
	subject := api.Subject{OrgID: ticket.OrgID, UserID: ticket.UserID, CodeID: ticket.CodeID}
	owner, err := s.DB.OwnerByUser(ctx, ticket.UserID, nil, ticket.RecoveryKeyID)
	switch {
	case err != nil:
		return api.RegistrationResult{}, err
	case !owner.Found || !owner.CredentialFound || owner.User.OrgID != ticket.OrgID:
		return api.RegistrationResult{}, api.About(errLost, subject)
	case !owner.User.Active:
		return api.RegistrationResult{}, api.About(auth.ErrUserInactive, subject)
	}
	if err := s.Assertions.VerifyRecovery(in.Recovery, *in.NewCredentials, owner); err != nil {
		return api.RegistrationResult{}, err
	}
	offers, err := attestation.ReadAt("/newCredentials", *in.NewCredentials)
	if err != nil {
		return api.RegistrationResult{}, api.About(err, subject)
	}
	credentials, err := s.Verifier.VerifyAll(ctx, offers, attestation.Request{Challenge: ticket.Challenge, RPID: ticket.RPID,
		Algorithms: ticket.Algorithms, Organisation: owner.Organisation, UserID: owner.User.ID, Username: owner.User.Username})
	if err != nil {
		return api.RegistrationResult{}, api.About(err, subject)
	}
	who.OrgID, who.UserID = owner.User.OrgID, owner.User.ID
	if err := s.store(ctx, who, ticket, owner, credentials); err != nil {
		if errors.Is(err, errLost) {
			err = s.whyLost(ctx, ticket, err)
		}
		return api.RegistrationResult{}, api.About(err, subject)
	}
	c := credentials[0]
	return api.RegistrationResult{Credential: api.RegisteredCredential{UUID: c.ID, Kind: c.Kind, Name: c.Name},
		User: api.RegisteredUser{ID: owner.User.ID, Username: owner.User.Username, OrgID: owner.User.OrgID}}, nil
}

func (s *Service) store(ctx context.Context, who api.Caller, t ceremony.Ticket, owner store.Owner, credentials []store.Credential) error {
	now := s.Now()
	var added []map[string]any
	for _, c := range credentials {
		added = append(added, map[string]any{"credentialUuid": c.ID, "kind": c.Kind, "factor": c.Factor,
			"algorithm": c.Algorithm, "format": c.Format, "attestationType": c.AttestationType})
	}
	e := store.NewEvent(who, store.EventUserRecovered, now, map[string]any{"credentials": added, "recoveryKey": t.RecoveryKeyID})
	e.UserID, e.CredentialID, e.CodeID = owner.User.ID, credentials[0].ID, t.CodeID
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		if t.CodeID != "" {
			tx.SpendLoginCode(store.CodeForRecovery, t.CodeID, owner.User.ID, now, errLost)
		}
		tx.Recover(owner.User.ID, owner.User.OrgID, t.RecoveryKeyID, now, errLost)
		for _, c := range credentials {
			tx.AddCredential(c, attestation.ErrKnown)
		}
		tx.Record(e)
		tx.Committed(func() { s.tell(who, owner) })
		return nil
	})
}

// whyLost says why a recovery was lost: its recovery key was removed or deactivated since it was read, or
// its code was used or expired.
func (s *Service) whyLost(ctx context.Context, t ceremony.Ticket, err error) error {
	owner, read := s.DB.OwnerByUser(ctx, t.UserID, nil, t.RecoveryKeyID)
	switch {
	case read != nil:
		return read
	case !owner.User.Active:
		return auth.ErrUserInactive
	case !owner.Credential.Active:
		return assertion.ErrNotRecovery
	}
	return err
}

// tell mails the user that they were recovered.
func (s *Service) tell(who api.Caller, owner store.Owner) {
	u := owner.User
	s.Codes.Outbox.Tell(mail.AccountChange{To: u.Username, Organisation: owner.Organisation.Name, Username: u.Username,
		Subject: "Your account was recovered",
		What:    "Your account was recovered with your recovery key. All credentials and access tokens from before are removed, and all sessions have ended.",
		At:      s.Now(), Address: who.Address}, func(why error) {
		s.Log.Error("a user could not be told of a recovery", "orgId", u.OrgID, "userId", u.ID, "error", why)
	})
}
