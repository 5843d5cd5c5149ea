package registration

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
)

// Resend mails a new code to a user who is still to register. Anybody may ask, so the old code stays
// good until the new one is used or a mail server has accepted it; without a mail, nothing changes.
// The answer is the same whatever exists and whatever was done, and does not wait for the mail.
func (s *Service) Resend(ctx context.Context, who api.Caller, in api.ResendRegistrationCodeRequest) (api.Message, error) {
	same := api.Message{Message: "If this user is still to register, a new registration code is on its way."}
	var inv store.Invitation
	allowed, err := s.Codes.Request(who.Address, in.OrgID, in.Username, func(usernameKey string, key []byte) (code.Asked, error) {
		var err error
		inv, err = s.DB.Invitation(ctx, in.OrgID, usernameKey, nil, key)
		return code.Asked{OrgID: inv.Organisation.ID, Count: inv.WrongTries, ResetsAt: inv.WrongTriesReset}, err
	})
	if err != nil || !allowed {
		return same, err
	}
	now := s.Now()
	// Wrong tries do not count against a new code. Unknown names are treated the same, or the limit
	// would show who exists.
	count := func(tx *store.Tx) error {
		s.Codes.CountRequest(tx, in.OrgID, in.Username, now)
		s.Codes.Wrong.Clear(tx, in.OrgID, in.Username)
		return nil
	}
	issued, err := s.reissue(ctx, who, inv, now, count)
	mails := !errors.Is(err, errNotPending)
	if !mails {
		err = s.DB.Write(ctx, count)
	}
	switch {
	case errors.Is(err, code.ErrTooOften):
		return same, nil
	case err != nil:
		return api.Message{}, err
	case mails:
		s.Codes.Post(inv.Organisation, inv.User, issued)
	}
	return same, nil
}

var errNotPending = errors.New("no user waits for a new code")

// reissue makes a new code for a user who is still to register, whom a mail reaches and whose last code
// no administrator has revoked. rest completes the unit.
func (s *Service) reissue(ctx context.Context, who api.Caller, inv store.Invitation, now time.Time, rest func(*store.Tx) error) (code.Issued, error) {
	if !inv.Found || !s.Codes.Outbox.Reaches(inv.User.Username) {
		return code.Issued{}, errNotPending
	}
	issued := s.Codes.Make(inv.User, code.DefaultLifetime)
	anybody := api.Caller{OrgID: inv.User.OrgID, Address: who.Address}
	return issued, s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.OfferCode(issued.Row, errNotPending)
		tx.Record(code.Event(anybody, store.EventRegistrationCodeResent, issued.Row, now, nil))
		return rest(tx)
	})
}
