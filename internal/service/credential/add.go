package credential

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/onetime"
	"github.com/countersign/countersign/internal/auth/password"
	"github.com/countersign/countersign/internal/store"
)

// Init begins to add a credential of the caller's. It writes nothing.
func (s *Service) Init(ctx context.Context, who api.Caller, in api.CredentialChallengeRequest) (api.CredentialChallenge, error) {
	org, err := s.DB.Organisation(ctx, who.OrgID)
	if err != nil {
		return api.CredentialChallenge{}, err
	}
	return s.challenge(ctx, "/kind", in.Kind, in.Factor, org, store.User{ID: who.UserID, Username: who.Username, Kind: who.UserKind},
		ceremony.Ticket{SessionOrTokenID: who.SessionOrTokenID()})
}

// challenge begins a ceremony whose ticket has what admitted the user.
func (s *Service) challenge(ctx context.Context, member, kind, factor string, org store.Organisation, u store.User, ticket ceremony.Ticket) (api.CredentialChallenge, error) {
	factor, err := factorOf(member, kind, factor)
	if err != nil {
		return api.CredentialChallenge{}, err
	}
	if err := accepted(kind, org); err != nil {
		return api.CredentialChallenge{}, api.About(err, api.Subject{OrgID: org.ID, UserID: u.ID})
	}
	policy, err := s.Verifier.Policies.InForce(ctx, org, u.Kind)
	if err != nil {
		return api.CredentialChallenge{}, err
	}
	if err := policy.AcceptsKind(kind); err != nil {
		return api.CredentialChallenge{}, api.About(err, api.Subject{OrgID: org.ID, UserID: u.ID})
	}
	own, err := s.own(ctx, u.ID)
	if err != nil {
		return api.CredentialChallenge{}, err
	}
	party := s.Site.Of(org)
	ticket.Purpose, ticket.OrgID, ticket.UserID, ticket.Kind, ticket.Factor = ceremony.Credential, org.ID, u.ID, kind, factor
	ticket.RPID, ticket.Algorithms = party.ID, policy.Offered
	ticket, token, err := s.Ceremonies.Begin(ticket)
	if err != nil {
		return api.CredentialChallenge{}, err
	}
	c := s.Verifier.Challenge(ticket, token, party, org, policy, u)
	out := api.CredentialChallenge{Kind: kind, User: c.User, ChallengeIdentifier: token, TemporaryAuthenticationToken: token, RP: c.RP}
	switch kind {
	case api.KindTotp:
		out.OtpURL = c.OtpURL
		return out, nil
	case api.KindPassword:
		return out, nil
	}
	out.Challenge, out.Attestation, out.PubKeyCredParams = c.Challenge, c.Attestation, c.PubKeyCredParams
	if kind == api.KindFido2 {
		out.AuthenticatorSelection = &c.AuthenticatorSelection
		out.ExcludeCredentials = attestation.Exclude(own, party.ID)
	}
	return out, nil
}

// factorOf returns the factor that a credential of a kind is added as: the one that was asked for, if the
// kind can be it.
func factorOf(member, kind, asked string) (string, error) {
	var may []string // the default first
	switch kind {
	case api.KindFido2, api.KindKey, api.KindPasswordProtectedKey:
		may = []string{store.FactorFirst, store.FactorSecond}
	case api.KindPassword:
		may = []string{store.FactorFirst}
	case api.KindTotp:
		may = []string{store.FactorSecond}
	case api.KindRecoveryKey:
		may = []string{store.FactorRecovery}
	case "":
		return "", api.Missing(member[1:])
	default:
		return "", &api.Error{Kind: api.Invalid, Code: "credential_kind_not_supported",
			Message: "The member " + member + " must be Fido2, Key, PasswordProtectedKey, RecoveryKey, Totp or Password."}
	}
	switch {
	case asked == "":
		return may[0], nil
	case !slices.Contains(may, asked):
		return "", &api.Error{Kind: api.Invalid, Code: "factor_invalid", Message: "The member /factor must be " + strings.Join(may, " or ") + " for a credential of this kind."}
	}
	return asked, nil
}

// accepted refuses a kind that the organisation does not accept.
func accepted(kind string, org store.Organisation) error {
	switch {
	case kind == api.KindTotp && !org.OneTimePasswords:
		return onetime.ErrNotAccepted
	case kind == api.KindPassword && !org.Passwords:
		return password.ErrNotAccepted
	}
	return nil
}

// Create adds a credential of the caller's, in answer to a challenge of Init.
func (s *Service) Create(ctx context.Context, tx *store.Tx, who api.Caller, in api.NewCredential) (api.Credential, error) {
	ticket, err := s.Ceremonies.OpenChallenge(ceremony.Credential, in.ChallengeIdentifier)
	if err == nil && (ticket.CodeID != "" || ticket.UserID != who.UserID || ticket.SessionOrTokenID != who.SessionOrTokenID()) {
		err = &api.Error{Kind: api.Invalid, Code: "challenge_invalid", Message: "Challenge token is not valid.",
			Rule: "the ceremony was begun in this session", Received: ticket.SessionOrTokenID, Expected: who.SessionOrTokenID(), Subject: who.Subject()}
	}
	if err != nil {
		return api.Credential{}, err
	}
	org, err := s.DB.Organisation(ctx, who.OrgID)
	if err != nil {
		return api.Credential{}, err
	}
	signer, err := s.signer(ctx, who)
	if err != nil {
		return api.Credential{}, err
	}
	return s.add(ctx, tx, who, in, ticket, org, signer)
}

