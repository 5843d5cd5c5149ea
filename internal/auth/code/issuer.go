package code

import (
	"context"
	"errors"
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

	mails *throttle.Counter // such requests for codes of every kind
	kind  Kind
}

// NewIssuer returns the issuer of a kind. A node needs exactly one, since it counts addresses.
func NewIssuer(k Kind, d Deps) *Issuer {
	return &Issuer{Deps: d, Wrong: throttle.New(d.Ring, k.wrong), Requests: throttle.New(d.Ring, k.requests),
		mails: throttle.New(d.Ring, mails), kind: k}
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

// MakeShort returns a code of nine characters that is presented without a name, and what it is stored and
// found by. It has 45 bits, so it must live for a minute at most.
func (i *Issuer) MakeShort() (text string, mac []byte) {
	text = newCode()
	text = text[:3] + "-" + text[5:8] + "-" + text[10:13]
	return text, i.MAC("", "", text)
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

// Asked is what Request reads about a name: its organisation, "" if that does not exist, and how often
// a code was asked for.
type Asked struct {
	OrgID    string
	Count    int64
	ResetsAt time.Time
}

// Request checks that a new code may be mailed to the user of a name because somebody at the
// address asks for one. read reads that user, and how often the name was counted under the key;
// the caller counts it with CountRequest when it writes. If it was asked for too often, allowed is
// false: nothing is mailed then, but the answer must be the same, or the limit would tell who
// exists.
func (i *Issuer) Request(address, orgID, name string, read func(usernameKey string, key []byte) (Asked, error)) (allowed bool, err error) {
	if err := WellFormed(orgID, name, ""); err != nil {
		return false, err
	}
	now := i.Now()
	if i.Requests.CountAddress(address, now) != nil {
		return false, nil
	}
	asked, err := read(username.Key(name), i.Requests.Key(orgID, name))
	return err == nil && i.Requests.CheckName(asked.Count, asked.ResetsAt, now) == nil &&
		i.Requests.CountOrganisation(asked.OrgID, now) == nil, err
}

// ErrTooOften fails a unit with CountRequest in which too many codes were asked for by now.
var ErrTooOften = errors.New("code: too many were asked for")

// CountRequest adds to the unit that a code was asked for in somebody's name. Unknown names count too,
// or the limits would show who exists. The unit fails with ErrTooOften if that is once too often, in
// a quarter of an hour or, for codes of every kind together, in a day.
func (i *Issuer) CountRequest(tx *store.Tx, orgID, name string, now time.Time) {
	i.Requests.CountWithin(tx, i.Requests.Key(orgID, name), now, ErrTooOften)
	i.mails.CountWithin(tx, i.mails.Key(orgID, name), now, ErrTooOften)
}

// SendRequested mails a new login or recovery code to the user of a name, because somebody asks for one,
// if they may receive it and a mail reaches them. Earlier codes stay good until one is used. Whoever
// asked must get the same answer whatever exists and whatever was done; it does not wait for the mail.
func (i *Issuer) SendRequested(ctx context.Context, who api.Caller, orgID, name string, lifetime time.Duration, may func(store.LoginState) bool) error {
	var state store.LoginState
	allowed, err := i.Request(who.Address, orgID, name, func(usernameKey string, key []byte) (Asked, error) {
		var err error
		state, err = i.DB.LoginState(ctx, orgID, usernameKey, nil, key)
		return Asked{OrgID: state.Organisation.ID, Count: state.WrongTries, ResetsAt: state.WrongTriesReset}, err
	})
	if err != nil || !allowed {
		return err
	}
	now := i.Now()
	mails := state.Registered() && i.Outbox.Reaches(state.User.Username) && may(state)
	issued := i.Make(state.User, lifetime)
	err = i.DB.Write(ctx, func(tx *store.Tx) error {
		i.CountRequest(tx, orgID, name, now)
		if mails {
			tx.IssueLoginCode(i.kind.purpose, issued.Row)
			tx.Record(Event(api.Caller{OrgID: orgID, Address: who.Address}, i.kind.issued, issued.Row, now, nil))
		}
		return nil
	})
	if errors.Is(err, ErrTooOften) {
		return nil
	}
	if err == nil && mails {
		i.Post(state.Organisation, state.User, issued)
	}
	return err
}

// Send mails a code and records that it was sent. It waits for the mail server.
func (i *Issuer) Send(ctx context.Context, org store.Organisation, u store.User, c Issued) error {
	if err := i.kind.mail(ctx, i.Outbox.Sender, org, u, c); err != nil {
		return err
	}
	now := i.Now()
	return i.DB.Write(ctx, func(tx *store.Tx) error { i.kind.sent(tx, c.Row, now); return nil })
}

// Post sends a code in the background, so that the answer to who asked takes the same
// time whether or not there is anybody to write to. If the mail server does not take it yet, it
// is sent again until the code expires or is replaced by another that is posted.
func (i *Issuer) Post(org store.Organisation, u store.User, c Issued) {
	log := i.Log.With("orgId", u.OrgID, "userId", u.ID, "codeId", c.Row.ID)
	i.Outbox.PostFor(mail.Posting{
		Key: i.kind.prefix + u.ID, For: c.Row.ExpiresAt.Sub(i.Now()),
		Send:   func(ctx context.Context) error { return i.Send(ctx, org, u, c) },
		Failed: func(why error) { log.Error(i.kind.unsent, "error", why) },
		Later: func(why error, after time.Duration) {
			log.Warn("a code could not be mailed yet; it is tried again", "after", after.String(), "error", why)
		},
	})
}

// Event returns an event about a code, caused by who. detail is as for store.NewEvent.
func Event(who api.Caller, kind string, c store.Code, at time.Time, detail map[string]any) store.Event {
	e := store.NewEvent(who, kind, at, detail)
	e.UserID, e.CodeID = c.UserID, c.ID
	return e
}
