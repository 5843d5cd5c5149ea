package mail

import (
	"context"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// Code is the content of a mail with a code that is typed. Names may be in any script, as in an Invitation.
type Code struct {
	To           string // bare mail address, no display name
	Organisation string
	Username     string
	Code         string // as people type it
	ExpiresAt    time.Time
}

// LogIn mails a login code. It returns as Invite does. The mail is plain text.
func (s *Sender) LogIn(ctx context.Context, m Code) error {
	at := m.of(" for ")
	return s.sendCode(ctx, m, "Your login code"+at, "Login code:    ",
		"Somebody asked for a login code"+at+". Type it where you are logging in:",
		"Nobody can log in with the code alone: your password is needed as well. Keep both to yourself; nobody will ask you for them.")
}

// Recover mails a recovery code. It returns as Invite does. The mail is plain text.
func (s *Sender) Recover(ctx context.Context, m Code) error {
	at := m.of(" at ")
	return s.sendCode(ctx, m, "A code to recover your account"+at, "Code:          ",
		"Somebody asked to recover your account"+at+". If it was you, type this code where you asked for it:",
		"Nobody can recover your account with this code alone: the recovery code or key that you kept is needed as well. Keep both to yourself; nobody will ask you for them.")
}

// of names the organisation after a preposition, if it has a name.
func (m Code) of(preposition string) string {
	if name := clean(m.Organisation, nameLimit); name != "" {
		return preposition + name
	}
	return ""
}

// sendCode mails a code. The subject never holds it: subjects show on locked screens.
func (s *Sender) sendCode(ctx context.Context, m Code, subject, label, lead, alone string) error {
	if err := checkAddress(m.To); err != nil {
		return err
	}
	if m.Code == "" || hasControl(m.Code) {
		return &api.Error{Kind: api.Internal, Code: "mail_code_invalid",
			Message: "The mail could not be written.", Rule: "the mail holds a code"}
	}
	var b strings.Builder
	paragraph := func(s string) { b.WriteString(wrap(s, textWidth) + "\n\n") }
	paragraph(lead)
	b.WriteString("Account name:  " + clean(m.Username, addressLimit) + "\n")
	b.WriteString(label + m.Code + "\n")
	b.WriteString("Valid until:   " + m.ExpiresAt.UTC().Format("2 January 2006 at 15:04 UTC") + "\n\n")
	paragraph(alone)
	b.WriteString(wrap("If you did not ask for it, do nothing. The code expires by itself.", textWidth) + "\n")
	return s.send(ctx, s.message(m.To, headerText(subject), b.String(), ""), m.To, m.Code)
}
