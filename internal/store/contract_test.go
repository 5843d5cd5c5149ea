package store_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// each runs test on both databases, opened and empty.
func each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) { test(t, open(t, url)) })
}

// must returns a value that was read without error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		return v
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func wantKind(t testing.TB, err error, kind api.Kind, code string) {
	t.Helper()
	if err == nil || api.KindOf(err) != kind || api.CodeOf(err) != code {
		t.Fatalf("got error %v, want kind %d and code %s", err, kind, code)
	}
}

func TestOrganisations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		if !must[bool](t)(db.IsEmpty(ctx)) {
			t.Fatal("a fresh database is not empty")
		}
		full := newOrganisation()
		full.AuthenticatorAttachment = "platform"
		bare := store.Organisation{ID: api.NewID(api.PrefixOrganization, epoch.Add(time.Second)), CreatedAt: epoch}
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(full); tx.CreateOrganisation(bare) })

		equal(t, "full", must[store.Organisation](t)(db.Organisation(ctx, full.ID)), full)
		equal(t, "bare", must[store.Organisation](t)(db.Organisation(ctx, bare.ID)), bare)
		equal(t, "all", must[[]store.Organisation](t)(db.Organisations(ctx)), []store.Organisation{full, bare})
		if must[bool](t)(db.IsEmpty(ctx)) {
			t.Error("a database with organisations is empty")
		}
		_, err := db.Organisation(ctx, "or-none")
		wantKind(t, err, api.NotFound, "organisation_not_found")

		write(t, db, func(tx *store.Tx) { tx.CreateUser(newUser(full, "ada"), errDuplicate) })
		if users := must[[]store.UserSummary](t)(db.Users(ctx, full.ID, "", 0)); len(users) != 1 {
			t.Errorf("%d users", len(users))
		}
	})
}

func TestUsernameIsTakenOnceInAnOrganisation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		a, b := newOrganisation(), newOrganisation()
		ada := newUser(a, "ada")
		ada.ExternalID, ada.RegisteredAt = "ext", epoch.Add(time.Hour)
		other := newUser(b, "ada")
		other.Active = false
		write(t, db, func(tx *store.Tx) {
			tx.CreateOrganisation(a)
			tx.CreateOrganisation(b)
			tx.CreateUser(ada, errDuplicate)
			tx.CreateUser(other, errDuplicate)
		})
		wantError(t, try(db, func(tx *store.Tx) { tx.CreateUser(newUser(a, "ada"), errDuplicate) }), errDuplicate)

		equal(t, "by id", must[store.User](t)(db.User(ctx, ada.ID)), ada)
		equal(t, "by name", must[store.User](t)(db.UserByName(ctx, b.ID, "ada")), other)
		_, err := db.UserByName(ctx, a.ID, "Ada")
		wantKind(t, err, api.NotFound, "user_not_found")
		_, err = db.User(ctx, "us-none")
		wantKind(t, err, api.NotFound, "user_not_found")

		stray := newUser(store.Organisation{ID: "or-none"}, "stray")
		if err := try(db, func(tx *store.Tx) { tx.CreateUser(stray, errDuplicate) }); api.KindOf(err) != api.Internal {
			t.Errorf("a user of no organisation: %v", err)
		}
	})
}

func TestUsersAreListedInPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		o, other := newOrganisation(), newOrganisation()
		users := make([]store.User, 7)
		write(t, db, func(tx *store.Tx) {
			tx.CreateOrganisation(o)
			tx.CreateOrganisation(other)
			tx.CreateUser(newUser(other, "elsewhere"), errDuplicate)
			for i := range users {
				users[i] = newUser(o, fmt.Sprint("user", i))
				users[i].ID = api.NewID(api.PrefixUser, epoch.Add(time.Duration(i)*time.Second))
				tx.CreateUser(users[i], errDuplicate)
			}
		})
		first, second := newCode(users[2]), newCode(users[2])
		second.ID = api.NewID(api.PrefixCode, epoch.Add(time.Second))
		write(t, db, func(tx *store.Tx) { tx.IssueCode(first); tx.IssueCode(second) })
		write(t, db, func(tx *store.Tx) { register(tx, users[2], second, newCredential(users[2], second)) })

		var got []store.UserSummary
		for after := ""; ; {
			page := must[[]store.UserSummary](t)(db.Users(ctx, o.ID, after, 3))
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			after = page[len(page)-1].ID
		}
		if len(got) != len(users) {
			t.Fatalf("%d users listed, want %d", len(got), len(users))
		}
		for i, s := range got {
			if s.Username != users[i].Username {
				t.Errorf("place %d holds %s", i, s.Username)
			}
			registered := i == 2
			if (s.Credentials == 1) != registered || (s.LatestCode.ID != "") != registered {
				t.Errorf("user %d: %d credentials, code %q", i, s.Credentials, s.LatestCode.ID)
			}
		}
		if got[2].LatestCode.ID != second.ID || got[2].LatestCode.State(epoch) != store.StateCompleted {
			t.Errorf("latest code %+v", got[2].LatestCode)
		}
	})
}

