package credential

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

// maxCredentials is how many credentials somebody may have.
const maxCredentials = 100

// Service changes the caller's own credentials.
type Service struct {
	DB         *store.DB
	Ceremonies *ceremony.Issuer
	Codes      *code.Issuer
	Verifier   *attestation.Verifier
	Site       relyingparty.Site
	Outbox     *mail.Outbox
	Now        func() time.Time
	Log        *slog.Logger
}

var (
	errNotFound = &api.Error{Kind: api.NotFound, Code: "credential_not_found", Message: "You have no such credential."}
	errLast     = &api.Error{Kind: api.Conflict, Code: "credential_last",
		Message: "Without this credential you could not log in and sign any more. Add another first; if you have a recovery key, send force=true to go on without.",
		Rule:    "an active first factor that signs is left or, with force=true, an active recovery key"}
	errTooMany = &api.Error{Kind: api.Conflict, Code: "too_many_credentials",
		Message: "You have 100 credentials. Remove one that you do not need.", Rule: "at most 100 credentials of a user"}
)

// List lists the caller's credentials, oldest first.
func (s *Service) List(ctx context.Context, who api.Caller, _ api.Nothing) (api.CredentialList, error) {
	own, err := s.own(ctx, who.UserID)
	list := api.CredentialList{Items: []api.Credential{}}
	for _, c := range own {
		list.Items = append(list.Items, shown(c))
	}
	return list, err
}

// own returns the credentials of a user that are theirs and not an access token's.
func (s *Service) own(ctx context.Context, userID string) (own []store.Credential, err error) {
	all, err := s.DB.CredentialsOfUser(ctx, userID)
	for _, c := range all {
		if c.TokenID == "" {
			own = append(own, c)
		}
	}
	return own, err
}

// find returns one of the caller's credentials, and all of them.
func (s *Service) find(ctx context.Context, who api.Caller, id string) (c store.Credential, own []store.Credential, err error) {
	if id == "" {
		return c, nil, api.Missing("credentialUuid")
	}
	own, err = s.own(ctx, who.UserID)
	if err != nil {
		return c, nil, err
	}
	for _, c := range own {
		if c.ID == id {
			return c, own, nil
		}
	}
	return c, nil, errNotFound
}

// signer returns the credential that signed the request.
func (s *Service) signer(ctx context.Context, who api.Caller) (store.Credential, error) {
	a, err := s.DB.SignedAction(ctx, who.ActionID)
	return a.Credential, err
}

// Activate activates one of the caller's credentials. One that is active stays so.
func (s *Service) Activate(ctx context.Context, tx *store.Tx, who api.Caller, in api.CredentialUUIDRequest) (api.Message, error) {
	c, err := s.changeable(ctx, tx, who, in.CredentialUUID)
	if err != nil {
		return api.Message{}, err
	}
	if !c.Active {
		tx.ActivateOwnCredential(c, errOutdated)
		s.record(tx, who, store.EventCredentialActivated, c, "")
		s.tell(ctx, tx, who, c, "was activated", "One of your credentials can be used again.", "")
	}
	return api.Message{Message: "The credential is active."}, nil
}

// Deactivate deactivates one of the caller's credentials, with what it opened and signed. One that is
// inactive stays so.
func (s *Service) Deactivate(ctx context.Context, tx *store.Tx, who api.Caller, in api.CredentialUUIDRequest) (api.Message, error) {
	c, err := s.changeable(ctx, tx, who, in.CredentialUUID)
	if err != nil {
		return api.Message{}, err
	}
	if c.Active {
		tx.KeepFirstFactor(who.UserID, c.ID, in.Force, errLast)
		tx.DeactivateOwnCredential(c, s.Now(), errOutdated)
		s.record(tx, who, store.EventCredentialDeactivated, c, "")
		s.tell(ctx, tx, who, c, "was deactivated", "One of your credentials was deactivated. It cannot be used until it is activated again.", "")
	}
	return api.Message{Message: "The credential is inactive."}, nil
}

