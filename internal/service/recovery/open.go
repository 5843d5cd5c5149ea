package recovery

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/countersign/countersign/api"
)

// ours begins the envelope of a recovery key that a hosted page made: no weak password can be behind it.
const ours = "csr1."

// Open lists the active recovery keys of the hosted pages that a user has, who has a code that was mailed:
// people do not know the ids of their keys. It refuses as Init does, writes nothing but the count of a wrong
// code, and leaves the code good. Keys that other clients made are in no answer but Init's: whoever reads
// somebody's mail should not get an envelope that they may be able to guess the password of.
func (s *Service) Open(ctx context.Context, who api.Caller, in api.OpenRecoveryRequest) (api.RecoveryKeys, error) {
	keys := api.RecoveryKeys{Credentials: []api.RecoveryKeyEntry{}}
	if err := checkCode(in.OrgID, in.Username, in.VerificationCode); err != nil {
		return keys, err
	}
	state, err := s.admit(ctx, who, in.OrgID, in.Username, in.VerificationCode)
	if err != nil {
		return keys, err
	}
	for _, c := range state.Credentials {
		if isRecoveryKey(c) && strings.HasPrefix(c.EncryptedPrivateKey, ours) {
			keys.Credentials = append(keys.Credentials, api.RecoveryKeyEntry{
				ID: base64.RawURLEncoding.EncodeToString(c.CredentialID), Name: c.Name, EncryptedRecoveryKey: c.EncryptedPrivateKey})
		}
	}
	return keys, nil
}
