package login

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// CodeLifetime is how long a login code can be used. It buys a look at one's own key,
// encrypted, not a login.
const CodeLifetime = 15 * time.Minute

// admit refuses a login code that came with a login unless it is the named user's and live.
// The key is that of wrong tries for the name.
func (s *Service) admit(ctx context.Context, who api.Caller, state store.LoginState, wrong []byte) error {
	now := s.Now()
	if err := s.Codes.Wrong.CheckName(state.WrongTries, state.WrongTriesReset, now); err != nil {
		return err
	}
	if state.CodeFound && state.Code.Live(now) && state.User.Active {
		return nil
	}
	if err := s.Codes.Wrong.CountWrong(ctx, s.DB, wrong, who.Address, now); err != nil {
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

// SendCode mails a new login code to a registered user; the former one is void then. The
// answer is the same whatever exists and whatever was done; mail goes out after it.
func (s *Service) SendCode(ctx context.Context, who api.Caller, in api.SendLoginCodeRequest) (api.Message, error) {
	same := api.Message{Message: "If this user can log in, a login code is on its way."}
	if err := code.WellFormed(in.OrgID, in.Username, ""); err != nil {
		return api.Message{}, err
	}
	now := s.Now()
	if s.Codes.Asked.CountAddress(who.Address, now) != nil {
		return same, nil
	}
	asked := s.Codes.Asked.Key(in.OrgID, in.Username)
	state, err := s.DB.LoginState(ctx, in.OrgID, username.Key(in.Username), nil, asked)
	if err != nil {
		return api.Message{}, err
	}
	if s.Codes.Asked.CheckName(state.WrongTries, state.WrongTriesReset, now) != nil {
		return same, nil
	}
	mails := s.receives(state)
	issued := s.Codes.Make(state.User, CodeLifetime)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		s.Codes.Asked.CountName(tx, asked, now) // for unknown names as well, or the difference would tell who exists
		if mails {
			tx.IssueLoginCode(issued.Row)
			tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: state.User.OrgID, At: now, Kind: store.EventLoginCodeIssued,
				UserID: state.User.ID, CodeID: issued.Row.ID, Address: who.Address})
		}
		return nil
	})
	if err == nil && mails {
		s.Codes.Post(state.Organisation, state.User, issued)
	}
	return same, err
}

func (s *Service) receives(state store.LoginState) bool {
	return state.Found && state.User.Active && !state.User.RegisteredAt.IsZero() && s.Codes.Outbox.Reaches(state.User.Username)
}

// IssueCode makes a login code for the operator to hand over, where no mail can.
func (s *Service) IssueCode(ctx context.Context, orgID, name string) (code.Issued, error) {
	state, err := s.DB.LoginState(ctx, orgID, username.Key(name), nil, nil)
	if err != nil {
		return code.Issued{}, err
	}
	if !state.Found || !state.User.Active || state.User.RegisteredAt.IsZero() {
		return code.Issued{}, &api.Error{Kind: api.NotFound, Code: "user_not_found",
			Message: "This organisation has no such user who could log in."}
	}
	now := s.Now()
	issued := s.Codes.Make(state.User, CodeLifetime)
	return issued, s.DB.Write(ctx, func(tx *store.Tx) error {
		s.Codes.Wrong.Clear(tx, orgID, name)
		tx.IssueLoginCode(issued.Row)
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: orgID, At: now, Kind: store.EventLoginCodeIssued,
			UserID: state.User.ID, CodeID: issued.Row.ID})
		return nil
	})
}
