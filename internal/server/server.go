package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/pages"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/service/account"
	"github.com/countersign/countersign/internal/service/action"
	"github.com/countersign/countersign/internal/service/application"
	"github.com/countersign/countersign/internal/service/audit"
	"github.com/countersign/countersign/internal/service/credential"
	"github.com/countersign/countersign/internal/service/login"
	"github.com/countersign/countersign/internal/service/permission"
	"github.com/countersign/countersign/internal/service/policy"
	"github.com/countersign/countersign/internal/service/recovery"
	"github.com/countersign/countersign/internal/service/refusal"
	"github.com/countersign/countersign/internal/service/registration"
	"github.com/countersign/countersign/internal/service/serviceaccount"
	"github.com/countersign/countersign/internal/service/token"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
)

// Limits of a connection.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeader         = 16 << 10 // bytes of request header that are served
	maxHeaderRead     = 64 << 10 // bytes that are read; up to here the refusal has the error envelope
)

// Services are the services that the routes name.
type Services struct {
	Registration *registration.Service
	Login        *login.Service
	Action       *action.Service
	Account      *account.Service
	Users        *user.Service
	Credentials  *credential.Service
	Recovery     *recovery.Service

	ServiceAccounts *serviceaccount.Service
	Tokens          *token.Service
	Permissions     *permission.Service
	Applications    *application.Service
	Audit           *audit.Service
	Policies        *policy.Service
}

// Config is what a server is built from.
type Config struct {
	DB       *store.DB
	Services Services
	Access   *access.Checker
	Tokens   *bearer.Tokens
	Refusals *refusal.Service
	Site     relyingparty.Site
	NoMail   bool           // the server sends no mail, so its pages offer none
	Proxies  []netip.Prefix // whose X-Forwarded-For is believed; none by default

	NoHSTS bool // do not tell browsers to use https alone, though the site has it

	MaxConnections           int // see Limit; 0 means the default
	MaxConnectionsPerAddress int // the same

	Log     *slog.Logger
	Now     func() time.Time
	Version string

	// StopDelay is how long Serve goes on after its context has ended, while /readyz says so.
	StopDelay time.Duration
}

// Server answers requests. Make one with New.
type Server struct {
	db       *store.DB
	services Services
	access   *access.Checker
	tokens   *bearer.Tokens
	refusals *refusal.Service
	site     relyingparty.Site
	proxies  []netip.Prefix

	hsts bool

	maxConnections, maxPerAddress int

	log     *slog.Logger
	now     func() time.Time
	version string

	stopDelay time.Duration
	stopping  atomic.Bool // requests should go elsewhere

	pages       *pages.Pages
	handler     http.Handler
	description func() []byte
}

// New returns a server. It does not listen yet.
func New(c Config) *Server {
	s := &Server{db: c.DB, services: c.Services, access: c.Access, tokens: c.Tokens, refusals: c.Refusals, site: c.Site, proxies: c.Proxies,
		log: c.Log, now: c.Now, version: c.Version, hsts: !c.NoHSTS && strings.HasPrefix(c.Site.Origin(), "https:"),
		maxConnections: cmp.Or(c.MaxConnections, DefaultMaxConnections), maxPerAddress: cmp.Or(c.MaxConnectionsPerAddress, DefaultMaxConnectionsPerAddress), stopDelay: c.StopDelay}
	s.description = sync.OnceValue(s.describe)
	s.pages = pages.Handler(pages.Config{Version: c.Version,
		NoMail: c.NoMail, Recovery: offered("recover"),
		Refuse: func(w http.ResponseWriter, r *http.Request, e *api.Error) { s.refuse(w.(*exchange), r, e) }})
	s.handler = s.mount(s.pages)
	return s
}

// Protocols returns what a TLS listener for Serve must offer (ALPN, RFC 7301).
func Protocols() []string { return []string{"h2", "http/1.1"} }

// Handler returns the server as an http.Handler, for tests that need no listener.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.handle) }

// Serve answers on l until ctx ends. For StopDelay it goes on answering, not ready any more, and
// tells each client to close its connection. Then it finishes what is in flight, for up to drain,
// and returns nil. l is closed. HTTP/2 is spoken on a listener of crypto/tls whose
// configuration offers Protocols; without TLS there is HTTP/1 alone, whatever a client
// asks to upgrade to.
func (s *Server) Serve(ctx context.Context, l net.Listener, drain time.Duration) error {
	h := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderRead,
		ConnContext:       withConnection,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // "OPTIONS *" gets the envelope too
	}
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		s.stopping.Store(true)
	}
	select {
	case err := <-served:
		return err
	case <-time.After(s.stopDelay):
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := h.Shutdown(late); err != nil {
		h.Close()
		return errors.New("some requests did not finish in time and were cut off")
	}
	return nil
}
