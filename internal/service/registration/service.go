package registration

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Service registers users.
type Service struct {
	DB         *store.DB
	Access     *access.Checker
	Ceremonies *ceremony.Issuer
	Codes      *code.Issuer
	Verifier   *attestation.Verifier
	Tokens     *bearer.Tokens
	Site       relyingparty.Site
	Now        func() time.Time

	SessionTime time.Duration // how long a session lasts that opens with the registration
}

// admit finds the invitation of a code. An unknown user, a wrong code and another organisation's code
// are refused alike and at the same cost. Only a client with the right code learns more.
func (s *Service) admit(ctx context.Context, who api.Caller, in api.InitRegistrationRequest) (store.Invitation, error) {
	err := code.WellFormed(in.OrgID, in.Username, in.RegistrationCode)
	if err == nil && in.RegistrationCode == "" {
		err = api.Missing("registrationCode")
	}
	if err != nil {
		return store.Invitation{}, err
	}
	key, wrong := username.Key(in.Username), s.Codes.Wrong.Key(in.OrgID, in.Username)
	inv, err := s.DB.Invitation(ctx, in.OrgID, key, s.Codes.MAC(in.OrgID, key, in.RegistrationCode), wrong)
	if err != nil {
		return inv, err
	}
	now := s.Now()
	if inv.CodeFound {
		return inv, checkActive(inv, now)
	}
	if err := s.Codes.Wrong.CheckName(inv.WrongTries, inv.WrongTriesReset, now); err != nil {
		return inv, about(inv, err)
	}
	if err := s.Codes.Wrong.CountWrong(ctx, s.DB, inv.Organisation.ID, wrong, who.Address, now); err != nil {
		return inv, about(inv, err)
	}
	return inv, about(inv, wrongCode(inv))
}

func wrongCode(inv store.Invitation) error {
	e := &api.Error{Kind: api.Unauthenticated, Code: "registration_refused",
		Message: "This organisation, username and registration code do not belong together.",
		Rule:    "registration code of the named user"}
	if inv.Found {
		e.Received, e.Expected = "a code never issued to this user", "a live registration code"
	} else {
		e.Received, e.Expected = "a username that this organisation does not have", "an invited user"
	}
	return e
}

// checkActive refuses a code that can no longer register its user. The client has the right code, or
// a ticket for it, so it may learn why.
func checkActive(inv store.Invitation, now time.Time) error {
	c, u := inv.Code, inv.User
	var e *api.Error
	switch {
	case !u.Active:
		e = auth.ErrOwnerInactive
	case !u.RegisteredAt.IsZero() || !c.SpentAt.IsZero():
		e = &api.Error{Kind: api.Unauthenticated, Code: "user_already_exists",
			Message: "User already exists.", Rule: "the user is not registered yet",
			Details: map[string]any{"registeredAt": api.Time(u.RegisteredAt)}}
	case !c.RevokedAt.IsZero():
		e = &api.Error{Kind: api.Unauthenticated, Code: "registration_code_revoked",
			Message: "Registration code revoked", Rule: "the code is live",
			Received: "a code revoked at " + api.Time(c.RevokedAt) + " (" + c.RevokedReason + ")",
			Details:  map[string]any{"revokedAt": api.Time(c.RevokedAt), "replaced": c.RevokedReason == store.CodeReplaced}}
	case !now.Before(c.ExpiresAt):
		e = &api.Error{Kind: api.Invalid, Code: "registration_code_expired",
			Message: "Registration code expired", Rule: "the code is live",
			Received: "a code that expired at " + api.Time(c.ExpiresAt), Expected: "a time before that; now " + api.Time(now),
			Details: map[string]any{"expiredAt": api.Time(c.ExpiresAt)}}
	default:
		return nil
	}
	return about(inv, e)
}

// about returns err with the user and the code that it is about.
func about(inv store.Invitation, err error) error {
	return api.About(err, api.Subject{OrgID: inv.Organisation.ID, UserID: inv.User.ID, CodeID: inv.Code.ID})
}

// event returns an event caused by the invited user, from the address of who.
func event(who api.Caller, kind string, inv store.Invitation, now time.Time, detail map[string]any) store.Event {
	user := api.Caller{OrgID: inv.User.OrgID, UserID: inv.User.ID, Address: who.Address}
	return code.Event(user, kind, inv.Code, now, detail)
}
