package recovery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/ceremony"
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

// request is a completing call.
type request struct {
	who    api.Caller
	ticket ceremony.Ticket
	in     api.RecoverRequest
	digest []byte
	owner  store.Owner // the user, with the recovery key
}

// Complete gives the user the new credentials that their recovery key signed. One transaction spends the
// code, removes all former credentials and access tokens, ends all sessions, voids what was signed and not
// used, stores the new credentials and records the event. Of any number of recoveries with one code or
// recovery key exactly one wins. The winner may repeat its call, with the same token and the same request,
// and gets the same answer.
//
// If the organisation has recoveries wait, the call is refused as pending, and the same call completes the
// recovery later. It is verified anew then: of the new credentials nothing is stored before.
func (s *Service) Complete(ctx context.Context, who api.Caller, in api.RecoverRequest) (api.RegistrationResult, error) {
	var none api.RegistrationResult
	ticket, expired := s.Ceremonies.Open(ceremony.Recovery, who.RawToken)
	switch {
	case expired != nil && api.CodeOf(expired) != ceremony.CodeExpired:
		return none, expired
	case in.Recovery == nil:
		return none, api.Missing("recovery")
	case in.NewCredentials == nil:
		return none, api.Missing("newCredentials")
	}
	if f := in.NewCredentials.FirstFactorCredential; f != nil && f.CredentialKind == api.KindPassword {
		return none, errPassword // before the recovery key is verified: what it signed has the password in it
	}
	r := request{who: who, ticket: ticket, in: in}
	var err error
	if r.digest, err = digest(who.RawToken, in); err != nil {
		return none, err
	}
	out, err := s.complete(ctx, r, expired)
	return out, api.About(err, api.Subject{OrgID: ticket.OrgID, UserID: ticket.UserID, CodeID: ticket.CodeID})
}

// digest is that of a token and what the request with it says, however its JSON is written.
func digest(token string, in api.RecoverRequest) ([]byte, error) {
	text, err := json.Marshal(in, json.Deterministic(true))
	sum := sha256.Sum256(bytes.Join([][]byte{[]byte(token), text}, []byte{0}))
	return sum[:], err
}

// complete completes a recovery, or begins one that waits. If the ticket has expired, it must be one that
// the same request began.
func (s *Service) complete(ctx context.Context, r request, expired error) (api.RegistrationResult, error) {
	var none api.RegistrationResult
	owner, err := s.DB.OwnerByUser(ctx, r.ticket.UserID, nil, r.ticket.RecoveryKeyID)
	if err != nil {
		return none, err
	}
	// Read after the recovery key: if that is gone because this request was first, this tells.
	known, err := s.DB.RecoveryOf(ctx, r.digest)
	switch {
	case err != nil:
		return none, err
	case expired != nil && (known.ID == "" || !known.EndedAt.IsZero() && !s.Now().Before(known.ExpiresAt)):
		return none, expired
	case !owner.Found || !owner.CredentialFound || owner.User.OrgID != r.ticket.OrgID:
		return none, errLost
	case !owner.User.Active:
		return none, auth.ErrUserInactive
	}
	r.owner, r.who.OrgID, r.who.UserID = owner, owner.User.OrgID, owner.User.ID
	if known.Outcome == store.RecoveryCompleted {
		return s.repeated(ctx, r, known)
	}
	if err := unready(known, s.Now()); err != nil {
		return none, s.whyLost(ctx, r, err)
	}
	credentials, err := s.verify(ctx, r, known.CreatedAt)
	if err != nil {
		return none, err
	}
	if known.ID != "" {
		err = s.finish(ctx, r, known, credentials)
	} else {
		err = s.begin(ctx, r, credentials)
	}
	if errors.Is(err, errLost) { // something else was first, perhaps this request sent twice
		now, read := s.DB.RecoveryOf(ctx, r.digest)
		switch {
		case read != nil:
			return none, read
		case now.Outcome == store.RecoveryCompleted:
			return s.repeated(ctx, r, now)
		}
		if why := unready(now, s.Now()); why != nil {
			err = why
		}
		err = s.whyLost(ctx, r, err)
	}
	if err != nil {
		return none, err
	}
	return result(owner.User, credentials[0]), nil
}