// add verifies a credential and adds it to the unit, if the signer is strong enough.
func (s *Service) add(ctx context.Context, tx *store.Tx, who api.Caller, in api.NewCredential, ticket ceremony.Ticket, org store.Organisation, signer store.Credential) (api.Credential, error) {
	factor, err := factorOf("/credentialKind", in.CredentialKind, "")
	if err != nil {
		return api.Credential{}, err
	}
	if in.CredentialKind != ticket.Kind {
		return api.Credential{}, &api.Error{Kind: api.Invalid, Code: "challenge_invalid", Message: "Challenge token is not valid.",
			Rule: "the ceremony was begun for this kind of credential", Received: in.CredentialKind, Expected: ticket.Kind, Subject: who.Subject()}
	}
	factor = cmp.Or(ticket.Factor, factor)
	if in.CredentialName == "" {
		return api.Credential{}, api.Missing("credentialName")
	}
	offer, err := attestation.ReadOne(factor, "", &in.CredentialAttestation)
	if err != nil {
		return api.Credential{}, api.About(err, who.Subject())
	}
	own, err := s.own(ctx, who.UserID)
	if err != nil {
		return api.Credential{}, err
	}
	c, err := s.Verifier.Verify(ctx, offer, attestation.Request{Challenge: ticket.Challenge, RPID: ticket.RPID, Algorithms: ticket.Algorithms,
		Organisation: org, UserID: who.UserID, Username: who.Username, UserKind: who.UserKind, Own: own})
	if err != nil {
		return api.Credential{}, api.About(err, who.Subject())
	}
	c.Active = true
	if err := checkStrength(tx, signer, c, own); err != nil {
		return api.Credential{}, err
	}
	if err := checkOne(c, own); err != nil {
		return api.Credential{}, err
	}
	if err := s.Verifier.LimitModel(ctx, tx, c, org, who.UserKind); err != nil {
		return api.Credential{}, err
	}
	tx.AddAnotherCredential(c, maxCredentials, auth.ErrOwnerInactive, errTooMany, attestation.ErrKnown)
	s.record(tx, who, store.EventCredentialAdded, c, "")
	s.tell(ctx, tx, who, c, "was added", "A new credential was added to your account. Whoever holds it can use your account.", "")
	return shown(c), nil
}

// checkOne refuses a second Totp or Password: an answer by one does not say which it is.
func checkOne(c store.Credential, own []store.Credential) error {
	if c.Kind != api.KindTotp && c.Kind != api.KindPassword || !slices.ContainsFunc(own, func(o store.Credential) bool { return o.Kind == c.Kind }) {
		return nil
	}
	return &api.Error{Kind: api.Conflict, Code: "credential_already_registered",
		Message: "You have a credential of this kind already. Remove it first.", Rule: "one Totp and one Password of a user",
		Subject: api.Subject{OrgID: c.OrgID, UserID: c.UserID}}
}

// Limits on the life of a code that adds a credential. Clocks may differ by drift.
const (
	maxCodeLife = time.Minute
	drift       = 5 * time.Second
)

// CreateCode makes a code with which the caller adds a credential from another device.
func (s *Service) CreateCode(ctx context.Context, tx *store.Tx, who api.Caller, in api.CredentialCodeRequest) (api.CredentialCode, error) {
	now := s.Now()
	expires, err := expiration(in.Expiration)
	if err != nil {
		return api.CredentialCode{}, err
	}
	if !now.Before(expires) || expires.Sub(now) > maxCodeLife+drift {
		return api.CredentialCode{}, &api.Error{Kind: api.Invalid, Code: "expiration_invalid",
			Message: "The member /expiration must be a time within the next 60 seconds.", Received: expires.UTC().Format(time.RFC3339Nano),
			Expected: "a time after " + now.UTC().Format(time.RFC3339Nano), Subject: who.Subject()}
	}
	expires = earlier(expires, now.Add(maxCodeLife))
	signer, err := s.signer(ctx, who)
	if err != nil {
		return api.CredentialCode{}, err
	}
	text, mac := s.Codes.MakeShort()
	c := store.CredentialCode{ID: api.NewID(api.PrefixAddingCode, now), OrgID: who.OrgID, UserID: who.UserID, CredentialID: signer.ID,
		MAC: mac, CreatedAt: now, ExpiresAt: expires}
	tx.IssueCredentialCode(c)
	e := store.NewEvent(who, store.EventCredentialCodeIssued, now, nil)
	e.UserID, e.CodeID, e.CredentialID = who.UserID, c.ID, signer.ID
	tx.Record(e)
	return api.CredentialCode{Code: text, Expiration: api.Time(expires)}, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// expiration reads the union that the wire has: ISO 8601 text, or Unix time in seconds or milliseconds.
func expiration(in any) (time.Time, error) {
	invalid := &api.Error{Kind: api.Invalid, Code: "expiration_invalid",
		Message: "The member /expiration must be a time in ISO 8601, or Unix time in seconds or milliseconds."}
	switch v := in.(type) {
	case nil:
		return time.Time{}, api.Missing("expiration")
	case string:
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return t, invalid
		}
		return t, nil
	case float64:
		if v <= 0 || v != math.Trunc(v) || v > 1e15 {
			return time.Time{}, invalid
		}
		if v < 1e11 { // until the year 5138 in seconds, since 1973 in milliseconds
			return time.Unix(int64(v), 0), nil
		}
		return time.UnixMilli(int64(v)), nil
	}
	return time.Time{}, invalid
}

