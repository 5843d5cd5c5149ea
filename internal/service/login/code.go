package login

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// CodeLifetime is how long a login code can be used. It gets a user their own encrypted key, not a
// session.
const CodeLifetime = 15 * time.Minute

// admit refuses a login code unless it is live and the named user's. wrong is the key that wrong
// tries for the name are counted under.
func (s *Service) admit(ctx context.Context, who api.Caller, state store.LoginState, wrong []byte) error {
	now := s.Now()
	if state.CodeFound && state.Code.Live(now) && state.User.Active {
		return nil
	}
	if err := s.Codes.Wrong.CheckName(state.WrongTries, state.WrongTriesReset, now); err != nil {
		return err
	}
	if err := s.Codes.Wrong.CountWrong(ctx, s.DB, state.Organisation.ID, wrong, who.Address, now); err != nil {
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

// SendCode mails a new login code to a registered user who has a password-protected key or a password. Anybody may ask,
// so earlier codes stay good until one is used. The answer is the same whatever exists and whatever was
// done, and does not wait for the mail.
func (s *Service) SendCode(ctx context.Context, who api.Caller, in api.SendLoginCodeRequest) (api.Message, error) {
	same := api.Message{Message: "If this user can log in, a login code is on its way."}
	return same, s.Codes.SendRequested(ctx, who, in.OrgID, in.Username, CodeLifetime, usesCode)
}

// usesCode reports whether a user has a key that a login code is for, or a password, which a login code admits
// even after strangers have tried too many.
func usesCode(state store.LoginState) bool {
	return slices.ContainsFunc(state.Credentials, func(k store.Credential) bool {
		return k.Active && (k.Kind == api.KindPasswordProtectedKey || k.Kind == api.KindPassword && state.Organisation.Passwords)
	})
}

// IssueCode makes a login code that the operator gives to the user, and voids all others. No mail is sent.
func (s *Service) IssueCode(ctx context.Context, orgID, name string) (code.Issued, error) {
	state, err := s.DB.LoginState(ctx, orgID, username.Key(name), nil, nil)
	if err != nil {
		return code.Issued{}, err
	}
	if !state.Registered() {
		return code.Issued{}, &api.Error{Kind: api.NotFound, Code: "user_not_found",
			Message: "This organisation has no such user who could log in."}
	}
	now := s.Now()
	issued := s.Codes.Make(state.User, CodeLifetime)
	return issued, s.DB.Write(ctx, func(tx *store.Tx) error {
		s.Codes.Wrong.Clear(tx, orgID, name)
		tx.VoidLoginCodes(store.CodeForLogin, state.User.ID)
		tx.IssueLoginCode(store.CodeForLogin, issued.Row)
		tx.Record(code.Event(api.Caller{OrgID: orgID}, store.EventLoginCodeIssued, issued.Row, now, nil))
		return nil
	})
}
