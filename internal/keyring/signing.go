package keyring

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// Announced is how long a new signing key is published before it signs, so that verifiers that
// cache the published keys have it by then.
const Announced = 10 * time.Minute

// SigningKey is an Ed25519 key whose public half is published.
type SigningKey struct {
	ID        string // the kid of tokens, "sk-…"
	CreatedAt time.Time
	Private   ed25519.PrivateKey
}

// Public returns the public half.
func (k SigningKey) Public() ed25519.PublicKey { return k.Private.Public().(ed25519.PublicKey) }

// SigningKeys returns all signing keys, oldest first; there is at least one. Old keys stay,
// because what they signed may still be verified.
func (r *Ring) SigningKeys() []SigningKey { return *r.signing.Load() }

// SigningKey returns the key that signs at now: the newest that has been published for
// Announced. All servers of one database change to it at the same time.
func (r *Ring) SigningKey(now time.Time) SigningKey {
	all := r.SigningKeys()
	for _, k := range slices.Backward(all) {
		if !now.Before(k.CreatedAt.Add(Announced)) {
			return k
		}
	}
	return all[0]
}

// Refresh reads the signing keys again: another server or the operator may have added one.
func (r *Ring) Refresh(ctx context.Context) error {
	stored, err := r.db.ServerKeys(ctx)
	if err != nil {
		return err
	}
	return r.setSigningKeys(stored)
}

// Rotate generates a signing key, which signs once it has been published for Announced. What
// earlier keys signed stays valid.
func (r *Ring) Rotate(ctx context.Context, now time.Time) error {
	if err := create(ctx, r.db, r.master, now, []string{Signing}); err != nil {
		return err
	}
	return r.Refresh(ctx)
}

func (r *Ring) setSigningKeys(stored []store.ServerKey) error {
	var keys []SigningKey
	for _, k := range stored {
		if k.Purpose != Signing {
			continue
		}
		seed, err := r.master.unwrap(k)
		if err != nil {
			return err
		}
		keys = append(keys, SigningKey{ID: k.ID, CreatedAt: k.CreatedAt, Private: ed25519.NewKeyFromSeed(seed)})
	}
	slices.SortFunc(keys, func(a, b SigningKey) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	r.signing.Store(&keys)
	return nil
}
