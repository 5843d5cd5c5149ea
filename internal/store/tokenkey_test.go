package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// The key of an access token signs only for that token, and no other key signs for it.
func TestAnActionIsSignedWithTheTokensOwnKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		p, other, theirs := newProgram(t, db, ada, "one"), newProgram(t, db, ada, "two"), newProgram(t, db, bob, "one")
		s := ada.login(t, db)
		token := store.Session{ID: p.token.ID}
		for name, change := range map[string]func(a *store.Action){
			"the user's passkey":         func(a *store.Action) { a.CredentialID = ada.k.ID },
			"another token's key":        func(a *store.Action) { a.CredentialID = other.k.ID },
			"another user's token's key": func(a *store.Action) { a.CredentialID = theirs.k.ID },
			"under a session":            func(a *store.Action) { a.SessionID = s.ID },
			"under another token":        func(a *store.Action) { a.SessionID = other.token.ID },
			"under another user's token": func(a *store.Action) { a.SessionID = theirs.token.ID },
			"under no token":             func(a *store.Action) { a.SessionID = "to-none" },
			"under nothing":              func(a *store.Action) { a.SessionID = "" },
			"by another user":            func(a *store.Action) { a.UserID = bob.u.ID },
			"in another organisation":    func(a *store.Action) { a.OrgID = "or-none" },
			"when the token has expired": func(a *store.Action) { a.SignedAt = p.token.ExpiresAt },
		} {
			a := p.action(token)
			change(&a)
			if err := try(db, func(tx *store.Tx) { tx.SignAction(a, errLost) }); err != error(errLost) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if none := must[[]store.Action](t)(db.Actions(ctx, ada.o.ID, "", "", 0)); len(none) > 0 {
			t.Errorf("actions %v", none)
		}
		a := p.action(token)
		a.SignedAt = p.token.ExpiresAt.Add(-time.Millisecond)
		write(t, db, func(tx *store.Tx) { tx.SignAction(a, errLost) })
		ada.sign(t, db, s) // the passkey still signs in a session
	})
}

// deactivations stop a program from signing. The last two are permanent.
var deactivations = []struct {
	name     string
	do, undo func(tx *store.Tx, p program)
}{
	{"token inactive",
		func(tx *store.Tx, p program) { tx.DeactivateAccessToken(p.token.ID, p.u.ID, at(1), errLost) },
		func(tx *store.Tx, p program) { tx.ActivateAccessToken(p.token.ID, p.u.ID, errLost) }},
	{"key inactive",
		func(tx *store.Tx, p program) { tx.SetCredentialActive(p.k.ID, p.o.ID, false, errLost) },
		func(tx *store.Tx, p program) { tx.SetCredentialActive(p.k.ID, p.o.ID, true, errLost) }},
	{"user inactive",
		func(tx *store.Tx, p program) {
			tx.SetUserActive(p.u.ID, p.o.ID, false, errLost)
			tx.EndSessions(p.u.ID, at(1))
		},
		func(tx *store.Tx, p program) { tx.SetUserActive(p.u.ID, p.o.ID, true, errLost) }},
	{"token archived", func(tx *store.Tx, p program) { tx.ArchiveAccessToken(p.token.ID, p.u.ID, at(1), errLost) }, nil},
	{"user archived",
		func(tx *store.Tx, p program) {
			tx.ArchiveUser(p.u.ID, p.o.ID, at(1), errLost)
			tx.EndSessions(p.u.ID, at(1))
		}, nil},
}

func TestADeactivatedTokenSignsAndUsesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		for _, w := range deactivations {
			p := newProgram(t, db, join(t, db, ada.o, w.name), "program")
			sign := func() error {
				a := p.action(store.Session{ID: p.token.ID})
				a.SignedAt = at(2)
				return try(db, func(tx *store.Tx) { tx.SignAction(a, errLost) })
			}
			use := func(a store.Action) error {
				return try(db, func(tx *store.Tx) { tx.UseAction(a.ID, p.u.ID, "x", at(2), errLost) })
			}
			before, later := p.signed(t, db), p.signed(t, db)
			if err := use(p.signed(t, db)); err != nil {
				t.Fatalf("before %s: %v", w.name, err)
			}
			write(t, db, func(tx *store.Tx) { w.do(tx, p) })
			if err := sign(); err != error(errLost) {
				t.Errorf("%s: signed, %v", w.name, err)
			}
			if err := use(before); err != error(errLost) {
				t.Errorf("%s: used, %v", w.name, err)
			}
			if w.undo == nil {
				continue
			}
			write(t, db, func(tx *store.Tx) { w.undo(tx, p) })
			if err := sign(); err != nil {
				t.Errorf("%s no more: signed, %v", w.name, err)
			}
			// Actions that were signed before stay void, except after the deactivation of a key.
			if err := use(later); (err == nil) != (w.name == "key inactive") {
				t.Errorf("%s no more: used, %v", w.name, err)
			}
		}
	})
}

