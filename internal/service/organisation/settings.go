package organisation

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Settings are what Create takes, to be changed. What is empty stays as it is.
type Settings struct {
	Name          string
	RPID          string // only while no passkey is registered
	AddOrigins    []string
	RemoveOrigins []string
	Attestation   string // of registrations from now on; credentials stay as they are
	Policies      Policies
}

// Set changes settings and policies of an organisation, all or none, and returns it. Running
// servers see the change at once.
func (s *Service) Set(ctx context.Context, orgID string, n Settings) (store.Organisation, error) {
	policies := n.Policies != Policies{}
	if policies {
		if err := n.Policies.check(); err != nil {
			return store.Organisation{}, err
		}
	}
	if !n.changes() && !policies {
		return store.Organisation{}, &api.Error{Kind: api.Invalid, Code: "policy_invalid", Message: "Say what to set."}
	}
	return store.Do(ctx, s.DB, func(tx *store.Tx) (store.Organisation, error) {
		was, err := s.DB.Organisation(ctx, orgID)
		if err != nil {
			return was, err
		}
		o := was
		if n.changes() {
			if o, err = s.changed(was, n); err != nil {
				return was, err
			}
			if err := s.update(tx, was, o); err != nil {
				return was, err
			}
		}
		if policies {
			s.setPolicies(tx, &o, n.Policies)
		}
		return o, nil
	})
}

func (n Settings) changes() bool {
	return n.Name != "" || n.RPID != "" || n.Attestation != "" || len(n.AddOrigins) > 0 || len(n.RemoveOrigins) > 0
}

// changed returns an organisation with the settings, checked as Create checks them.
func (s *Service) changed(o store.Organisation, n Settings) (store.Organisation, error) {
	if n.Name != "" {
		if err := username.CheckOrganisation(n.Name); err != nil {
			return o, err
		}
		o.Name = n.Name
	}
	if n.RPID != "" {
		o.RPID = n.RPID
	}
	if n.Attestation != "" {
		if !slices.Contains([]string{"none", "indirect", "direct", "enterprise"}, n.Attestation) {
			return o, &api.Error{Kind: api.Invalid, Code: "attestation_invalid", Message: "The attestation is none, indirect, direct or enterprise."}
		}
		o.Attestation = n.Attestation
	}
	o.Origins = slices.Clone(o.Origins)
	for _, origin := range n.RemoveOrigins {
		i := slices.Index(o.Origins, origin)
		if i < 0 {
			return o, &api.Error{Kind: api.NotFound, Code: "origin_not_found",
				Message: "The organisation lists no origin " + api.Shown(origin) + "; countersign org list --json shows its origins. The server's own cannot be removed."}
		}
		o.Origins = slices.Delete(o.Origins, i, i+1)
	}
	for _, origin := range n.AddOrigins {
		if !slices.Contains(o.Origins, origin) {
			o.Origins = append(o.Origins, origin)
		}
	}
	if err := s.Site.Check(o.RPID, o.Origins); err != nil {
		return o, &api.Error{Kind: api.Invalid, Code: "relying_party_invalid", Message: err.Error()}
	}
	return o, nil
}

// update adds the change to a unit, with its event.
func (s *Service) update(tx *store.Tx, was, o store.Organisation) error {
	now := s.Now()
	detail, err := json.Marshal(map[string]any{"name": o.Name, "rpId": s.Site.Of(o).ID, "origins": s.Site.Of(o).Origins,
		"attestation": o.Attestation}, json.Deterministic(true))
	if err != nil {
		return err
	}
	if s.Site.Of(was).ID != s.Site.Of(o).ID {
		tx.RequireNoPasskey(o.ID, errPasskeys)
	}
	tx.UpdateOrganisation(was, o, errChanged)
	tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: o.ID, At: now, Kind: store.EventOrganisationUpdated, Detail: detail})
	return nil
}

var (
	errChanged = &store.Outdated{Err: &api.Error{Kind: api.Conflict, Code: "organisation_changed",
		Message: "The organisation was changed at the same moment; please try again."}}
	errPasskeys = &api.Error{Kind: api.Conflict, Code: "rp_id_in_use",
		Message: "The RP ID cannot change any more: passkeys are registered, and a passkey works for the RP ID that it was made for and no other. Create another organisation."}
)
