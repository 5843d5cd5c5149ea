package mail

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	netmail "net/mail"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// Config names the mail server and the sender.
type Config struct {
	// URL is smtp://user:password@host:587 (STARTTLS) or smtps://host:465 (TLS from
	// the first byte). User, password and port are optional. Special characters in the
	// password are percent-encoded. The query may hold
	//
	//	from=ADDRESS      the sender, if From is empty
	//	starttls=required no mail without STARTTLS: the default for smtp
	//	starttls=off      no STARTTLS: the default if the host is a loopback address
	//
	// A password is never sent in the clear to another host: starttls=off with a user name
	// is refused unless the host is a loopback address.
	URL string

	// From is the sender, "no-reply@example.org" or "Example <no-reply@example.org>".
	// Without it and without from= in the URL, the sender is the URL's user name if that is a
	// mail address.
	From string

	// CAFile is an optional PEM file of certificate authorities to trust besides the
	// system's.
	CAFile string

	// Now dates the mails; nil means time.Now.
	Now func() time.Time
}

// Sender sends mail. It is safe for concurrent use; each mail has its own connection.
type Sender struct {
	host      string
	port      int
	user      string
	password  string
	implicit  bool // TLS before the first SMTP line (RFC 8314 §3)
	startTLS  bool // STARTTLS, without which nothing is sent (RFC 3207)
	loopback  bool
	tls       *tls.Config
	from      *netmail.Address
	msgDomain string // right-hand side of Message-ID
	hello     string // for EHLO; "": the name of this machine
	now       func() time.Time
	limit     time.Duration // of one mail
}

// New checks c and returns a Sender for it. It makes no connection. An error is an
// *api.Error of code mail_configuration whose message says what to do and never holds
// the password.
func New(c Config) (*Sender, error) {
	s := &Sender{now: c.Now, limit: sendLimit}
	if s.now == nil {
		s.now = time.Now
	}
	query, err := s.readURL(c.URL)
	if err != nil {
		return nil, err
	}
	if err := s.readStartTLS(query); err != nil {
		return nil, err
	}
	if err := s.readFrom(c.From, query.Get("from")); err != nil {
		return nil, err
	}
	roots, err := readRoots(c.CAFile)
	if err != nil {
		return nil, err
	}
	s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: roots}
	return s, nil
}

// SayHello sets the host that EHLO names (RFC 5321 §4.1.1.1). Call it before the first mail.
func (s *Sender) SayHello(host string) { s.hello = host }

func misconfigured(message string) error {
	return &api.Error{Kind: api.Invalid, Code: "mail_configuration", Message: message}
}

// readURL reads host, port, user and password. No error shows a URL that cannot be parsed:
// net/url's own error would repeat it with the password.
func (s *Sender) readURL(text string) (url.Values, error) {
	u, err := url.Parse(text)
	if err != nil || u.Fragment != "" || u.Opaque != "" || (u.Path != "" && u.Path != "/") {
		return nil, misconfigured("The mail server URL cannot be read; write it as smtp://user:password@host:587 and percent-encode / ? # @ : % in the password.")
	}
	switch u.Scheme {
	case "smtp":
		s.port = 587
	case "smtps":
		s.port, s.implicit = 465, true
	default:
		return nil, misconfigured("The mail server URL must begin with smtp:// (STARTTLS) or smtps:// (TLS from the start).")
	}
	s.host = u.Hostname()
	if s.host == "" || hasControl(s.host) {
		return nil, misconfigured("The mail server URL names no host; write it as smtp://host:587.")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return nil, misconfigured("The port in the mail server URL must be a number from 1 to 65535.")
		}
		s.port = int(n)
	}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	switch {
	case s.user == "" && s.password != "":
		return nil, misconfigured("The mail server URL has a password but no user name; write smtp://user:password@host.")
	case s.user != "" && s.password == "":
		return nil, misconfigured("The mail server URL has a user name but no password; write smtp://user:password@host, or leave out both.")
	case strings.ContainsAny(s.user+s.password, "\x00\r\n"):
		return nil, misconfigured("The user name and password of the mail server must not hold line breaks or zero bytes.")
	}
	s.loopback = isLoopback(s.host)

	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, misconfigured("What follows the question mark in the mail server URL cannot be read; only from= and starttls= may stand there.")
	}
	for name, values := range query {
		// The error does not show the name: an unescaped ? puts half a password here.
		if (name != "from" && name != "starttls") || len(values) != 1 {
			return nil, misconfigured("After the question mark in the mail server URL only from= and starttls= may stand, each once.")
		}
	}
	return query, nil
}

func (s *Sender) readStartTLS(query url.Values) error {
	if s.implicit {
		if query.Has("starttls") {
			return misconfigured("starttls= does not go with smtps://, which is encrypted from the start; leave it out or use smtp://.")
		}
		return nil
	}
	switch query.Get("starttls") {
	case "":
		s.startTLS = !s.loopback
	case "required":
		s.startTLS = true
	case "off":
		if s.user != "" && !s.loopback {
			return misconfigured("With starttls=off the mail password would cross the network in the clear; remove starttls=off or the user name.")
		}
	default:
		return misconfigured("starttls= in the mail server URL must be required or off.")
	}
	return nil
}

func (s *Sender) readFrom(from, fromURL string) error {
	if from == "" {
		from = fromURL
	}
	if from == "" && ValidAddress(s.user) {
		from = s.user
	}
	if from == "" {
		return misconfigured("The sender of mails is not set; name one, such as no-reply@example.org.")
	}
	a, err := netmail.ParseAddress(from)
	if err != nil || hasControl(from) || !ValidAddress(a.Address) || !isASCII(a.Address) {
		return misconfigured("The sender of mails is not a mail address; write it as no-reply@example.org or Example <no-reply@example.org>.")
	}
	a.Name = headerText(clean(a.Name, nameLimit))
	s.from = a
	s.msgDomain = a.Address[strings.LastIndexByte(a.Address, '@')+1:]
	return nil
}

// readRoots returns the system's certificate authorities and those in file. Without a file it
// returns nil, which means the system's to crypto/tls.
func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, &api.Error{Kind: api.Invalid, Code: "mail_configuration", Cause: err,
			Message: "The file of certificate authorities for mail cannot be read; check its path and permissions."}
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a host without a trust store still trusts the file
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, misconfigured("The file of certificate authorities for mail holds no certificate; it must be PEM with CERTIFICATE blocks.")
	}
	return roots, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
