package registration

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
)

// Init begins the ceremony for a user who has a registration code. It writes nothing: the challenge
// travels in the token.
func (s *Service) Init(ctx context.Context, who api.Caller, in api.InitRegistrationRequest) (api.RegistrationChallenge, error) {
	inv, err := s.admit(ctx, who, in)
	if err != nil {
		return api.RegistrationChallenge{}, err
	}
	_, challenge, err := s.challenge(ctx, inv)
	return challenge, err
}

// challenge begins the ceremony in which a user answers with their first credential. It is bound to
// the code that admitted them. It writes nothing.
func (s *Service) challenge(ctx context.Context, inv store.Invitation) (ceremony.Ticket, api.RegistrationChallenge, error) {
	o, party := inv.Organisation, s.Site.Of(inv.Organisation)
	policy, err := s.Verifier.Policies.InForce(ctx, o, inv.User.Kind)
	if err != nil {
		return ceremony.Ticket{}, api.RegistrationChallenge{}, err
	}
	ticket, token, err := s.Ceremonies.Begin(ceremony.Ticket{
		Purpose: ceremony.Registration, OrgID: o.ID, UserID: inv.User.ID, CodeID: inv.Code.ID,
		Username: inv.User.Username, UserKind: inv.User.Kind, Restarted: !inv.User.RestartedAt.IsZero(), RPID: party.ID, Algorithms: policy.Offered,
	})
	if err != nil {
		return ticket, api.RegistrationChallenge{}, err
	}
	return ticket, s.Verifier.Challenge(ticket, token, party, o, policy, inv.User), nil
}

// Open says what a code is for, and records that a page opened its link. A mail scanner that only
// fetches the link does not cause this. One that runs scripts may, which is harmless: the code
// stays valid.
func (s *Service) Open(ctx context.Context, who api.Caller, in api.InitRegistrationRequest) (api.RegistrationInvitation, error) {
	inv, err := s.admit(ctx, who, in)
	if err != nil {
		return api.RegistrationInvitation{}, err
	}
	if inv.Code.OpenedAt.IsZero() {
		now := s.Now()
		if err := s.DB.Write(ctx, func(tx *store.Tx) error { tx.CodeOpened(inv.Code.ID, now); return nil }); err != nil {
			return api.RegistrationInvitation{}, err
		}
	}
	return api.RegistrationInvitation{
		Organisation:   api.NamedID{ID: inv.Organisation.ID, Name: inv.Organisation.Name},
		User:           api.InvitedUser{Username: inv.User.Username, Kind: inv.User.Kind},
		ExpiresAt:      api.Time(inv.Code.ExpiresAt),
		MailConfigured: s.Codes.Outbox.Configured(),
	}, nil
}
