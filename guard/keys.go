package guard

import (
	"bytes"
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

// fetchPause is the shortest time between two fetches of the keys. Without it unknown kids,
// which anybody can make up, would cause a fetch each.
const fetchPause = 10 * time.Second

// failurePause is the same after a fetch that failed.
const failurePause = time.Second

// keyCache holds the keys that the server publishes (RFC 7517). It keeps old ones: the server
// checks every token too, and refuses one with a key that is no longer valid.
type keyCache struct {
	fetch func(context.Context) (map[string]ed25519.PublicKey, error)
	now   func() time.Time

	mu       sync.Mutex
	keys     map[string]ed25519.PublicKey
	fetched  time.Time     // when the last fetch ended
	failure  error         // how it ended
	fetching chan struct{} // closed when the running fetch ends; nil if none runs
}

// finder finds keys for one request. It sets outage if a key is unknown because the server
// could not be reached.
func (k *keyCache) finder(ctx context.Context, outage *error) useraction.Keys {
	return func(kid string) (ed25519.PublicKey, bool) {
		key, err := k.find(ctx, kid)
		*outage = err
		return key, key != nil
	}
}

// find returns the key, or nil if the server publishes none with that kid. It fails if it
// could not fetch the keys.
func (k *keyCache) find(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.keys[kid]; key != nil {
		return key, nil
	}
	if k.fetching == nil {
		pause := fetchPause
		if k.failure != nil {
			pause = failurePause
		}
		if since := k.now().Sub(k.fetched); since >= 0 && since < pause {
			return nil, k.failure
		}
		k.fetching = make(chan struct{})
		go k.refresh()
	}
	done := k.fetching
	k.mu.Unlock()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	k.mu.Lock()
	if key := k.keys[kid]; key != nil || err != nil {
		return key, err
	}
	return nil, k.failure
}

// refresh fetches the keys for all requests that wait, so it does not use the context of one
// of them.
func (k *keyCache) refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	keys, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.keys = keys
	}
	k.fetched, k.failure = k.now(), err
	close(k.fetching)
	k.fetching = nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

func (g *Guard) fetchKeys(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	status, answer, err := g.call(ctx, http.MethodGet, "/.well-known/jwks.json", nil)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("the server answered with status %d", status)
	}
	return readKeys(answer)
}

// call calls the server and returns the status and body of its answer.
func (g *Guard) call(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, g.server+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := g.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return res.StatusCode, answer, err
}

// readKeys reads the Ed25519 keys of a set (RFC 8037 §2) and skips all others, including
// those that are published for another use.
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
