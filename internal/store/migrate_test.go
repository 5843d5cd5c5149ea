package store_test

import (
	"context"
	"database/sql"
	"io/fs"
	"os"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// migrateTo brings an empty database to an older version.
func migrateTo(t *testing.T, url string, version int64) {
	t.Helper()
	dialect, folder := goose.DialectPostgres, store.Postgres
	if url[:7] == "sqlite:" {
		dialect, folder = goose.DialectSQLite3, store.SQLite
	}
	files, err := fs.Sub(os.DirFS("migrations"), folder)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(dialect, connect(t, url), files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(context.Background(), version); err != nil {
		t.Fatal(err)
	}
}

// fill adds rows to a database of version 1 as the program did at that time.
func fill(t *testing.T, db *sql.DB, p person, e store.Event, keys []store.ServerKey) {
	t.Helper()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	now := epoch.UnixMilli()
	exec(`INSERT INTO organisations (id, name, rp_id, rp_name, origins, attestation, user_verification, resident_key,
		authenticator_attachment, created_at) VALUES ($1, $2, $3, $4, '["https://example.org"]', $5, $6, $7, '', $8)`,
		p.o.ID, p.o.Name, p.o.RPID, p.o.RPName, p.o.Attestation, p.o.UserVerification, p.o.ResidentKey, now)
	exec(`INSERT INTO users (id, org_id, username, username_key, kind, active, administrator, external_id, created_at,
		registered_at) VALUES ($1, $2, $3, $4, $5, 1, 0, '', $6, $7)`,
		p.u.ID, p.o.ID, p.u.Username, p.u.UsernameKey, p.u.Kind, now, now)
	exec(`INSERT INTO credentials (id, org_id, user_id, code_id, kind, factor, name, realm, credential_id, public_key,
		algorithm, rp_id, origin, aaguid, sign_count, user_verified, backup_eligible, backup_state, format,
		attestation_type, transports, client_extensions, encrypted_private_key, created_at, client_data,
		attestation_object) VALUES ($1, $2, $3, '', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 7, 1, 1, 1, $14, $15,
		'["internal","hybrid"]', $16, '', $17, $18, $19)`,
		p.k.ID, p.o.ID, p.u.ID, p.k.Kind, p.k.Factor, p.k.Name, p.k.Realm, p.k.CredentialID, p.k.PublicKey,
		p.k.Algorithm, p.k.RPID, p.k.Origin, p.k.AAGUID, p.k.Format, p.k.AttestationType,
		string(p.k.ClientExtensions), now, p.k.ClientData, p.k.AttestationObject)
	exec(`INSERT INTO events (org_id, id, at, kind, user_id, credential_id, code_id, actor_id, address)
		VALUES ($1, $2, $3, $4, $5, '', '', '', $6)`, e.OrgID, e.ID, now, e.Kind, e.UserID, e.Address)
	for _, k := range keys {
		exec(`INSERT INTO server_keys (id, purpose, created_at, wrapping, material) VALUES ($1, $2, $3, $4, $5)`,
			k.ID, k.Purpose, now, k.Wrapping, k.Material)
	}
}

func TestADatabaseOfTheFirstVersionIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	database.EachEmpty(t, func(t *testing.T, url string) {
		ctx := context.Background()
		migrateTo(t, url, 1)
		o := newOrganisation()
		u := newUser(o, "ada@example.org")
		u.RegisteredAt = epoch
		ada := person{o, u, newCredential(u, store.Code{})}
		ada.k.SignCount = 7
		event := newEvent(u, "user.registered")
		keys := []store.ServerKey{{ID: api.NewID(api.PrefixKey, epoch), Purpose: "ceremony", CreatedAt: epoch,
			Wrapping: store.WrappingNone, Material: []byte{0, 255}}}
		fill(t, connect(t, url), ada, event, keys)

		errs := parallel(4, func(int) error { // several servers of the new version start at once
			db, err := store.Open(ctx, url, store.Options{})
			if err == nil {
				err = db.Close()
			}
			return err
		})
		wins(t, errs, nil)

		db := open(t, url)
		equal(t, "organisation", must[store.Organisation](t)(db.Organisation(ctx, o.ID)), o)
		equal(t, "user", must[store.Member](t)(db.Member(ctx, o.ID, u.ID)), store.Member{User: u, CredentialID: ada.k.ID})
		equal(t, "credential", must[store.Credential](t)(db.Credential(ctx, ada.k.ID)), ada.k)
		equal(t, "event", must[[]store.Event](t)(db.Events(ctx, o.ID, "", 0)), []store.Event{event})
		equal(t, "keys", must[[]store.ServerKey](t)(db.ServerKeys(ctx)), keys)

		// Old rows work with new features.
		s := ada.session()
		write(t, db, func(tx *store.Tx) {
			use := ada.use(at(1))
			use.SignCount, use.Strict = 8, true
			tx.UseCredential(use, errLost)
			tx.OpenSession(s, errLost)
			tx.PutServerKey(store.ServerKey{ID: "sk-1", Purpose: "ceremony", CreatedAt: epoch})
		})
		a := ada.sign(t, db, s)
		write(t, db, func(tx *store.Tx) { tx.UseAction(a.ID, a.UserID, "x", at(1), errLost) })
		equal(t, "keys, one offered again", must[[]store.ServerKey](t)(db.ServerKeys(ctx)), keys)
	})
}
