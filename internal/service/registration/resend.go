package registration

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Resend replaces the code of a user who is still to register and mails the new one.
// The old code is void from then on. The answer is the same whatever exists and
// whatever was done; mail goes out after it.
func (s *Service) Resend(ctx context.Context, who api.Caller, in api.ResendRegistrationCodeRequest) (api.Message, error) {
	same := api.Message{Message: "If this user is still to register, a new registration code is on its way."}
	if err := code.WellFormed(in.OrgID, in.Username, ""); err != nil {
		return api.Message{}, err
	}
	now := s.Now()
	if s.Codes.Asked.CountAddress(who.Address, now) != nil {
		return same, nil
	}
	asked := s.Codes.Asked.Key(in.OrgID, in.Username)
	inv, err := s.DB.Invitation(ctx, in.OrgID, username.Key(in.Username), nil, asked)
	if err != nil {
		return api.Message{}, err
	}
	if s.Codes.Asked.CheckName(inv.WrongTries, inv.WrongTriesReset, now) != nil {
		return same, nil
	}
	// No wrong try counts against a new code. It is the same for unknown names, or the
	// difference would tell who exists.
	count := func(tx *store.Tx) error {
		s.Codes.Asked.CountName(tx, asked, now)
		s.Codes.Wrong.Clear(tx, in.OrgID, in.Username)
		return nil
	}
	issued, err := s.reissue(ctx, who, inv, now, count)
	if errors.Is(err, errNotPending) {
		return same, s.DB.Write(ctx, count)
	}
	if err != nil {
		return api.Message{}, err
	}
	if s.Codes.Outbox.Reaches(inv.User.Username) {
		s.Codes.Post(inv.Organisation, inv.User, issued)
	}
	return same, nil
}

var errNotPending = errors.New("nobody is to be given a new code")

// reissue makes a new code for a user who is still to register and whose last code no
// administrator has revoked, and does the rest of the unit with it.
func (s *Service) reissue(ctx context.Context, who api.Caller, inv store.Invitation, now time.Time, rest func(*store.Tx) error) (code.Issued, error) {
	if !inv.Found {
		return code.Issued{}, errNotPending
	}
	issued := s.Codes.Make(inv.User, code.DefaultLifetime)
	inv.Code = issued.Row
	resent := s.event(store.EventRegistrationCodeResent, inv, who, now)
	resent.ActorID = "" // anybody may ask
	return issued, s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.ReissueCode(issued.Row, errNotPending)
		tx.Record(resent)
		return rest(tx)
	})
}
