package smtptest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Options say how the server behaves. The zero value is a server without encryption
// and without login.
type Options struct {
	ImplicitTLS bool // TLS from the first byte; URL is smtps://
	STARTTLS    bool // offer STARTTLS, and refuse mail and login before it

	// User and Password, when set, must be presented before mail is taken.
	User, Password string
	// Mechanisms offered by AUTH; nil means PLAIN and LOGIN.
	Mechanisms []string

	CertificateName string // DNS name in the certificate instead of localhost and loopback addresses
	Expired         bool   // the certificate ran out yesterday
	NoSMTPUTF8      bool   // do not offer SMTPUTF8 (RFC 6531)

	// Reply, if set, is asked for each command line and at the end of DATA (command
	// "."). A non-empty answer is sent in place of the server's own and the command has
	// no effect.
	Reply func(command string) string
	// Stall names a command ("EHLO", "AUTH", "DATA", "." …, or "connect") at which the
	// server stops answering and leaves the connection open.
	Stall string
}

// Message is one mail that the server took.
type Message struct {
	From     string   // reverse path, without brackets
	To       []string // forward paths, without brackets
	Params   string   // parameters of MAIL FROM, such as "BODY=8BITMIME SMTPUTF8"
	Data     []byte   // header and body as received, dots unstuffed, CRLF line ends
	TLS      bool     // whether the connection was encrypted
	User     string   // who logged in, "" for nobody
	HeloName string
}

// Server is a running SMTP server. It ends with the test that started it.
type Server struct {
	// URL is smtp:// or smtps:// with user, password and starttls=required as they apply.
	URL string
	// Addr is host:port, host being 127.0.0.1.
	Addr string
	// CA signed the server's certificate; CAFile is the same as a PEM file. Both are
	// empty without TLS.
	CA     *x509.Certificate
	CAFile string

	t       testing.TB
	opts    Options
	tls     *tls.Config
	ln      net.Listener
	done    chan struct{}
	workers sync.WaitGroup

	mu         sync.Mutex
	messages   []Message
	violations []string
	commands   []string
	conns      map[net.Conn]struct{}
}

// Start runs a server on a loopback port until t ends. A client that breaks the
// protocol (a bare line feed, a line too long, commands sent before a TLS handshake)
// fails t.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	s := &Server{t: t, opts: opts, done: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	if opts.ImplicitTLS || opts.STARTTLS {
		s.certify()
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	s.ln, s.Addr = ln, ln.Addr().String()
	s.URL = s.url()
	s.workers.Go(s.accept)
	t.Cleanup(s.close)
	return s
}

func (s *Server) url() string {
	u := url.URL{Scheme: "smtp", Host: s.Addr}
	if s.opts.ImplicitTLS {
		u.Scheme = "smtps"
	} else if s.opts.STARTTLS {
		u.RawQuery = "starttls=required"
	}
	if s.opts.User != "" {
		u.User = url.UserPassword(s.opts.User, s.opts.Password)
	}
	return u.String()
}

// Messages returns the mails taken so far, oldest first. A mail is among them before
// its sender has the answer to DATA.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Commands returns every command line received, in order, over all connections. What
// AUTH exchanges is among them.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.commands...)
}

func (s *Server) accept() {
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = struct{}{}
		s.mu.Unlock()
		s.workers.Go(func() {
			defer s.forget(conn)
			s.serve(conn)
		})
	}
}

func (s *Server) forget(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}

// close stops the server and reports what its clients did wrong.
func (s *Server) close() {
	close(s.done)
	s.ln.Close()
	s.mu.Lock()
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.workers.Wait()
	for _, v := range s.violations {
		s.t.Errorf("smtptest: the client broke the protocol: %s", v)
	}
}

func (s *Server) violation(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, text)
}

func (s *Server) certify() {
	ca, leaf, err := newCertificate(s.opts.CertificateName, s.opts.Expired)
	if err != nil {
		s.t.Fatalf("smtptest: %v", err)
	}
	s.CA = ca
	s.CAFile = filepath.Join(s.t.TempDir(), "ca.pem")
	if err := os.WriteFile(s.CAFile, encodePEM(ca), 0o600); err != nil {
		s.t.Fatalf("smtptest: %v", err)
	}
	s.tls = &tls.Config{Certificates: []tls.Certificate{leaf}}
}
