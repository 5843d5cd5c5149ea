package registration

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/invitation"
	"github.com/countersign/countersign/store"
	"github.com/countersign/countersign/username"
)

// Limits on asking for new codes: who keeps asking for one name only gets the same
// answer again, and the person no further mail.
const (
	maxResends   = 5
	resendWindow = 15 * time.Minute
)

// Resend replaces the code of a user who is still to register and mails the new one.
// The old code is void from then on. The answer is the same whatever exists and
// whatever was done; mail goes out after it.
func (r *Room) Resend(ctx context.Context, who api.Caller, in api.ResendRegistrationCodeRequest) (api.Message, error) {
	same := api.Message{Message: "If this user is still to register, a new registration code is on its way."}
	if err := wellFormed(in.OrgID, in.Username, "-"); err != nil {
		return api.Message{}, err
	}
	throttle := r.Office.ThrottleKey(invitation.Resends, in.OrgID, in.Username)
	inv, err := r.DB.Invitation(ctx, in.OrgID, username.Key(in.Username), nil, throttle)
	if err != nil {
		return api.Message{}, err
	}
	now := r.Now()
	if inv.WrongTries >= maxResends && now.Before(inv.WrongTriesReset) {
		return same, nil
	}
	pending := inv.Found && inv.User.Active && inv.User.RegisteredAt.IsZero()
	var issued invitation.Issued
	var resent store.Event
	if pending {
		issued = r.Office.Make(inv.User, invitation.DefaultLifetime)
		inv.Code = issued.Row
		resent = r.event("registration.code_resent", inv, who, now)
		resent.ActorID = "" // anybody may ask
	}
	err = r.DB.Write(ctx, func(tx *store.Tx) error {
		tx.Hit(throttle, now, resendWindow)
		// A new code begins with a clean slate; for unknown names as well, or the
		// difference would tell who exists.
		tx.ClearThrottle(r.Office.ThrottleKey(invitation.WrongCodes, in.OrgID, in.Username))
		if pending {
			tx.IssueCode(issued.Row)
			tx.Record(resent)
		}
		return nil
	})
	if err != nil {
		return api.Message{}, err
	}
	if pending && r.Office.Mails(inv.User.Username) {
		r.Office.Post(inv.Organisation, inv.User, issued)
	}
	return same, nil
}
