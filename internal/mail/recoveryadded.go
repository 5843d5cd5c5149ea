package mail

import (
	"context"
	"strings"
	"time"
)

// RecoveryAdded is the content of the mail that tells users of a new recovery key. Names may be in
// any script, as in an Invitation.
type RecoveryAdded struct {
	To           string // bare mail address, no display name
	Organisation string
	Username     string
	At           time.Time
}

// RecoveryAdded mails that a recovery key was added. It returns as Invite does. The mail is plain
// text, without a link.
func (s *Sender) RecoveryAdded(ctx context.Context, m RecoveryAdded) error {
	if err := checkAddress(m.To); err != nil {
		return err
	}
	return s.send(ctx, s.message(m.To, m.subject(), m.text(), ""), m.To)
}

func (m RecoveryAdded) subject() string {
	if name := clean(m.Organisation, nameLimit); name != "" {
		return headerText("A recovery key was added to your account at " + name)
	}
	return "A recovery key was added to your account"
}

func (m RecoveryAdded) text() string {
	var b strings.Builder
	paragraph := func(s string) { b.WriteString(wrap(s, textWidth) + "\n\n") }
	paragraph("A recovery key was added to your account right after its passkey was registered.")
	if name := clean(m.Organisation, nameLimit); name != "" {
		b.WriteString("Organisation:  " + name + "\n")
	}
	b.WriteString("Account name:  " + clean(m.Username, addressLimit) + "\n")
	b.WriteString("Added:         " + m.At.UTC().Format("2 January 2006 at 15:04 UTC") + "\n\n")
	paragraph("If that was you, there is nothing to do.")
	paragraph("If it was not you, tell an administrator of your organisation at once: they can deactivate the key.")
	return strings.TrimSuffix(b.String(), "\n")
}
