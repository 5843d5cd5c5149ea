// Package organisation is the room in which organisations, the tenants of a server,
// are made and listed.
package organisation

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Service is organisations with all that it needs.
type Service struct {
	DB   *store.DB
	Site relyingparty.Site
	Now  func() time.Time
}

// New is an organisation to be made. Without RPID it follows the server's public URL;
// Origins are the pages besides the server's own that may make its passkeys.
type New struct {
	Name        string
	RPID        string
	Origins     []string
	Attestation string // none (the default), indirect, direct or enterprise
}

// Create makes an organisation after checking that browsers could work with it.
func (s *Service) Create(ctx context.Context, n New) (store.Organisation, error) {
	if err := username.CheckOrganisation(n.Name); err != nil {
		return store.Organisation{}, err
	}
	if err := s.Site.Check(n.RPID, n.Origins); err != nil {
		return store.Organisation{}, &api.Error{Kind: api.Invalid, Code: "relying_party_invalid", Message: err.Error()}
	}
	now := s.Now()
	o := store.Organisation{
		ID: api.NewID(api.PrefixOrganization, now), Name: n.Name, RPID: n.RPID, Origins: n.Origins,
		Attestation: n.Attestation, UserVerification: "required", ResidentKey: "required", CreatedAt: now,
	}
	if o.Attestation == "" {
		o.Attestation = "none"
	}
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.CreateOrganisation(o)
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: o.ID, At: now, Kind: store.EventOrganisationCreated})
		return nil
	})
	return o, err
}

// List returns all organisations, oldest first.
func (s *Service) List(ctx context.Context) ([]store.Organisation, error) {
	return s.DB.Organisations(ctx)
}
