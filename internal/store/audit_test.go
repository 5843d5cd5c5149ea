package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// entryID is the id of an event or a refusal as the audit log has it.
func entryID(id string) string { return api.PrefixAuditLog + id[2:] }

func newRefusal(p person, when time.Time) store.Refusal {
	return store.Refusal{
		ID: api.NewID(api.PrefixRefusal, when), At: when, Route: "PUT /auth/users/{userId}", Status: 403, Code: "permission_denied",
		Message: "Not allowed.", Rule: "permission", OrgID: p.o.ID, UserID: p.u.ID, CallerID: p.u.ID, Address: "192.0.2.7", UserAgent: "test",
	}
}

func TestAuditEntriesHaveNamesAndSignedRequests(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		bob := join(t, db, ada.o, "bob@example.org")
		signed := ada.sign(t, db, ada.login(t, db))
		theirs := elsewhere.sign(t, db, elsewhere.login(t, db))

		event := store.Event{ID: api.NewID(api.PrefixEvent, at(1)), OrgID: ada.o.ID, At: at(1), Kind: "user.updated", UserID: bob.u.ID,
			ActorID: ada.u.ID, CredentialID: bob.k.ID, ActionID: signed.ID, Address: "192.0.2.6", Detail: []byte(`{"a":1}`)}
		bare := store.Event{ID: api.NewID(api.PrefixEvent, at(2)), OrgID: ada.o.ID, At: at(2), Kind: "organisation.created"}
		refusal := newRefusal(ada, at(3))
		refusal.UserID, refusal.ActionID = bob.u.ID, signed.ID
		crossing := newRefusal(ada, at(4)) // by a caller of another organisation
		crossing.CallerID, crossing.ActionID = elsewhere.u.ID, theirs.ID
		write(t, db, func(tx *store.Tx) {
			tx.Record(event)
			tx.Record(bare)
			tx.RecordRefusal(refusal)
			tx.RecordRefusal(crossing)
		})

		want := []store.AuditEntry{
			{ID: entryID(event.ID), At: at(1), Kind: "user.updated", ActorID: ada.u.ID, ActorName: ada.u.Username, SubjectID: bob.u.ID,
				SubjectName: bob.u.Username, CredentialID: bob.k.ID, Detail: []byte(`{"a":1}`), Address: "192.0.2.6",
				ActionID: signed.ID, Method: "POST", Path: "/auth/users", SignedWith: ada.k.ID},
			{ID: entryID(bare.ID), At: at(2), Kind: "organisation.created"},
			{ID: entryID(refusal.ID), At: at(3), Refused: true, Kind: "permission_denied", ActorID: ada.u.ID, ActorName: ada.u.Username,
				SubjectID: bob.u.ID, SubjectName: bob.u.Username, Address: "192.0.2.7", ActionID: signed.ID, Method: "POST",
				Path: "/auth/users", SignedWith: ada.k.ID, Message: "Not allowed.", Route: "PUT /auth/users/{userId}", Status: 403},
			{ID: entryID(crossing.ID), At: at(4), Refused: true, Kind: "permission_denied", ActorID: elsewhere.u.ID, SubjectID: ada.u.ID,
				SubjectName: ada.u.Username, Address: "192.0.2.7", ActionID: theirs.ID, Message: "Not allowed.",
				Route: "PUT /auth/users/{userId}", Status: 403},
		}
		equal(t, "all", must[[]store.AuditEntry](t)(db.AuditOldest(ctx, store.AuditSpan{OrgID: ada.o.ID}, 0)), want)
		for _, w := range want {
			equal(t, "one", must[store.AuditEntry](t)(db.AuditEntry(ctx, ada.o.ID, w.ID)), w)
		}
		equal(t, "support id of an event", want[0].SupportID(), "")
		equal(t, "support id", want[2].SupportID(), refusal.ID)

		other := must[[]store.AuditEntry](t)(db.AuditOldest(ctx, store.AuditSpan{OrgID: elsewhere.o.ID}, 0))
		equal(t, "elsewhere", len(other), 0)
		for _, id := range []string{"", "uj", event.ID, refusal.ID, "to" + event.ID[2:], entryID(event.ID) + "0", "uj-00000-00000-0000000000000000", "%"} {
			_, err := db.AuditEntry(ctx, ada.o.ID, id)
			wantKind(t, err, api.NotFound, "audit_log_not_found")
		}
		for _, w := range want {
			_, err := db.AuditEntry(ctx, elsewhere.o.ID, w.ID)
			wantKind(t, err, api.NotFound, "audit_log_not_found")
		}
	})
}

