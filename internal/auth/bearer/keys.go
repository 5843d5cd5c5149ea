package bearer

import (
	"context"
	"crypto/ed25519"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// refreshPause limits how often an unknown kid makes us read the keys again: anybody can send one.
const refreshPause = 5 * time.Second

// keys finds a published key. If it is unknown, another server may just have created it.
func (t *Tokens) keys(ctx context.Context) useraction.Keys {
	return func(kid string) (ed25519.PublicKey, bool) {
		key, ok := t.published(kid)
		if ok || !api.ValidID(api.PrefixKey, kid) {
			return key, ok
		}
		t.mu.Lock()
		now := time.Now()
		tooSoon := now.Sub(t.refreshed) < refreshPause
		if !tooSoon {
			t.refreshed = now
		}
		t.mu.Unlock()
		if tooSoon || t.Ring.Refresh(ctx) != nil {
			return nil, false
		}
		return t.published(kid)
	}
}

func (t *Tokens) published(kid string) (ed25519.PublicKey, bool) {
	for _, k := range t.Ring.SigningKeys() {
		if k.ID == kid {
			return k.Public(), true
		}
	}
	return nil, false
}

// KeySet returns the public keys (RFC 7517 §5, RFC 8037 §2).
func (t *Tokens) KeySet() jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	for _, k := range t.Ring.SigningKeys() {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: k.ID, Algorithm: string(jose.EdDSA), Use: "sig"})
	}
	return set
}
