package login

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Service logs users in and out.
type Service struct {
	DB         *store.DB
	Ceremonies *ceremony.Issuer
	Codes      *code.Issuer
	Verifier   *assertion.Verifier
	Tokens     *bearer.Tokens
	Site       relyingparty.Site
	Now        func() time.Time
	Lifetime   time.Duration // of a session
}

// Init begins a login. It writes nothing, except that it counts a wrong login code. Its answer does
// not show whether there is a user of that name: a name without credentials gets decoys.
func (s *Service) Init(ctx context.Context, who api.Caller, in api.InitLoginRequest) (api.SigningChallenge, error) {
	if in.Username == "" {
		return s.initUnnamed(ctx, in)
	}
	if err := code.WellFormed(in.OrgID, in.Username, in.LoginCode); err != nil {
		return api.SigningChallenge{}, err
	}
	key := username.Key(in.Username)
	var mac []byte
	if in.LoginCode != "" {
		mac = s.Codes.MAC(in.OrgID, key, in.LoginCode)
	}
	wrong := s.Codes.Wrong.Key(in.OrgID, in.Username)
	state, err := s.DB.LoginState(ctx, in.OrgID, key, mac, wrong)
	if err != nil {
		return api.SigningChallenge{}, err
	}
	ticket := ceremony.Ticket{Purpose: ceremony.Login, OrgID: in.OrgID, Username: in.Username}
	if in.LoginCode != "" {
		if err := s.admit(ctx, who, state, wrong); err != nil {
			return api.SigningChallenge{}, err
		}
		ticket.CodeID = state.Code.ID
	}
	allow := s.answers(in.OrgID, key, state)
	return s.challenge(ticket, state.Organisation, allow)
}

// initUnnamed begins a login that any discoverable passkey may complete.
func (s *Service) initUnnamed(ctx context.Context, in api.InitLoginRequest) (api.SigningChallenge, error) {
	if in.LoginCode != "" {
		return api.SigningChallenge{}, api.Missing("username")
	}
	var org store.Organisation
	if in.OrgID != "" {
		if err := code.WellFormed(in.OrgID, "-", ""); err != nil {
			return api.SigningChallenge{}, err
		}
		var err error
		if org, err = s.DB.Organisation(ctx, in.OrgID); err != nil && api.KindOf(err) != api.NotFound {
			return api.SigningChallenge{}, err
		}
	}
	return s.challenge(ceremony.Ticket{Purpose: ceremony.Login, OrgID: in.OrgID}, org,
		api.AllowCredentials{Key: []api.CredentialDescriptor{}, WebAuthn: []api.CredentialDescriptor{}})
}

func (s *Service) challenge(t ceremony.Ticket, org store.Organisation, allow api.AllowCredentials) (api.SigningChallenge, error) {
	party := s.Site.Of(org)
	t.RPID = party.ID
	ticket, token, err := s.Ceremonies.Begin(t)
	if err != nil {
		return api.SigningChallenge{}, err
	}
	return assertion.Challenge(ticket.Challenge, token, party, org, allow, false), nil
}
