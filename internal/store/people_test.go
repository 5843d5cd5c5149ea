package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// add adds a user of a kind who was invited so many minutes after epoch.
func add(t testing.TB, db *store.DB, o store.Organisation, name, kind string, minutes int) store.User {
	t.Helper()
	u := newUser(o, name)
	u.ID, u.Kind = api.NewID(api.PrefixUser, at(minutes)), kind
	write(t, db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate) })
	return u
}

// named lists people in pages of two.
func named(t testing.TB, db *store.DB, orgID, kind, name string) (names []string) {
	t.Helper()
	for after := ""; ; {
		page := must[[]store.Person](t)(db.People(context.Background(), orgID, kind, name, after, 2))
		if len(page) == 0 {
			return names
		}
		if len(names) > 100 {
			t.Fatalf("the pages do not end: %q", names)
		}
		for _, p := range page {
			names = append(names, p.Username)
			after = p.ID
			if name != "" {
				after = p.UsernameKey
			}
		}
	}
}

func TestPeopleAreListedInPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o, other := newOrganisation(), newOrganisation()
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(o); tx.CreateOrganisation(other) })
		add(t, db, other, "anna", api.CustomerEmployee, 1)
		all := []string{"zoë", "anna", "ann", "bob", "an%", "an_", "annabel", "änne", "a", "日本", "日本語"}
		for i, name := range all {
			kind := api.CustomerEmployee
			if i%2 == 1 {
				kind = api.EndUser
			}
			add(t, db, o, name, kind, i+1)
		}
		add(t, db, o, "SERVICE ACCOUNT ann", store.KindServiceAccount, 30)
		add(t, db, o, "annex", store.KindServiceAccount, 31)
		gone := add(t, db, o, "anne", api.CustomerEmployee, 32)
		write(t, db, func(tx *store.Tx) { tx.ArchiveUser(gone.ID, o.ID, at(40), errLost) })

		for _, step := range []struct {
			kind, name string
			want       []string
		}{
			{"", "", all},
			{api.EndUser, "", []string{"anna", "bob", "an_", "änne", "日本"}},
			{store.KindServiceAccount, "", nil},
			{"Nobody", "", nil},
			{"", "a", []string{"a", "an%", "an_", "ann", "anna", "annabel"}},
			{"", "ann", []string{"ann", "anna", "annabel"}},
			{"", "anna", []string{"anna", "annabel"}},
			{"", "annabel", []string{"annabel"}},
			{"", "annabella", nil},
			{api.CustomerEmployee, "ann", []string{"ann", "annabel"}},
			{"", "an%", []string{"an%"}},
			{"", "an_", []string{"an_"}},
			{"", "%", nil},
			{"", "_", nil},
			{"", "ä", []string{"änne"}},
			{"", "日本", []string{"日本", "日本語"}},
			{"", "SERVICE", nil},
			{"", "ARCHIVED", nil},
			{"", "a\x00", nil},
			{"", "a\xff", nil},
			{"", "' OR 1=1 --", nil},
		} {
			if got := named(t, db, o.ID, step.kind, step.name); !slices.Equal(got, step.want) {
				t.Errorf("kind %q, name %q: %q, want %q", step.kind, step.name, got, step.want)
			}
		}
		if got := named(t, db, other.ID, "", "an"); !slices.Equal(got, []string{"anna"}) {
			t.Errorf("elsewhere: %q", got)
		}
	})
}