// scatter records n events and refusals a minute apart, two events to each refusal, and returns
// the ids of the entries, oldest first.
func scatter(t *testing.T, db *store.DB, p person, n int) (ids []string) {
	t.Helper()
	write(t, db, func(tx *store.Tx) {
		for i := range n {
			if i%3 == 1 {
				f := newRefusal(p, at(i))
				tx.RecordRefusal(f)
				ids = append(ids, entryID(f.ID))
				continue
			}
			e := newEvent(p.u, "user.updated")
			e.ID, e.At = api.NewID(api.PrefixEvent, at(i)), at(i)
			tx.Record(e)
			ids = append(ids, entryID(e.ID))
		}
	})
	return ids
}

func idsOf(entries []store.AuditEntry) (ids []string) {
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}

// bothWays reads a span page by page, from its oldest entry and from its newest.
func bothWays(t *testing.T, db *store.DB, span store.AuditSpan, size int) (up, down []string) {
	t.Helper()
	for oldest := span; ; oldest.After = up[len(up)-1] {
		page := idsOf(must[[]store.AuditEntry](t)(db.AuditOldest(t.Context(), oldest, size)))
		if len(page) == 0 {
			break
		}
		up = append(up, page...)
	}
	for newest := span; ; newest.Before = down[len(down)-1] {
		page := idsOf(must[[]store.AuditEntry](t)(db.AuditNewest(t.Context(), newest, size)))
		if len(page) == 0 {
			break
		}
		down = append(down, page...)
	}
	return up, down
}

func TestTheAuditLogIsReadInBothDirections(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		ids := scatter(t, db, ada, 13)
		scatter(t, db, elsewhere, 13)
		reversed := slices.Clone(ids)
		slices.Reverse(reversed)

		for _, size := range []int{1, 2, 3, 5, 12, 13, 100} {
			up, down := bothWays(t, db, store.AuditSpan{OrgID: ada.o.ID}, size)
			equal(t, fmt.Sprint("oldest first, by ", size), up, ids)
			equal(t, fmt.Sprint("newest first, by ", size), down, reversed)
		}

		between := store.AuditSpan{OrgID: ada.o.ID, After: ids[2], Before: ids[9]}
		equal(t, "between", idsOf(must[[]store.AuditEntry](t)(db.AuditOldest(ctx, between, 0))), ids[3:9])
		equal(t, "between, backwards", idsOf(must[[]store.AuditEntry](t)(db.AuditNewest(ctx, between, 2))), []string{ids[8], ids[7]})
		between.Before, between.After = between.After, between.Before
		equal(t, "nothing between", len(must[[]store.AuditEntry](t)(db.AuditOldest(ctx, between, 0))), 0)

		only := store.AuditSpan{OrgID: ada.o.ID, WithoutEvents: true}
		equal(t, "refusals", idsOf(must[[]store.AuditEntry](t)(db.AuditOldest(ctx, only, 0))), []string{ids[1], ids[4], ids[7], ids[10]})
		only = store.AuditSpan{OrgID: ada.o.ID, WithoutRefusals: true}
		equal(t, "events", idsOf(must[[]store.AuditEntry](t)(db.AuditNewest(ctx, only, 3))), []string{ids[12], ids[11], ids[9]})
		only.WithoutEvents = true
		equal(t, "neither", len(must[[]store.AuditEntry](t)(db.AuditNewest(ctx, only, 3))), 0)
	})
}

