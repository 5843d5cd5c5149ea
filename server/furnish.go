package server

import (
	"log/slog"
	"time"

	"github.com/countersign/countersign/account"
	"github.com/countersign/countersign/action"
	"github.com/countersign/countersign/assertion"
	"github.com/countersign/countersign/bearer"
	"github.com/countersign/countersign/ceremony"
	"github.com/countersign/countersign/invitation"
	"github.com/countersign/countersign/keyring"
	"github.com/countersign/countersign/login"
	"github.com/countersign/countersign/registration"
	"github.com/countersign/countersign/relyingparty"
	"github.com/countersign/countersign/store"
	"github.com/countersign/countersign/user"
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

// Furnish makes the rooms and the authority over their tokens.
func Furnish(b Basis) (Rooms, *bearer.Authority, error) {
	desk, err := ceremony.NewDesk(b.Ring.Key(keyring.Ceremony), b.Now, b.CeremonyTime)
	if err != nil {
		return Rooms{}, nil, err
	}
	tokens := bearer.New(b.Ring, b.Site.Origin(), b.Now)
	judge := &assertion.Judge{Site: b.Site, Now: b.Now, Log: b.Log}
	return Rooms{
		Registration: &registration.Room{DB: b.DB, Desk: desk, Office: b.Office, Site: b.Site, Now: b.Now},
		Login: &login.Room{DB: b.DB, Desk: desk, Office: b.Office, Judge: judge, Tokens: tokens, Site: b.Site,
			Now: b.Now, Lifetime: b.SessionTime},
		Action:  &action.Room{DB: b.DB, Desk: desk, Judge: judge, Tokens: tokens, Site: b.Site, Now: b.Now},
		Account: &account.Room{DB: b.DB, Site: b.Site, Now: b.Now},
		Users:   &user.Room{DB: b.DB, Office: b.Office, Now: b.Now},
	}, tokens, nil
}
