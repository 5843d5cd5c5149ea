package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/countersign/countersign/api"
)

const credentialsPath = "/auth/credentials"

// ListCredentials lists the caller's own credentials.
func (s *Session) ListCredentials(ctx context.Context) (api.CredentialList, error) {
	return read[api.CredentialList](ctx, s, path(credentialsPath))
}

// InitCredential begins to add a credential of the caller's own, of a kind. It fails with ErrChallenge if
// the challenge is for anything else.
func (s *Session) InitCredential(ctx context.Context, kind string) (api.CredentialChallenge, error) {
	return s.initCredential(ctx, api.CredentialChallengeRequest{Kind: kind})
}

// InitSecondFactor is InitCredential for a second factor.
func (s *Session) InitSecondFactor(ctx context.Context, kind string) (api.CredentialChallenge, error) {
	return s.initCredential(ctx, api.CredentialChallengeRequest{Kind: kind, Factor: "second"})
}

func (s *Session) initCredential(ctx context.Context, in api.CredentialChallengeRequest) (api.CredentialChallenge, error) {
	var out api.CredentialChallenge
	err := s.Do(ctx, http.MethodPost, credentialsPath+"/init", in, &out)
	return s.client.credentialChallenge(in.Kind, out, err)
}

// CreateCredential adds the credential that answers the challenge of InitCredential. It is signed with a
// credential that is at least as strong.
func (s *Session) CreateCredential(ctx context.Context, in api.NewCredential) (api.Credential, error) {
	return signed[api.Credential](ctx, s, http.MethodPost, path(credentialsPath), in)
}

// ActivateCredential activates a credential of the caller's own.
func (s *Session) ActivateCredential(ctx context.Context, uuid string) (api.Message, error) {
	return signed[api.Message](ctx, s, http.MethodPut, path(credentialsPath, "activate"), api.CredentialUUIDRequest{CredentialUUID: uuid})
}

// DeactivateCredential deactivates a credential of the caller's own. The sessions that it opened end.
func (s *Session) DeactivateCredential(ctx context.Context, uuid string) (api.Message, error) {
	return signed[api.Message](ctx, s, http.MethodPut, path(credentialsPath, "deactivate"), api.CredentialUUIDRequest{CredentialUUID: uuid})
}

// RenameCredential gives a credential of the caller's own another name.
func (s *Session) RenameCredential(ctx context.Context, uuid, name string) (api.Credential, error) {
	return signed[api.Credential](ctx, s, http.MethodPut, path("/countersign/account/credentials", uuid), api.RenameCredentialRequest{Name: name})
}

// DeleteCredential removes a credential of the caller's own for good. The sessions that it opened end.
func (s *Session) DeleteCredential(ctx context.Context, uuid string) error {
	_, err := signed[api.Nothing](ctx, s, http.MethodDelete, path(credentialsPath, uuid), empty)
	return err
}

// CreateCredentialCode returns a code with which a credential is added from another device, until in's
// Expiration: at most 60 seconds ahead.
func (s *Session) CreateCredentialCode(ctx context.Context, in api.CredentialCodeRequest) (api.CredentialCode, error) {
	return signed[api.CredentialCode](ctx, s, http.MethodPost, path(credentialsPath, "code"), in)
}

// ApproveRecovery approves the recovery of another user that waits for it: the one with that id and no other.
func (s *Session) ApproveRecovery(ctx context.Context, userID, recoveryID string) (api.Message, error) {
	return signed[api.Message](ctx, s, http.MethodPost, path(peoplePath, userID, "recovery", "approve"),
		api.ApproveRecoveryRequest{RecoveryID: recoveryID})
}

// StopRecovery stops the recovery of a user that waits.
func (s *Session) StopRecovery(ctx context.Context, userID string) (api.Message, error) {
	return signed[api.Message](ctx, s, http.MethodPost, path(peoplePath, userID, "recovery", "stop"), empty)
}

// StopOwnRecovery stops the recovery of the caller's own account that waits. It is not signed.
func (s *Session) StopOwnRecovery(ctx context.Context) (api.Message, error) {
	var out api.Message
	err := s.Do(ctx, http.MethodPost, "/countersign/account/recovery/stop", empty, &out)
	return out, err
}

