package policy

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/store"
)

// Service administers policies.
type Service struct {
	DB       *store.DB
	Policies *admission.Keeper
	Now      func() time.Time
}

var userKinds = []string{api.CustomerEmployee, api.EndUser}

// List shows the policies in force, and the named ones.
func (s *Service) List(ctx context.Context, who api.Caller, _ api.Nothing) (api.PolicyList, error) {
	out := api.PolicyList{Presets: admission.Presets}
	for _, kind := range userKinds {
		p, err := s.Show(ctx, who, api.PolicyRequest{UserKind: kind})
		if err != nil {
			return api.PolicyList{}, err
		}
		out.Items = append(out.Items, p)
	}
	return out, nil
}

// Show shows a version of a policy, the one in force if none is named.
func (s *Service) Show(ctx context.Context, who api.Caller, in api.PolicyRequest) (api.Policy, error) {
	o, err := s.organisation(ctx, who.OrgID, in.UserKind)
	if err != nil {
		return api.Policy{}, err
	}
	inForce := o.PolicyVersion(in.UserKind)
	row := store.Policy{OrgID: o.ID, UserKind: in.UserKind, Version: int64(in.Version), Document: []byte("{}")}
	if row.Version == 0 {
		row.Version = inForce
	}
	if row.Version > 0 {
		if row, err = s.DB.Policy(ctx, o.ID, in.UserKind, row.Version); err != nil {
			return api.Policy{}, err
		}
	}
	return s.shown(ctx, o, row, row.Version == inForce)
}

func (s *Service) shown(ctx context.Context, o store.Organisation, row store.Policy, inForce bool) (api.Policy, error) {
	document, err := admission.Read(row.Document)
	if err != nil {
		return api.Policy{}, err
	}
	p, err := admission.New(document, time.Time{})
	if err != nil {
		return api.Policy{}, err
	}
	return api.Policy{UserKind: row.UserKind, Version: row.Version, InForce: inForce, DateCreated: api.Time(row.CreatedAt), CreatedBy: row.CreatedBy,
		Preset: admission.PresetOf(row.Document), Accepts: p.For(o).Accepts(s.Policies.Metadata()), Policy: p.AuthenticatorPolicy}, nil
}

func (s *Service) organisation(ctx context.Context, orgID, userKind string) (store.Organisation, error) {
	if userKind != api.CustomerEmployee && userKind != api.EndUser {
		return store.Organisation{}, &api.Error{Kind: api.Invalid, Code: "user_kind_invalid", Message: "The kind of user is CustomerEmployee or EndUser."}
	}
	return s.DB.Organisation(ctx, orgID)
}

// chosen returns the policy that a request names or holds.
func chosen(preset string, document *api.AuthenticatorPolicy) (api.AuthenticatorPolicy, error) {
	switch {
	case (preset == "") == (document == nil):
		return api.AuthenticatorPolicy{}, &api.Error{Kind: api.Invalid, Code: "policy_invalid", Message: "Give either a preset or a policy."}
	case document != nil:
		return *document, nil
	}
	return admission.Preset(preset)
}

var errChanged = &api.Error{Kind: api.Conflict, Code: "policy_changed",
	Message: "Another version of the policy is in force by now; please look at it and try again."}

// Set sets the policy for a kind of user. It decides about what is registered from then on, also where the
// registration has begun. What is registered stays.
func (s *Service) Set(ctx context.Context, tx *store.Tx, who api.Caller, in api.SetPolicyRequest) (api.Policy, error) {
	document, err := chosen(in.Preset, in.Policy)
	if err != nil {
		return api.Policy{}, err
	}
	p, err := s.check(document, in.UserKind)
	if err != nil {
		return api.Policy{}, err
	}
	text, err := admission.Text(document)
	if err == nil && len(text) > admission.MaxDocument {
		_, err = admission.Read(text)
	}
	if err != nil {
		return api.Policy{}, err
	}
	o, err := s.organisation(ctx, who.OrgID, in.UserKind)
	if err != nil {
		return api.Policy{}, err
	}
	inForce := o.PolicyVersion(in.UserKind)
	if in.Version != nil && *in.Version != inForce {
		return api.Policy{}, errChanged
	}
	row := store.Policy{OrgID: o.ID, UserKind: in.UserKind, Version: inForce + 1, Document: text, CreatedAt: s.Now(), CreatedBy: who.UserID}
	tx.SetPolicy(row, &store.Outdated{Err: errChanged})
	preset := admission.PresetOf(text)
	if preset == "" {
		preset = "of the organisation's own"
	}
	tx.Record(store.NewEvent(who, store.EventPolicySet, row.CreatedAt,
		map[string]any{"userKind": row.UserKind, "version": row.Version, "preset": preset, "accepts": p.For(o).Accepts(s.Policies.Metadata())}))
	return s.shown(ctx, o, row, true)
}

// check refuses a policy that nobody could satisfy.
func (s *Service) check(document api.AuthenticatorPolicy, userKind string) (*admission.Policy, error) {
	now := s.Now()
	p, err := admission.New(document, now)
	if err == nil {
		err = p.Reachable(s.Policies.Metadata(), now)
	}
	if err != nil {
		return nil, err
	}
	p.UserKind = userKind
	return p, nil
}
