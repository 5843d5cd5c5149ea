package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// addRaw adds a credential to a database of version 3.
func addRaw(t *testing.T, db *sql.DB, c store.Credential, extensions any) {
	t.Helper()
	if _, err := db.Exec(`INSERT INTO credentials (id, org_id, user_id, code_id, kind, factor, name, realm, credential_id, public_key,
		algorithm, rp_id, origin, sign_count, user_verified, backup_eligible, backup_state, format, attestation_type, transports,
		client_extensions, encrypted_private_key, created_at)
		VALUES ($1, $2, $3, '', $4, 'first', 'x', $5, $6, $7, 'ES256', '', '', 0, 1, 0, 0, 'none', 'None', '[]', $8, '', 0)`,
		c.ID, c.OrgID, c.UserID, c.Kind, c.Realm, c.CredentialID, c.PublicKey, extensions); err != nil {
		t.Fatal(err)
	}
}

// Outputs of client extensions were stored as they came. Of each only credProps.rk stays.
func TestUpgradeRemovesSecretsFromClientExtensions(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0IG9mIFBSRg"
	database.EachEmpty(t, func(t *testing.T, url string) {
		ctx := context.Background()
		migrateTo(t, url, 3)
		raw := connect(t, url)
		o := newOrganisation()
		u := newUser(o, "ada@example.org")
		fillOwner(t, raw, o, u)
		type row struct{ id, want string }
		var rows []row
		for before, want := range map[string]string{
			`{"credProps":{"rk":true}}`:  `{"credProps":{"rk":true}}`,
			`{"credProps":{"rk":false}}`: `{"credProps":{"rk":false}}`,
			`{"credProps":{"authenticatorDisplayName":"a","rk":true},"prf":{"results":{"first":"` + secret + `"}}}`:  `{"credProps":{"rk":true}}`,
			`{"credProps":{},"prf":{"enabled":true,"results":{"first":"` + secret + `","second":"` + secret + `"}}}`: "",
			`{"prf":{"results":{"first":"` + secret + `"}}}`:                                                         "",
			`{"largeBlob":{"blob":"` + secret + `"}}`:                                                                "",
			`{"hmacGetSecret":{"output1":"` + secret + `"}}`:                                                         "",
			`{"devicePubKey":{"signature":"` + secret + `"}}`:                                                        "",
			`{"credProps":{"rk":"` + secret + `"}}`:                                                                  "",
			`{"appid":true,"credProps":{"rk":true},"nul":"\u0000` + secret + `","lone":"\ud800"}`:                    `{"credProps":{"rk":true}}`,
			`{}`: "",
			``:   "",
		} {
			c := newCredential(u, store.Code{})
			addRaw(t, raw, c, sql.NullString{String: before, Valid: before != ""})
			rows = append(rows, row{c.ID, want})
		}

		db := open(t, url)
		for _, r := range rows {
			if got := must[store.Credential](t)(db.Credential(ctx, r.id)).ClientExtensions; string(got) != r.want {
				t.Errorf("kept %q, want %q", got, r.want)
			}
		}
		if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
			raw.Close()
			if err := db.Close(); err != nil { // and with it the write-ahead log
				t.Fatal(err)
			}
			if b, err := os.ReadFile(file); err != nil || bytes.Contains(b, []byte(secret)) {
				t.Errorf("the secret is still in the file (%v)", err)
			}
		}
	})
}