func TestCodeStates(t *testing.T) {
	at := func(minutes int) time.Time { return epoch.Add(time.Duration(minutes) * time.Minute) }
	c := store.Code{CreatedAt: at(0), ExpiresAt: at(60)}
	step := func(state string, live bool, now time.Time, change func(c *store.Code)) {
		t.Helper()
		change(&c)
		if c.State(now) != state || c.Live(now) != live {
			t.Errorf("state %s, live %v; want %s, %v", c.State(now), c.Live(now), state, live)
		}
	}
	step(store.StateInvited, true, at(1), func(c *store.Code) {})
	step(store.StateSent, true, at(2), func(c *store.Code) { c.SentAt = at(2) })
	step(store.StateOpened, true, at(3), func(c *store.Code) { c.OpenedAt = at(3) })
	step(store.StateAttempted, true, at(4), func(c *store.Code) { c.AttemptedAt = at(4) })
	step(store.StateAttempted, true, at(60).Add(-time.Millisecond), func(c *store.Code) {})
	step(store.StateExpired, false, at(60), func(c *store.Code) {})
	step(store.StateRevoked, false, at(61), func(c *store.Code) { c.RevokedAt = at(5) })
	step(store.StateCompleted, false, at(62), func(c *store.Code) { c.RevokedAt, c.SpentAt = time.Time{}, at(5) })
}

func TestIssuingACodeVoidsTheOldOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		o, u, first := invite(t, db)
		second := newCode(u)
		second.CreatedAt = epoch.Add(time.Minute)
		second.ID = api.NewID(api.PrefixCode, second.CreatedAt)
		write(t, db, func(tx *store.Tx) { tx.IssueCode(second) })

		first.RevokedAt, first.RevokedReason = second.CreatedAt, store.CodeReplaced
		equal(t, "first", must[store.Code](t)(db.Code(ctx, first.ID)), first)
		equal(t, "second", must[store.Code](t)(db.Code(ctx, second.ID)), second)
		want := []store.CodeEntry{{Code: first, Username: u.Username}, {Code: second, Username: u.Username}}
		equal(t, "of the user", must[[]store.CodeEntry](t)(db.Codes(ctx, o.ID, u.ID, "", 0)), want)
		equal(t, "of all", must[[]store.CodeEntry](t)(db.Codes(ctx, o.ID, "", "", 10)), want)
		equal(t, "second page", must[[]store.CodeEntry](t)(db.Codes(ctx, o.ID, "", first.ID, 1)), want[1:])
		if none := must[[]store.CodeEntry](t)(db.Codes(ctx, "or-none", "", "", 0)); len(none) > 0 {
			t.Errorf("another organisation lists %v", none)
		}
		wantError(t, try(db, func(tx *store.Tx) { tx.SpendCode(first.ID, u.ID, epoch, errLost) }), errLost)
		write(t, db, func(tx *store.Tx) { tx.SpendCode(second.ID, u.ID, epoch, errLost) })
	})
}