// Delete removes one of the caller's credentials for good, with what it opened and signed.
func (s *Service) Delete(ctx context.Context, tx *store.Tx, who api.Caller, in api.DeleteCredentialRequest) (api.Nothing, error) {
	c, err := s.changeable(ctx, tx, who, in.CredentialUUID)
	if err != nil {
		return api.Nothing{}, err
	}
	tx.KeepFirstFactor(who.UserID, c.ID, in.Force, errLast)
	tx.ArchiveCredential(c, s.Now(), errNotFound)
	s.record(tx, who, store.EventCredentialRemoved, c, "")
	s.tell(ctx, tx, who, c, "was removed", "One of your credentials was removed from your account.", "")
	return api.Nothing{}, nil
}

// Rename gives one of the caller's credentials another name. Any credential of theirs may sign it, since a
// name admits nobody; the mail says what the name was, so that nobody swaps names unseen.
func (s *Service) Rename(ctx context.Context, tx *store.Tx, who api.Caller, in api.RenameCredentialRequest) (api.Credential, error) {
	if in.Name == "" {
		return api.Credential{}, api.Missing("name")
	}
	if err := attestation.CheckName("The member /name", in.Name); err != nil {
		return api.Credential{}, err
	}
	c, _, err := s.find(ctx, who, in.CredentialUUID)
	if err != nil || c.Name == in.Name {
		return shown(c), err
	}
	tx.RenameCredential(c, in.Name, errOutdated)
	former := c.Name
	c.Name = in.Name
	s.record(tx, who, store.EventCredentialRenamed, c, former)
	s.tell(ctx, tx, who, c, "was renamed", "One of your credentials has another name.", former)
	return shown(c), nil
}

// changeable is find for a credential that the signer of the request may change.
func (s *Service) changeable(ctx context.Context, tx *store.Tx, who api.Caller, id string) (store.Credential, error) {
	c, own, err := s.find(ctx, who, id)
	if err != nil {
		return c, err
	}
	signer, err := s.signer(ctx, who)
	if err != nil {
		return c, err
	}
	return c, checkStrength(tx, signer, c, own)
}

// record adds an event about a credential, with the name that it had if that was changed.
func (s *Service) record(tx *store.Tx, who api.Caller, kind string, c store.Credential, former string) {
	detail := map[string]any{"credentialUuid": c.ID, "kind": c.Kind, "factor": c.Factor, "name": c.Name}
	if former != "" {
		detail["formerName"] = former
	}
	e := store.NewEvent(who, kind, s.Now(), detail)
	e.UserID, e.CredentialID = c.UserID, c.ID
	tx.Record(e)
}

// tell mails the owner of a credential what was done to it, once that is stored.
func (s *Service) tell(ctx context.Context, tx *store.Tx, who api.Caller, c store.Credential, done, what, former string) {
	if !s.Outbox.Reaches(who.Username) {
		return
	}
	org, err := s.DB.Organisation(ctx, who.OrgID)
	if err != nil {
		s.Log.Error("a user could not be told of a change", "orgId", who.OrgID, "userId", who.UserID, "error", err)
		return
	}
	m := mail.CredentialChange(c.Kind, done)
	m.To, m.Organisation, m.Username, m.At, m.Address = who.Username, org.Name, who.Username, s.Now(), who.Address
	m.What, m.Credential, m.FormerName = what, c.Name, former
	tx.Committed(func() {
		s.Outbox.Tell(m, func(why error) {
			s.Log.Error("a user could not be told of a change", "orgId", who.OrgID, "userId", who.UserID, "error", why)
		})
	})
}

func shown(c store.Credential) api.Credential {
	out := api.Credential{Kind: c.Kind, CredentialID: base64.RawURLEncoding.EncodeToString(c.CredentialID), CredentialUUID: c.ID,
		DateCreated: api.Time(c.CreatedAt), IsActive: c.Active, Name: c.Name,
		RelyingPartyID: c.RPID, Origin: c.Origin}
	if len(c.PublicKey) > 0 {
		out.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: c.PublicKey}))
	}
	return out
}
