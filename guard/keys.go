package guard

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/verify/useraction"
)

// askAgain is how long the server is not asked again for its keys, whatever kids come
// in: anybody can make up a kid.
const askAgain = 10 * time.Second

// askAfterFailure is the same after the server could not be asked.
const askAfterFailure = time.Second

// keyCache has the keys that the server publishes (RFC 7517). It never forgets one for
// being old: a token under a key that was withdrawn is refused by the server, which has
// the last word on every token.
type keyCache struct {
	fetch func(context.Context) (map[string]ed25519.PublicKey, error)
	now   func() time.Time

	mu      sync.Mutex
	known   map[string]ed25519.PublicKey
	asked   time.Time     // when the last fetch ended
	failure error         // how it ended
	asking  chan struct{} // closed when the fetch that is under way ends; nil if none is
}

// finder finds keys for one request. Where the answer hangs on a server that cannot be
// asked, it says so in outage.
func (k *keyCache) finder(ctx context.Context, outage *error) useraction.Keys {
	return func(kid string) (ed25519.PublicKey, bool) {
		key, err := k.find(ctx, kid)
		*outage = err
		return key, key != nil
	}
}

// find returns the key, nil if the server publishes none with that kid, or why that
// cannot be told.
func (k *keyCache) find(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.known[kid]; key != nil {
		return key, nil
	}
	if k.asking == nil {
		again := askAgain
		if k.failure != nil {
			again = askAfterFailure
		}
		if since := k.now().Sub(k.asked); since >= 0 && since < again {
			return nil, k.failure
		}
		k.asking = make(chan struct{})
		go k.ask()
	}
	done := k.asking
	k.mu.Unlock()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	k.mu.Lock()
	if key := k.known[kid]; key != nil || err != nil {
		return key, err
	}
	return nil, k.failure
}

// ask fetches for all who wait, so it does not end when one of them does.
func (k *keyCache) ask() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	keys, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.known = keys
	}
	k.asked, k.failure = k.now(), err
	close(k.asking)
	k.asking = nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

func (g *Guard) fetchKeys(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.server+"/.well-known/jwks.json", nil)
	if err != nil {
		return nil, err
	}
	res, err := g.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the keys were answered with status %d", res.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	return readKeys(answer)
}

// readKeys reads the Ed25519 keys of a set (RFC 8037 §2) and passes over all others,
// also those that are published for something else.
func readKeys(set []byte) (map[string]ed25519.PublicKey, error) {
	var s struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(set, &s); err != nil {
		return nil, errors.New("the published keys are not a JSON Web Key Set")
	}
	keys := map[string]ed25519.PublicKey{}
	for _, raw := range s.Keys {
		var k struct{ Kty, Crv, Kid, Use, Alg, X string }
		if json.Unmarshal(raw, &k) != nil || k.Kty != "OKP" || k.Crv != "Ed25519" || k.Kid == "" ||
			k.Use != "" && k.Use != "sig" || k.Alg != "" && k.Alg != "EdDSA" && k.Alg != "Ed25519" {
			continue
		}
		if x, err := base64.RawURLEncoding.DecodeString(k.X); err == nil && len(x) == ed25519.PublicKeySize {
			keys[k.Kid] = x
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no Ed25519 key is published")
	}
	return keys, nil
}