func TestAnActionOfAnExpiredTokenIsNotUsed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		p := newProgram(t, db, newPerson(t, db), "program")
		a := p.action(store.Session{ID: p.token.ID})
		a.ExpiresAt = p.token.ExpiresAt.Add(time.Hour)
		write(t, db, func(tx *store.Tx) { tx.SignAction(a, errLost) })
		use := func(now time.Time) error {
			return try(db, func(tx *store.Tx) { tx.UseAction(a.ID, p.u.ID, "x", now, errLost) })
		}
		wantError(t, use(p.token.ExpiresAt), errLost)
		if err := use(p.token.ExpiresAt.Add(-time.Millisecond)); err != nil {
			t.Error(err)
		}
	})
}

// A deactivated token does not void what the person and their other programs signed.
func TestATokenIsDeactivatedAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		one, two, three := newProgram(t, db, ada, "one"), newProgram(t, db, ada, "two"), newProgram(t, db, ada, "three")
		own, other := ada.sign(t, db, ada.login(t, db)), three.signed(t, db)
		first, second := one.signed(t, db), two.signed(t, db)
		write(t, db, func(tx *store.Tx) {
			tx.DeactivateAccessToken(one.token.ID, ada.u.ID, at(1), errLost)
			tx.ArchiveAccessToken(two.token.ID, ada.u.ID, at(1), errLost)
		})
		for _, a := range []struct {
			store.Action
			want time.Time
		}{{first, at(1)}, {second, at(1)}, {own, own.ExpiresAt}, {other, other.ExpiresAt}} {
			equal(t, "expires", must[store.SignedAction](t)(db.SignedAction(context.Background(), a.ID)).ExpiresAt, a.want)
		}
	})
}

func TestASignedActionNamesItsToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		p := newProgram(t, db, newPerson(t, db), "program")
		a := p.signed(t, db)
		read := func() store.SignedAction {
			return must[store.SignedAction](t)(db.SignedAction(context.Background(), a.ID))
		}
		whole := store.SignedAction{Action: a, Organisation: p.o, User: p.u, Credential: p.k, Token: p.token}
		equal(t, "action", read(), whole)
		if !whole.SessionOrTokenLive(p.token.ExpiresAt.Add(-time.Millisecond)) || whole.SessionOrTokenLive(p.token.ExpiresAt) {
			t.Error("the token is not live just before its expiry, or is at it")
		}
		write(t, db, func(tx *store.Tx) { tx.DeactivateAccessToken(p.token.ID, p.u.ID, at(1), errLost) })
		if read().SessionOrTokenLive(at(1)) {
			t.Error("a deactivated token is live")
		}
	})
}

func TestATokensKeyCannotLogIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		one, two := newProgram(t, db, ada, "one"), newProgram(t, db, ada, "two")
		s := ada.session()
		s.CredentialID = one.k.ID
		wantError(t, try(db, func(tx *store.Tx) { tx.OpenSession(s, errLost) }), errLost)

		own := store.LoginState{Organisation: ada.o, Found: true, User: ada.u, Credentials: []store.Credential{light(ada.k)}}
		equal(t, "login", must[store.LoginState](t)(db.LoginState(ctx, ada.o.ID, ada.u.UsernameKey, nil, nil)), own)
		equal(t, "signer", must[store.LoginState](t)(db.SignerState(ctx, ada.u.ID, "")), own)
		own.Credentials = []store.Credential{light(two.k)}
		equal(t, "signer with a token", must[store.LoginState](t)(db.SignerState(ctx, ada.u.ID, two.token.ID)), own)
		own.Credentials = nil
		equal(t, "signer with none of theirs", must[store.LoginState](t)(db.SignerState(ctx, ada.u.ID, "to-none")), own)

		// The owner of the key is read with the token's id.
		want := store.Owner{Found: true, Organisation: ada.o, User: ada.u, CredentialFound: true, Credential: light(one.k)}
		equal(t, "by user", must[store.Owner](t)(db.OwnerByUser(ctx, ada.u.ID, one.k.CredentialID, "")), want)
		equal(t, "by name", must[store.Owner](t)(db.OwnerByName(ctx, ada.o.ID, ada.u.UsernameKey, nil, one.k.ID)), want)
		equal(t, "by credential", must[store.Owner](t)(db.OwnerByCredential(ctx, ada.o.ID, one.k.Realm, one.k.CredentialID)), want)
		if want.Credential.TokenID != one.token.ID {
			t.Error("the key names no token")
		}

		// The key is not shown as the credential of the person.
		member := must[store.Member](t)(db.Member(ctx, ada.o.ID, ada.u.ID))
		write(t, db, func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, ada.o.ID, false, errLost) })
		if bare := must[store.Member](t)(db.Member(ctx, ada.o.ID, ada.u.ID)); member.CredentialID != ada.k.ID || bare.CredentialID != "" {
			t.Errorf("the member's credential was %q and is %q", member.CredentialID, bare.CredentialID)
		}
	})
}
