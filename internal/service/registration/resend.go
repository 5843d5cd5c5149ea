package registration

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
)

// Resend mails a new code to a user who is still to register; the old one is void. The answer is the
// same whatever exists and whatever was done, and does not wait for the mail.
func (s *Service) Resend(ctx context.Context, who api.Caller, in api.ResendRegistrationCodeRequest) (api.Message, error) {
	same := api.Message{Message: "If this user is still to register, a new registration code is on its way."}
	var inv store.Invitation
	key, allowed, err := s.Codes.Request(who.Address, in.OrgID, in.Username, func(usernameKey string, key []byte) (int64, time.Time, error) {
		var err error
		inv, err = s.DB.Invitation(ctx, in.OrgID, usernameKey, nil, key)
		return inv.WrongTries, inv.WrongTriesReset, err
	})
	if err != nil || !allowed {
		return same, err
	}
	now := s.Now()
	// Wrong tries do not count against a new code. Unknown names are treated the same, or the limit
	// would show who exists.
	count := func(tx *store.Tx) error {
		s.Codes.Requests.CountName(tx, key, now)
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

var errNotPending = errors.New("no user waits for a new code")

// reissue makes a new code for a user who is still to register and whose last code no administrator
// has revoked. rest completes the unit.
func (s *Service) reissue(ctx context.Context, who api.Caller, inv store.Invitation, now time.Time, rest func(*store.Tx) error) (code.Issued, error) {
	if !inv.Found {
		return code.Issued{}, errNotPending
	}
	issued := s.Codes.Make(inv.User, code.DefaultLifetime)
	anybody := api.Caller{OrgID: inv.User.OrgID, Address: who.Address}
	return issued, s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.ReissueCode(issued.Row, errNotPending)
		tx.Record(code.Event(anybody, store.EventRegistrationCodeResent, issued.Row, now, nil))
		return rest(tx)
	})
}