// verify verifies the new credentials. A recovery that waited was first presented at presented.
func (s *Service) verify(ctx context.Context, r request, presented time.Time) ([]store.Credential, error) {
	if err := s.Assertions.VerifyRecovery(r.in.Recovery, *r.in.NewCredentials, r.owner); err != nil {
		return nil, err
	}
	offers, err := attestation.ReadAt("/newCredentials", *r.in.NewCredentials)
	if err != nil {
		return nil, err
	}
	return s.Verifier.VerifyAll(ctx, offers, attestation.Request{Challenge: r.ticket.Challenge, RPID: r.ticket.RPID, Presented: presented,
		Algorithms: r.ticket.Algorithms, Organisation: r.owner.Organisation, UserID: r.owner.User.ID, Username: r.owner.User.Username,
		UserKind: r.owner.User.Kind})
}

func result(u store.User, c store.Credential) api.RegistrationResult {
	return api.RegistrationResult{Credential: api.RegisteredCredential{UUID: c.ID, Kind: c.Kind, Name: c.Name},
		User: api.RegisteredUser{ID: u.ID, Username: u.Username, OrgID: u.OrgID}}
}

// repeated answers a request again that completed its recovery, while what it stored is good.
func (s *Service) repeated(ctx context.Context, r request, v store.Recovery) (api.RegistrationResult, error) {
	c, err := s.DB.Credential(ctx, v.CredentialID)
	if err == nil && !c.Active {
		err = errLost
	}
	if err != nil {
		return api.RegistrationResult{}, err
	}
	return result(r.owner.User, c), nil
}

// begin stores a recovery: with its effect, or as one that waits.
func (s *Service) begin(ctx context.Context, r request, credentials []store.Credential) error {
	now, org := s.Now(), r.owner.Organisation
	v := store.Recovery{ID: api.NewID(api.PrefixRecovery, now), OrgID: org.ID, UserID: r.owner.User.ID,
		RecoveryKeyID: r.ticket.RecoveryKeyID, Digest: r.digest, CreatedAt: now, Address: r.who.Address}
	if org.RecoveryWait > 0 || org.RecoveryApproval {
		v.ReadyAt, v.NeedsApproval = now.Add(org.RecoveryWait), org.RecoveryApproval
		v.ExpiresAt = v.ReadyAt.Add(store.RecoveryLife)
		return s.wait(ctx, r, v, credentials)
	}
	v.ReadyAt, v.ExpiresAt, v.EndedAt = now, r.ticket.Expires, now
	v.Outcome, v.CredentialID = store.RecoveryCompleted, credentials[0].ID
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.RecoverAtOnce(v, r.ticket.CodeID, r.ticket.Issued, errLost, errStopped)
		s.renew(tx, r, v, credentials, now)
		return nil
	})
}

// finish completes a recovery that waited.
func (s *Service) finish(ctx context.Context, r request, v store.Recovery, credentials []store.Credential) error {
	now := s.Now()
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.CompleteRecovery(v, credentials[0].ID, now, errLost)
		s.renew(tx, r, v, credentials, now)
		return nil
	})
}

// renew adds the new credentials to the unit that removes the former ones, with the event.
func (s *Service) renew(tx *store.Tx, r request, v store.Recovery, credentials []store.Credential, now time.Time) {
	for _, c := range credentials {
		tx.AddCredential(c, attestation.ErrKnown)
	}
	tx.Record(s.event(r, store.EventUserRecovered, v, credentials, now))
	tx.Committed(func() {
		s.tell(r.who, r.owner, change{subject: "Your account was recovered",
			what: "Your account was recovered with your recovery key. All credentials and access tokens from before are removed, and all sessions have ended."})
	})
}

// event is that of a recovery with new credentials.
func (s *Service) event(r request, kind string, v store.Recovery, credentials []store.Credential, now time.Time) store.Event {
	var added []map[string]any
	for _, c := range credentials {
		added = append(added, map[string]any{"credentialUuid": c.ID, "kind": c.Kind, "factor": c.Factor,
			"algorithm": c.Algorithm, "format": c.Format, "attestationType": c.AttestationType})
	}
	detail := map[string]any{"credentials": added, "recoveryKey": v.RecoveryKeyID, "recoveryId": v.ID}
	if p := v.Pending(now); p != nil && kind == store.EventRecoveryRequested {
		detail["until"], detail["approval"] = p.Until, p.Approval
	}
	e := store.NewEvent(r.who, kind, now, detail)
	e.UserID, e.CredentialID, e.CodeID = v.UserID, credentials[0].ID, r.ticket.CodeID
	return e
}

// whyLost says why a recovery was lost, if it is known: its user or recovery key was removed or deactivated
// since it was read.
func (s *Service) whyLost(ctx context.Context, r request, err error) error {
	if !errors.Is(err, errLost) {
		return err
	}
	owner, read := s.DB.OwnerByUser(ctx, r.ticket.UserID, nil, r.ticket.RecoveryKeyID)
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
