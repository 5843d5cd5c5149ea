package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/countersign/countersign/api"
)

// sendLimit is the time for one mail, from looking up the host to the last answer.
const sendLimit = 15 * time.Second

// Invite sends m and returns once the mail server has taken responsibility for it
// (RFC 5321 §4.2.5), at the latest after 15 seconds or when ctx ends. An error is an
// *api.Error: mail_address_invalid is Invalid; mail_server_unreachable, mail_tls_failed,
// mail_login_refused, mail_recipient_refused, mail_not_accepted, mail_deferred and mail_timeout are
// Unavailable. No error holds the password, the code or the link. After mail_timeout the mail
// may still arrive.
func (s *Sender) Invite(ctx context.Context, m Invitation) error {
	msg, err := s.invitation(m)
	if err != nil {
		return err
	}
	return s.send(ctx, msg, m.To, m.Link, m.Code)
}

// send sends a mail. No error shows the secrets in it.
func (s *Sender) send(ctx context.Context, msg *gomail.Msg, to string, secrets ...string) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()

	var c connection
	defer c.close()
	err := s.deliver(ctx, &c, msg, !isASCII(to))
	if err == nil || msg.IsDelivered() { // a failure after the server's 250 does not matter
		return nil
	}
	return s.explain(ctx, c.stage, err, secrets)
}

// stage is how far a connection got. It decides how a failure is explained.
type stage int

const (
	connecting stage = iota
	securing
	greeting // the greeting, STARTTLS and the login
	sending
)

// connection is the network connection of one mail. It is closed when ctx ends, even if the
// server stalls in the middle of a line.
type connection struct {
	conn  net.Conn
	stage stage
	stop  func() bool
}

func (l *connection) close() {
	if l.conn != nil {
		l.stop()
		l.conn.Close()
	}
}

// dial connects and, for smtps, completes the TLS handshake.
func (s *Sender) dial(ctx context.Context, l *connection) (net.Conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", net.JoinHostPort(s.host, strconv.Itoa(s.port)))
	if err != nil {
		return nil, err
	}
	l.conn = raw
	l.stop = context.AfterFunc(ctx, func() { raw.Close() })
	if !s.implicit {
		l.stage = greeting
		return raw, nil
	}
	l.stage = securing
	secured := tls.Client(raw, s.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	l.stage = greeting
	return secured, nil
}

var errNoUTF8 = errors.New("the server does not take addresses beyond ASCII (SMTPUTF8, RFC 6531)")

func (s *Sender) deliver(ctx context.Context, l *connection, msg *gomail.Msg, needsUTF8 bool) error {
	client, err := gomail.NewClient(s.host, s.options(ctx, l, needsUTF8)...)
	if err != nil {
		return err
	}
	conversation, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	l.stage = sending
	if ok, _ := conversation.Extension("SMTPUTF8"); needsUTF8 && !ok {
		return errNoUTF8
	}
	if err := client.SendWithSMTPClient(conversation, msg); err != nil {
		return err
	}
	return client.CloseWithSMTPClient(conversation)
}

func (s *Sender) options(ctx context.Context, l *connection, needsUTF8 bool) []gomail.Option {
	policy := gomail.NoTLS
	if s.startTLS {
		policy = gomail.TLSMandatory
	}
	opts := []gomail.Option{
		gomail.WithTLSPolicy(policy),
		gomail.WithTLSConfig(s.tls),
		gomail.WithTimeout(2 * s.limit), // ctx ends first, so that a timeout has one cause
		gomail.WithoutNoop(),
		// The library's own context would end with the greeting; this one ends with the mail.
		gomail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return s.dial(ctx, l) }),
	}
	if s.hello != "" {
		opts = append(opts, gomail.WithHELO(s.hello))
	}
	if !needsUTF8 {
		// With SMTPUTF8 a later server may bounce the mail.
		opts = append(opts, gomail.WithoutSMTPUTF8())
	}
	if s.user == "" {
		return opts
	}
	mechanisms := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin}
	if s.loopback && !s.implicit && !s.startTLS {
		mechanisms = []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc}
	}
	return append(opts, gomail.WithUsername(s.user), gomail.WithPassword(s.password), gomail.WithOpportunisticSMTPAuth(mechanisms...))
}

