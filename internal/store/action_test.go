package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

func TestSignActionChecksEverything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		s, theirs, ended := ada.login(t, db), bob.login(t, db), ada.login(t, db)
		write(t, db, func(tx *store.Tx) { tx.EndSession(ended.ID, ada.u.ID, at(0), errLost) })
		for name, change := range map[string]func(a *store.Action){
			"no user":                   func(a *store.Action) { a.UserID = "us-none" },
			"another user":              func(a *store.Action) { a.UserID = bob.u.ID },
			"another user's credential": func(a *store.Action) { a.CredentialID = bob.k.ID },
			"no credential":             func(a *store.Action) { a.CredentialID = "" },
			"another user's session":    func(a *store.Action) { a.SessionID = theirs.ID },
			"no session":                func(a *store.Action) { a.SessionID = "se-none" },
			"ended session":             func(a *store.Action) { a.SessionID = ended.ID },
			"expired session":           func(a *store.Action) { a.SignedAt = s.ExpiresAt },
			"another organisation":      func(a *store.Action) { a.OrgID = "or-none" },
		} {
			a := ada.action(s)
			change(&a)
			if err := try(db, func(tx *store.Tx) { tx.SignAction(a, errLost) }); err != error(errLost) {
				t.Errorf("%s: %v", name, err)
			}
		}
		a := ada.action(s)
		refused := func(why string, a store.Action) {
			t.Helper()
			if err := try(db, func(tx *store.Tx) { tx.SignAction(a, errLost) }); err != error(errLost) {
				t.Errorf("%s: %v", why, err)
			}
		}
		write(t, db, func(tx *store.Tx) { tx.SetUserActive(ada.u.ID, ada.o.ID, false, errLost) })
		refused("user inactive", a)
		write(t, db, func(tx *store.Tx) {
			tx.SetUserActive(ada.u.ID, ada.o.ID, true, errLost)
			tx.SetCredentialActive(ada.k.ID, ada.o.ID, false, errLost)
		})
		refused("credential inactive", a)
		write(t, db, func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, ada.o.ID, true, errLost) })
		if none := must[[]store.Action](t)(db.Actions(context.Background(), ada.o.ID, "", "", 0)); len(none) > 0 {
			t.Errorf("actions %v", none)
		}
		a.SignedAt = s.ExpiresAt.Add(-time.Millisecond)
		write(t, db, func(tx *store.Tx) { tx.SignAction(a, errLost) })

		again := ada.action(s)
		again.Challenge = a.Challenge
		refused("challenge signed before", again)
		stolen := bob.action(theirs)
		stolen.Challenge = a.Challenge
		refused("challenge signed by another", stolen)
	})
}

func TestUseActionChecksEverything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		s := ada.login(t, db)
		a := ada.sign(t, db, s)
		use := func(id string, now time.Time) error {
			return try(db, func(tx *store.Tx) { tx.UseAction(id, ada.u.ID, "POST /auth/users", now, errLost) })
		}
		set := func(change func(tx *store.Tx)) { t.Helper(); write(t, db, change) }
		refused := func(why string, now time.Time) {
			t.Helper()
			if err := use(a.ID, now); err != error(errLost) {
				t.Errorf("%s: %v", why, err)
			}
			if got := must[store.SignedAction](t)(db.SignedAction(ctx, a.ID)); !got.UsedAt.IsZero() || got.UsedFor != "" {
				t.Errorf("%s: used at %v for %q", why, got.UsedAt, got.UsedFor)
			}
		}
		wantError(t, use("ua-none", at(1)), errLost)
		wantError(t, try(db, func(tx *store.Tx) { tx.UseAction(a.ID, "us-none", "x", at(1), errLost) }), errLost)
		refused("expired", a.ExpiresAt)
		set(func(tx *store.Tx) { tx.SetUserActive(ada.u.ID, ada.o.ID, false, errLost) })
		refused("user inactive", at(1))
		set(func(tx *store.Tx) { tx.SetUserActive(ada.u.ID, ada.o.ID, true, errLost) })
		set(func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, ada.o.ID, false, errLost) })
		refused("credential inactive", at(1))
		set(func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, ada.o.ID, true, errLost) })
		if err := use(a.ID, a.ExpiresAt.Add(-time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		wantError(t, use(a.ID, at(1)), errLost)
		if got := must[store.SignedAction](t)(db.SignedAction(ctx, a.ID)); got.UsedFor != "POST /auth/users" ||
			!got.UsedAt.Equal(a.ExpiresAt.Add(-time.Millisecond)) {
			t.Errorf("used at %v for %q", got.UsedAt, got.UsedFor)
		}

		// The session: it expires before the action does, then it has ended.
		a = ada.action(s)
		a.ExpiresAt = s.ExpiresAt.Add(time.Hour)
		set(func(tx *store.Tx) { tx.SignAction(a, errLost) })
		refused("session expired", s.ExpiresAt)
		set(func(tx *store.Tx) { tx.EndSession(s.ID, ada.u.ID, at(1), errLost) })
		refused("session ended", at(2))
		prune(t, db.PruneSessions(ctx, at(2)))
		refused("session pruned", at(2))
	})
}