// InitWithCode begins to add a credential from a device that has a code and nothing else. It writes
// nothing.
func (s *Service) InitWithCode(ctx context.Context, who api.Caller, in api.CredentialChallengeWithCodeRequest) (api.CredentialChallenge, error) {
	if in.Code == "" {
		return api.CredentialChallenge{}, api.Missing("code")
	}
	if _, err := factorOf("/credentialKind", in.CredentialKind, ""); err != nil {
		return api.CredentialChallenge{}, err
	}
	state, err := s.DB.CredentialCodeByMAC(ctx, s.Codes.MAC("", "", in.Code))
	if err != nil {
		return api.CredentialChallenge{}, err
	}
	now := s.Now()
	if !state.Found || !state.Code.SpentAt.IsZero() || !now.Before(state.Code.ExpiresAt) {
		return api.CredentialChallenge{}, s.wrongCode(who, state, now)
	}
	if err := checkCode(state); err != nil {
		return api.CredentialChallenge{}, err
	}
	return s.challenge(ctx, "/credentialKind", in.CredentialKind, "", state.Organisation, state.User, ceremony.Ticket{CodeID: state.Code.ID})
}

// wrongCode refuses a code and counts it. Nothing is stored: a code is presented without a name.
func (s *Service) wrongCode(who api.Caller, state store.CredentialCodeState, now time.Time) error {
	if err := s.Codes.Wrong.CountAddress(who.Address, now); err != nil {
		return err
	}
	if err := s.Codes.Wrong.CountOrganisation("", now); err != nil {
		return err
	}
	return errCode(state)
}

func errCode(state store.CredentialCodeState) error {
	e := &api.Error{Kind: api.Forbidden, Code: "credential_code_invalid", Message: "Invalid code",
		Rule: "the code was issued, less than a minute ago, and not used or replaced", Received: "a code that does not exist",
		Subject: api.Subject{OrgID: state.Code.OrgID, UserID: state.Code.UserID, CodeID: state.Code.ID}}
	if state.Found {
		e.Received = "a code that expired or was used"
	}
	return e
}

// checkCode refuses a code whose user or signer is not active any more.
func checkCode(state store.CredentialCodeState) error {
	switch subject := (api.Subject{OrgID: state.Code.OrgID, UserID: state.Code.UserID, CodeID: state.Code.ID}); {
	case !state.User.Active:
		return api.About(auth.ErrOwnerInactive, subject)
	case !state.Signer.Active:
		return api.About(auth.ErrCredentialInactive, subject)
	}
	return nil
}

// CreateWithCode adds a credential in answer to a challenge of InitWithCode. It uses the code up.
func (s *Service) CreateWithCode(ctx context.Context, who api.Caller, in api.NewCredential) (api.Credential, error) {
	ticket, err := s.Ceremonies.OpenChallenge(ceremony.Credential, in.ChallengeIdentifier)
	if err == nil && ticket.CodeID == "" {
		err = &api.Error{Kind: api.Invalid, Code: "challenge_invalid", Message: "Challenge token is not valid.",
			Rule: "the ceremony was begun with a code", Received: "one begun in a session"}
	}
	if err != nil {
		return api.Credential{}, err
	}
	state, err := s.DB.CredentialCode(ctx, ticket.CodeID)
	if err != nil {
		return api.Credential{}, err
	}
	if !state.Found || !state.Code.SpentAt.IsZero() || state.Code.UserID != ticket.UserID {
		return api.Credential{}, errCode(state)
	}
	if err := checkCode(state); err != nil {
		return api.Credential{}, err
	}
	who.OrgID, who.UserID, who.Username, who.UserKind = state.User.OrgID, state.User.ID, state.User.Username, state.User.Kind
	return store.Do(ctx, s.DB, func(tx *store.Tx) (api.Credential, error) {
		tx.SpendCredentialCode(state.Code.ID, state.User.ID, s.Now(), errCode(state))
		return s.add(ctx, tx, who, in, ticket, state.Organisation, state.Signer)
	})
}
