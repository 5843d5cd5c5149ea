package recovery

import (
	"context"
	"encoding/base64"
	"log/slog"
	"slices"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// CodeLifetime is how long a recovery code can be used.
const CodeLifetime = 30 * time.Minute

// Service recovers users.
type Service struct {
	DB         *store.DB
	Access     *access.Checker
	Ceremonies *ceremony.Issuer
	Codes      *code.Issuer
	Assertions *assertion.Verifier
	Verifier   *attestation.Verifier
	Site       relyingparty.Site
	Now        func() time.Time
	Log        *slog.Logger
}

// SendCode mails a recovery code to a user who has a recovery key. Earlier codes stay good until one is
// used. The answer is the same whatever exists and whatever was done, and does not wait for the mail.
func (s *Service) SendCode(ctx context.Context, who api.Caller, in api.SendRecoveryCodeRequest) (api.Message, error) {
	same := api.Message{Message: "If this user can recover, a recovery code is on its way."}
	return same, s.Codes.SendRequested(ctx, who, in.OrgID, in.Username, CodeLifetime, func(state store.LoginState) bool {
		return slices.ContainsFunc(state.Credentials, isRecoveryKey)
	})
}

func isRecoveryKey(c store.Credential) bool { return c.Factor == store.FactorRecovery && c.Active }

// Init begins a recovery with a code that was mailed. It writes nothing, except that it counts a wrong
// code.
func (s *Service) Init(ctx context.Context, who api.Caller, in api.InitRecoveryRequest) (api.RecoveryChallenge, error) {
	if err := checkCode(in.OrgID, in.Username, in.VerificationCode); err != nil {
		return api.RecoveryChallenge{}, err
	}
	id, err := credentialID(in.CredentialID)
	if err != nil {
		return api.RecoveryChallenge{}, err
	}
	state, err := s.admit(ctx, who, in.OrgID, in.Username, in.VerificationCode)
	if err != nil {
		return api.RecoveryChallenge{}, err
	}
	return s.challenge(ctx, state, id, state.Code.ID)
}

// checkCode refuses texts that cannot be an organisation's id, a username and a code.
func checkCode(orgID, name, verificationCode string) error {
	if err := code.WellFormed(orgID, name, verificationCode); err != nil {
		return err
	}
	if verificationCode == "" {
		return api.Missing("verificationCode")
	}
	return nil
}

// admit reads the user whom a code that was mailed admits. It counts a wrong code.
func (s *Service) admit(ctx context.Context, who api.Caller, orgID, name, verificationCode string) (store.LoginState, error) {
	key, wrong := username.Key(name), s.Codes.Wrong.Key(orgID, name)
	state, err := s.DB.LoginState(ctx, orgID, key, s.Codes.MAC(orgID, key, verificationCode), wrong)
	if err != nil {
		return state, err
	}
	now := s.Now()
	if !state.CodeFound || !state.Code.Live(now) || !state.Registered() {
		return state, s.wrongCode(ctx, who, state, wrong, now)
	}
	return state, nil
}

func (s *Service) wrongCode(ctx context.Context, who api.Caller, state store.LoginState, wrong []byte, now time.Time) error {
	if err := s.Codes.Wrong.CheckName(state.WrongTries, state.WrongTriesReset, now); err != nil {
		return err
	}
	if err := s.Codes.Wrong.CountWrong(ctx, s.DB, state.Organisation.ID, wrong, who.Address, now); err != nil {
		return err
	}
	e := &api.Error{Kind: api.Forbidden, Code: "recovery_code_invalid", Message: "Invalid code",
		Rule: "recovery code of the named user", Received: "a code never issued to this user", Expected: "a live recovery code",
		Subject: api.Subject{OrgID: state.Organisation.ID, UserID: state.User.ID}}
	if state.CodeFound {
		e.Received = "a code that expired or was used, or the code of a user who is deactivated"
	}
	return e
}

// credentialID reads the id of a recovery key, raw or "cr-…".
func credentialID(text string) (string, error) {
	if text == "" {
		return "", api.Missing("credentialId")
	}
	if api.ValidID(api.PrefixCredential, text) {
		return text, nil
	}
	raw, err := api.DecodeBase64URL("/credentialId", text)
	return string(raw), err
}

// challenge begins the ceremony of a user who was admitted, by a code or a service account.
func (s *Service) challenge(ctx context.Context, state store.LoginState, id, codeID string) (api.RecoveryChallenge, error) {
	at := slices.IndexFunc(state.Credentials, func(c store.Credential) bool {
		return isRecoveryKey(c) && (string(c.CredentialID) == id || c.ID == id ||
			base64.RawURLEncoding.EncodeToString(c.CredentialID) == id) // a key's own id may look like ours
	})
	if at < 0 {
		return api.RecoveryChallenge{}, api.About(assertion.ErrNotRecovery, api.Subject{OrgID: state.User.OrgID, UserID: state.User.ID})
	}
	recoveryKey, party := state.Credentials[at], s.Site.Of(state.Organisation)
	policy, err := s.Verifier.Policies.InForce(ctx, state.Organisation, state.User.Kind)
	if err != nil {
		return api.RecoveryChallenge{}, err
	}
	ticket, token, err := s.Ceremonies.Begin(ceremony.Ticket{
		Purpose: ceremony.Recovery, OrgID: state.User.OrgID, UserID: state.User.ID, CodeID: codeID, RecoveryKeyID: recoveryKey.ID,
		RPID: party.ID, Algorithms: policy.Offered,
	})
	if err != nil {
		return api.RecoveryChallenge{}, err
	}
	return api.RecoveryChallenge{
		RegistrationChallenge: s.Verifier.Challenge(ticket, token, party, state.Organisation, policy, state.User),
		AllowedRecoveryCredentials: []api.AllowedRecoveryCredential{{ID: base64.RawURLEncoding.EncodeToString(recoveryKey.CredentialID),
			EncryptedRecoveryKey: recoveryKey.EncryptedPrivateKey}},
	}, nil
}

// Delegate begins the recovery of an end user whom the service account knows. What is not the end user's
// to give, the service account does not get: the recovery key still signs.
func (s *Service) Delegate(ctx context.Context, tx *store.Tx, who api.Caller, in api.DelegatedRecoveryRequest) (api.RecoveryChallenge, error) {
	if in.Username == "" {
		return api.RecoveryChallenge{}, api.Missing("username")
	}
	id, err := credentialID(in.CredentialID)
	if err != nil {
		return api.RecoveryChallenge{}, err
	}
	state, err := s.DB.LoginState(ctx, who.OrgID, username.Key(in.Username), nil, nil)
	if err != nil {
		return api.RecoveryChallenge{}, err
	}
	unknown := &api.Error{Kind: api.Unauthenticated, Code: "user_not_found", Message: "User not found",
		Rule: "the user is a registered end user", Subject: api.Subject{OrgID: who.OrgID, UserID: state.User.ID}}
	switch {
	case !state.Found:
		unknown.Received = "a username that this organisation does not have"
	case state.User.Kind != api.EndUser:
		unknown.Received = "a user of kind " + state.User.Kind
	case state.User.Username != in.Username:
		return api.RecoveryChallenge{}, auth.UsernameDiffers(state.User.Username, in.Username, unknown.Subject)
	case !state.User.Active:
		return api.RecoveryChallenge{}, api.About(auth.ErrUserInactive, unknown.Subject)
	case state.User.RegisteredAt.IsZero():
		unknown.Received = "a user who is still to register"
	default:
		c, err := s.challenge(ctx, state, id, "")
		if err == nil {
			e := store.NewEvent(who, store.EventUserRecoveryDelegated, s.Now(), nil)
			e.UserID = state.User.ID
			tx.Record(e)
		}
		return c, err
	}
	return api.RecoveryChallenge{}, unknown
}
