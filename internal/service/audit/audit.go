// Package audit reads the audit log: every change, with the signature that allowed it, and every
// refusal.
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

// Service reads the audit log.
type Service struct {
	DB    *store.DB
	Pages *pagination.Maker
	Now   func() time.Time

	MaxRows int // of an export; 0 means the constant MaxRows
}

// MaxRows is how many rows an export has at most, as in the wire contract.
const MaxRows = 100_000

// entry is an entry of the log with its detail decoded.
type entry struct {
	store.AuditEntry
	detail map[string]any
}

func read(e store.AuditEntry) entry {
	out := entry{AuditEntry: e}
	if len(e.Detail) > 0 {
		// This server wrote the detail. An entry whose detail cannot be read is shown without.
		_ = json.Unmarshal(e.Detail, &out.detail)
	}
	return out
}

// outcome returns the outcome as the wire has it.
func (e entry) outcome() string {
	if e.Refused {
		return api.OutcomeRefused
	}
	return api.OutcomeDone
}

// action returns the signed request or, without one, the kind of event or the route that refused.
func (e entry) action() string {
	switch {
	case e.Method != "":
		return e.Method + " " + e.Path
	case e.Refused:
		return e.Route
	}
	return e.Kind
}

// credential returns the id of the credential that was used, "" for none.
func (e entry) credential() string {
	switch {
	case e.SignedWith != "":
		return e.SignedWith
	case sentences[e.Kind].used:
		return e.CredentialID
	}
	return ""
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

// factor returns the credential that was used, with what it signed if that is stored.
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

// orNull returns nil for "", which is null on the wire.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// namedID returns nil for an empty id.
func namedID(id, name string) *api.NamedID {
	if id == "" {
		return nil
	}
	return &api.NamedID{ID: id, Name: name}
}