func TestAPersonIsShownToAdministrators(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		idle := add(t, db, ada.o, "idle", api.CustomerEmployee, 1)
		read := func(name string) []store.Person {
			t.Helper()
			all := must[[]store.Person](t)(db.People(context.Background(), ada.o.ID, "", name, "", 0))
			for i := range all {
				sorted(all[i].Assignments)
			}
			return all
		}
		one, two, gone := permit(t, db, ada.o, "one"), permit(t, db, ada.o, "two"), permit(t, db, ada.o, "gone")
		give(t, db, gone, ada.u.ID)
		assignments := sorted([]store.HeldPermission{held(managed(ada.o)[0], promote(t, db, ada.o, ada.u.ID)),
			held(one, give(t, db, one, ada.u.ID)), held(two, give(t, db, two, ada.u.ID))})
		write(t, db, func(tx *store.Tx) { tx.ArchivePermission(gone, true, at(1), errDuplicate, errLost) })

		// Only active passkeys count, and LastSeenAt ignores the keys of access tokens.
		program := newProgram(t, db, ada, "program")
		for i, change := range []func(k *store.Credential){
			func(k *store.Credential) {},
			func(k *store.Credential) { k.Factor = store.FactorSecond },
			func(k *store.Credential) { k.Factor = store.FactorRecovery },
		} {
			k := newCredential(ada.u, store.Code{})
			change(&k)
			write(t, db, func(tx *store.Tx) {
				tx.AddCredential(k, errDuplicate)
				tx.UseCredential(store.CredentialUse{ID: k.ID, At: at(i + 1)}, errLost)
			})
		}
		write(t, db, func(tx *store.Tx) { tx.UseCredential(store.CredentialUse{ID: program.k.ID, At: at(9)}, errLost) })

		var code store.Code
		for i := range 3 {
			code = newCode(idle)
			code.ID, code.CreatedAt = api.NewID(api.PrefixCode, at(i)), at(i)
			write(t, db, func(tx *store.Tx) { tx.IssueCode(code) })
		}
		want := []store.Person{
			{User: ada.u, Passkeys: 2, LastSeenAt: at(3), Assignments: assignments},
			{User: idle, LatestCode: code},
		}
		equal(t, "all", read(""), want)
		equal(t, "by name", read("ada"), want[:1])
		equal(t, "the other by name", read("idle"), want[1:])

		write(t, db, func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, ada.o.ID, false, errLost) })
		if got := read("ada")[0].Passkeys; got != 1 {
			t.Errorf("%d passkeys, one of two is active", got)
		}
	})
}

func TestALimitCountsPeopleNotPermissions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		o := newPerson(t, db).o
		var roles []store.Permission
		for i := range 3 {
			roles = append(roles, permit(t, db, o, fmt.Sprint("role", i)))
		}
		var want []store.HeldPermission
		for i := range 4 {
			u := add(t, db, o, fmt.Sprint("user", i), api.CustomerEmployee, i+1)
			for _, p := range roles {
				want = append(want, held(p, give(t, db, p, u.ID)))
			}
		}
		check := func(how string, got [][]store.HeldPermission) {
			t.Helper()
			for i, assignments := range got {
				equal(t, how, sorted(assignments), sorted(slices.Clone(want[3*i:3*i+3])))
			}
		}
		var members, people [][]store.HeldPermission
		first := must[[]store.Member](t)(db.Members(ctx, o.ID, "", "", 1))[0].ID
		for _, m := range must[[]store.Member](t)(db.Members(ctx, o.ID, "", first, 3)) {
			members = append(members, m.Assignments)
		}
		for _, p := range must[[]store.Person](t)(db.People(ctx, o.ID, "", "user", "", 3)) {
			people = append(people, p.Assignments)
		}
		if len(members) != 3 || len(people) != 3 {
			t.Fatalf("pages of three hold %d and %d", len(members), len(people))
		}
		check("members", members)
		check("people", people)
	})
}

