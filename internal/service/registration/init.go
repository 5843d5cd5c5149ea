package registration

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
)

// algorithms are the COSE algorithms offered to authenticators, best supported first:
// ES256, EdDSA, RS256, ES384, ES512.
var algorithms = []int{-7, -8, -257, -35, -36}

var (
	credParams = func() (p []api.PubKeyCredParam) {
		for _, a := range algorithms {
			p = append(p, api.PubKeyCredParam{Type: "public-key", Alg: a})
		}
		return p
	}()
	kinds = api.SupportedCredentialKinds{
		FirstFactor:  []string{api.KindFido2, api.KindKey, api.KindPasswordProtectedKey},
		SecondFactor: []string{api.KindFido2, api.KindKey, api.KindPasswordProtectedKey},
	}
)

// Init starts the ceremony for the holder of a registration code. It writes nothing:
// not that it was called, and not the challenge, which travels in the token.
func (s *Service) Init(ctx context.Context, who api.Caller, in api.InitRegistrationRequest) (api.RegistrationChallenge, error) {
	inv, err := s.admit(ctx, who, in.OrgID, in.Username, in.RegistrationCode)
	if err != nil {
		return api.RegistrationChallenge{}, err
	}
	_, challenge, err := s.challenge(inv)
	return challenge, err
}

// challenge begins the ceremony in which a user answers with their first credential. It is
// bound to the code that admitted them. Nothing is written.
func (s *Service) challenge(inv store.Invitation) (ceremony.Ticket, api.RegistrationChallenge, error) {
	o, party := inv.Organisation, s.Site.Of(inv.Organisation)
	ticket, token, err := s.Ceremonies.Begin(ceremony.Ticket{
		Purpose: ceremony.Registration, OrgID: o.ID, UserID: inv.User.ID, CodeID: inv.Code.ID,
		RPID: party.ID, Algorithms: algorithms,
	})
	if err != nil {
		return ticket, api.RegistrationChallenge{}, err
	}
	return ticket, api.RegistrationChallenge{
		User:                         api.ChallengeUser{ID: inv.User.ID, Name: inv.User.Username, DisplayName: inv.User.Username},
		TemporaryAuthenticationToken: token,
		Challenge:                    ticket.Challenge,
		RP:                           &api.RelyingParty{ID: party.ID, Name: party.Name},
		SupportedCredentialKinds:     kinds,
		AuthenticatorSelection: api.AuthenticatorSelection{
			AuthenticatorAttachment: o.AuthenticatorAttachment,
			ResidentKey:             o.ResidentKey,
			RequireResidentKey:      o.ResidentKey == "required",
			UserVerification:        o.UserVerification,
		},
		Attestation:        o.Attestation,
		PubKeyCredParams:   credParams,
		ExcludeCredentials: []api.CredentialDescriptor{}, // who is still to register has no credential to exclude
	}, nil
}

// OpenRequest asks whom a code is for. It is the hosted page's own call.
type OpenRequest = api.InitRegistrationRequest

// Open tells the holder of a code what it is for, and records that the link was
// opened by a page that could show it. Unlike a GET of the link, no mail scanner's
// fetch does this; one that runs scripts may, and harms nothing: the code stays good.
func (s *Service) Open(ctx context.Context, who api.Caller, in OpenRequest) (api.RegistrationInvitation, error) {
	inv, err := s.admit(ctx, who, in.OrgID, in.Username, in.RegistrationCode)
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
		MailConfigured: s.Codes.Mail != nil,
	}, nil
}
