// Package countersigntest starts the whole server for tests: in this process on a
// loopback port (Start), or as the real binary (StartBinary). It stands outside the
// house and may see all of it.
package countersigntest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/invitation"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/service/action"
	"github.com/countersign/countersign/internal/service/audit"
	"github.com/countersign/countersign/internal/service/login"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/service/refusal"
	"github.com/countersign/countersign/internal/service/registration"
	"github.com/countersign/countersign/internal/service/serviceaccount"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// Server is a whole server in this process, and what tests look at behind its door.
type Server struct {
	URL   string // "http://localhost:PORT", the public URL as well
	DB    *store.DB
	Log   *Log // everything it logged
	CA    *x509.CertPool
	Clock *Clock
	Codes *invitation.Issuer

	Organisations *organisation.Service
	Users         *user.Service
	Registration  *registration.Service
	Login         *login.Service
	Action        *action.Service

	ServiceAccounts *serviceaccount.Service
	Audit           *audit.Service
	Access          *access.Checker

	config server.Config
}

type settings struct {
	database string
	tls      bool
	mail     *mail.Config
	clock    *Clock
}

// Option changes how a server is started.
type Option func(*settings)

// Database keeps everything at url instead of a fresh SQLite file.
func Database(url string) Option { return func(s *settings) { s.database = url } }

// TLS serves https under a certificate of a private authority, Server.CA.
func TLS() Option { return func(s *settings) { s.tls = true } }

// SMTP sends mail through c.
func SMTP(c mail.Config) Option { return func(s *settings) { s.mail = &c } }

// At gives the server a clock that the test turns.
func At(c *Clock) Option { return func(s *settings) { s.clock = c } }

// Clock is a clock that only the test moves. Its zero value follows real time plus
// what was added.
type Clock struct {
	mu    sync.Mutex
	added time.Duration
}

// Now returns the time by this clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.added)
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added += d
}

// Start starts a server and stops it when the test ends.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	set := settings{clock: &Clock{}}
	for _, o := range options {
		o(&set)
	}
	if set.database == "" {
		set.database = database.SQLite(t)
	}
	ctx := context.Background()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &Server{Log: &Log{}, Clock: set.clock, URL: "http://localhost:" + port(listener)}
	if set.tls {
		cert, pool := Certificate(t, "localhost")
		s.CA, s.URL = pool, "https://localhost:"+port(listener)
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: server.Protocols()})
	}
	s.build(t, set)
	front := s.handler()
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	// Longer than net/http waits for a request on a connection that has had none.
	go func() { done <- front.Serve(ctx, listener, 10*time.Second) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the server did not end well: %v", err)
		}
		s.Codes.Finish()
		if err := s.DB.Close(); err != nil {
			t.Errorf("the store did not close well: %v", err)
		}
	})
	return s
}

func (s *Server) build(t testing.TB, set settings) {
	t.Helper()
	site, err := relyingparty.NewSite(s.URL)
	must(t, err)
	s.DB, err = store.Open(context.Background(), set.database, store.Options{})
	must(t, err)
	ring, err := keyring.Open(context.Background(), s.DB, nil, s.Clock.Now())
	must(t, err)
	var sender *mail.Sender
	if set.mail != nil {
		sender, err = mail.New(*set.mail)
		must(t, err)
	}
	s.Codes = &invitation.Issuer{DB: s.DB, Ring: ring, Site: site, Mail: sender, Now: s.Clock.Now, Log: s.logger()}
	s.Organisations = &organisation.Service{DB: s.DB, Site: site, Now: s.Clock.Now}
	s.config, err = server.Build(server.Deps{DB: s.DB, Ring: ring, Codes: s.Codes, Site: site, Now: s.Clock.Now,
		Log: s.logger(), CeremonyTime: ceremony.DefaultLifetime, SessionTime: bearer.DefaultSessionLifetime})
	must(t, err)
	rooms := s.config.Services
	s.Users, s.Registration, s.Login, s.Action = rooms.Users, rooms.Registration, rooms.Login, rooms.Action
	s.ServiceAccounts, s.Audit, s.Access = rooms.ServiceAccounts, rooms.Audit, s.config.Access
}

func (s *Server) handler() *server.Server {
	s.config.Refusals, s.config.Version = &refusal.Service{DB: s.DB, Now: s.Clock.Now}, "test"
	return server.New(s.config)
}

func (s *Server) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(s.Log, nil))
}

// Organisation makes an organisation that follows the server's public URL.
func (s *Server) Organisation(t testing.TB, name string) store.Organisation {
	t.Helper()
	return s.OrganisationWith(t, organisation.New{Name: name})
}

// OrganisationWith makes an organisation.
func (s *Server) OrganisationWith(t testing.TB, n organisation.New) store.Organisation {
	t.Helper()
	o, err := s.Organisations.Create(context.Background(), n)
	must(t, err)
	return o
}

// Invitation is an invited user with the code that no one else has.
type Invitation struct {
	OrgID, UserID, Username, RegistrationCode, RegistrationURL string
	ExpiresAt                                                  time.Time
	CodeID                                                     string
}

// Invite invites a user for a day.
func (s *Server) Invite(t testing.TB, orgID, name string) Invitation {
	t.Helper()
	return s.InviteFor(t, orgID, name, invitation.DefaultLifetime)
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
