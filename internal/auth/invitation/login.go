package invitation

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

// IssuedLogin is a login code that was just made. The text of the code exists only here.
type IssuedLogin struct {
	Row  store.LoginCode
	Code string
}

// MakeLogin returns a new login code for a user, to be kept with Tx.IssueLoginCode.
// Nothing is written yet.
func (o *Issuer) MakeLogin(u store.User, lifetime time.Duration) IssuedLogin {
	now, code := o.Now(), newCode()
	return IssuedLogin{Code: code, Row: store.LoginCode{
		ID: api.NewID(api.PrefixLoginCode, now), OrgID: u.OrgID, UserID: u.ID,
		MAC: o.LoginMAC(u.OrgID, u.UsernameKey, code), CreatedAt: now, ExpiresAt: now.Add(lifetime),
	}}
}

// LoginMAC returns what a login code is kept and found by. No registration code has the
// same.
func (o *Issuer) LoginMAC(orgID, usernameKey, code string) []byte {
	return o.Ring.MAC(keyring.Code, "login", orgID, usernameKey, canonical(code))
}

// PostLogin mails a login code in the background, as Post does an invitation.
func (o *Issuer) PostLogin(org store.Organisation, u store.User, c IssuedLogin) {
	o.post(func(ctx context.Context) error {
		err := o.Mail.LogIn(ctx, mail.LoginCode{To: u.Username, Organisation: org.Name, Username: u.Username,
			Code: c.Code, ExpiresAt: c.Row.ExpiresAt})
		if err != nil {
			return err
		}
		now := o.Now()
		return o.DB.Write(ctx, func(tx *store.Tx) error { tx.LoginCodeSent(c.Row.ID, now); return nil })
	}, func(why error) {
		o.Log.Error("a login code could not be mailed", "orgId", u.OrgID, "userId", u.ID, "codeId", c.Row.ID, "error", why)
	})
}
