// Package organisation creates and lists organisations, the tenants of a server, and sets their
// policies.
package organisation

import (
	"cmp"
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

// Service administers organisations.
type Service struct {
	DB   *store.DB
	Site relyingparty.Site
	Now  func() time.Time
}

// New is an organisation to be created.
type New struct {
	Name        string
	RPID        string   // "" for that of the server's public URL
	Origins     []string // whose pages may create its passkeys, besides the server's own
	Attestation string   // none (the default), indirect, direct or enterprise
}

const maxName = 100 // characters

// Create creates an organisation. It refuses one that browsers could not work with.
func (s *Service) Create(ctx context.Context, n New) (store.Organisation, error) {
	if err := checkName(n.Name); err != nil {
		return store.Organisation{}, err
	}
	if err := s.Site.Check(n.RPID, n.Origins); err != nil {
		return store.Organisation{}, &api.Error{Kind: api.Invalid, Code: "relying_party_invalid", Message: err.Error()}
	}
	now := s.Now()
	o := store.Organisation{
		ID: api.NewID(api.PrefixOrganization, now), Name: n.Name, RPID: n.RPID, Origins: n.Origins,
		Attestation: cmp.Or(n.Attestation, "none"), UserVerification: "required", ResidentKey: "required", CreatedAt: now,
	}
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.CreateOrganisation(o)
		tx.Record(store.NewEvent(api.Caller{OrgID: o.ID}, store.EventOrganisationCreated, now, nil))
		return nil
	})
	return o, err
}

// List returns all organisations, oldest first.
func (s *Service) List(ctx context.Context) ([]store.Organisation, error) {
	return s.DB.Organisations(ctx)
}

func checkName(name string) error {
	bad := name == "" || strings.TrimSpace(name) != name || !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName
	for _, c := range name {
		bad = bad || !unicode.IsPrint(c)
	}
	if bad {
		return &api.Error{Kind: api.Invalid, Code: "organisation_name_invalid",
			Message: "An organisation's name has 1 to 100 visible characters and no space at either end."}
	}
	return nil
}
