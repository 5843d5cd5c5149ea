package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	maxLine    = 1000    // octets of a text line with its end (RFC 5321 §4.5.3.1.6)
	maxMessage = 1 << 20 // octets of one mail
)

var errLine = errors.New("line broken or too long")

// session is one connection's conversation. One goroutine owns it.
type session struct {
	s    *Server
	conn net.Conn
	r    *bufio.Reader

	encrypted bool
	helo      string
	user      string
	mail      *Message // between MAIL and the end of DATA
}

func (s *Server) serve(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(time.Minute)) // longer than any test waits
	c := &session{s: s, conn: conn, encrypted: s.opts.ImplicitTLS}
	if s.opts.Stall == "connect" {
		<-s.done
		return
	}
	if s.opts.ImplicitTLS {
		secured := tls.Server(conn, s.tls)
		if secured.Handshake() != nil {
			return
		}
		c.conn = secured
	}
	c.r = bufio.NewReaderSize(c.conn, 4096)
	c.reply("220 smtptest ready")
	for {
		line, err := c.readLine()
		if err != nil {
			if errors.Is(err, errLine) {
				s.violation("a command line without CRLF or beyond 1000 octets")
			}
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		if !c.handle(strings.ToUpper(verb), rest, line) {
			return
		}
	}
}

// handle answers one command and reports whether the connection stays.
func (c *session) handle(verb, rest, line string) bool {
	if done := c.misbehave(verb, line); done {
		return true
	}
	if c.mustEncrypt(verb) {
		c.reply("530 5.7.0 Must issue a STARTTLS command first")
		return true
	}
	switch verb {
	case "EHLO", "HELO":
		c.hello(verb, rest)
	case "STARTTLS":
		return c.startTLS()
	case "AUTH":
		c.auth(rest)
	case "MAIL":
		c.mailFrom(rest)
	case "RCPT":
		c.rcptTo(rest)
	case "DATA":
		return c.data()
	case "RSET":
		c.mail = nil
		c.reply("250 2.0.0 OK")
	case "NOOP":
		c.reply("250 2.0.0 OK")
	case "QUIT":
		c.reply("221 2.0.0 Bye")
		return false
	default:
		c.reply("500 5.5.2 Command not known")
	}
	return true
}

// misbehave does what Options.Stall and Options.Reply ask for at this command.
func (c *session) misbehave(verb, line string) bool {
	if c.s.opts.Stall == verb {
		<-c.s.done
		return true
	}
	if c.s.opts.Reply == nil {
		return false
	}
	answer := c.s.opts.Reply(line)
	if answer != "" {
		c.reply(answer)
	}
	return answer != ""
}

func (c *session) mustEncrypt(verb string) bool {
	return c.s.opts.STARTTLS && !c.encrypted && (verb == "AUTH" || verb == "MAIL")
}

func (c *session) hello(verb, name string) {
	c.helo, c.mail = name, nil
	if verb == "HELO" {
		c.reply("250 smtptest")
		return
	}
	lines := []string{"smtptest", "8BITMIME", "ENHANCEDSTATUSCODES"}
	if !c.s.opts.NoSMTPUTF8 {
		lines = append(lines, "SMTPUTF8")
	}
	if c.s.opts.STARTTLS && !c.encrypted {
		lines = append(lines, "STARTTLS")
	} else if c.s.opts.User != "" {
		lines = append(lines, "AUTH "+strings.Join(c.mechanisms(), " "))
	}
	for _, l := range lines[:len(lines)-1] {
		c.reply("250-" + l)
	}
	c.reply("250 " + lines[len(lines)-1])
}

// startTLS discards all that was known before the handshake (RFC 3207 §4.2); what the
// client sent ahead of it would be an injection.
func (c *session) startTLS() bool {
	if !c.s.opts.STARTTLS || c.encrypted {
		c.reply("502 5.5.1 STARTTLS is not offered")
		return true
	}
	c.reply("220 2.0.0 Ready to start TLS")
	if c.r.Buffered() > 0 {
		c.s.violation("commands sent before the TLS handshake")
		return false
	}
	secured := tls.Server(c.conn, c.s.tls)
	if secured.Handshake() != nil {
		return false
	}
	c.conn, c.r = secured, bufio.NewReaderSize(secured, 4096)
	c.encrypted, c.helo, c.user, c.mail = true, "", "", nil
	return true
}

func (c *session) mechanisms() []string {
	if c.s.opts.Mechanisms != nil {
		return c.s.opts.Mechanisms
	}
	return []string{"PLAIN", "LOGIN"}
}

func (c *session) auth(rest string) {
	mechanism, initial, _ := strings.Cut(rest, " ")
	mechanism = strings.ToUpper(mechanism)
	offered := false
	for _, m := range c.mechanisms() {
		offered = offered || m == mechanism
	}
	switch {
	case c.helo == "" || c.user != "" || c.mail != nil || c.s.opts.User == "":
		c.reply("503 5.5.1 Not now")
	case offered && mechanism == "PLAIN":
		c.authPlain(initial)
	case offered && mechanism == "LOGIN":
		c.authLogin(initial)
	default:
		c.reply("504 5.5.4 Mechanism not known")
	}
}