func TestAListHasAtMostMaxPageRows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		o := newOrganisation()
		write(t, db, func(tx *store.Tx) {
			tx.CreateOrganisation(o)
			for i := range store.MaxPage + 5 {
				u := newUser(o, fmt.Sprintf("user%04d", i))
				tx.CreateUser(u, errDuplicate)
				tx.CreatePermission(newPermission(o, u.Username), errDuplicate)
			}
		})
		for _, limit := range []int{0, -1, store.MaxPage + 1, 1 << 40} {
			for what, n := range map[string]int{
				"members":         len(must[[]store.Member](t)(db.Members(ctx, o.ID, "", "", limit))),
				"members, kind":   len(must[[]store.Member](t)(db.Members(ctx, o.ID, api.CustomerEmployee, "", limit))),
				"people":          len(must[[]store.Person](t)(db.People(ctx, o.ID, "", "", "", limit))),
				"people, kind":    len(must[[]store.Person](t)(db.People(ctx, o.ID, api.CustomerEmployee, "", "", limit))),
				"people, by name": len(must[[]store.Person](t)(db.People(ctx, o.ID, "", "user", "", limit))),
				"permissions":     len(must[[]store.Permission](t)(db.Permissions(ctx, o.ID, "", limit))),
			} {
				if n != store.MaxPage {
					t.Errorf("%s, limit %d: %d rows", what, limit, n)
				}
			}
		}
	})
}

func TestServiceAccountsAreNotPeople(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		serviceAccount := func(o store.Organisation, name string, minutes int) program {
			u := newUser(o, name)
			u.ID, u.Kind, u.RegisteredAt = api.NewID(api.PrefixUser, at(minutes)), store.KindServiceAccount, epoch
			write(t, db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate) })
			return newProgram(t, db, person{o: o, u: u}, name)
		}
		one, two, gone := serviceAccount(ada.o, "one", 1), serviceAccount(ada.o, "two", 2), serviceAccount(ada.o, "gone", 3)
		serviceAccount(elsewhere.o, "theirs", 4)
		newProgram(t, db, ada, "program")
		p, q := permit(t, db, ada.o, "p"), permit(t, db, ada.o, "q")
		roles := sorted([]store.HeldPermission{held(p, give(t, db, p, two.u.ID)), held(q, give(t, db, q, two.u.ID))})
		deactivated := newProgram(t, db, two.person, "deactivated")
		write(t, db, func(tx *store.Tx) {
			tx.ArchiveUser(gone.u.ID, ada.o.ID, at(5), errLost)
			tx.ArchiveAccessToken(deactivated.token.ID, two.u.ID, at(5), errLost)
		})
		members, tokens, err := db.ServiceAccounts(ctx, ada.o.ID)
		if err != nil || len(members) != 2 {
			t.Fatalf("%+v, %v", members, err)
		}
		sorted(members[1].Assignments)
		equal(t, "accounts", members, []store.Member{{User: one.u}, {User: two.u, Assignments: roles}})
		equal(t, "tokens", tokens, []store.TokenEntry{one.entry(), two.entry()})
		equal(t, "one", must[store.Member](t)(db.ServiceAccount(ctx, ada.o.ID, one.u.ID)), members[0])
		if m := must[store.Member](t)(db.ServiceAccount(ctx, ada.o.ID, gone.u.ID)); !m.ArchivedAt.Equal(at(5)) || m.Active {
			t.Errorf("an archived service account: %+v", m)
		}
		for _, of := range [][2]string{{elsewhere.o.ID, one.u.ID}, {ada.o.ID, ada.u.ID}, {ada.o.ID, "us-none"}} {
			_, err := db.ServiceAccount(ctx, of[0], of[1])
			wantKind(t, err, api.NotFound, "user_not_found")
		}
		_, err = db.Member(ctx, ada.o.ID, one.u.ID)
		wantKind(t, err, api.NotFound, "user_not_found")
		equal(t, "people", must[[]store.Member](t)(db.Members(ctx, ada.o.ID, "", "", 0)), []store.Member{{User: ada.u, CredentialID: ada.k.ID}})
		equal(t, "users", len(must[[]store.UserSummary](t)(db.Users(ctx, ada.o.ID, "", 0))), 1)
		if none, _, err := db.ServiceAccounts(ctx, "or-none"); err != nil || len(none) > 0 {
			t.Errorf("of no organisation: %v, %v", none, err)
		}
	})
}
