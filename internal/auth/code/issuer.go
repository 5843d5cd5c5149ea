package code

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/throttle"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Deps is what every issuer needs.
type Deps struct {
	DB     *store.DB
	Ring   *keyring.Ring
	Site   relyingparty.Site
	Outbox *mail.Outbox
	Now    func() time.Time
	Log    *slog.Logger
}

// Issuer makes and recognises the codes of one kind, and mails them.
type Issuer struct {
	Deps
	Wrong    *throttle.Counter // wrong codes
	Requests *throttle.Counter // requests for a code by mail

	kind Kind
}

// NewIssuer returns the issuer of a kind. A node needs exactly one, since it counts addresses.
func NewIssuer(k Kind, d Deps) *Issuer {
	return &Issuer{Deps: d, Wrong: throttle.New(d.Ring, k.wrong), Requests: throttle.New(d.Ring, k.requests), kind: k}
}

// Issued is a new code. The text of the code exists only here.
type Issued struct {
	Row  store.Code
	Code string
	Link string // to the hosted page that uses the code, "" for none
}

// Make returns a new code for a user. It writes nothing.
func (i *Issuer) Make(u store.User, lifetime time.Duration) Issued {
	return i.make(u, api.NewID(i.kind.prefix, i.Now()), newCode(), lifetime)
}

// MakeFirst returns the code of the first administrator. It is derived from its id and a server
// key, so that a restarted server can print the same link again although the code is not stored.
func (i *Issuer) MakeFirst(u store.User, codeID string, lifetime time.Duration) Issued {
	return i.make(u, codeID, spell(i.Ring.MAC(keyring.Code, "first administrator", codeID)), lifetime)
}

func (i *Issuer) make(u store.User, id, code string, lifetime time.Duration) Issued {
	now := i.Now()
	return Issued{
		Code: code,
		Link: i.link(u, code),
		Row: store.Code{
			ID: id, OrgID: u.OrgID, UserID: u.ID,
			MAC:       i.MAC(u.OrgID, u.UsernameKey, code),
			CreatedAt: now, ExpiresAt: now.Add(lifetime),
		},
	}
}

// MAC returns what a code is stored and found by. It depends on the organisation and the user, so
// a code matches nothing for anybody else, and on the kind.
func (i *Issuer) MAC(orgID, usernameKey, code string) []byte {
	return i.Ring.MAC(keyring.Code, append(slices.Clone(i.kind.label), orgID, usernameKey, canonical(code))...)
}

// link returns the address of the hosted page for a code. The code is in the fragment, which no
// browser sends and no proxy logs: fetching the link reveals nothing and changes nothing.
func (i *Issuer) link(u store.User, code string) string {
	if i.kind.page == "" {
		return ""
	}
	v := url.Values{"org": {u.OrgID}, "username": {u.Username}, "code": {code}}
	return i.Site.Origin() + i.kind.page + "#" + strings.ReplaceAll(v.Encode(), "+", "%20")
}

// Request checks that a new code may be mailed to the user of a name because somebody at the
// address asks for one. read reads that user, and how often the name was counted under the key;
// the caller counts it once more when it writes. If it was asked for too often, allowed is
// false: nothing is mailed then, but the answer must be the same, or the limit would tell who
// exists.
func (i *Issuer) Request(address, orgID, name string, read func(usernameKey string, key []byte) (count int64, resetsAt time.Time, err error)) (key []byte, allowed bool, err error) {
	if err := WellFormed(orgID, name, ""); err != nil {
		return nil, false, err
	}
	now := i.Now()
	if i.Requests.CountAddress(address, now) != nil {
		return nil, false, nil
	}
	key = i.Requests.Key(orgID, name)
	count, resetsAt, err := read(username.Key(name), key)
	return key, err == nil && i.Requests.CheckName(count, resetsAt, now) == nil, err
}

// Send mails a code and records that it was sent. It waits for the mail server.
func (i *Issuer) Send(ctx context.Context, org store.Organisation, u store.User, c Issued) error {
	if err := i.kind.mail(ctx, i.Outbox.Sender, org, u, c); err != nil {
		return err
	}
	now := i.Now()
	return i.DB.Write(ctx, func(tx *store.Tx) error { i.kind.sent(tx, c.Row, now); return nil })
}

// Post sends a code in the background, so that the answer takes the same time whether or not
// there is anybody to mail.
func (i *Issuer) Post(org store.Organisation, u store.User, c Issued) {
	i.Outbox.Post(func(ctx context.Context) error { return i.Send(ctx, org, u, c) }, func(why error) {
		i.Log.Error(i.kind.unsent, "orgId", u.OrgID, "userId", u.ID, "codeId", c.Row.ID, "error", why)
	})
}

// Event returns an event about a code, caused by who. detail is as for store.NewEvent.
func Event(who api.Caller, kind string, c store.Code, at time.Time, detail map[string]any) store.Event {
	e := store.NewEvent(who, kind, at, detail)
	e.UserID, e.CodeID = c.UserID, c.ID
	return e
}