func TestOnlyALiveCodeOfTheUserIsSpent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		o, u, c := invite(t, db)
		bob := newUser(o, "bob")
		write(t, db, func(tx *store.Tx) { tx.CreateUser(bob, errDuplicate) })

		spend := func(codeID, userID string, now time.Time) error {
			return try(db, func(tx *store.Tx) { tx.SpendCode(codeID, userID, now, errLost) })
		}
		wantError(t, spend(c.ID, bob.ID, epoch), errLost)
		wantError(t, spend("rc-none", u.ID, epoch), errLost)
		wantError(t, spend(c.ID, u.ID, c.ExpiresAt), errLost)
		if err := spend(c.ID, u.ID, c.ExpiresAt.Add(-time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		wantError(t, spend(c.ID, u.ID, epoch), errLost)
		wantError(t, try(db, func(tx *store.Tx) {
			tx.RevokeCode(c.ID, o.ID, store.CodeRevoked, epoch, errLost)
		}), errLost)

		d := newCode(bob)
		write(t, db, func(tx *store.Tx) { tx.IssueCode(d) })
		wantError(t, try(db, func(tx *store.Tx) {
			tx.RevokeCode(d.ID, "or-none", store.CodeRevoked, epoch, errLost)
		}), errLost)
		write(t, db, func(tx *store.Tx) { tx.RevokeCode(d.ID, o.ID, store.CodeRevoked, epoch, errLost) })
		wantError(t, spend(d.ID, bob.ID, epoch), errLost)
		if got := must[store.Code](t)(db.Code(ctx, d.ID)); got.State(epoch) != store.StateRevoked || got.RevokedReason != store.CodeRevoked {
			t.Errorf("revoked code: %+v", got)
		}
		_, err := db.Code(ctx, "rc-none")
		wantKind(t, err, api.NotFound, "code_not_found")
	})
}

func TestStepsOfACodeAreRecordedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		_, _, c := invite(t, db)
		for i := range 2 {
			now := epoch.Add(time.Duration(i+1) * time.Minute)
			write(t, db, func(tx *store.Tx) {
				tx.CodeSent(c.ID, c.UserID, now)
				tx.CodeOpened(c.ID, now)
				tx.CodeAttempted(c.ID, now)
				tx.CodeAttempted("rc-none", now)
			})
		}
		c.SentAt, c.OpenedAt, c.AttemptedAt = epoch.Add(time.Minute), epoch.Add(time.Minute), epoch.Add(time.Minute)
		equal(t, "code", must[store.Code](t)(db.Code(context.Background(), c.ID)), c)
	})
}

func TestOnlyAnInvitedActiveUserIsRegistered(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o, u, _ := invite(t, db)
		idle := newUser(o, "idle")
		idle.Active = false
		write(t, db, func(tx *store.Tx) { tx.CreateUser(idle, errDuplicate) })
		registerUser := func(userID, orgID string) error {
			return try(db, func(tx *store.Tx) { tx.RegisterUser(userID, orgID, epoch, errLost) })
		}
		wantError(t, registerUser(idle.ID, o.ID), errLost)
		wantError(t, registerUser(u.ID, "or-none"), errLost)
		wantError(t, registerUser("us-none", o.ID), errLost)
		if err := registerUser(u.ID, o.ID); err != nil {
			t.Fatal(err)
		}
		wantError(t, registerUser(u.ID, o.ID), errLost)
	})
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		_, u, c := invite(t, db)
		passkey := newCredential(u, c)
		passkey.SignCount = 1 << 32
		bare := store.Credential{ // a key without anything optional
			ID: api.NewID(api.PrefixCredential, epoch.Add(time.Second)), OrgID: u.OrgID, UserID: u.ID,
			Kind: api.KindKey, Factor: store.FactorRecovery, Realm: "keys", CredentialID: []byte{0, 255},
			PublicKey: []byte{1}, Algorithm: "EdDSA", EncryptedPrivateKey: "{}", CreatedAt: epoch,
			Active: true,
		}
		write(t, db, func(tx *store.Tx) {
			tx.AddCredential(passkey, errDuplicate)
			tx.AddCredential(bare, errDuplicate)
		})
		equal(t, "of the user", must[[]store.Credential](t)(db.CredentialsOfUser(ctx, u.ID)), []store.Credential{passkey, bare})
		equal(t, "of the code", must[[]store.Credential](t)(db.CredentialsOfCode(ctx, c.ID)), []store.Credential{passkey})
		if none := must[[]store.Credential](t)(db.CredentialsOfCode(ctx, "rc-none")); len(none) > 0 {
			t.Errorf("no code, credentials %v", none)
		}

		again := newCredential(u, c)
		again.CredentialID = passkey.CredentialID
		wantError(t, try(db, func(tx *store.Tx) { tx.AddCredential(again, errDuplicate) }), errDuplicate)
		again.Realm = "other.example"
		write(t, db, func(tx *store.Tx) { tx.AddCredential(again, errDuplicate) })
	})
}

