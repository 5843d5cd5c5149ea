package invitation

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// DefaultLifetime of a registration code.
const DefaultLifetime = 24 * time.Hour

// Limits of a code's lifetime.
const (
	MinLifetime = time.Second
	MaxLifetime = 90 * 24 * time.Hour
)

// Issuer makes registration codes and brings them to people.
type Issuer struct {
	DB   *store.DB
	Ring *keyring.Ring
	Site relyingparty.Site
	Mail *mail.Sender // nil: no mail is configured, and codes go only to who invites
	Now  func() time.Time
	Log  *slog.Logger

	posted sync.WaitGroup
	queued atomic.Int32 // posted and not yet sent
	gate   chan struct{}
	once   sync.Once
}

// Issued is a code that was just made. The text of the code exists only here.
type Issued struct {
	Row  store.Code
	Code string
	Link string
}

// Make returns a new code for a user, to be kept with Tx.IssueCode. Nothing is
// written yet.
func (o *Issuer) Make(u store.User, lifetime time.Duration) Issued {
	now := o.Now()
	return o.issued(u, api.NewID(api.PrefixCode, now), newCode(), now, lifetime)
}

// MakeFirst returns the code of the first administrator. It is derived from its id
// and a server key, so that a restarted server can print the same link again without
// having kept the code.
func (o *Issuer) MakeFirst(u store.User, codeID string, lifetime time.Duration) Issued {
	return o.issued(u, codeID, o.firstCode(codeID), o.Now(), lifetime)
}

func (o *Issuer) firstCode(codeID string) string {
	return spell(o.Ring.MAC(keyring.Code, "first administrator", codeID))
}

func (o *Issuer) issued(u store.User, id, code string, now time.Time, lifetime time.Duration) Issued {
	return Issued{
		Code: code,
		Link: o.Link(u.OrgID, u.Username, code),
		Row: store.Code{
			ID: id, OrgID: u.OrgID, UserID: u.ID,
			MAC:       o.MAC(u.OrgID, u.UsernameKey, code),
			CreatedAt: now, ExpiresAt: now.Add(lifetime),
		},
	}
}

// MAC returns what a code is kept and found by. It depends on organisation and user,
// so a code presented for anybody else matches nothing.
func (o *Issuer) MAC(orgID, usernameKey, code string) []byte {
	return o.Ring.MAC(keyring.Code, orgID, usernameKey, canonical(code))
}

// Link returns the address of the hosted registration page for a code. All of it that
// matters is in the fragment, which no browser sends and no proxy logs: fetching the
// link reveals nothing and changes nothing.
func (o *Issuer) Link(orgID, name, code string) string {
	v := url.Values{"org": {orgID}, "username": {name}, "code": {code}}
	return o.Site.Origin() + "/register#" + strings.ReplaceAll(v.Encode(), "+", "%20")
}

// Mails reports whether a code for this name can be mailed: mail is configured and
// the name is an address.
func (o *Issuer) Mails(name string) bool {
	return o.Mail != nil && mail.ValidAddress(name)
}

// Send mails a code and records that it was sent. It takes as long as the mail server
// does.
func (o *Issuer) Send(ctx context.Context, org store.Organisation, u store.User, c Issued) error {
	err := o.Mail.Invite(ctx, mail.Invitation{
		To: u.Username, Organisation: org.Name, Username: u.Username,
		Code: c.Code, Link: c.Link, ExpiresAt: c.Row.ExpiresAt,
	})
	if err != nil {
		return err
	}
	now := o.Now()
	return o.DB.Write(ctx, func(tx *store.Tx) error {
		tx.CodeSent(c.Row.ID, now)
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: u.OrgID, At: now,
			Kind: store.EventRegistrationCodeSent, UserID: u.ID, CodeID: c.Row.ID})
		return nil
	})
}

// Bounds on mails under way at once and on those that wait for their turn, and with them
// on what a flood of requests for codes can hold in memory.
const (
	sending = 8
	waiting = 1000
)

var errManyMails = errors.New("too many mails are waiting for a slow mail server")

// Post sends a code in the background, so that the answer to who asked takes the same
// time whether or not there is anybody to write to.
func (o *Issuer) Post(org store.Organisation, u store.User, c Issued) {
	o.post(func(ctx context.Context) error { return o.Send(ctx, org, u, c) }, func(why error) {
		o.Log.Error("a registration code could not be mailed; invite the user again once mail works",
			"orgId", u.OrgID, "userId", u.ID, "codeId", c.Row.ID, "error", why)
	})
}

func (o *Issuer) post(send func(context.Context) error, failed func(error)) {
	o.once.Do(func() { o.gate = make(chan struct{}, sending) })
	if o.queued.Add(1) > waiting {
		o.queued.Add(-1)
		failed(errManyMails)
		return
	}
	o.posted.Go(func() {
		defer o.queued.Add(-1)
		o.gate <- struct{}{}
		defer func() { <-o.gate }()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := send(ctx); err != nil {
			failed(err)
		}
	})
}

// Finish waits until all posted mails are sent or have failed.
func (o *Issuer) Finish() { o.posted.Wait() }

// ThrottleKey is the key under which tries for one name in one organisation are
// counted. Unknown names have one as well, so that counting tells nobody who exists.
func (o *Issuer) ThrottleKey(what, orgID, name string) []byte {
	return o.Ring.MAC(keyring.Throttle, what, orgID, username.Key(name))
}

// What ThrottleKey counts.
const (
	WrongCodes      = "wrong registration codes"
	Resends         = "resent registration codes"
	WrongLoginCodes = "wrong login codes"
	LoginCodes      = "login codes asked for"
)
