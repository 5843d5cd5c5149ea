package store_test

import (
	"fmt"
	"testing"

	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// Of names that look alike one is taken, also at the same moment and in one unit, and an archived
// user's is free again.
func TestOneOfLookalikesIsTaken(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		names := []string{"capo", "саро", "саρо", "cаро"}
		errs := parallel(8, func(i int) error {
			return try(dbs[i%2], func(tx *store.Tx) { tx.CreateUser(newUser(o, names[i%4]), errDuplicate) })
		})
		if n := wins(t, errs, errDuplicate); n != 1 {
			t.Errorf("%d of them were taken", n)
		}
		xop := newUser(o, "xop")
		wantError(t, try(dbs[0], func(tx *store.Tx) {
			tx.CreateUser(xop, errDuplicate)
			tx.CreateUser(newUser(o, "хор"), errDuplicate)
		}), errDuplicate)
		write(t, dbs[0], func(tx *store.Tx) { tx.CreateUser(xop, errDuplicate) })
		write(t, dbs[0], func(tx *store.Tx) { tx.ArchiveUser(xop.ID, o.ID, epoch, errLost) })
		write(t, dbs[1], func(tx *store.Tx) { tx.CreateUser(newUser(o, "хор"), errDuplicate) })
	})
}

// Names from before there were looks get theirs with the upgrade, and from then on nobody takes a twin.
func TestUpgradeFillsLooks(t *testing.T) {
	t.Parallel()
	database.EachEmpty(t, func(t *testing.T, url string) {
		migrateTo(t, url, 8)
		raw := connect(t, url)
		exec := func(statement string, args ...any) {
			t.Helper()
			if _, err := raw.Exec(statement, args...); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		o := newOrganisation()
		exec(`INSERT INTO organisations (id, name, rp_id, rp_name, origins, attestation, user_verification, resident_key,
			authenticator_attachment, created_at) VALUES ($1, 'Engines', 'example.org', 'Engines', '[]', 'none', 'required', 'required', '', 1)`, o.ID)
		add := func(name string) store.User {
			u := newUser(o, name)
			exec(`INSERT INTO users (id, org_id, username, username_key, kind, active, external_id, created_at)
				VALUES ($1, $2, $3, $4, $5, 1, '', 1)`, u.ID, o.ID, u.Username, u.UsernameKey, u.Kind)
			return u
		}
		for i := range 2100 { // more than are read at once
			add(fmt.Sprintf("bör%d", i))
		}
		add("саро") // Cyrillic
		add("plain")
		db := open(t, url)
		for name, want := range map[string]error{"capo": errDuplicate, "саро": errDuplicate, "cap0": errDuplicate, "рlain": errDuplicate, "plain2": nil} {
			err := try(db, func(tx *store.Tx) { tx.CreateUser(newUser(o, name), errDuplicate) })
			if want == nil && err != nil {
				t.Errorf("%s: %v", name, err)
			} else if want != nil {
				wantError(t, err, want)
			}
		}
		var without, with int
		if err := raw.QueryRow(`SELECT count(*) - count(look), count(look) FROM users`).Scan(&without, &with); err != nil {
			t.Fatal(err)
		}
		if with != 2101 || without != 2 {
			t.Errorf("%d names have a look and %d have none", with, without)
		}
	})
}
