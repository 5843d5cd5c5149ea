package login

import (
	"context"
	"strconv"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/invitation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Limits on login codes, as on registration codes: they make guessing visible and slow,
// and who keeps asking for codes gets the same answer and nobody further mail.
const (
	maxWrongForName    = 10
	maxWrongForAddress = 1000
	maxAsked           = 5
	maxAskedForAddress = 1000
	window             = 15 * time.Minute
)

// CodeLifetime is how long a login code can be used. It buys a look at one's own key,
// encrypted, not a login.
const CodeLifetime = 15 * time.Minute

// admit judges the login code that came with a login.
func (s *Service) admit(ctx context.Context, who api.Caller, state store.LoginState, throttle []byte) error {
	now := s.Now()
	if state.WrongTries >= maxWrongForName && now.Before(state.WrongTriesReset) {
		return tooMany("wrong login codes for this name", maxWrongForName, state.WrongTriesReset.Sub(now))
	}
	if state.CodeFound && state.Code.Live(now) && state.User.Active {
		return nil
	}
	if wait := s.wrong.Count(who.Address, maxWrongForAddress, now); wait > 0 {
		return tooMany("wrong login codes from this address", maxWrongForAddress, wait)
	}
	if err := s.DB.Write(ctx, func(tx *store.Tx) error { tx.Hit(throttle, now, window); return nil }); err != nil {
		return err
	}
	e := &api.Error{Kind: api.Forbidden, Code: "login_code_invalid", Message: "Invalid code",
		Rule: "login code of the named user", Received: "a code never issued to this user", Expected: "a live login code",
		Subject: api.Subject{OrgID: state.Organisation.ID, UserID: state.User.ID}}
	switch {
	case !state.Found:
		e.Received = "a username that this organisation does not have"
	case state.CodeFound && !state.User.Active:
		e.Received = "the code of a deactivated user"
	case state.CodeFound:
		e.Received = "a code that expired or was used"
	}
	return e
}

func tooMany(rule string, limit int, wait time.Duration) *api.Error {
	return &api.Error{Kind: api.TooManyRequests, Code: "too_many_tries",
		Message:    "Too many wrong login codes; try again later.",
		Details:    map[string]any{"retryAfterSeconds": int((wait + time.Second - 1) / time.Second)},
		RetryAfter: wait,
		Rule:       "limit on " + rule,
		Received:   "more than " + strconv.Itoa(limit) + " in " + window.String()}
}

// SendCode mails a new login code to a registered user; the former one is void then. The
// answer is the same whatever exists and whatever was done; mail goes out after it.
func (s *Service) SendCode(ctx context.Context, who api.Caller, in api.SendLoginCodeRequest) (api.Message, error) {
	same := api.Message{Message: "If this user can log in, a login code is on its way."}
	if err := invitation.WellFormed(in.OrgID, in.Username, ""); err != nil {
		return api.Message{}, err
	}
	now := s.Now()
	if s.asked.Count(who.Address, maxAskedForAddress, now) > 0 {
		return same, nil
	}
	throttle := s.Codes.ThrottleKey(invitation.LoginCodes, in.OrgID, in.Username)
	state, err := s.DB.LoginState(ctx, in.OrgID, username.Key(in.Username), nil, throttle)
	if err != nil {
		return api.Message{}, err
	}
	if state.WrongTries >= maxAsked && now.Before(state.WrongTriesReset) {
		return same, nil
	}
	mails := s.receives(state)
	code := s.Codes.MakeLogin(state.User, CodeLifetime)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.Hit(throttle, now, window) // for unknown names as well, or the difference would tell who exists
		if mails {
			tx.IssueLoginCode(code.Row)
			tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: state.User.OrgID, At: now, Kind: store.EventLoginCodeIssued,
				UserID: state.User.ID, CodeID: code.Row.ID, Address: who.Address})
		}
		return nil
	})
	if err == nil && mails {
		s.Codes.PostLogin(state.Organisation, state.User, code)
	}
	return same, err
}

func (s *Service) receives(state store.LoginState) bool {
	return state.Found && state.User.Active && !state.User.RegisteredAt.IsZero() && s.Codes.Mails(state.User.Username)
}

// IssueCode makes a login code for the operator to hand over, where no mail can.
func (s *Service) IssueCode(ctx context.Context, orgID, name string) (invitation.IssuedLogin, error) {
	state, err := s.DB.LoginState(ctx, orgID, username.Key(name), nil, nil)
	if err != nil {
		return invitation.IssuedLogin{}, err
	}
	if !state.Found || !state.User.Active || state.User.RegisteredAt.IsZero() {
		return invitation.IssuedLogin{}, &api.Error{Kind: api.NotFound, Code: "user_not_found",
			Message: "This organisation has no such user who could log in."}
	}
	now := s.Now()
	code := s.Codes.MakeLogin(state.User, CodeLifetime)
	return code, s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.ClearThrottle(s.Codes.ThrottleKey(invitation.WrongLoginCodes, orgID, name))
		tx.IssueLoginCode(code.Row)
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: orgID, At: now, Kind: store.EventLoginCodeIssued,
			UserID: state.User.ID, CodeID: code.Row.ID})
		return nil
	})
}
