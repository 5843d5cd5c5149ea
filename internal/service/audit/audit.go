// Package audit is the room where what happened is read: every change, with the signature
// that allowed it, and every refusal.
package audit

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/pagination"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/receipt"
)

// Service is the audit log with all that it needs.
type Service struct {
	DB    *store.DB
	Pages *pagination.Maker
	Now   func() time.Time

	MaxRows int // of an export; 0 is MaxRows
}

// MaxRows is how many rows an export has at most: what the wire contract's has.
const MaxRows = 100_000

// entry is an entry of the log with its detail read.
type entry struct {
	store.AuditEntry
	detail map[string]any
}

func read(e store.AuditEntry) entry {
	out := entry{AuditEntry: e}
	if len(e.Detail) > 0 {
		// What every event records was written by this program; one that cannot be read
		// is told without its detail.
		_ = json.Unmarshal(e.Detail, &out.detail)
	}
	return out
}

// outcome is how the wire tells what became of it.
func (e entry) outcome() string {
	if e.Refused {
		return api.OutcomeRefused
	}
	return api.OutcomeDone
}

// action is the request that was signed or, where none was, what happened or where it was
// refused.
func (e entry) action() string {
	switch {
	case e.Method != "":
		return e.Method + " " + e.Path
	case e.Refused:
		return e.Route
	}
	return e.Kind
}

// credential is the id of what it was done with, "" if that was no credential.
func (e entry) credential() string {
	switch {
	case e.SignedWith != "":
		return e.SignedWith
	case sentences[e.Kind].used:
		return e.CredentialID
	}
	return ""
}

// concerns reports whether a user did it or it is about them.
func concerns(e store.AuditEntry, userID string) bool {
	return userID == "" || e.ActorID == userID || e.SubjectID == userID
}

// Get shows one entry, with the evidence of the signed action that allowed it.
func (s *Service) Get(ctx context.Context, who api.Caller, in api.AuditLogRequest) (api.AuditLog, error) {
	row, err := s.DB.AuditEntry(ctx, who.OrgID, in.ID)
	if err != nil {
		return api.AuditLog{}, err
	}
	e := read(row)
	out := api.AuditLog{ID: e.ID, Action: e.action(), UserID: orNull(e.ActorID), Username: orNull(e.ActorName),
		DatePerformed: orNull(api.Time(e.At)), Summary: e.summary(), Outcome: e.outcome(),
		Subject: namedID(e.SubjectID, e.SubjectName), Address: e.Address, Detail: e.detail}
	if e.Refused {
		out.SupportID = e.SupportID()
		out.Detail = map[string]any{"code": e.Kind, "message": e.Message, "route": e.Route, "status": e.Status}
	}
	if e.Method != "" {
		out.ActionToken, out.Receipt = e.ActionID, "/countersign/actions/"+e.ActionID
	}
	out.FirstFactorCredential, err = s.factor(ctx, e)
	return out, err
}

// factor is the credential that was used, with what it signed if that was kept.
func (s *Service) factor(ctx context.Context, e entry) (api.AuditLogFactor, error) {
	if e.Method != "" {
		a, err := s.DB.SignedAction(ctx, e.ActionID)
		return api.AuditLogFactor{ID: a.CredentialID, Kind: orNull(a.Credential.Kind), PublicKey: receipt.PEM(a.Credential.PublicKey),
			Assertion: &api.AuditLogAssertion{AuthenticatorData: orNull(encode(a.AuthenticatorData)),
				ClientData: encode(a.ClientData), Signature: encode(a.Signature)}}, err
	}
	id := e.credential()
	if id == "" {
		return api.AuditLogFactor{}, nil
	}
	c, err := s.DB.Credential(ctx, id)
	return api.AuditLogFactor{ID: id, PublicKey: receipt.PEM(c.PublicKey)}, err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// orNull is nil for "", which the wire has as null.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// named is nil for nobody.
func namedID(id, name string) *api.NamedID {
	if id == "" {
		return nil
	}
	return &api.NamedID{ID: id, Name: name}
}
