// Package app opens the store, the server's keys and the mail sender, and builds every service from
// them. The server, the operator's commands and the tests all use it.
package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/accesstoken"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/auth/mds"
	"github.com/countersign/countersign/internal/auth/onetime"
	"github.com/countersign/countersign/internal/auth/password"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/pagination"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/service/account"
	"github.com/countersign/countersign/internal/service/action"
	"github.com/countersign/countersign/internal/service/application"
	"github.com/countersign/countersign/internal/service/audit"
	"github.com/countersign/countersign/internal/service/credential"
	"github.com/countersign/countersign/internal/service/login"
	"github.com/countersign/countersign/internal/service/organisation"
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

// Config is what an App is built from. Database, CeremonyTime, SessionTime, Now and Log
// are required.
type Config struct {
	Database      string      // sqlite:PATH or postgres://…
	MasterKeyFile string      // file with the master key
	MasterKey     string      // the master key itself; without either, the server's keys are stored unencrypted
	PublicURL     string      // "" for where this database was last served
	Mail          mail.Config // without a URL, no mail is sent

	CeremonyTime time.Duration // from challenge to completion; ceremony.MinLifetime at least
	SessionTime  time.Duration // of a login

	Now func() time.Time
	Log *slog.Logger

	Existing bool // fail if there is no database, instead of creating it
	Serving  bool // the database is checked and tidied as a server does, see store.Options

	Proxies                  []netip.Prefix // whose X-Forwarded-For the server believes
	NoHSTS                   bool           // see server.Config
	MaxConnections           int            // see server.Server.Limit; 0 means the default
	MaxConnectionsPerAddress int            // the same

	StopDelay time.Duration // how long the server goes on after it was told to stop

	Metadata mds.Config // of authenticators

	Version string // as the server tells it
}

// ConfigError says that a Config is wrong.
type ConfigError struct{ Err error }