// InitCredentialWithCode begins to add a credential from a device that has a code and no session. It fails
// with ErrChallenge if the challenge is for anything else.
func (c *Client) InitCredentialWithCode(ctx context.Context, in api.CredentialChallengeWithCodeRequest) (api.CredentialChallenge, error) {
	out, err := ask[api.CredentialChallenge](ctx, c, call{method: http.MethodPost, path: credentialsPath + "/code/init"}, in)
	return c.credentialChallenge(in.CredentialKind, out, err)
}

// CreateCredentialWithCode adds the credential that answers the challenge of InitCredentialWithCode. The
// code is used up.
func (c *Client) CreateCredentialWithCode(ctx context.Context, in api.NewCredential) (api.Credential, error) {
	return ask[api.Credential](ctx, c, call{method: http.MethodPost, path: credentialsPath + "/code/verify"}, in)
}

// credentialChallenge checks a challenge for a credential of a kind. A Totp and a Password sign nothing.
func (c *Client) credentialChallenge(kind string, out api.CredentialChallenge, err error) (api.CredentialChallenge, error) {
	if err == nil && kind != api.KindTotp && kind != api.KindPassword {
		_, err = c.check(api.PurposeCredential, out.Challenge, out.ChallengeIdentifier, "")
	}
	if err != nil {
		return api.CredentialChallenge{}, err
	}
	return out, nil
}

// SendRecoveryCode mails a recovery code. The answer does not reveal whether the user exists.
func (c *Client) SendRecoveryCode(ctx context.Context, in api.SendRecoveryCodeRequest) (api.Message, error) {
	return ask[api.Message](ctx, c, call{method: http.MethodPost, path: "/auth/recover/user/code"}, in)
}

// RecoveryKeys returns the active recovery keys of a user who has a recovery code. The code stays good.
func (c *Client) RecoveryKeys(ctx context.Context, in api.OpenRecoveryRequest) (api.RecoveryKeys, error) {
	return ask[api.RecoveryKeys](ctx, c, call{method: http.MethodPost, path: "/countersign/recovery/open"}, in)
}

// InitRecovery presents a recovery code and returns the challenge that new credentials answer. It fails
// with ErrChallenge if that is not a recovery's.
func (c *Client) InitRecovery(ctx context.Context, in api.InitRecoveryRequest) (api.RecoveryChallenge, error) {
	out, err := ask[api.RecoveryChallenge](ctx, c, call{method: http.MethodPost, path: "/auth/recover/user/init"}, in)
	return c.recoveryChallenge(out, err, in.OrgID)
}

// InitDelegatedRecovery begins the recovery of an end user whom this service account knows. It fails as
// InitRecovery does.
func (s *Session) InitDelegatedRecovery(ctx context.Context, in api.DelegatedRecoveryRequest) (api.RecoveryChallenge, error) {
	out, err := signed[api.RecoveryChallenge](ctx, s, http.MethodPost, path("/auth/recover/user/delegated"), in)
	return s.client.recoveryChallenge(out, err, "")
}

func (c *Client) recoveryChallenge(out api.RecoveryChallenge, err error, orgID string) (api.RecoveryChallenge, error) {
	if err == nil {
		_, err = c.check(api.PurposeRecovery, out.Challenge, out.TemporaryAuthenticationToken, orgID)
	}
	if err != nil {
		return api.RecoveryChallenge{}, err
	}
	return out, nil
}

// Recover replaces everything that the user has by new credentials; token is the challenge's
// temporaryAuthenticationToken. The recovery key signs the new credentials; KeySigner.SignRecovery does.
//
// In an organisation that has recoveries wait, it fails and nothing has changed yet: PendingRecovery tells.
// The same token and the same request complete it later, so keep both; they hold no private key. A call
// whose answer was lost can be repeated too.
func (c *Client) Recover(ctx context.Context, token string, in api.RecoverRequest) (api.RegistrationResult, error) {
	return ask[api.RegistrationResult](ctx, c, call{method: http.MethodPost, path: "/auth/recover/user", token: token}, in)
}

// PendingRecovery returns what a recovery waits for, if err is the failure of a Recover that waits.
func PendingRecovery(err error) (p api.PendingRecovery, waits bool) {
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != api.CodeRecoveryPending {
		return p, false
	}
	text, err := json.Marshal(refused.Details)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	return p, err == nil
}
