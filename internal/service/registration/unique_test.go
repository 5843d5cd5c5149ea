package registration_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/receipt"
)

// registers registers an invited user with what answer makes of the challenge.
func registers(t *testing.T, srv *countersigntest.Server, orgID, name string, answer func(api.RegistrationChallenge) api.CredentialAttestation) (api.RegistrationResult, error) {
	t.Helper()
	c := srv.Client()
	inv := srv.Invite(t, orgID, name)
	challenge, err := c.InitRegistration(context.Background(), api.InitRegistrationRequest{OrgID: inv.OrgID, Username: inv.Username, RegistrationCode: inv.RegistrationCode})
	if err != nil {
		t.Fatal(err)
	}
	credential := answer(challenge)
	return c.Register(context.Background(), challenge.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &credential})
}

// Two users of an organisation do not share a public key, and no key borrows a passkey's id.
func TestKeysAndPasskeysHaveOneOwner(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		org, admin := srv.Administrator(t, "Engines")
		other := srv.Organisation(t, "Elsewhere")
		signer := authenticator.NewKeySigner("P-256")
		key := func(kind string, change func(*api.CredentialAttestation)) func(api.RegistrationChallenge) api.CredentialAttestation {
			return func(c api.RegistrationChallenge) api.CredentialAttestation {
				made := signer.Create(c.Challenge, kind)
				change(&made)
				return made
			}
		}
		nothing := func(*api.CredentialAttestation) {}
		if _, err := registers(t, srv, org.ID, "ada@example.org", key(api.KindKey, nothing)); err != nil {
			t.Fatal(err)
		}
		passkeyID := admin.CredentialID()
		for name, at := range map[string]struct {
			org    string
			answer func(api.RegistrationChallenge) api.CredentialAttestation
		}{
			"the same key": {org.ID, key(api.KindKey, nothing)},
			"the same key, another id": {org.ID, key(api.KindKey, func(c *api.CredentialAttestation) {
				c.CredentialInfo.CredID = base64.RawURLEncoding.EncodeToString([]byte("another id"))
			})},
			"the same key, protected": {org.ID, key(api.KindPasswordProtectedKey, func(c *api.CredentialAttestation) {
				c.CredentialInfo.CredID, c.EncryptedPrivateKey = base64.RawURLEncoding.EncodeToString([]byte("a third id")), "x"
			})},
			"a passkey's id": {org.ID, func(c api.RegistrationChallenge) api.CredentialAttestation {
				made := authenticator.NewKeySigner("Ed25519").Create(c.Challenge, api.KindKey)
				made.CredentialInfo.CredID = passkeyID
				return made
			}},
			"a passkey's id in another organisation": {other.ID, func(c api.RegistrationChallenge) api.CredentialAttestation {
				made := authenticator.NewKeySigner("secp256k1").Create(c.Challenge, api.KindKey)
				made.CredentialInfo.CredID = passkeyID
				return made
			}},
		} {
			_, err := registers(t, srv, at.org, fmt.Sprintf("user%d@example.org", len(name)), at.answer)
			world.Refused(t, name, err, 409, "credential_already_registered")
		}
		if _, err := registers(t, srv, other.ID, "ada@example.org", key(api.KindKey, nothing)); err != nil {
			t.Errorf("the same key in another organisation: %v", err)
		}
		_, err := srv.Session(t, admin).CreateServiceAccount(context.Background(),
			api.CreateServiceAccountRequest{Name: "robot", PublicKey: receipt.PEM(signer.PublicKey().SPKI())})
		world.Refused(t, "the same key for a service account", err, 409, "credential_already_registered")
	})
}

// Of what an authenticator says beside the credential only credProps.rk is stored.
func TestSecretsOfExtensionsAreNotStored(t *testing.T) {
	t.Parallel()
	secret := map[string]any{"first": "c2VjcmV0IG9mIFBSRg"}
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		org := srv.Organisation(t, "Engines")
		for name, c := range map[string]struct {
			results map[string]any
			want    string
		}{
			"prf":              {map[string]any{"credProps": map[string]any{"rk": true}, "prf": map[string]any{"enabled": true, "results": secret}}, `{"credProps":{"rk":true}}`},
			"not discoverable": {map[string]any{"credProps": map[string]any{"rk": false, "other": secret}}, `{"credProps":{"rk":false}}`},
			"inside":           {map[string]any{"credProps": map[string]any{"rk": secret}}, ""},
			"largeblob":        {map[string]any{"largeBlob": map[string]any{"blob": "c2VjcmV0", "supported": true}}, ""},
			"hmac":             {map[string]any{"hmacGetSecret": secret, "hmac-secret": true, "hmacCreateSecret": true}, ""},
			"device":           {map[string]any{"devicePubKey": secret, "credBlob": true, "uvm": []any{[]any{2, 4, 2}}}, ""},
			"odd":              {map[string]any{"credProps": "c2VjcmV0", "CredProps": map[string]any{"rk": true}}, ""},
		} {
			inv := srv.Invite(t, org.ID, name+"@example.org")
			challenge, err := srv.Client().InitRegistration(context.Background(), api.InitRegistrationRequest{OrgID: inv.OrgID, Username: inv.Username, RegistrationCode: inv.RegistrationCode})
			if err != nil {
				t.Fatal(err)
			}
			made, _, err := authenticator.New().Create(challenge, authenticator.Options{Origin: srv.URL})
			if err != nil {
				t.Fatal(err)
			}
			made.ClientExtensionResults = c.results
			result, err := srv.Client().Register(context.Background(), challenge.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &made})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			kept, err := srv.DB.Credential(context.Background(), result.Credential.UUID)
			if err != nil || string(kept.ClientExtensions) != c.want {
				t.Errorf("%s: kept %q, %v, want %q", name, kept.ClientExtensions, err, c.want)
			}
		}
	})
}
