package keyring_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

func master(t *testing.T, fill byte) *keyring.Master {
	t.Helper()
	m, err := keyring.ParseMaster(hex.EncodeToString(bytes.Repeat([]byte{fill}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestKeysAreGeneratedOnce(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		rings := make([]*keyring.Ring, 8)
		var all sync.WaitGroup
		for i := range rings {
			db := open(t, url)
			all.Go(func() {
				ring, err := keyring.Open(context.Background(), db, nil, time.Now())
				if err != nil {
					t.Error(err)
					return
				}
				rings[i] = ring
			})
		}
		all.Wait()
		for _, r := range rings {
			if r == nil || !bytes.Equal(r.Key(keyring.Code), rings[0].Key(keyring.Code)) {
				t.Fatal("processes that started together have different keys")
			}
		}
		if bytes.Equal(rings[0].Key(keyring.Code), rings[0].Key(keyring.Ceremony)) {
			t.Error("two purposes share a key")
		}
	})
}

func TestAMasterKeyWrapsUnwrappedKeys(t *testing.T) {
	t.Parallel()
	ctx, url := context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "x.db")
	db := open(t, url)
	plain, err := keyring.Open(ctx, db, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if plain.Wrapped() {
		t.Error("keys without a master key are called wrapped")
	}
	wrapped, err := keyring.Open(ctx, db, master(t, 1), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !wrapped.Wrapped() || !bytes.Equal(plain.Key(keyring.Code), wrapped.Key(keyring.Code)) {
		t.Error("wrapping changed the keys, or did not happen")
	}
	stored, err := db.ServerKeys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range stored {
		was := plain.SigningKeys()[0].Private.Seed()
		if k.Purpose != keyring.Signing {
			was = plain.Key(k.Purpose)
		}
		if k.Wrapping == "none" || bytes.Contains(k.Material, was) {
			t.Errorf("the key for %s is not wrapped in the store", k.Purpose)
		}
	}
	if _, err := keyring.Open(ctx, db, nil, time.Now()); err == nil || !strings.Contains(err.Error(), "--master-key-file") {
		t.Errorf("opened without the master key: %v", err)
	}
	if _, err := keyring.Open(ctx, db, master(t, 2), time.Now()); err == nil {
		t.Error("opened with another master key")
	}
}

func TestParseMaster(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb}, 32)
	for _, text := range []string{
		hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw) + "\n", base64.RawURLEncoding.EncodeToString(raw),
	} {
		if _, err := keyring.ParseMaster(text); err != nil {
			t.Errorf("ParseMaster(%q): %v", text, err)
		}
	}
	for _, text := range []string{"", "secret", hex.EncodeToString(raw[:16]), base64.StdEncoding.EncodeToString(append(raw, 1))} {
		if _, err := keyring.ParseMaster(text); err == nil {
			t.Errorf("ParseMaster(%q) accepts it", text)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

func TestMACSeparatesParts(t *testing.T) {
	t.Parallel()
	db := open(t, database.SQLite(t))
	ring, err := keyring.Open(context.Background(), db, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(ring.MAC(keyring.Code, "ab", "c"), ring.MAC(keyring.Code, "a", "bc")) {
		t.Error("different parts have the same MAC")
	}
	if bytes.Equal(ring.MAC(keyring.Code, "a"), ring.MAC(keyring.Throttle, "a")) {
		t.Error("different purposes have the same MAC")
	}
}

// A new key is published before it signs, on all servers at the same time, and what earlier
// keys signed stays valid.
func TestRotation(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		ctx, start := context.Background(), time.Now()
		db := open(t, url)
		one, err := keyring.Open(ctx, db, master(t, 1), start)
		if err != nil {
			t.Fatal(err)
		}
		two, err := keyring.Open(ctx, db, master(t, 1), start)
		if err != nil {
			t.Fatal(err)
		}
		old := one.SigningKey(start)
		if len(one.SigningKeys()) != 1 || two.SigningKey(start).ID != old.ID {
			t.Fatal("two servers of one database do not begin with the same key")
		}
		later := start.Add(time.Hour)
		if err := one.Rotate(ctx, later); err != nil {
			t.Fatal(err)
		}
		if len(two.SigningKeys()) != 1 {
			t.Error("a server has a key that it did not read")
		}
		if err := two.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		for name, ring := range map[string]*keyring.Ring{"the server that rotated": one, "the other": two} {
			keys := ring.SigningKeys()
			if len(keys) != 2 || keys[0].ID != old.ID || keys[0].Public().Equal(keys[1].Public()) {
				t.Fatalf("%s has %d keys", name, len(keys))
			}
			if got := ring.SigningKey(later.Add(keyring.Announced - time.Millisecond)).ID; got != old.ID {
				t.Errorf("%s signs with a key before it was published long enough", name)
			}
			if got := ring.SigningKey(later.Add(keyring.Announced + time.Millisecond)).ID; got != keys[1].ID {
				t.Errorf("%s still signs with the old key", name)
			}
		}
	})
}
