package mail

import (
	"crypto/rand"
	_ "embed"
	"html/template"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/countersign/countersign/api"
)

// Invitation is the content of the mail to an invited person. To, Code and Link are required;
// Code and Link are secret, and Link is an http or https URL. Names may be in any script:
// control characters in them become spaces, and very long names are shortened.
type Invitation struct {
	To           string // bare mail address, no display name
	Organisation string
	Username     string
	Code         string // as people type it
	Link         string // the registration page, with the code in the fragment
	ExpiresAt    time.Time
	InvitedBy    string // "" leaves it out
}

const (
	nameLimit    = 100 // characters of a name that a mail shows
	addressLimit = 254 // octets of a mail address (RFC 5321 §4.5.3.1.3, less the brackets)
	textWidth    = 72  // columns of the plain text, so that a reply can quote it
)

//go:embed invitation.html
var invitationHTML string

var htmlTemplate = template.Must(template.New("invitation").Parse(invitationHTML))

func checkAddress(to string) error {
	if ValidAddress(to) {
		return nil
	}
	return &api.Error{Kind: api.Invalid, Code: "mail_address_invalid",
		Message: "This is not an address that mail can be sent to.", Received: clean(to, nameLimit)}
}

// content is an Invitation with cleaned names and the time in words.
type content struct {
	Organisation, Username, Code, Link, InvitedBy, Expires string
}

func newContent(m Invitation) (content, error) {
	if err := checkAddress(m.To); err != nil {
		return content{}, err
	}
	u, err := url.Parse(m.Link)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || hasControl(m.Link) || strings.Contains(m.Link, " ") {
		return content{}, &api.Error{Kind: api.Internal, Code: "mail_link_invalid",
			Message: "The mail could not be written.", Rule: "the link of an invitation is an absolute http or https URL"}
	}
	if m.Code == "" || hasControl(m.Code) {
		return content{}, &api.Error{Kind: api.Internal, Code: "mail_code_invalid",
			Message: "The mail could not be written.", Rule: "an invitation holds a registration code"}
	}
	return content{
		Organisation: clean(m.Organisation, nameLimit),
		Username:     clean(m.Username, addressLimit),
		Code:         m.Code,
		Link:         m.Link,
		InvitedBy:    clean(m.InvitedBy, nameLimit),
		Expires:      m.ExpiresAt.UTC().Format("2 January 2006 at 15:04 UTC"),
	}, nil
}

func (s *Sender) invitation(m Invitation) (*gomail.Msg, error) {
	c, err := newContent(m)
	if err != nil {
		return nil, err
	}
	var html strings.Builder
	if err := htmlTemplate.Execute(&html, c); err != nil {
		return nil, templateFailed(err)
	}
	return s.message(m.To, c.subject(), c.text(), html.String()), nil
}

func templateFailed(cause error) error {
	return &api.Error{Kind: api.Internal, Code: "mail_template", Message: "The mail could not be written.", Cause: cause}
}

// message builds a mail. Names reach a header without control characters, and only through
// the encoders of net/mail and of MIME encoded words.
func (s *Sender) message(to, subject, text, html string) *gomail.Msg {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	msg.ToMailAddress(&netmail.Address{Address: to})
	msg.Subject(subject)
	msg.SetMessageIDWithValue(rand.Text() + "@" + s.msgDomain)
	msg.SetDateWithValue(s.now())
	// RFC 3834 §5: no automatic reply shall quote the code.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetBodyString(gomail.TypeTextPlain, text)
	if html != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, html)
	}
	return msg
}

// subject never holds the code: subjects show on locked screens.
func (c content) subject() string {
	if c.Organisation == "" {
		return "Your invitation"
	}
	return headerText("Your invitation to " + c.Organisation)
}

// Opening is the first sentence of the mail, in plain text and in HTML.
func (c content) Opening() string {
	who, where := "You are invited", "."
	if c.InvitedBy != "" {
		who = c.InvitedBy + " invites you"
	}
	if c.Organisation != "" {
		where = " to " + c.Organisation + "."
	}
	return who + where
}

// text is the plain text of the mail. The link has a line of its own and is never broken.
func (c content) text() string {
	var b strings.Builder
	paragraph := func(s string) { b.WriteString(wrap(s, textWidth) + "\n\n") }

	paragraph(c.Opening() + " To accept, create a passkey: you will use your fingerprint, your face, your screen lock or a security key, and there is no password.")
	b.WriteString("Account name:       " + c.Username + "\n")
	b.WriteString("Registration code:  " + c.Code + "\n")
	b.WriteString("Valid until:        " + c.Expires + "\n\n")
	paragraph("Open this page to begin:")
	b.WriteString(c.Link + "\n\n")
	paragraph("Opening the page changes nothing. The code is used up only when your passkey has been stored, so you can open the link again if something goes wrong.")
	paragraph("Keep this mail to yourself: whoever has the code can register in your place. Nobody will ask you for it.")
	paragraph("If you did not expect this invitation, do nothing. The code expires by itself.")
	return strings.TrimSuffix(b.String(), "\n")
}
