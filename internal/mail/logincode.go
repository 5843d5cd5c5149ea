package mail

import (
	"context"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// LoginCode is the content of the mail with a login code. Names may be in any script, as in an
// Invitation.
type LoginCode struct {
	To           string // bare mail address, no display name
	Organisation string
	Username     string
	Code         string // as people type it
	ExpiresAt    time.Time
}

// LogIn mails a login code. It returns as Invite does. The mail is plain text.
func (s *Sender) LogIn(ctx context.Context, m LoginCode) error {
	if err := checkAddress(m.To); err != nil {
		return err
	}
	if m.Code == "" || hasControl(m.Code) {
		return &api.Error{Kind: api.Internal, Code: "mail_code_invalid",
			Message: "The mail could not be written.", Rule: "the mail holds a login code"}
	}
	return s.send(ctx, s.message(m.To, m.subject(), m.text(), ""), m.To, m.Code)
}

// subject never holds the code: subjects show on locked screens.
func (m LoginCode) subject() string {
	if name := clean(m.Organisation, nameLimit); name != "" {
		return headerText("Your login code for " + name)
	}
	return "Your login code"
}

func (m LoginCode) text() string {
	var b strings.Builder
	paragraph := func(s string) { b.WriteString(wrap(s, textWidth) + "\n\n") }
	where := ""
	if name := clean(m.Organisation, nameLimit); name != "" {
		where = " for " + name
	}
	paragraph("Somebody asked for a login code" + where + ". Type it where you are logging in:")
	b.WriteString("Account name:  " + clean(m.Username, addressLimit) + "\n")
	b.WriteString("Login code:    " + m.Code + "\n")
	b.WriteString("Valid until:   " + m.ExpiresAt.UTC().Format("2 January 2006 at 15:04 UTC") + "\n\n")
	paragraph("Nobody can log in with the code alone: your key, and the password that protects it, are needed as well. Keep it to yourself all the same; nobody will ask you for it.")
	paragraph("If you did not ask for it, do nothing. The code expires by itself.")
	return strings.TrimSuffix(b.String(), "\n")
}
