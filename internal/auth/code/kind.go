package code

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/throttle"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

// Kind is a sort of code. No code of one kind passes for one of another.
type Kind struct {
	prefix string   // of ids
	label  []string // first parts of the MAC. It stays: kept codes are found by their MAC
	page   string   // path of the hosted page that uses the code, "" if there is none

	wrong throttle.Limit
	asked throttle.Limit

	mail   func(context.Context, *mail.Sender, store.Organisation, store.User, Issued) error
	sent   func(tx *store.Tx, c store.Code, now time.Time) // notes that a mail went out
	unsent string                                          // what the log says when none did
}

// Limits on trying codes and on asking for them. A name that wrong codes were tried for is
// closed for the window, to the right code too; a client address that keeps guessing is
// told to wait. At 100 bits neither is what keeps codes from being guessed: they make
// guessing visible and slow. Who keeps asking for codes, for one name or for many, gets the
// same answer again, and nobody further mail.
const (
	maxWrong      = 10
	maxAsked      = 5
	maxForAddress = 1000
	window        = 15 * time.Minute
)

// Lifetimes of a registration code.
const (
	DefaultLifetime = 24 * time.Hour
	MinLifetime     = time.Second
	MaxLifetime     = 90 * 24 * time.Hour
)

// Registration is the code with which an invited user registers.
var Registration = Kind{
	prefix: api.PrefixCode,
	page:   "/register",
	wrong: throttle.Limit{Name: "wrong registration codes", PerName: maxWrong, PerAddress: maxForAddress, Window: window,
		Rule: "wrong codes", Message: "Too many wrong registration codes; try again later or ask for a new code."},
	asked: throttle.Limit{Name: "resent registration codes", PerName: maxAsked, PerAddress: maxForAddress, Window: window},
	mail: func(ctx context.Context, s *mail.Sender, org store.Organisation, u store.User, c Issued) error {
		return s.Invite(ctx, mail.Invitation{To: u.Username, Organisation: org.Name, Username: u.Username,
			Code: c.Code, Link: c.Link, ExpiresAt: c.Row.ExpiresAt})
	},
	sent: func(tx *store.Tx, c store.Code, now time.Time) {
		tx.CodeSent(c.ID, now)
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: c.OrgID, At: now,
			Kind: store.EventRegistrationCodeSent, UserID: c.UserID, CodeID: c.ID})
	},
	unsent: "a registration code could not be mailed; invite the user again once mail works",
}

// Login is the code with which somebody who logs in gets their own encrypted key.
var Login = Kind{
	prefix: api.PrefixLoginCode,
	label:  []string{"login"},
	wrong: throttle.Limit{Name: "wrong login codes", PerName: maxWrong, PerAddress: maxForAddress, Window: window,
		Rule: "wrong login codes", Message: "Too many wrong login codes; try again later."},
	asked: throttle.Limit{Name: "login codes asked for", PerName: maxAsked, PerAddress: maxForAddress, Window: window},
	mail: func(ctx context.Context, s *mail.Sender, org store.Organisation, u store.User, c Issued) error {
		return s.LogIn(ctx, mail.LoginCode{To: u.Username, Organisation: org.Name, Username: u.Username,
			Code: c.Code, ExpiresAt: c.Row.ExpiresAt})
	},
	sent:   func(tx *store.Tx, c store.Code, now time.Time) { tx.LoginCodeSent(c.ID, now) },
	unsent: "a login code could not be mailed",
}
