// Package countersigntest starts a whole server for tests: in this process on a loopback port
// (Start), or as the real binary (StartBinary). It makes organisations, people and service
// accounts that use it.
package countersigntest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/auth/mds"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/testing/smtptest"
)

// Server is a whole server in this process.
type Server struct {
	*app.App
	URL   string // "http://localhost:PORT", also the public URL
	Log   *Log   // what it logged
	CA    *x509.CertPool
	Clock *Clock

	DatabaseURL string
	Mailbox     *smtptest.Server // what the server mailed, with the option Mail
}

type settings struct {
	database string
	tls      bool
	mail     bool
	clock    *Clock
	proxies  []netip.Prefix
	metadata mds.Config

	connections, connectionsPerAddress int
}

// Option changes how a server is started.
type Option func(*settings)

// Database has the server use the database at url, not a new SQLite file.
func Database(url string) Option { return func(s *settings) { s.database = url } }

// TLS has the server use https, with a certificate that Server.CA trusts.
func TLS() Option { return func(s *settings) { s.tls = true } }

// Mail has the server send mail, to Server.Mailbox.
func Mail() Option { return func(s *settings) { s.mail = true } }

// At has the server use a clock that the test can move.
func At(c *Clock) Option { return func(s *settings) { s.clock = c } }

// Proxies has the server trust the X-Forwarded-For of these addresses.
func Proxies(p ...netip.Prefix) Option { return func(s *settings) { s.proxies = p } }

// Connections bounds the connections of the server, in all and for each client address.
func Connections(all, perAddress int) Option {
	return func(s *settings) { s.connections, s.connectionsPerAddress = all, perAddress }
}

// Metadata has the server trust other roots of FIDO metadata.
func Metadata(c mds.Config) Option { return func(s *settings) { s.metadata = c } }

// Clock is real time plus what a test added. Its zero value is real time.
type Clock struct {
	mu    sync.Mutex
	added time.Duration
}

// Now returns the time of this clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.added)
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added += d
}

// Start starts a server and stops it when the test ends.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	set := settings{clock: &Clock{}}
	for _, apply := range options {
		apply(&set)
	}
	if set.database == "" {
		set.database = database.SQLite(t)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &Server{Log: &Log{}, Clock: set.clock, DatabaseURL: set.database, URL: "http://localhost:" + port(listener)}
	var secure *tls.Config
	if set.tls {
		cert, pool := Certificate(t, "localhost")
		s.CA, s.URL = pool, "https://localhost:"+port(listener)
		secure = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: server.Protocols()}
	}
	var sender mail.Config
	if set.mail {
		s.Mailbox = smtptest.Start(t, smtptest.Options{})
		sender = mail.Config{URL: s.Mailbox.URL, From: "no-reply@example.org"}
	}
	s.App, err = app.Open(context.Background(), app.Config{Database: set.database, PublicURL: s.URL, Mail: sender,
		CeremonyTime: ceremony.DefaultLifetime, SessionTime: bearer.DefaultSessionLifetime,
		Now: s.Clock.Now, Log: slog.New(slog.NewTextHandler(s.Log, nil)), Proxies: set.proxies, Metadata: set.metadata,
		MaxConnections: set.connections, MaxConnectionsPerAddress: set.connectionsPerAddress, Version: "test"})
	must(t, err)
	front := s.NewServer()
	if listener = front.Limit(listener); set.tls {
		listener = tls.NewListener(listener, secure)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	// At its end net/http waits some seconds for the first request of a new connection; this
	// is longer.
	go func() { done <- front.Serve(ctx, listener, 10*time.Second) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the server ended with an error: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Organisation creates an organisation whose RP ID and origin follow from the server's public
// URL.
func (s *Server) Organisation(t testing.TB, name string) store.Organisation {
	t.Helper()
	return s.OrganisationWith(t, organisation.New{Name: name})
}

// OrganisationWith creates the organisation n.
func (s *Server) OrganisationWith(t testing.TB, n organisation.New) store.Organisation {
	t.Helper()
	o, err := s.Organisations.Create(context.Background(), n)
	must(t, err)
	return o
}

// Invitation is an invited user with their registration code.
type Invitation struct {
	OrgID, UserID, Username, RegistrationCode, RegistrationURL string
	ExpiresAt                                                  time.Time
	CodeID                                                     string
}

// Invite invites a user with a code of the default lifetime.
func (s *Server) Invite(t testing.TB, orgID, name string) Invitation {
	t.Helper()
	return s.InviteFor(t, orgID, name, code.DefaultLifetime)
}

// InviteFor invites a user with a code of the given lifetime.
func (s *Server) InviteFor(t testing.TB, orgID, name string, lifetime time.Duration) Invitation {
	t.Helper()
	i, err := s.Users.Invite(context.Background(), orgID, user.Invitee{Username: name}, lifetime)
	must(t, err)
	return Invitation{OrgID: orgID, UserID: i.User.ID, Username: i.User.Username, RegistrationCode: i.Code,
		RegistrationURL: i.Link, ExpiresAt: i.Row.ExpiresAt, CodeID: i.Row.ID}
}

// Client returns a Go client of the server.
func (s *Server) Client() *client.Client {
	return &client.Client{BaseURL: s.URL, HTTP: s.HTTP()}
}

// HTTP returns an HTTP client that trusts the server.
func (s *Server) HTTP() *http.Client {
	return &http.Client{Timeout: 30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CA}, MaxIdleConnsPerHost: 128}}
}

func port(l net.Listener) string {
	_, p, _ := net.SplitHostPort(l.Addr().String())
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