// explain turns a failure into one sentence that says what to do. The words of the library and
// of the server go to Cause, without the secrets: a server may repeat in its answer what it
// received.
func (s *Sender) explain(ctx context.Context, at stage, err error, secrets []string) error {
	e := &api.Error{
		Kind:     api.Unavailable,
		Received: net.JoinHostPort(s.host, strconv.Itoa(s.port)),
		Cause:    errors.New(s.redact(err.Error(), secrets)),
	}
	var reply *textproto.Error
	var send *gomail.SendError
	errors.As(err, &reply)
	errors.As(err, &send)
	switch {
	case ctx.Err() != nil:
		e.Code, e.Message, e.Cause = "mail_timeout", "The mail server did not answer in time; the mail was not sent.", ctx.Err()
		if at == sending {
			e.Message = "The mail server did not answer in time; it is not certain whether the mail was sent."
		}
	case isTLS(err) || at == securing:
		e.Code, e.Message = "mail_tls_failed", "No trusted encrypted connection to the mail server could be made; check its host name and certificate, or name its certificate authority."
	case temporary(reply, send):
		e.Code, e.Message = "mail_deferred", "The mail server does not take the mail yet; it says to try again later."
	case at == connecting:
		e.Code, e.Message = "mail_server_unreachable", "The mail server could not be reached; check its host name and port."
	case at == greeting && s.refusedLogin(err, reply):
		e.Code, e.Message = "mail_login_refused", "The mail server refused the user name and password; check both, and that this server takes logins here."
	case at == greeting && s.startTLS && reply == nil && strings.Contains(err.Error(), "STARTTLS"):
		e.Code, e.Message = "mail_tls_failed", "The mail server offers no encryption (STARTTLS) on this port; use the right port, or smtps:// if it expects TLS from the start."
	case at == greeting:
		e.Code, e.Message = "mail_server_unreachable", "The mail server did not speak SMTP as expected; check host and port, and use smtps:// if it expects TLS from the start."
	case errors.Is(err, errNoUTF8) || (send != nil && send.Reason == gomail.ErrSMTPRcptTo && !aboutUs(send)):
		e.Code, e.Message = "mail_recipient_refused", "The mail server does not take mail for this address."
	default:
		e.Code, e.Message = "mail_not_accepted", "The mail server did not accept the mail; check that it lets this server send, with this sender."
	}
	return e
}

// Temporary reports whether a mail that failed with err may be taken later: the server said so
// (RFC 5321 §4.2.1, 4yz), or it was not reached or did not answer.
func Temporary(err error) bool {
	switch api.CodeOf(err) {
	case "mail_deferred", "mail_server_unreachable", "mail_timeout":
		return true
	}
	return false
}

func temporary(reply *textproto.Error, send *gomail.SendError) bool {
	return reply != nil && reply.Code/100 == 4 || send.ErrorCode()/100 == 4
}

// aboutUs reports whether a refusal at RCPT is about this server rather than about the
// recipient: by its enhanced code (RFC 3463: 5.1.7 and 5.1.8 are the sender, 5.3 to 5.7 the mail
// system and its policy), by the code of a missing login, or in words, because many servers
// say "relay access denied" with the code of an unknown mailbox.
func aboutUs(send *gomail.SendError) bool {
	text := strings.ToLower(send.Error())
	for _, word := range []string{"relay", "authenticat", "blocklist", "blacklist", "block list", "black list", "spf", "dmarc", "dkim", "reputation", "client host", "sender"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	switch send.ErrorCode() {
	case 503, 530, 534, 535, 538:
		return true
	}
	switch code := send.EnhancedStatusCode(); code {
	case "5.1.7", "5.1.8":
		return true
	default:
		return len(code) > 2 && code[2] >= '3'
	}
}

// refusedLogin reports whether authentication failed: by the server's reply (RFC 4954 §6) or
// because the server offers no usable mechanism.
func (s *Sender) refusedLogin(err error, reply *textproto.Error) bool {
	if s.user == "" {
		return false
	}
	if reply != nil {
		switch reply.Code {
		case 432, 454, 500, 501, 504, 530, 534, 535, 538:
			return true
		}
	}
	text := err.Error()
	return strings.Contains(text, "SMTP AUTH") || errors.Is(err, gomail.ErrNoSupportedAuthDiscovered) || errors.Is(err, smtp.ErrUnencrypted)
}

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority) || errors.As(err, &host)
}

// redact makes the words of others fit for the log: one short line without the secrets of this
// mail in any form in which they were sent.
func (s *Sender) redact(text string, secrets []string) string {
	b64 := base64.StdEncoding.EncodeToString
	for _, code := range secrets {
		secrets = append(secrets, strings.ReplaceAll(code, "-", ""))
	}
	if s.password != "" {
		secrets = append(secrets, b64([]byte("\x00"+s.user+"\x00"+s.password)), b64([]byte(s.password)), s.password)
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[removed]")
		}
	}
	return clean(text, 300)
}
