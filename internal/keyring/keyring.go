package keyring

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Purposes of keys. Each key has one, so that what is made for one purpose is never accepted
// for another.
const (
	Ceremony = "ceremony"           // HS256 over ceremony tokens, which only this server reads
	Code     = "registration-code"  // HMAC of registration and login codes, stored instead of them
	Throttle = "throttle"           // HMAC that hides names and addresses in counters
	Decoy    = "decoy"              // HMAC that invents credential ids for users who have none
	Page     = "page"               // HMAC over page tokens
	OneTime  = "one-time-passwords" // HMAC that derives the secrets of one-time passwords, stored instead of them
	Signing  = store.PurposeSigning // EdDSA over what others verify; the only purpose with several keys
)

var purposes = []string{Ceremony, Code, Throttle, Decoy, Page, OneTime, Signing}

// Ring is the set of keys: one for each purpose but Signing, which may have several. Only the
// signing keys change after Open.
type Ring struct {
	db      *store.DB
	master  *Master
	keys    map[string][]byte
	wrapped bool
	signing atomic.Pointer[[]SigningKey]
}

// Open reads the keys from the store and generates those that are missing. Several processes
// may open an empty store at once: they all use the first key stored for a purpose, and all
// signing keys. With a master key, Open wraps keys that were stored in clear.
func Open(ctx context.Context, db *store.DB, master *Master, now time.Time) (*Ring, error) {
	stored, err := db.ServerKeys(ctx)
	if err != nil {
		return nil, err
	}
	if missing := missingPurposes(stored); len(missing) > 0 {
		if err := create(ctx, db, master, now, missing); err != nil {
			return nil, err
		}
		if stored, err = db.ServerKeys(ctx); err != nil {
			return nil, err
		}
	}
	ring := &Ring{db: db, master: master, keys: map[string][]byte{}, wrapped: true}
	for _, k := range stored {
		material, err := master.unwrap(k)
		if err != nil {
			return nil, err
		}
		if k.Purpose != Signing {
			ring.keys[k.Purpose] = material
		}
		if k.Wrapping == store.WrappingNone {
			if master == nil {
				ring.wrapped = false
			} else if err := rewrap(ctx, db, master, k, material); err != nil {
				return nil, err
			}
		}
	}
	return ring, ring.setSigningKeys(stored)
}

// Wrapped reports whether every key is stored wrapped under a master key.
func (r *Ring) Wrapped() bool { return r.wrapped }

// Key returns the key of a purpose: 32 bytes, which the caller must not change.
func (r *Ring) Key(purpose string) []byte {
	k, ok := r.keys[purpose]
	if !ok {
		panic("keyring: no key for purpose " + purpose) // a programming mistake, not an input
	}
	return k
}

// MAC returns HMAC-SHA-256 over the parts under the key of a purpose. The length of each part
// comes before it, so that no two lists of parts give the same input.
func (r *Ring) MAC(purpose string, parts ...string) []byte {
	h := hmac.New(sha256.New, r.Key(purpose))
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

func missingPurposes(stored []store.ServerKey) (missing []string) {
	for _, p := range purposes {
		if !slices.ContainsFunc(stored, func(k store.ServerKey) bool { return k.Purpose == p }) {
			missing = append(missing, p)
		}
	}
	return missing
}

func create(ctx context.Context, db *store.DB, master *Master, now time.Time, purposes []string) error {
	var keys []store.ServerKey
	for _, p := range purposes {
		material := make([]byte, 32)
		rand.Read(material)
		k, err := master.wrap(store.ServerKey{ID: api.NewID(api.PrefixKey, now), Purpose: p, CreatedAt: now}, material)
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	return db.Write(ctx, func(tx *store.Tx) error {
		for _, k := range keys {
			tx.PutServerKey(k)
		}
		return nil
	})
}

var errRewrapped = errors.New("the server key is wrapped already")

func rewrap(ctx context.Context, db *store.DB, master *Master, k store.ServerKey, material []byte) error {
	wrapped, err := master.wrap(k, material)
	if err != nil {
		return err
	}
	err = db.Write(ctx, func(tx *store.Tx) error {
		tx.RewrapServerKey(wrapped, k.Wrapping, errRewrapped)
		return nil
	})
	if errors.Is(err, errRewrapped) { // by another process that started with us
		return nil
	}
	return err
}
