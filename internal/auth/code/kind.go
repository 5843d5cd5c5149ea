package code

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/throttle"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

// Kind is a kind of code. No code of one kind is accepted as one of another.
type Kind struct {
	prefix string   // of ids
	label  []string // first parts of the MAC; it never changes, since stored codes are found by their MAC
	page   string   // path of the hosted page that uses the code, "" for none

	purpose string // in the store, for codes that are asked for with SendRequested
	issued  string // kind of event that such a code was issued

	wrong    throttle.Limit
	requests throttle.Limit

	mail   func(context.Context, *mail.Sender, store.Organisation, store.User, Issued) error
	sent   func(tx *store.Tx, c store.Code, now time.Time) // records that a mail was sent
	unsent string                                          // the log line when none could be sent
}

// Limits on trying codes and on asking for them. After too many wrong codes for a name, from an address
// or in an organisation, wrong ones are refused as too many. The right one is let in all the same: nobody
// may close a name for its owner. A code has 100 bits, so these limits are not what protects it: they make
// guessing visible and bound what strangers write. Asking too often, for one name or for many, gets the
// same answer, but no mail is sent.
const (
	maxWrong           = 10
	maxRequests        = 5
	maxForAddress      = 1000
	maxForOrganisation = 10_000
	window             = 15 * time.Minute
	maxMails           = 20 // for one name in a day, of all kinds together
)

// limit returns a limit on codes.
func limit(name string, perName int, rule, message string) throttle.Limit {
	return throttle.Limit{Name: name, PerName: perName, PerAddress: maxForAddress, PerOrganisation: maxForOrganisation,
		Window: window, Rule: rule, Message: message}
}

// mails limits the mails that anybody can have sent to one name, whatever kinds of code they ask for.
var mails = throttle.Limit{Name: "codes asked for in a day", PerName: maxMails, Window: 24 * time.Hour}

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
	wrong: limit("wrong registration codes", maxWrong, "wrong codes",
		"Too many wrong registration codes; try again later or ask for a new code."),
	requests: limit("resent registration codes", maxRequests, "", ""),
	mail: func(ctx context.Context, s *mail.Sender, org store.Organisation, u store.User, c Issued) error {
		return s.Invite(ctx, mail.Invitation{To: u.Username, Organisation: org.Name, Username: u.Username,
			Code: c.Code, Link: c.Link, ExpiresAt: c.Row.ExpiresAt})
	},
	sent: func(tx *store.Tx, c store.Code, now time.Time) {
		tx.CodeSent(c.ID, c.UserID, now)
		tx.Record(Event(api.Caller{OrgID: c.OrgID}, store.EventRegistrationCodeSent, c, now, nil))
	},
	unsent: "a registration code could not be mailed; invite the user again once mail works",
}

// Recovery is the code with which a user begins to recover, besides their recovery key.
var Recovery = Kind{
	prefix:  api.PrefixRecoveryCode,
	label:   []string{"recovery"},
	purpose: store.CodeForRecovery,
	issued:  store.EventRecoveryCodeIssued,
	wrong: limit("wrong recovery codes", maxWrong, "wrong recovery codes",
		"Too many wrong recovery codes; try again later."),
	requests: limit("recovery codes asked for", maxRequests, "", ""),
	mail: func(ctx context.Context, s *mail.Sender, org store.Organisation, u store.User, c Issued) error {
		return s.Recover(ctx, typed(org, u, c))
	},
	sent:   func(tx *store.Tx, c store.Code, now time.Time) { tx.LoginCodeSent(c.ID, now) },
	unsent: "a recovery code could not be mailed",
}

// Adding is the code with which a user adds a credential from another device. It is shown and never
// mailed, lives a minute at most and is presented without a name: wrong ones are counted by address and,
// all together, on this node.
var Adding = Kind{
	prefix: api.PrefixAddingCode,
	label:  []string{"adding a credential"},
	wrong: limit("wrong codes that add a credential", 0, "wrong codes",
		"Too many wrong codes; try again later."),
}

// Login is the code with which a user who logs in gets their own encrypted key.
var Login = Kind{
	prefix:  api.PrefixLoginCode,
	label:   []string{"login"},
	purpose: store.CodeForLogin,
	issued:  store.EventLoginCodeIssued,
	wrong: limit("wrong login codes", maxWrong, "wrong login codes",
		"Too many wrong login codes; try again later."),
	requests: limit("login codes asked for", maxRequests, "", ""),
	mail: func(ctx context.Context, s *mail.Sender, org store.Organisation, u store.User, c Issued) error {
		return s.LogIn(ctx, typed(org, u, c))
	},
	sent:   func(tx *store.Tx, c store.Code, now time.Time) { tx.LoginCodeSent(c.ID, now) },
	unsent: "a login code could not be mailed",
}

// typed is the content of a mail with a code that is typed.
func typed(org store.Organisation, u store.User, c Issued) mail.Code {
	return mail.Code{To: u.Username, Organisation: org.Name, Username: u.Username, Code: c.Code, ExpiresAt: c.Row.ExpiresAt}
}
