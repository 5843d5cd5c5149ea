package user

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

var errNoSuchCredential = &api.Error{Kind: api.NotFound, Code: "credential_not_found",
	Message: "This organisation has no such credential."}

// Credentials returns the credentials of the user of that name or id, oldest first.
func (s *Service) Credentials(ctx context.Context, orgID, nameOrID string) ([]store.Credential, error) {
	u, err := s.find(ctx, orgID, nameOrID)
	if err != nil {
		return nil, err
	}
	return s.DB.CredentialsOfUser(ctx, u.ID)
}

// SetCredentialActive deactivates or activates a credential, as [store.Tx.DeactivateCredential] and
// [store.Tx.ActivateCredential] do.
func (s *Service) SetCredentialActive(ctx context.Context, orgID, id string, active bool) error {
	if active {
		return s.changeCredential(ctx, orgID, id, store.EventCredentialActivated, "was activated", func(tx *store.Tx, c store.Credential, _ time.Time) {
			tx.ActivateCredential(id, orgID, errNoSuchCredential)
		})
	}
	return s.changeCredential(ctx, orgID, id, store.EventCredentialDeactivated, "was deactivated", func(tx *store.Tx, c store.Credential, now time.Time) {
		tx.DeactivateCredential(c, now, errNoSuchCredential)
	})
}

// RemoveCredential removes a credential for good and ends everything that its user opened and signed.
func (s *Service) RemoveCredential(ctx context.Context, orgID, id string) error {
	return s.changeCredential(ctx, orgID, id, store.EventCredentialRemoved, "was removed", func(tx *store.Tx, c store.Credential, now time.Time) {
		tx.DeactivateCredential(c, now, errNoSuchCredential)
		tx.ArchiveCredential(c, now, errNoSuchCredential)
	})
}

// ResetSignCount resets the counter of a credential, for a user who is locked out because their
// authenticator started its own again. The operator must make sure that it is not a copy.
func (s *Service) ResetSignCount(ctx context.Context, orgID, id string) error {
	return s.changeCredential(ctx, orgID, id, store.EventCredentialCounterReset, "", func(tx *store.Tx, _ store.Credential, _ time.Time) {
		tx.ResetSignCount(id, orgID, errNoSuchCredential)
	})
}

// changeCredential changes a credential and records it in one unit. Its owner is told what was done, unless
// that is "".
func (s *Service) changeCredential(ctx context.Context, orgID, id, kind, done string, change func(*store.Tx, store.Credential, time.Time)) error {
	c, err := s.credential(ctx, orgID, id)
	if err != nil {
		return err
	}
	now := s.Now()
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		change(tx, c, now)
		e := event(api.Caller{OrgID: orgID}, kind, c.UserID, now)
		e.CredentialID = c.ID
		tx.Record(e)
		if done == "" || c.TokenID != "" {
			return nil
		}
		return s.tellOfOperator(ctx, tx, c, done, "")
	})
}

// tellOfOperator mails the owner of a credential what the operator did to it.
func (s *Service) tellOfOperator(ctx context.Context, tx *store.Tx, c store.Credential, done, former string) error {
	org, err := s.DB.Organisation(ctx, c.OrgID)
	if err != nil {
		return err
	}
	u, err := s.DB.User(ctx, c.UserID)
	if err != nil {
		return err
	}
	m := mail.CredentialChange(c.Kind, done)
	m.What, m.Credential, m.FormerName = "One of your credentials "+done+".", c.Name, former
	s.tell(tx, api.Caller{OrgID: c.OrgID}, org, u, m)
	return nil
}

// credential returns a credential of the organisation.
func (s *Service) credential(ctx context.Context, orgID, id string) (store.Credential, error) {
	c, err := s.DB.Credential(ctx, id)
	if err == nil && c.OrgID != orgID {
		err = errNoSuchCredential
	}
	return c, err
}

// RenameCredential gives a person's credential another name.
func (s *Service) RenameCredential(ctx context.Context, orgID, id, name string) error {
	if name == "" {
		return &api.Error{Kind: api.Invalid, Code: "credential_name_invalid", Message: "The name is empty."}
	}
	if err := attestation.CheckName("The name", name); err != nil {
		return err
	}
	_, err := store.Do(ctx, s.DB, func(tx *store.Tx) (api.Nothing, error) {
		c, err := s.credential(ctx, orgID, id)
		if err == nil && (c.TokenID != "" || !c.ArchivedAt.IsZero()) {
			err = errNoSuchCredential
		}
		if err != nil || c.Name == name {
			return api.Nothing{}, err
		}
		tx.RenameCredential(c, name, errOutdated)
		detail := credentialDetail(c)
		detail["name"], detail["formerName"] = name, c.Name
		e := store.NewEvent(api.Caller{OrgID: orgID}, store.EventCredentialRenamed, s.Now(), detail)
		e.UserID, e.CredentialID = c.UserID, c.ID
		tx.Record(e)
		former := c.Name
		c.Name = name
		return api.Nothing{}, s.tellOfOperator(ctx, tx, c, "was renamed", former)
	})
	return err
}