func TestInvitationReadsWhatExists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		o, u, c := invite(t, db)
		key, resets := []byte("192.0.2.7"), epoch.Add(time.Hour)
		write(t, db, func(tx *store.Tx) { tx.Hit(key, epoch, time.Hour) })

		read := func(orgID, name string, mac []byte) store.Invitation {
			t.Helper()
			inv := must[store.Invitation](t)(db.Invitation(ctx, orgID, name, mac, key))
			if inv.WrongTries != 1 || !inv.WrongTriesReset.Equal(resets) {
				t.Errorf("wrong tries %d until %v", inv.WrongTries, inv.WrongTriesReset)
			}
			inv.WrongTries, inv.WrongTriesReset = 0, time.Time{}
			return inv
		}
		whole := store.Invitation{Found: true, Organisation: o, User: u, CodeFound: true, Code: c}
		noCode := store.Invitation{Found: true, Organisation: o, User: u}
		equal(t, "right code", read(o.ID, u.UsernameKey, c.MAC), whole)
		equal(t, "wrong code", read(o.ID, u.UsernameKey, []byte("wrong")), noCode)
		equal(t, "unknown name", read(o.ID, "nobody", c.MAC), store.Invitation{Organisation: o})
		equal(t, "other organisation", read("or-none", u.UsernameKey, c.MAC), store.Invitation{})
		equal(t, "hostile name", read(o.ID, "a\x00\xff' OR 1=1 --", nil), store.Invitation{Organisation: o})

		inv := must[store.Invitation](t)(db.Invitation(ctx, o.ID, u.UsernameKey, c.MAC, []byte("never counted")))
		equal(t, "nothing counted", inv, whole)

		equal(t, "state", must[store.Invitation](t)(db.RegistrationState(ctx, u.ID, c.ID)), whole)
		equal(t, "state, no code", must[store.Invitation](t)(db.RegistrationState(ctx, u.ID, "rc-none")), noCode)
		equal(t, "state, no user", must[store.Invitation](t)(db.RegistrationState(ctx, "us-none", c.ID)), store.Invitation{})
	})
}

func TestEventsAreListedInPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		_, u, c := invite(t, db)
		full := newEvent(u, "user.registered")
		full.CodeID, full.CredentialID, full.ActorID, full.Detail = c.ID, "cr-1", "us-2", []byte(`{"a":1}`)
		bare := store.Event{ID: api.NewID(api.PrefixEvent, epoch.Add(time.Second)), OrgID: u.OrgID, At: epoch, Kind: "x"}
		server := store.Event{ID: api.NewID(api.PrefixEvent, epoch), At: epoch, Kind: "server.started"}
		write(t, db, func(tx *store.Tx) { tx.Record(full); tx.Record(bare); tx.Record(server) })
		equal(t, "all", must[[]store.Event](t)(db.Events(ctx, u.OrgID, "", 0)), []store.Event{full, bare})
		equal(t, "rest", must[[]store.Event](t)(db.Events(ctx, u.OrgID, full.ID, 5)), []store.Event{bare})
		equal(t, "first", must[[]store.Event](t)(db.Events(ctx, u.OrgID, "", 1)), []store.Event{full})
		equal(t, "server's", must[[]store.Event](t)(db.Events(ctx, "", "", 0)), []store.Event{server})
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		f := store.Refusal{
			ID: api.NewID(api.PrefixRefusal, epoch), At: epoch, Route: "POST /auth/registration", Status: 400,
			Code: "origin_not_allowed", Message: "No.", Rule: "WebAuthn L3 §7.1 step 9", Received: "https://evil.example",
			Expected: "https://example.org", Cause: "x", OrgID: "or-1", UserID: "us-1", CodeID: "rc-1",
			Address: "192.0.2.1", UserAgent: "test",
		}
		hostile := f
		hostile.ID = api.NewID(api.PrefixRefusal, epoch.Add(time.Second))
		hostile.Received, hostile.UserAgent = "a\x00b\xff\xfec", strings.Repeat("\xf0\x9f", 100)
		write(t, db, func(tx *store.Tx) { tx.RecordRefusal(f); tx.RecordRefusal(hostile) })
		equal(t, "stored", must[store.Refusal](t)(db.Refusal(ctx, f.ID)), f)
		if got := must[store.Refusal](t)(db.Refusal(ctx, hostile.ID)); got.Received != "a\uFFFDb\uFFFDc" {
			t.Errorf("hostile text is stored as %q", got.Received)
		}
		_, err := db.Refusal(ctx, "rf-none")
		wantKind(t, err, api.NotFound, "refusal_not_found")
	})
}

