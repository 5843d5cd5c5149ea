package registration

import (
	"context"
	"strconv"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/invitation"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Service is registration with all that it needs.
type Service struct {
	DB         *store.DB
	Access     *access.Checker
	Ceremonies *ceremony.Issuer
	Codes      *invitation.Issuer
	Site       relyingparty.Site
	Now        func() time.Time

	wrong  invitation.AddressCounts
	resent invitation.AddressCounts
}

// Limits on wrong codes. A name is closed for the window after maxWrongForName, to the
// right code too; a client address that keeps guessing is told to wait. At 100 bits
// neither is what keeps codes from being guessed: they make guessing visible and slow.
const (
	maxWrongForName    = 10
	maxWrongForAddress = 1000
	wrongWindow        = 15 * time.Minute
)

// admit finds the invitation that a code opens. Unknown user, wrong code and another
// organisation's code are refused alike and at the same cost; only who holds the
// right code learns more.
func (s *Service) admit(ctx context.Context, who api.Caller, orgID, name, code string) (store.Invitation, error) {
	if err := presented(orgID, name, code); err != nil {
		return store.Invitation{}, err
	}
	key := username.Key(name)
	throttle := s.Codes.ThrottleKey(invitation.WrongCodes, orgID, name)
	inv, err := s.DB.Invitation(ctx, orgID, key, s.Codes.MAC(orgID, key, code), throttle)
	if err != nil {
		return inv, err
	}
	now := s.Now()
	if inv.WrongTries >= maxWrongForName && now.Before(inv.WrongTriesReset) {
		return inv, about(inv, tooManyTries("wrong codes for this name", inv.WrongTriesReset.Sub(now)))
	}
	if !inv.CodeFound {
		return inv, s.wrongCode(ctx, who, inv, throttle, now)
	}
	return inv, checkActive(inv, now)
}

func presented(orgID, name, code string) error {
	err := invitation.WellFormed(orgID, name, code)
	if err == nil && code == "" {
		err = api.Missing("registrationCode")
	}
	return err
}

// wrongCode counts the try, on the address and on the name, and refuses. What an address
// over its limit tries is not written down: each name is a row, and whoever makes names
// up must not fill the disk.
func (s *Service) wrongCode(ctx context.Context, who api.Caller, inv store.Invitation, throttle []byte, now time.Time) error {
	if wait := s.wrong.Count(who.Address, maxWrongForAddress, now); wait > 0 {
		return about(inv, tooManyTries("wrong codes from this address", wait))
	}
	if err := s.DB.Write(ctx, func(tx *store.Tx) error { tx.Hit(throttle, now, wrongWindow); return nil }); err != nil {
		return err
	}
	e := &api.Error{Kind: api.Unauthenticated, Code: "registration_refused",
		Message: "This organisation, username and registration code do not belong together.",
		Rule:    "registration code of the named user"}
	if inv.Found {
		e.Received, e.Expected = "a code never issued to this user", "a live registration code"
	} else {
		e.Received, e.Expected = "a username that this organisation does not have", "an invited user"
	}
	return about(inv, e)
}

func tooManyTries(rule string, wait time.Duration) *api.Error {
	seconds := int((wait + time.Second - 1) / time.Second)
	return &api.Error{Kind: api.TooManyRequests, Code: "too_many_tries",
		Message:    "Too many wrong registration codes; try again later or ask for a new code.",
		Details:    map[string]any{"retryAfterSeconds": seconds},
		RetryAfter: wait,
		Rule:       "limit on " + rule,
		Received:   "more than " + strconv.Itoa(maxWrongForName) + " in " + wrongWindow.String()}
}

// checkActive judges what a code may still do for its user. The caller holds the right
// code (or a ticket that the code bought), so the truth may be told.
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
			Received: "a code withdrawn at " + api.Time(c.RevokedAt) + " (" + c.RevokedReason + ")",
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

// about returns err with whom the refusal concerns.
func about(inv store.Invitation, err error) error {
	return api.About(err, api.Subject{OrgID: inv.Organisation.ID, UserID: inv.User.ID, CodeID: inv.Code.ID})
}

func (s *Service) event(kind string, inv store.Invitation, who api.Caller, now time.Time) store.Event {
	return store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: inv.User.OrgID, At: now, Kind: kind,
		UserID: inv.User.ID, ActorID: inv.User.ID, CodeID: inv.Code.ID, Address: who.Address}
}