func TestASignedActionIsStoredUnchanged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		ada.k.EncryptedPrivateKey = ""
		s := ada.login(t, db)
		full, bare := ada.action(s), ada.action(s)
		full.Payload = "{\"a\":\"\\u0000\",\"raw\":\"\x00\xff\"}\n  "
		full.SecondFactor = []byte(`{"kind":"Key"}`)
		full.ClientData = []byte{0, 255, 0}
		full.UsedAt, full.UsedFor = at(1), "never" // ignored
		bare.ID = api.NewID("ua", at(1))
		bare.Payload, bare.AuthenticatorData, bare.SecondFactor = "", nil, nil
		write(t, db, func(tx *store.Tx) { tx.SignAction(full, errLost); tx.SignAction(bare, errLost) })
		full.UsedAt, full.UsedFor = time.Time{}, ""
		whole := store.SignedAction{Action: full, Organisation: ada.o, User: ada.u, Credential: ada.k, Session: s}
		equal(t, "full", must[store.SignedAction](t)(db.SignedAction(ctx, full.ID)), whole)
		equal(t, "bare", must[store.SignedAction](t)(db.SignedAction(ctx, bare.ID)).Action, bare)
		_, err := db.SignedAction(ctx, "ua-none")
		wantKind(t, err, api.NotFound, "action_not_found")

		// The action outlasts its session.
		prune(t, db.PruneSessions(t.Context(), s.ExpiresAt.Add(time.Hour)))
		whole.Session = store.Session{}
		equal(t, "session pruned", must[store.SignedAction](t)(db.SignedAction(ctx, full.ID)), whole)
	})
}

func TestActionsAreListedInPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		bob, elsewhere := join(t, db, ada.o, "bob"), newPerson(t, db)
		var signed []store.Action
		for i, p := range []person{ada, bob, ada, elsewhere} {
			a := p.action(p.login(t, db))
			a.ID = api.NewID("ua", at(i))
			write(t, db, func(tx *store.Tx) { tx.SignAction(a, errLost) })
			signed = append(signed, a)
		}
		list := func(orgID, userID, after string, limit int) []store.Action {
			t.Helper()
			return must[[]store.Action](t)(db.Actions(ctx, orgID, userID, after, limit))
		}
		equal(t, "all", list(ada.o.ID, "", "", 0), signed[:3])
		equal(t, "first", list(ada.o.ID, "", "", 1), signed[:1])
		equal(t, "rest", list(ada.o.ID, "", signed[0].ID, 5), signed[1:3])
		equal(t, "ada's", list(ada.o.ID, ada.u.ID, "", 0), []store.Action{signed[0], signed[2]})
		equal(t, "ada's rest", list(ada.o.ID, ada.u.ID, signed[0].ID, 5), signed[2:3])
		if none := list(elsewhere.o.ID, ada.u.ID, "", 0); len(none) > 0 {
			t.Errorf("a user of another organisation: %v", none)
		}
	})
}

// EndSessions writes the rows that UseAction writes, so that one waits for the other. Every
// action that could still be used is void, and no other is changed.
func TestEndingSessionsVoidsWhatTheySigned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		one, two, theirs := ada.login(t, db), ada.login(t, db), bob.login(t, db)
		used, first, second, others := ada.sign(t, db, one), ada.sign(t, db, one), ada.sign(t, db, two), bob.sign(t, db, theirs)
		now := first.SignedAt.Add(time.Second)
		write(t, db, func(tx *store.Tx) { tx.UseAction(used.ID, used.UserID, "test", now, errLost) })
		expires := func(a store.Action) time.Time {
			return must[store.SignedAction](t)(db.SignedAction(ctx, a.ID)).ExpiresAt
		}

		write(t, db, func(tx *store.Tx) { tx.EndSession(one.ID, ada.u.ID, now, errLost) })
		if !expires(first).Equal(now) || !expires(second).Equal(second.ExpiresAt) || !expires(used).Equal(used.ExpiresAt) {
			t.Errorf("after one session ended: %v, %v, %v", expires(first), expires(second), expires(used))
		}
		write(t, db, func(tx *store.Tx) { tx.EndSessions(ada.u.ID, now) })
		if !expires(second).Equal(now) || !expires(others).Equal(others.ExpiresAt) || !expires(used).Equal(used.ExpiresAt) {
			t.Errorf("after all ended: %v, another's %v, used %v", expires(second), expires(others), expires(used))
		}
	})
}