func (e ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with the Config.
func (e ConfigError) Unwrap() error { return e.Err }

// App is the open store and every service over it. It does not change after Open.
type App struct {
	DB   *store.DB
	Ring *keyring.Ring
	Site relyingparty.Site

	Outbox *mail.Outbox
	Codes  *code.Issuer // of registration codes
	Bearer *bearer.Tokens
	Access *access.Checker

	Metadata *mds.Service // of authenticators

	server.Services // the services that routes name
	Organisations   *organisation.Service
	Refusals        *refusal.Service

	config Config
}

// Open opens everything that c names. The caller closes the App.
func Open(ctx context.Context, c Config) (*App, error) {
	var sender *mail.Sender
	if c.Mail.URL != "" {
		var err error
		if sender, err = mail.New(c.Mail); err != nil {
			return nil, ConfigError{err}
		}
	}
	master, err := keyring.ReadMaster(c.MasterKeyFile, c.MasterKey)
	if err != nil {
		return nil, ConfigError{err}
	}
	db, err := store.Open(ctx, c.Database, store.Options{Existing: c.Existing, Serving: c.Serving, Log: c.Log})
	if err != nil {
		return nil, err
	}
	a, err := open(ctx, c, db, master, sender)
	if err != nil {
		db.Close()
		return nil, err
	}
	return a, nil
}

func open(ctx context.Context, c Config, db *store.DB, master *keyring.Master, sender *mail.Sender) (*App, error) {
	site, err := findSite(ctx, db, c.PublicURL)
	if err != nil {
		return nil, err
	}
	if sender != nil {
		sender.SayHello(site.Host())
	}
	ring, err := keyring.Open(ctx, db, master, c.Now())
	if err != nil {
		return nil, err
	}
	installation, err := db.Setting(ctx, store.SettingInstallation)
	if err != nil {
		return nil, err
	}
	metadata, err := mds.New(c.Metadata, db, c.Now, c.Log)
	if err != nil {
		return nil, ConfigError{err}
	}
	a, err := build(c, db, ring, installation, site, sender, metadata)
	if err != nil {
		return nil, err
	}
	if c.Serving {
		err = metadata.Read(ctx)
	}
	return a, err
}

// build builds the services. It reads and writes nothing.
func build(c Config, db *store.DB, ring *keyring.Ring, installation string, site relyingparty.Site, sender *mail.Sender, m *mds.Service) (*App, error) {
	ceremonies, err := ceremony.NewIssuer(ring.Key(keyring.Ceremony), site.Origin(), c.Now, c.CeremonyTime)
	if err != nil {
		return nil, ConfigError{err}
	}
	outbox := mail.NewOutbox(sender)
	deps := code.Deps{DB: db, Ring: ring, Site: site, Outbox: outbox, Now: c.Now, Log: c.Log}
	registrationCodes, loginCodes := code.NewIssuer(code.Registration, deps), code.NewIssuer(code.Login, deps)
	tokens := bearer.New(ring, installation, site.Origin(), c.Now)
	accessTokens := &accesstoken.Issuer{Bearer: tokens, Now: c.Now}
	policies := admission.NewKeeper(db, m.Current, c.Now)
	oneTime, passwords := onetime.Secrets{Ring: ring}, password.New()
	attestations := &attestation.Verifier{Site: site, OneTime: oneTime, Passwords: passwords, Policies: policies, Now: c.Now}
	verifier := &assertion.Verifier{DB: db, Site: site, OneTime: oneTime, Passwords: passwords, Tries: assertion.NewTries(ring), Now: c.Now, Log: c.Log}
	checker := access.New(db)
	pages := pagination.New(ring)
	return &App{
		DB: db, Ring: ring, Site: site,
		Outbox: outbox, Codes: registrationCodes, Bearer: tokens, Access: checker, Metadata: m,
		Services: server.Services{
			Registration: &registration.Service{DB: db, Access: checker, Ceremonies: ceremonies, Codes: registrationCodes,
				Verifier: attestations, Tokens: tokens, Site: site, Now: c.Now, SessionTime: c.SessionTime},
			Login: &login.Service{DB: db, Ceremonies: ceremonies, Codes: loginCodes, Verifier: verifier, Tokens: tokens, Site: site,
				Now: c.Now, Lifetime: c.SessionTime},
			Action: &action.Service{DB: db, Access: checker, Ceremonies: ceremonies, Verifier: verifier, Tokens: tokens, Site: site,
				Now: c.Now},
			Account: &account.Service{DB: db, Access: checker, Site: site, Now: c.Now},
			Credentials: &credential.Service{DB: db, Ceremonies: ceremonies, Codes: code.NewIssuer(code.Adding, deps), Verifier: attestations,
				Site: site, Outbox: outbox, Now: c.Now, Log: c.Log},
			Recovery: &recovery.Service{DB: db, Access: checker, Ceremonies: ceremonies, Codes: code.NewIssuer(code.Recovery, deps), Assertions: verifier,
				Verifier: attestations, Site: site, Now: c.Now, Log: c.Log},
			Users: &user.Service{DB: db, Access: checker, Codes: registrationCodes, Pages: pages, Now: c.Now},

			ServiceAccounts: &serviceaccount.Service{DB: db, Access: checker, Tokens: accessTokens, Now: c.Now},
			Tokens:          &token.Service{DB: db, Access: checker, Tokens: accessTokens, Now: c.Now},
			Permissions:     &permission.Service{DB: db, Access: checker, Pages: pages, Now: c.Now},
			Applications:    &application.Service{DB: db, Access: checker, Now: c.Now},
			Audit:           &audit.Service{DB: db, Pages: pages, Now: c.Now},
			Policies:        &policy.Service{DB: db, Policies: policies, Now: c.Now},
		},
		Organisations: &organisation.Service{DB: db, Site: site, Now: c.Now},
		Refusals:      &refusal.Service{DB: db, Now: c.Now},
		config:        c,
	}, nil
}

// Now returns the time by the App's clock.
func (a *App) Now() time.Time { return a.config.Now() }

// NewServer returns a server of the App's services.
func (a *App) NewServer() *server.Server {
	return server.New(server.Config{DB: a.DB, Services: a.Services, Access: a.Access, Tokens: a.Bearer, Refusals: a.Refusals,
		Site: a.Site, NoMail: !a.Outbox.Configured(), Proxies: a.config.Proxies, NoHSTS: a.config.NoHSTS,
		MaxConnections: a.config.MaxConnections, MaxConnectionsPerAddress: a.config.MaxConnectionsPerAddress, Log: a.config.Log, Now: a.config.Now, Version: a.config.Version,
		StopDelay: a.config.StopDelay})
}

// Close waits for mails that are being sent and closes the store.
func (a *App) Close() error {
	a.Outbox.Finish()
	if err := a.DB.Close(); err != nil {
		return fmt.Errorf("the database did not close well: %w", err)
	}
	return nil
}
