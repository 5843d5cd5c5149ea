package server

import (
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/invitation"
	"github.com/countersign/countersign/internal/keyring"
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

// Basis is what the rooms are furnished from.
type Basis struct {
	DB     *store.DB
	Ring   *keyring.Ring
	Office *invitation.Office
	Site   relyingparty.Site
	Now    func() time.Time
	Log    *slog.Logger

	CeremonyTime time.Duration // from challenge to completion; ceremony.MinLifetime at least
	SessionTime  time.Duration // of a login
}

// Furnish makes the rooms, and with them Config's part that they share with the front door.
func Furnish(b Basis) (Config, error) {
	desk, err := ceremony.NewDesk(b.Ring.Key(keyring.Ceremony), b.Now, b.CeremonyTime)
	if err != nil {
		return Config{}, err
	}
	tokens := bearer.New(b.Ring, b.Site.Origin(), b.Now)
	judge := &assertion.Judge{Site: b.Site, Now: b.Now, Log: b.Log}
	rights := access.New(b.DB)
	mint := &bearer.Mint{Authority: tokens, Now: b.Now}
	pages := pagination.New(b.Ring)
	rooms := Rooms{
		Registration: &registration.Room{DB: b.DB, Access: rights, Desk: desk, Office: b.Office, Site: b.Site, Now: b.Now},
		Login: &login.Room{DB: b.DB, Desk: desk, Office: b.Office, Judge: judge, Tokens: tokens, Site: b.Site,
			Now: b.Now, Lifetime: b.SessionTime},
		Action:  &action.Room{DB: b.DB, Access: rights, Desk: desk, Judge: judge, Tokens: tokens, Site: b.Site, Now: b.Now},
		Account: &account.Room{DB: b.DB, Access: rights, Site: b.Site, Now: b.Now},
		Users:   &user.Room{DB: b.DB, Access: rights, Office: b.Office, Pages: pages, Now: b.Now},

		ServiceAccounts: &serviceaccount.Room{DB: b.DB, Access: rights, Mint: mint, Now: b.Now},
		Tokens:          &token.Room{DB: b.DB, Access: rights, Mint: mint, Now: b.Now},
		Permissions:     &permission.Room{DB: b.DB, Access: rights, Pages: pages, Now: b.Now},
		Applications:    &application.Room{DB: b.DB, Access: rights, Now: b.Now},
		Audit:           &audit.Room{DB: b.DB, Pages: pages, Now: b.Now},
	}
	return Config{DB: b.DB, Rooms: rooms, Access: rights, Tokens: tokens, Site: b.Site, Log: b.Log, Now: b.Now}, nil
}