func TestTheAuditLogIsCountedUpToABound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		ids := scatter(t, db, ada, 13)
		scatter(t, db, elsewhere, 5)
		all := store.AuditSpan{OrgID: ada.o.ID}
		count := func(s store.AuditSpan, userID string, most int) int {
			t.Helper()
			s.UserID = userID
			return must[int](t)(db.AuditCount(ctx, s, most))
		}
		equal(t, "all", count(all, "", 100), 13)
		equal(t, "as many as the bound", count(all, "", 13), 13)
		if n := count(all, "", 3); n <= 3 {
			t.Errorf("%d of 13 are no more than 3", n)
		}
		equal(t, "between", count(store.AuditSpan{OrgID: ada.o.ID, After: ids[2], Before: ids[9]}, "", 100), 6)
		equal(t, "refusals", count(store.AuditSpan{OrgID: ada.o.ID, WithoutEvents: true}, "", 100), 4)
		equal(t, "of one", count(all, ada.u.ID, 100), 13)
		equal(t, "of nobody", count(all, elsewhere.u.ID, 100), 0)

		// One read does not count them all. Bob is the actor of every thousandth.
		bob := join(t, db, ada.o, "bob")
		write(t, db, func(tx *store.Tx) {
			for i := range 10_500 {
				e := store.Event{ID: api.NewID(api.PrefixEvent, at(60+i)), OrgID: ada.o.ID, At: at(60 + i), Kind: "user.updated", UserID: ada.u.ID}
				if i%1000 == 0 {
					e.ActorID = bob.u.ID
				}
				tx.Record(e)
			}
		})
		equal(t, "many", count(all, "", 100_000), 10_513)
		equal(t, "of Bob", count(all, bob.u.ID, 100_000), 11)
		equal(t, "of Ada", count(all, ada.u.ID, 100_000), 10_513)
		equal(t, "of one whose log is elsewhere", count(all, elsewhere.u.ID, 100_000), 0)
	})
}

// TestTheLogOfOneUser reads one user's log page by page: every entry that is about them or that they
// caused comes once.
func TestTheLogOfOneUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		var own []string // Bob's
		write(t, db, func(tx *store.Tx) {
			for i := range 60 {
				about, by := ada.u.ID, ada.u.ID
				switch i % 6 {
				case 1:
					about = bob.u.ID
				case 2:
					by = bob.u.ID
				case 3:
					about, by = bob.u.ID, bob.u.ID
				case 4:
					about, by = bob.u.ID, ""
				case 5:
					by = ""
				}
				n := fmt.Sprintf("-00000-00000-%016d", i)
				if about == bob.u.ID || by == bob.u.ID {
					own = append(own, api.PrefixAuditLog+n)
				}
				if i%2 == 0 {
					tx.Record(store.Event{ID: api.PrefixEvent + n, OrgID: ada.o.ID, At: at(i), Kind: "user.updated", UserID: about, ActorID: by})
				} else {
					tx.RecordRefusal(store.Refusal{ID: api.PrefixRefusal + n, At: at(i), OrgID: ada.o.ID, UserID: about, CallerID: by})
				}
			}
			tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, at(99)), OrgID: elsewhere.o.ID, At: at(99), Kind: "user.updated", UserID: bob.u.ID, ActorID: bob.u.ID})
		})
		reversed := slices.Clone(own)
		slices.Reverse(reversed)
		for _, size := range []int{1, 7, 100} {
			up, down := bothWays(t, db, store.AuditSpan{OrgID: ada.o.ID, UserID: bob.u.ID}, size)
			equal(t, fmt.Sprint("oldest first, by ", size), up, own)
			equal(t, fmt.Sprint("newest first, by ", size), down, reversed)
		}
		equal(t, "counted", must[int](t)(db.AuditCount(ctx, store.AuditSpan{OrgID: ada.o.ID, UserID: bob.u.ID}, 100)), len(own))
		equal(t, "of nobody", len(must[[]store.AuditEntry](t)(db.AuditNewest(ctx, store.AuditSpan{OrgID: ada.o.ID, UserID: "us-nobody"}, 100))), 0)
	})
}
