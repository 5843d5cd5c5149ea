package mail

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// AccountChange is the content of the mail that tells users what was changed in their account. Names may
// be in any script, as in an Invitation.
type AccountChange struct {
	To           string // bare mail address, no display name
	Organisation string
	Username     string
	Subject      string // "A passkey was added to your account"
	What         string // one sentence
	Credential   string // its name, "" for none
	FormerName   string // of the credential, "" if that was not changed
	At           time.Time
	By           string // who did it, "" for the user themselves
	Address      string // where it was done from, "" if that is not known
	Remedy       string // what to do if it was not the user, "" for the usual
}

// CredentialChange is an AccountChange whose Subject says that a credential of a kind "was added".
func CredentialChange(kind, done string) AccountChange {
	thing := map[string]string{api.KindFido2: "A passkey", api.KindRecoveryKey: "A recovery key", api.KindTotp: "A code app",
		api.KindPassword: "A password"}[kind]
	return AccountChange{Subject: cmp.Or(thing, "A key") + " of your account " + done}
}

// AccountChanged mails what was changed. It returns as Invite does. The mail is plain text, without a
// link but that of a Remedy.
func (s *Sender) AccountChanged(ctx context.Context, m AccountChange) error {
	if err := checkAddress(m.To); err != nil {
		return err
	}
	subject := m.Subject
	if name := clean(m.Organisation, nameLimit); name != "" {
		subject = headerText(m.Subject + " at " + name)
	}
	return s.send(ctx, s.message(m.To, subject, m.text(), ""), m.To)
}

func (m AccountChange) text() string {
	var b strings.Builder
	paragraph := func(s string) { b.WriteString(wrap(s, textWidth) + "\n\n") }
	line := func(label, text string) {
		if text != "" {
			b.WriteString(label + text + "\n")
		}
	}
	paragraph(m.What)
	line("Organisation:  ", clean(m.Organisation, nameLimit))
	line("Account name:  ", clean(m.Username, addressLimit))
	line("Credential:    ", clean(m.Credential, nameLimit))
	line("Name before:   ", clean(m.FormerName, nameLimit))
	line("When:          ", m.At.UTC().Format("2 January 2006 at 15:04 UTC"))
	line("By:            ", clean(m.By, addressLimit))
	line("From:          ", clean(m.Address, nameLimit))
	b.WriteString("\n")
	if m.By != "" {
		paragraph("If you did not expect that, ask an administrator of your organisation.")
		return strings.TrimSuffix(b.String(), "\n")
	}
	paragraph("If that was you, there is nothing to do.")
	paragraph(cmp.Or(m.Remedy, "If it was not you, tell an administrator of your organisation at once: they can deactivate your account and give you a new start."))
	return strings.TrimSuffix(b.String(), "\n")
}
