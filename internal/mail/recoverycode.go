package mail

import (
	"context"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// RecoveryCode is the content of the mail with a recovery code. Names may be in any script, as in an
// Invitation.
type RecoveryCode struct {
	To           string // bare mail address, no display name
	Organisation string
	Username     string
	Code         string // as people type it
	ExpiresAt    time.Time
}

// Recover mails a recovery code. It returns as Invite does. The mail is plain text.
func (s *Sender) Recover(ctx context.Context, m RecoveryCode) error {
	if err := checkAddress(m.To); err != nil {
		return err
	}
	if m.Code == "" || hasControl(m.Code) {
		return &api.Error{Kind: api.Internal, Code: "mail_code_invalid",
			Message: "The mail could not be written.", Rule: "the mail holds a recovery code"}
	}
	subject := "A code to recover your account"
	if name := clean(m.Organisation, nameLimit); name != "" {
		subject = headerText("A code to recover your account at " + name)
	}
	return s.send(ctx, s.message(m.To, subject, m.text(), ""), m.To, m.Code)
}

func (m RecoveryCode) text() string {
	var b strings.Builder
	paragraph := func(s string) { b.WriteString(wrap(s, textWidth) + "\n\n") }
	where := ""
	if name := clean(m.Organisation, nameLimit); name != "" {
		where = " at " + name
	}
	paragraph("Somebody asked to recover your account" + where + ". If it was you, type this code where you asked for it:")
	b.WriteString("Account name:  " + clean(m.Username, addressLimit) + "\n")
	b.WriteString("Code:          " + m.Code + "\n")
	b.WriteString("Valid until:   " + m.ExpiresAt.UTC().Format("2 January 2006 at 15:04 UTC") + "\n\n")
	paragraph("Nobody can recover your account with this code alone: the recovery code or key that you kept is needed as well. Keep both to yourself; nobody will ask you for them.")
	paragraph("If you did not ask for it, do nothing. The code expires by itself.")
	return strings.TrimSuffix(b.String(), "\n")
}
