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

// Purposes. A key serves one purpose only, so that what is made for one can never
// pass for another.
const (
	Ceremony = "ceremony"          // HS256 over ceremony tokens, which only this service reads
	Code     = "registration-code" // HMAC under which registration codes are kept
	Throttle = "throttle"          // HMAC that hides names and addresses in counters
	Decoy    = "decoy"             // HMAC that invents credential ids for names without any
	Page     = "page"              // HMAC over page tokens
	Signing  = "signing"           // EdDSA over what others verify; the one purpose with several keys
)

var purposes = []string{Ceremony, Code, Throttle, Decoy, Page, Signing}

// Ring is the set of keys, one for each purpose but Signing. Only the signing keys
// change once it is open.
type Ring struct {
	db      *store.DB
	master  *Master
	keys    map[string][]byte
	wrapped bool
	signing atomic.Pointer[[]SigningKey]
}

// Open reads the keys from the store and makes those that are missing. Several
// processes may open an empty store at once: the first key kept for a purpose is
// everybody's, and each signing key that one of them made is. With a master key, keys that were kept bare are wrapped now.
func Open(ctx context.Context, db *store.DB, master *Master, now time.Time) (*Ring, error) {
	kept, err := db.ServerKeys(ctx)
	if err != nil {
		return nil, err
	}
	if missing := without(kept); len(missing) > 0 {
		if err := create(ctx, db, master, now, missing); err != nil {
			return nil, err
		}
		if kept, err = db.ServerKeys(ctx); err != nil {
			return nil, err
		}
	}
	ring := &Ring{db: db, master: master, keys: map[string][]byte{}, wrapped: true}
	for _, k := range kept {
		material, err := master.unwrap(k)
		if err != nil {
			return nil, err
		}
		if k.Purpose != Signing {
			ring.keys[k.Purpose] = material
		}
		if k.Wrapping == wrappingNone {
			if master == nil {
				ring.wrapped = false
			} else if err := rewrap(ctx, db, master, k, material); err != nil {
				return nil, err
			}
		}
	}
	return ring, ring.setSigningKeys(kept)
}

// Wrapped reports whether every key is kept under a master key.
func (r *Ring) Wrapped() bool { return r.wrapped }

// Key returns the key of a purpose: 32 bytes, not to be changed.
func (r *Ring) Key(purpose string) []byte {
	k, ok := r.keys[purpose]
	if !ok {
		panic("keyring: no key for purpose " + purpose) // a programming mistake, not an input
	}
	return k
}

// MAC returns HMAC-SHA-256 over the parts under the key of a purpose. Each part goes
// in behind its length, so that no two lists of parts give the same text.
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

func without(kept []store.ServerKey) (missing []string) {
	for _, p := range purposes {
		if !slices.ContainsFunc(kept, func(k store.ServerKey) bool { return k.Purpose == p }) {
			missing = append(missing, p)
		}
	}
	return missing
}

func create(ctx context.Context, db *store.DB, master *Master, now time.Time, purposes []string) error {
	var made []store.ServerKey
	for _, p := range purposes {
		material := make([]byte, 32)
		rand.Read(material)
		k, err := master.wrap(store.ServerKey{ID: api.NewID(api.PrefixKey, now), Purpose: p, CreatedAt: now}, material)
		if err != nil {
			return err
		}
		made = append(made, k)
	}
	return db.Write(ctx, func(tx *store.Tx) error {
		for _, k := range made {
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