func fillOwner(t *testing.T, db *sql.DB, o store.Organisation, u store.User) {
	t.Helper()
	if _, err := db.Exec(`INSERT INTO organisations (id, name, rp_id, rp_name, origins, attestation, user_verification, resident_key,
		authenticator_attachment, created_at) VALUES ($1, 'x', 'example.org', 'x', '[]', 'none', 'required', 'required', '', 0)`, o.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO users (id, org_id, username, username_key, kind, active, external_id, created_at, registered_at)
		VALUES ($1, $2, $3, $4, $5, 1, '', 0, 0)`, u.ID, o.ID, u.Username, u.UsernameKey, u.Kind); err != nil {
		t.Fatal(err)
	}
}

// What was registered twice when that was allowed stays and works; nothing more is added to it.
func TestUpgradeKeepsKeysThatWereRegisteredTwice(t *testing.T) {
	t.Parallel()
	database.EachEmpty(t, func(t *testing.T, url string) {
		ctx := context.Background()
		migrateTo(t, url, 3)
		raw := connect(t, url)
		o := newOrganisation()
		u := newUser(o, "ada@example.org")
		fillOwner(t, raw, o, u)
		first := newCredential(u, store.Code{})
		second, third, mixed := newCredential(u, store.Code{}), newCredential(u, store.Code{}), newCredential(u, store.Code{})
		second.PublicKey, third.PublicKey = first.PublicKey, first.PublicKey
		mixed.Kind, mixed.Realm, mixed.CredentialID = api.KindKey, o.ID, first.CredentialID // a key with a passkey's id
		for _, c := range []store.Credential{first, second, third, mixed} {
			addRaw(t, raw, c, nil)
		}

		db := open(t, url)
		if all := must[[]store.Credential](t)(db.CredentialsOfUser(ctx, u.ID)); len(all) != 4 {
			t.Fatalf("%d credentials after the upgrade, want 4", len(all))
		}
		for _, c := range []store.Credential{first, second, third, mixed} {
			use := store.CredentialUse{ID: c.ID, SignCount: 1, At: at(1)}
			write(t, db, func(tx *store.Tx) { tx.UseCredential(use, errLost) })
		}
		again := newCredential(u, store.Code{})
		again.PublicKey = third.PublicKey
		wantError(t, try(db, func(tx *store.Tx) { tx.AddCredential(again, errDuplicate) }), errDuplicate)
		if id := must[string](t)(db.Setting(ctx, store.SettingInstallation)); len(id) != 32 {
			t.Errorf("the installation is %q", id)
		}
	})
}

// A public key is registered once in an organisation, and an id is a passkey's or a key's,
// whoever registers, with whatever else, and also at the same moment.
func TestAKeyIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	database.EachEmpty(t, func(t *testing.T, url string) {
		db := open(t, url)
		o, ada, _ := invite(t, db)
		_, stranger, _ := invite(t, db)
		grace := newUser(o, "grace@example.org")
		write(t, db, func(tx *store.Tx) { tx.CreateUser(grace, errDuplicate) })
		passkey, key := newCredential(ada, store.Code{}), newKey(ada)
		write(t, db, func(tx *store.Tx) { tx.AddCredential(passkey, errDuplicate); tx.AddCredential(key, errDuplicate) })

		same := func(c store.Credential, change func(*store.Credential)) store.Credential { change(&c); return c }
		for name, c := range map[string]store.Credential{
			"another user, a passkey's key as a passkey": same(newCredential(grace, store.Code{}), func(c *store.Credential) { c.PublicKey = passkey.PublicKey }),
			"another user, a passkey's key as a key":     same(newKey(grace), func(c *store.Credential) { c.PublicKey = passkey.PublicKey }),
			"another user, a key":                        same(newKey(grace), func(c *store.Credential) { c.PublicKey = key.PublicKey }),
			"the same user, a key":                       same(newKey(ada), func(c *store.Credential) { c.PublicKey = key.PublicKey }),
			"an access token's key":                      same(newKey(ada), func(c *store.Credential) { c.PublicKey, c.TokenID = key.PublicKey, "to-1" }),
			"a recovery key": same(newKey(grace), func(c *store.Credential) {
				c.PublicKey, c.Kind, c.Factor = key.PublicKey, api.KindRecoveryKey, store.FactorRecovery
			}),
			"another relying party":                           same(newCredential(grace, store.Code{}), func(c *store.Credential) { c.PublicKey, c.Realm, c.RPID = key.PublicKey, "x.test", "x.test" }),
			"a key with a passkey's id":                       same(newKey(grace), func(c *store.Credential) { c.CredentialID = passkey.CredentialID }),
			"a key with a passkey's id, another organisation": same(newKey(stranger), func(c *store.Credential) { c.CredentialID = passkey.CredentialID }),
			"a protected key with a passkey's id": same(newKey(grace), func(c *store.Credential) {
				c.CredentialID, c.Kind = passkey.CredentialID, api.KindPasswordProtectedKey
			}),
			"a passkey with a key's id":                           same(newCredential(grace, store.Code{}), func(c *store.Credential) { c.CredentialID = key.CredentialID }),
			"a passkey with a passkey's id, another organisation": same(newCredential(stranger, store.Code{}), func(c *store.Credential) { c.CredentialID = passkey.CredentialID }),
		} {
			if err := try(db, func(tx *store.Tx) { tx.AddCredential(c, errDuplicate) }); err != errDuplicate {
				t.Errorf("%s: %v", name, err)
			}
		}
		elsewhere := newKey(stranger)
		elsewhere.PublicKey, elsewhere.CredentialID = key.PublicKey, key.CredentialID
		write(t, db, func(tx *store.Tx) { tx.AddCredential(elsewhere, errDuplicate) })

		shared, id := random(91), random(16)
		errs := parallel(8, func(i int) error {
			c := newKey([]store.User{ada, grace}[i%2])
			c.PublicKey = shared
			return try(db, func(tx *store.Tx) { tx.AddCredential(c, errDuplicate) })
		})
		if n := wins(t, errs, errDuplicate); n != 1 {
			t.Errorf("one public key was registered %d times at once", n)
		}
		errs = parallel(2, func(i int) error {
			c := newCredential(ada, store.Code{})
			if i == 1 {
				c = newKey(grace)
			}
			c.CredentialID = id
			return try(db, func(tx *store.Tx) { tx.AddCredential(c, errDuplicate) })
		})
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("a passkey and a key of one id at once: %v", fmt.Sprint(errs))
		}
	})
}

func newKey(u store.User) store.Credential {
	c := newCredential(u, store.Code{})
	c.Kind, c.Realm, c.RPID, c.Origin = api.KindKey, u.OrgID, "", ""
	return c
}
