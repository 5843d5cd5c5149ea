package server

import (
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/pagination"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/service/account"
	"github.com/countersign/countersign/internal/service/action"
	"github.com/countersign/countersign/internal/service/application"
	"github.com/countersign/countersign/internal/service/audit"
	"github.com/countersign/countersign/internal/service/login"
	"github.com/countersign/countersign/internal/service/permission"
	"github.com/countersign/countersign/internal/service/registration"
	"github.com/countersign/countersign/internal/service/serviceaccount"
	"github.com/countersign/countersign/internal/service/token"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
)

// Deps is what the rooms are furnished from.
type Deps struct {
	DB     *store.DB
	Ring   *keyring.Ring
	Outbox *mail.Outbox
	Site   relyingparty.Site
	Now    func() time.Time
	Log    *slog.Logger

	CeremonyTime time.Duration // from challenge to completion; ceremony.MinLifetime at least
	SessionTime  time.Duration // of a login
}

// Build makes the rooms, and with them Config's part that they share with the front door.
func Build(b Deps) (Config, error) {
	desk, err := ceremony.NewIssuer(b.Ring.Key(keyring.Ceremony), b.Now, b.CeremonyTime)
	if err != nil {
		return Config{}, err
	}
	tokens := bearer.New(b.Ring, b.Site.Origin(), b.Now)
	judge := &assertion.Verifier{Site: b.Site, Now: b.Now, Log: b.Log}
	rights := access.New(b.DB)
	mint := &bearer.Issuer{Authority: tokens, Now: b.Now}
	pages := pagination.New(b.Ring)
	deps := code.Deps{DB: b.DB, Ring: b.Ring, Site: b.Site, Outbox: b.Outbox, Now: b.Now, Log: b.Log}
	registrationCodes, loginCodes := code.NewIssuer(code.Registration, deps), code.NewIssuer(code.Login, deps)
	rooms := Services{
		Registration: &registration.Service{DB: b.DB, Access: rights, Ceremonies: desk, Codes: registrationCodes,
			Verifier: &attestation.Verifier{Site: b.Site, Now: b.Now}, Site: b.Site, Now: b.Now},
		Login: &login.Service{DB: b.DB, Ceremonies: desk, Codes: loginCodes, Verifier: judge, Tokens: tokens, Site: b.Site,
			Now: b.Now, Lifetime: b.SessionTime},
		Action:  &action.Service{DB: b.DB, Access: rights, Ceremonies: desk, Verifier: judge, Tokens: tokens, Site: b.Site, Now: b.Now},
		Account: &account.Service{DB: b.DB, Access: rights, Site: b.Site, Now: b.Now},
		Users:   &user.Service{DB: b.DB, Access: rights, Codes: registrationCodes, Pages: pages, Now: b.Now},

		ServiceAccounts: &serviceaccount.Service{DB: b.DB, Access: rights, Tokens: mint, Now: b.Now},
		Tokens:          &token.Service{DB: b.DB, Access: rights, Tokens: mint, Now: b.Now},
		Permissions:     &permission.Service{DB: b.DB, Access: rights, Pages: pages, Now: b.Now},
		Applications:    &application.Service{DB: b.DB, Access: rights, Now: b.Now},
		Audit:           &audit.Service{DB: b.DB, Pages: pages, Now: b.Now},
	}
	return Config{DB: b.DB, Services: rooms, Access: rights, Tokens: tokens, Site: b.Site, Log: b.Log, Now: b.Now}, nil
}