func TestRefusalsArePruned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ids := make([]string, 10)
		for i := range ids {
			at := epoch.Add(time.Duration(i) * time.Hour)
			ids[i] = api.NewID(api.PrefixRefusal, at)
			write(t, db, func(tx *store.Tx) { tx.RecordRefusal(store.Refusal{ID: ids[i], At: at}) })
		}
		left := func() (n int) {
			for _, id := range ids {
				if _, err := db.Refusal(context.Background(), id); err == nil {
					n++
				} else if n > 0 {
					t.Error("a newer refusal was pruned before an older one")
				}
			}
			return n
		}
		for _, step := range []struct {
			olderThan time.Time
			keep      int64
			want      int
		}{{epoch, 10, 10}, {epoch.Add(2 * time.Hour), 100, 8}, {epoch, 3, 3}, {epoch, 0, 0}} {
			prune(t, db.PruneRefusals(t.Context(), step.olderThan, step.keep))
			if n := left(); n != step.want {
				t.Errorf("after PruneRefusals(%v, %d) %d are left, want %d", step.olderThan, step.keep, n, step.want)
			}
		}
	})
}

func TestServerKeys(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		key := func(purpose, material string) store.ServerKey {
			return store.ServerKey{ID: api.NewID(api.PrefixKey, epoch), Purpose: purpose, CreatedAt: epoch,
				Wrapping: store.WrappingNone, Material: []byte(material)}
		}
		codes, ceremony := key("codes", "first"), key("ceremony", "\x00\xff")
		write(t, db, func(tx *store.Tx) {
			tx.PutServerKey(codes)
			tx.PutServerKey(key("codes", "second"))
			tx.PutServerKey(ceremony)
		})
		equal(t, "keys", must[[]store.ServerKey](t)(db.ServerKeys(ctx)), []store.ServerKey{ceremony, codes})

		codes.Wrapping, codes.Material = store.WrappingAES256GCM, []byte("sealed")
		write(t, db, func(tx *store.Tx) { tx.RewrapServerKey(codes, store.WrappingNone, errLost) })
		equal(t, "rewrapped", must[[]store.ServerKey](t)(db.ServerKeys(ctx)), []store.ServerKey{ceremony, codes})
		wantError(t, try(db, func(tx *store.Tx) { tx.RewrapServerKey(codes, store.WrappingNone, errLost) }), errLost)
	})
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		key := []byte{0, 1, 255}
		hit := func(after time.Duration) {
			write(t, db, func(tx *store.Tx) { tx.Hit(key, epoch.Add(after), time.Minute) })
		}
		want := func(count int64, resets time.Time) {
			t.Helper()
			n, at, err := db.Throttled(ctx, key)
			if err != nil || n != count || !at.Equal(resets) {
				t.Fatalf("%d until %v (%v), want %d until %v", n, at, err, count, resets)
			}
		}
		want(0, time.Time{})
		hit(0)
		hit(59 * time.Second)
		want(2, epoch.Add(time.Minute)) // a further try does not extend the window
		hit(60 * time.Second)
		want(1, epoch.Add(2*time.Minute))
		prune(t, db.PruneThrottles(t.Context(), epoch.Add(119*time.Second)))
		want(1, epoch.Add(2*time.Minute))
		prune(t, db.PruneThrottles(t.Context(), epoch.Add(120*time.Second)))
		want(0, time.Time{})
		hit(0)
		write(t, db, func(tx *store.Tx) { tx.ClearThrottle(key); tx.ClearThrottle([]byte("none")) })
		want(0, time.Time{})
	})
}

func TestAUnitIsAllOrNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		_, u, c := invite(t, db)
		k := newCredential(u, c)
		wantError(t, try(db, func(tx *store.Tx) {
			register(tx, u, c, k)
			tx.AddCredential(k, errDuplicate) // fails after all other statements ran
		}), errDuplicate)
		inv := must[store.Invitation](t)(db.RegistrationState(ctx, u.ID, c.ID))
		equal(t, "state", inv, store.Invitation{Found: true, Organisation: inv.Organisation, User: u, CodeFound: true, Code: c})
		if left := must[[]store.Credential](t)(db.CredentialsOfUser(ctx, u.ID)); len(left) > 0 {
			t.Errorf("credentials %v", left)
		}
		if left := must[[]store.Event](t)(db.Events(ctx, u.OrgID, "", 0)); len(left) > 0 {
			t.Errorf("events %v", left)
		}

		// The error is that of the first condition that does not hold.
		write(t, db, func(tx *store.Tx) { register(tx, u, c, k) })
		wantError(t, try(db, func(tx *store.Tx) { register(tx, u, c, k) }), errLost)
	})
}

func TestAFunctionThatFailsWritesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		own := errors.New("changed my mind")
		wantError(t, db.Write(ctx, func(tx *store.Tx) error {
			tx.CreateOrganisation(newOrganisation())
			return own
		}), own)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a panic was swallowed")
				}
			}()
			db.Write(ctx, func(tx *store.Tx) error { tx.CreateOrganisation(newOrganisation()); panic("x") })
		}()
		if err := db.Write(ctx, func(*store.Tx) error { return nil }); err != nil {
			t.Errorf("a unit of nothing: %v", err)
		}
		if !must[bool](t)(db.IsEmpty(ctx)) {
			t.Error("something was written")
		}
	})
}

func TestAWrongPrimaryKeyIsInternal(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o, _, _ := invite(t, db)
		err := try(db, func(tx *store.Tx) { tx.CreateOrganisation(o) })
		wantKind(t, err, api.Internal, "internal")
		if api.AsError(err).Message != "Internal Server Error" {
			t.Errorf("the message says %q", api.AsError(err).Message)
		}
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		want := func(name, value string) {
			t.Helper()
			equal(t, name, must[string](t)(db.Setting(context.Background(), name)), value)
		}
		want("a", "")
		write(t, db, func(tx *store.Tx) { tx.CreateSetting("a", "1", errDuplicate) })
		wantError(t, try(db, func(tx *store.Tx) { tx.CreateSetting("a", "2", errDuplicate) }), errDuplicate)
		want("a", "1")
		wantError(t, try(db, func(tx *store.Tx) { tx.ReplaceSetting("a", "2", "3", errLost) }), errLost)
		write(t, db, func(tx *store.Tx) { tx.ReplaceSetting("a", "1", "3", errLost); tx.PutSetting("b", "x") })
		want("a", "3")
		write(t, db, func(tx *store.Tx) { tx.PutSetting("b", "y") })
		want("b", "y")
	})
}

func TestUsersByKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o, ada, _ := invite(t, db)
		const n = 1200 // more than one statement looks up
		keys := []string{"nobody", ada.UsernameKey, ada.UsernameKey}
		write(t, db, func(tx *store.Tx) {
			for i := range n {
				u := newUser(o, fmt.Sprint("user", i))
				keys = append(keys, u.UsernameKey)
				tx.CreateUser(u, errDuplicate)
			}
		})
		found := must[map[string]store.KnownUser](t)(db.UsersByKey(context.Background(), o.ID, keys))
		if len(found) != n+1 {
			t.Errorf("%d users found, want %d", len(found), n+1)
		}
		equal(t, "ada", found[ada.UsernameKey].User, ada)
		if none := must[map[string]store.KnownUser](t)(db.UsersByKey(context.Background(), "or-none", keys)); len(none) > 0 {
			t.Errorf("another organisation has %d of them", len(none))
		}
	})
}
