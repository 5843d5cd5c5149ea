package attestation

import (
	"encoding/base64"
	"slices"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

func credParams(algorithms []int) (p []api.PubKeyCredParam) {
	for _, a := range algorithms {
		p = append(p, api.PubKeyCredParam{Type: "public-key", Alg: a})
	}
	return p
}

// kinds are those that may be registered. Who recovers must be able to sign again, which a password cannot.
func kinds(org store.Organisation, policy *admission.Policy, recovers bool) api.SupportedCredentialKinds {
	signing := []string{api.KindFido2}
	if policy.Keys == admission.Allowed {
		signing = append(signing, api.KindKey, api.KindPasswordProtectedKey)
	}
	k := api.SupportedCredentialKinds{FirstFactor: signing, SecondFactor: slices.Clone(signing)}
	if org.Passwords && !recovers {
		k.FirstFactor = append(k.FirstFactor, api.KindPassword)
	}
	if org.OneTimePasswords {
		k.SecondFactor = append(k.SecondFactor, api.KindTotp)
	}
	return k
}

// Challenge is what a client answers with a new credential of the user, by the policy in force for them. The
// ticket, whose token this is, must have been begun with the policy's algorithms.
func (v *Verifier) Challenge(ticket ceremony.Ticket, token string, party relyingparty.Party, org store.Organisation, policy *admission.Policy, u store.User) api.RegistrationChallenge {
	attachment := policy.Attachment
	if attachment == admission.AnyWord {
		attachment = ""
	}
	return api.RegistrationChallenge{
		User:                         api.ChallengeUser{ID: u.ID, Name: u.Username, DisplayName: u.Username},
		TemporaryAuthenticationToken: token,
		Challenge:                    ticket.Challenge,
		RP:                           &api.RelyingParty{ID: party.ID, Name: party.Name},
		SupportedCredentialKinds:     kinds(org, policy, ticket.Purpose == ceremony.Recovery),
		AuthenticatorSelection: api.AuthenticatorSelection{
			AuthenticatorAttachment: attachment,
			ResidentKey:             policy.ResidentKey,
			RequireResidentKey:      policy.ResidentKey == admission.Required,
			UserVerification:        policy.UserVerification,
		},
		Attestation:        policy.Conveyance,
		PubKeyCredParams:   credParams(ticket.Algorithms),
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