func (c *session) authPlain(initial string) {
	if initial == "" {
		initial = c.ask("")
	}
	token, err := base64.StdEncoding.DecodeString(initial)
	parts := bytes.Split(token, []byte{0})
	if err != nil || len(parts) != 3 {
		c.reply("501 5.5.2 Cannot decode")
		return
	}
	c.login(string(parts[1]), string(parts[2]))
}

func (c *session) authLogin(initial string) {
	if initial == "" {
		initial = c.ask("Username:")
	}
	user, err := base64.StdEncoding.DecodeString(initial)
	if err != nil {
		c.reply("501 5.5.2 Cannot decode")
		return
	}
	password, err := base64.StdEncoding.DecodeString(c.ask("Password:"))
	if err != nil {
		c.reply("501 5.5.2 Cannot decode")
		return
	}
	c.login(string(user), string(password))
}

func (c *session) ask(prompt string) string {
	c.reply("334 " + base64.StdEncoding.EncodeToString([]byte(prompt)))
	line, err := c.readLine()
	if err != nil {
		return "*"
	}
	return line
}

func (c *session) login(user, password string) {
	if user != c.s.opts.User || password != c.s.opts.Password {
		c.reply("535 5.7.8 Authentication credentials invalid")
		return
	}
	c.user = user
	c.reply("235 2.7.0 Authentication successful")
}

func (c *session) mailFrom(rest string) {
	path, params, ok := cutPath(rest, "FROM:")
	switch {
	case c.helo == "" || c.mail != nil:
		c.reply("503 5.5.1 Bad sequence of commands")
	case c.s.opts.User != "" && c.user == "":
		c.reply("530 5.7.0 Authentication required")
	case !ok:
		c.reply("501 5.1.7 Bad sender")
	default:
		c.mail = &Message{From: path, Params: params, TLS: c.encrypted, User: c.user, HeloName: c.helo}
		c.reply("250 2.1.0 OK")
	}
}

func (c *session) rcptTo(rest string) {
	path, _, ok := cutPath(rest, "TO:")
	switch {
	case c.mail == nil:
		c.reply("503 5.5.1 Bad sequence of commands")
	case !ok || path == "":
		c.reply("501 5.1.3 Bad recipient")
	case len(path) != len([]rune(path)) && !strings.Contains(c.mail.Params, "SMTPUTF8"):
		c.reply("553 5.6.7 Address beyond ASCII without SMTPUTF8")
	default:
		c.mail.To = append(c.mail.To, path)
		c.reply("250 2.1.5 OK")
	}
}

// cutPath reads "FROM:<path> parameters".
func cutPath(s, keyword string) (path, params string, ok bool) {
	if len(s) < len(keyword) || !strings.EqualFold(s[:len(keyword)], keyword) {
		return "", "", false
	}
	s = strings.TrimLeft(s[len(keyword):], " ")
	if !strings.HasPrefix(s, "<") {
		return "", "", false
	}
	path, params, ok = strings.Cut(s[1:], ">")
	return path, strings.TrimSpace(params), ok && !strings.ContainsAny(path, "<> ")
}

func (c *session) data() bool {
	if c.mail == nil || len(c.mail.To) == 0 {
		c.reply("503 5.5.1 Bad sequence of commands")
		return true
	}
	c.reply("354 End data with <CR><LF>.<CR><LF>")
	text, err := c.readData()
	if err != nil {
		if errors.Is(err, errLine) {
			c.s.violation("a line of the mail without CRLF or beyond 1000 octets")
		}
		return false
	}
	if c.misbehave(".", ".") {
		c.mail = nil
		return true
	}
	c.mail.Data = text
	c.s.mu.Lock()
	c.s.messages = append(c.s.messages, *c.mail)
	c.s.mu.Unlock()
	c.mail = nil
	c.reply("250 2.0.0 Taken")
	return true
}

// readData reads up to the line that is a single dot and takes the first dot from
// every line that begins with one (RFC 5321 §4.5.2).
func (c *session) readData() ([]byte, error) {
	var text bytes.Buffer
	for {
		line, err := c.rawLine()
		if err != nil {
			return nil, err
		}
		if line == "." {
			return text.Bytes(), nil
		}
		text.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
		if text.Len() > maxMessage {
			return nil, fmt.Errorf("mail beyond %d octets", maxMessage)
		}
	}
}

func (c *session) readLine() (string, error) {
	line, err := c.rawLine()
	if err == nil {
		c.s.mu.Lock()
		c.s.commands = append(c.s.commands, line)
		c.s.mu.Unlock()
	}
	return line, err
}

// rawLine reads one line that ends in CRLF and holds no other CR or LF.
func (c *session) rawLine() (string, error) {
	b, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || (err == nil && len(b) > maxLine) {
		return "", errLine
	}
	if err != nil {
		return "", err
	}
	line, ok := bytes.CutSuffix(b, []byte("\r\n"))
	if !ok || bytes.IndexByte(line, '\r') >= 0 {
		return "", errLine
	}
	return string(line), nil
}

func (c *session) reply(line string) {
	io.WriteString(c.conn, line+"\r\n") // a client that went away shows at the next read
}
