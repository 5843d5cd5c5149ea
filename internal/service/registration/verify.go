package registration

import (
	"bytes"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/keycredential"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

// verify judges every offered credential against the challenge of the ticket and the
// organisation's policy of this moment. All must pass, and each must be a key of its
// own.
func (s *Service) verify(inv store.Invitation, t ceremony.Ticket, offers []offer) ([]store.Credential, error) {
	credentials := make([]store.Credential, 0, len(offers))
	for _, o := range offers {
		c, err := s.verifyOne(inv, t, o)
		if err != nil {
			return nil, about(inv, err)
		}
		for _, other := range credentials {
			if bytes.Equal(other.PublicKey, c.PublicKey) {
				return nil, about(inv, sameTwice("public key"))
			}
		}
		credentials = append(credentials, c)
	}
	return credentials, nil
}

func (s *Service) verifyOne(inv store.Invitation, t ceremony.Ticket, o offer) (store.Credential, error) {
	now := s.Now()
	c := store.Credential{
		ID: api.NewID(api.PrefixCredential, now), OrgID: inv.User.OrgID, UserID: inv.User.ID, CodeID: inv.Code.ID,
		Kind: o.kind, Factor: o.factor, Name: o.name, CredentialID: o.credentialID,
		AttestationObject: o.attestationData, ClientData: o.clientData,
		Transports: o.transports, ClientExtensions: o.extensions, EncryptedPrivateKey: o.encryptedKey,
		CreatedAt: now,
	}
	if o.factor == store.FactorFirst {
		c.ID = api.FirstCredentialID(inv.User.ID)
	}
	if o.kind == api.KindFido2 {
		return s.verifyPasskey(c, inv, t)
	}
	key, err := keycredential.VerifyRegistration(
		keycredential.RegistrationResponse{ClientData: o.clientData, AttestationData: o.attestationData},
		keycredential.RegistrationPolicy{Challenge: t.Challenge})
	if err != nil {
		return c, err
	}
	c.Realm = inv.User.OrgID
	c.PublicKey, c.Algorithm = key.PublicKey.SPKI(), string(key.Algorithm)
	c.Format, c.AttestationType = "key", "Self"
	return c, nil
}

func (s *Service) verifyPasskey(c store.Credential, inv store.Invitation, t ceremony.Ticket) (store.Credential, error) {
	party := s.Site.Of(inv.Organisation)
	if party.ID != t.RPID {
		return c, &api.Error{Kind: api.Unauthenticated, Code: "registration_refused",
			Message: "This registration cannot be completed; please begin again.",
			Rule:    "relying party of the ceremony token", Received: t.RPID, Expected: party.ID}
	}
	v, err := webauthn.VerifyRegistration(
		webauthn.RegistrationResponse{CredentialID: c.CredentialID, ClientDataJSON: c.ClientData, AttestationObject: c.AttestationObject},
		webauthn.RegistrationPolicy{
			Challenge:               t.Challenge,
			RPIDs:                   []string{party.ID},
			Origins:                 party.Origins,
			Algorithms:              t.Algorithms,
			RequireUserVerification: inv.Organisation.UserVerification == "required",
			Attestation:             inv.Organisation.Attestation,
		}, c.CreatedAt)
	if err != nil {
		return c, err
	}
	c.Realm, c.RPID, c.Origin = v.RPID, v.RPID, v.Origin
	c.PublicKey, c.Algorithm = v.PublicKey.SPKI(), string(v.Algorithm)
	c.AAGUID, c.SignCount = v.AAGUID[:], int64(v.SignCount)
	c.UserVerified, c.BackupEligible, c.BackupState = v.UserVerified, v.BackupEligible, v.BackupState
	c.Format, c.AttestationType = v.Format, v.AttestationType
	return c, nil
}
