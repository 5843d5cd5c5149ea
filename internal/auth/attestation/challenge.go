package attestation

import (
	"encoding/base64"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

// Algorithms are the COSE algorithms offered to authenticators, best supported first:
// ES256, EdDSA, RS256, ES384, ES512.
var Algorithms = []int{-7, -8, -257, -35, -36}

var credParams = func() (p []api.PubKeyCredParam) {
	for _, a := range Algorithms {
		p = append(p, api.PubKeyCredParam{Type: "public-key", Alg: a})
	}
	return p
}()

// kinds are those that may be registered. Who recovers must be able to sign again, which a password cannot.
func kinds(org store.Organisation, recovers bool) api.SupportedCredentialKinds {
	k := api.SupportedCredentialKinds{
		FirstFactor:  []string{api.KindFido2, api.KindKey, api.KindPasswordProtectedKey},
		SecondFactor: []string{api.KindFido2, api.KindKey, api.KindPasswordProtectedKey},
	}
	if org.Passwords && !recovers {
		k.FirstFactor = append(k.FirstFactor, api.KindPassword)
	}
	if org.OneTimePasswords {
		k.SecondFactor = append(k.SecondFactor, api.KindTotp)
	}
	return k
}

// Challenge is what a client answers with a new credential of the user. The ticket, whose token
// this is, must have been begun with Algorithms.
func (v *Verifier) Challenge(ticket ceremony.Ticket, token string, party relyingparty.Party, org store.Organisation, u store.User) api.RegistrationChallenge {
	return api.RegistrationChallenge{
		User:                         api.ChallengeUser{ID: u.ID, Name: u.Username, DisplayName: u.Username},
		TemporaryAuthenticationToken: token,
		Challenge:                    ticket.Challenge,
		RP:                           &api.RelyingParty{ID: party.ID, Name: party.Name},
		SupportedCredentialKinds:     kinds(org, ticket.Purpose == ceremony.Recovery),
		AuthenticatorSelection: api.AuthenticatorSelection{
			AuthenticatorAttachment: org.AuthenticatorAttachment,
			ResidentKey:             org.ResidentKey,
			RequireResidentKey:      org.ResidentKey == "required",
			UserVerification:        org.UserVerification,
		},
		Attestation:        org.Attestation,
		PubKeyCredParams:   credParams,
		ExcludeCredentials: []api.CredentialDescriptor{},
		OtpURL:             v.OneTime.URL(org, u, ticket.Challenge, party.Name),
	}
}

// Exclude lists the passkeys of a relying party among a user's credentials, which an authenticator that
// has one of them does not register again (WebAuthn L3 §5.4).
func Exclude(own []store.Credential, rpID string) []api.CredentialDescriptor {
	all := []api.CredentialDescriptor{}
	for _, c := range own {
		if c.Kind == api.KindFido2 && c.RPID == rpID {
			all = append(all, api.CredentialDescriptor{Type: "public-key", ID: base64.RawURLEncoding.EncodeToString(c.CredentialID)})
		}
	}
	return all
}
