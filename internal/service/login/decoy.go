package login

import (
	"encoding/base64"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
)

// answers lists the credentials that may answer for a name: the user's, whether or not the user is
// active, or decoys. Keys that are stored here, encrypted, are listed only with a login code.
func (s *Service) answers(orgID, usernameKey string, state store.LoginState) api.AllowCredentials {
	allow := assertion.Allowed(state.Credentials, state.CodeFound)
	d := s.decoys(orgID, usernameKey)
	if len(allow.WebAuthn) == 0 {
		allow.WebAuthn = d.passkeys
	}
	if len(allow.Key) == 0 {
		allow.Key = d.keys
	}
	return allow
}

// decoy returns 66 bytes: up to 64 for a credential id, one for its length and one for how many
// there are.
func (s *Service) decoy(orgID, usernameKey, which string) []byte {
	a := s.Codes.Ring.MAC(keyring.Decoy, orgID, usernameKey, which, "a")
	b := s.Codes.Ring.MAC(keyring.Decoy, orgID, usernameKey, which, "b")
	c := s.Codes.Ring.MAC(keyring.Decoy, orgID, usernameKey, which, "c")
	return append(append(a, b...), c[:2]...)
}

type decoys struct{ passkeys, keys []api.CredentialDescriptor }

// decoyLengths are the lengths of real credential ids in bytes; common ones occur more often.
var decoyLengths = []int{32, 16, 32, 20, 32, 48, 32, 64}

// decoys returns credentials for a name that has none. They are derived from the name under a key:
// always the same for one name, and indistinguishable from real ones.
func (s *Service) decoys(orgID, usernameKey string) decoys {
	return decoys{passkeys: s.decoysOf(orgID, usernameKey, "passkey"), keys: s.decoysOf(orgID, usernameKey, "key")}
}

// decoysOf returns one decoy, or two for one name in four.
func (s *Service) decoysOf(orgID, usernameKey, kind string) []api.CredentialDescriptor {
	first := s.decoy(orgID, usernameKey, kind+" 1")
	all := []api.CredentialDescriptor{descriptor(first[:decoyLengths[first[64]&7]])}
	if first[65]&3 == 0 {
		second := s.decoy(orgID, usernameKey, kind+" 2")
		all = append(all, descriptor(second[:decoyLengths[second[64]&7]]))
	}
	return all
}

func descriptor(id []byte) api.CredentialDescriptor {
	return api.CredentialDescriptor{Type: "public-key", ID: base64.RawURLEncoding.EncodeToString(id)}
}
