package assertion

import (
	"cmp"
	"encoding/base64"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

// Challenge is what a client gets to sign, for a login or, with action, for an action.
func Challenge(challenge, token string, party relyingparty.Party, org store.Organisation, allow api.AllowCredentials, action bool) api.SigningChallenge {
	return api.SigningChallenge{
		Challenge:                challenge,
		ChallengeIdentifier:      token,
		RP:                       &api.RelyingParty{ID: party.ID, Name: party.Name},
		SupportedCredentialKinds: kinds(org, action),
		UserVerification:         cmp.Or(org.UserVerification, "required"), // required without an organisation
		Attestation:              "none",                                   // assertions have none
		AllowCredentials:         allow,
	}
}

// kinds are those that may answer. A password alone never signs an action.
func kinds(org store.Organisation, action bool) []api.SupportedCredentialKind {
	second := org.SecondFactor == secondFactorRequired
	all := []api.SupportedCredentialKind{
		{Kind: api.KindFido2, Factor: "either", RequiresSecondFactor: second},
		{Kind: api.KindKey, Factor: "either", RequiresSecondFactor: second},
		{Kind: api.KindPasswordProtectedKey, Factor: "either", RequiresSecondFactor: second},
	}
	if org.Passwords {
		all = append(all, api.SupportedCredentialKind{Kind: api.KindPassword, Factor: "first", RequiresSecondFactor: second || action})
	}
	if org.OneTimePasswords {
		all = append(all, api.SupportedCredentialKind{Kind: api.KindTotp, Factor: "second"})
	}
	return all
}

// Allowed lists the active credentials that may answer, by kind. Those whose private key is
// stored here, encrypted, are listed only if encrypted is set.
func Allowed(all []store.Credential, encrypted bool) api.AllowCredentials {
	allow := api.AllowCredentials{Key: []api.CredentialDescriptor{}, WebAuthn: []api.CredentialDescriptor{}}
	for _, c := range all {
		if !c.Active || c.Factor == store.FactorRecovery {
			continue
		}
		id := base64.RawURLEncoding.EncodeToString(c.CredentialID)
		switch c.Kind {
		case api.KindFido2:
			allow.WebAuthn = append(allow.WebAuthn, api.CredentialDescriptor{Type: "public-key", ID: id})
		case api.KindKey:
			allow.Key = append(allow.Key, api.CredentialDescriptor{Type: "public-key", ID: id})
		case api.KindPasswordProtectedKey:
			if encrypted {
				allow.PasswordProtectedKey = append(allow.PasswordProtectedKey, api.EncryptedCredentialDescriptor{
					Type: "public-key", ID: id, EncryptedPrivateKey: c.EncryptedPrivateKey})
			}
		}
	}
	return allow
}
