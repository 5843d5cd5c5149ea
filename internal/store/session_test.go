package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

func TestOpenSessionChecksEverything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		other := newOrganisation()
		invited := newUser(ada.o, "invited")
		key := newCredential(invited, store.Code{})
		write(t, db, func(tx *store.Tx) {
			tx.CreateOrganisation(other)
			tx.CreateUser(invited, errDuplicate)
			tx.AddCredential(key, errDuplicate)
		})
		for name, change := range map[string]func(s *store.Session){
			"no user":                   func(s *store.Session) { s.UserID = "us-none" },
			"another user's credential": func(s *store.Session) { s.UserID = bob.u.ID },
			"another user":              func(s *store.Session) { s.CredentialID = bob.k.ID },
			"no credential":             func(s *store.Session) { s.CredentialID = "cr-none" },
			"another organisation":      func(s *store.Session) { s.OrgID = other.ID },
			"no organisation":           func(s *store.Session) { s.OrgID = "" },
			"not registered":            func(s *store.Session) { s.UserID, s.CredentialID = invited.ID, key.ID },
		} {
			s := ada.session()
			change(&s)
			if err := try(db, func(tx *store.Tx) { tx.OpenSession(s, errLost) }); err != error(errLost) {
				t.Errorf("%s: %v", name, err)
			}
			if b := must[store.SessionWithUser](t)(db.SessionWithUser(ctx, s.ID)); b.Found {
				t.Errorf("%s: a session is there", name)
			}
		}

		s := ada.session()
		refused := func(why string) {
			t.Helper()
			if err := try(db, func(tx *store.Tx) { tx.OpenSession(s, errLost) }); err != error(errLost) {
				t.Errorf("%s: %v", why, err)
			}
		}
		write(t, db, func(tx *store.Tx) { tx.SetUserActive(ada.u.ID, ada.o.ID, false, errLost) })
		refused("user inactive")
		write(t, db, func(tx *store.Tx) {
			tx.SetUserActive(ada.u.ID, ada.o.ID, true, errLost)
			tx.SetCredentialActive(ada.k.ID, ada.o.ID, false, errLost)
		})
		refused("credential inactive")
		write(t, db, func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, ada.o.ID, true, errLost) })
		write(t, db, func(tx *store.Tx) { tx.OpenSession(s, errLost) })

		again := ada.session()
		again.Challenge = s.Challenge
		s.ID = again.ID
		refused("challenge used by the same user")
		stolen := bob.session()
		stolen.Challenge = again.Challenge
		s = stolen
		refused("challenge used by another user")
	})
}

func TestSessionWithUserReadsAnySession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		s := ada.session()
		s.EndedAt = at(1) // ignored
		s.UserAgent = "a\x00b"
		write(t, db, func(tx *store.Tx) { tx.OpenSession(s, errLost) })
		s.EndedAt, s.UserAgent = time.Time{}, "a\uFFFDb"
		want := store.SessionWithUser{Found: true, Session: s, User: ada.u}
		equal(t, "live", must[store.SessionWithUser](t)(db.SessionWithUser(ctx, s.ID)), want)
		for _, id := range []string{"", "se-none", "se-\x00\xff"} {
			equal(t, id, must[store.SessionWithUser](t)(db.SessionWithUser(ctx, id)), store.SessionWithUser{})
		}
		write(t, db, func(tx *store.Tx) {
			tx.EndSession(s.ID, ada.u.ID, at(2), errLost)
			tx.SetUserActive(ada.u.ID, ada.o.ID, false, errLost)
		})
		want.Session.EndedAt, want.User.Active = at(2), false
		equal(t, "ended", must[store.SessionWithUser](t)(db.SessionWithUser(ctx, s.ID)), want)
	})
}

func TestSessionLive(t *testing.T) {
	s := store.Session{ExpiresAt: at(60)}
	if !s.Live(at(60).Add(-time.Millisecond)) || s.Live(at(60)) || s.Live(at(61)) {
		t.Error("a session is not live just before its expiry, or is at it")
	}
	s.EndedAt = at(1)
	if s.Live(at(2)) {
		t.Error("an ended session is live")
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		var mine [4]store.Session
		for i := range mine {
			mine[i] = ada.session()
			mine[i].ID = api.NewID("se", at(i))
			mine[i].ExpiresAt = at(10 * (i + 1))
			write(t, db, func(tx *store.Tx) { tx.OpenSession(mine[i], errLost) })
		}
		theirs := bob.login(t, db)
		live := func(now time.Time, want ...store.Session) {
			t.Helper()
			got := must[[]store.Session](t)(db.SessionsOfUser(ctx, ada.u.ID, now))
			if len(got) != 0 || len(want) != 0 {
				equal(t, "live", got, want)
			}
		}
		end := func(id, userID string, now time.Time) error {
			return try(db, func(tx *store.Tx) { tx.EndSession(id, userID, now, errLost) })
		}
		live(epoch, mine[3], mine[2], mine[1], mine[0])
		live(at(10), mine[3], mine[2], mine[1])
		wantError(t, end(mine[0].ID, ada.u.ID, at(10)), errLost) // expired
		wantError(t, end(mine[1].ID, bob.u.ID, at(11)), errLost) // another user's
		wantError(t, end("se-none", ada.u.ID, at(11)), errLost)
		if err := end(mine[1].ID, ada.u.ID, at(11)); err != nil {
			t.Fatal(err)
		}
		wantError(t, end(mine[1].ID, ada.u.ID, at(12)), errLost)
		live(at(12), mine[3], mine[2])

		write(t, db, func(tx *store.Tx) { tx.EndSessions(ada.u.ID, at(13)) })
		live(at(13))
		ended := func(id string) time.Time {
			return must[store.SessionWithUser](t)(db.SessionWithUser(ctx, id)).Session.EndedAt
		}
		if got := []time.Time{ended(mine[0].ID), ended(mine[1].ID), ended(mine[2].ID), ended(mine[3].ID), ended(theirs.ID)}; got[0] != (time.Time{}) ||
			got[1] != at(11) || got[2] != at(13) || got[3] != at(13) || got[4] != (time.Time{}) {
			t.Errorf("ended at %v", got)
		}
		write(t, db, func(tx *store.Tx) { tx.EndSessions("us-none", at(13)) })
	})
}

func TestSessionsArePruned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		expired, ended, live := ada.session(), ada.login(t, db), ada.login(t, db)
		expired.ExpiresAt = at(30)
		write(t, db, func(tx *store.Tx) {
			tx.OpenSession(expired, errLost)
			tx.EndSession(ended.ID, ada.u.ID, at(30), errLost)
		})
		for _, step := range []struct {
			before time.Time
			left   [3]bool
		}{{at(30), [3]bool{true, true, true}}, {at(31), [3]bool{false, false, true}}, {at(8*60 + 1), [3]bool{}}} {
			prune(t, db.PruneSessions(t.Context(), step.before))
			for i, id := range []string{expired.ID, ended.ID, live.ID} {
				if b := must[store.SessionWithUser](t)(db.SessionWithUser(context.Background(), id)); b.Found != step.left[i] {
					t.Errorf("pruned before %v, session %d is there: %v", step.before, i, b.Found)
				}
			}
		}
	})
}
