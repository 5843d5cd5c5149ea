package receipt

import (
	"crypto/ed25519"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// ReadKeySet reads the Ed25519 keys of a JSON Web Key Set (RFC 7517 §5), as a server
// publishes it at /.well-known/jwks.json. It skips keys of other types.
func ReadKeySet(text []byte) ([]ed25519.PublicKey, error) {
	var set struct {
		Keys []struct {
			Type  string `json:"kty"`
			Curve string `json:"crv"`
			X     string `json:"x"`
			D     string `json:"d"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, because(refuse(CodeKeySet, "The key set cannot be read.", "RFC 7517 §5, JWK Set",
			"other text", "a JSON object with the member keys"), err)
	}
	var keys []ed25519.PublicKey
	for _, k := range set.Keys {
		if k.Type != "OKP" || k.Curve != "Ed25519" {
			continue
		}
		if k.D != "" {
			return nil, refuse(CodeKeySet, "The key set holds a private key; give the published one.",
				"RFC 8037 §2, d", "a member d", "none")
		}
		key, err := sealingKey(k.X)
		if err != nil {
			return nil, because(refuse(CodeKeySet, "A key of the key set is not a sound Ed25519 key.",
				"RFC 8037 §2, x", "other text", "32 bytes in base64url, a point of large order"), err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, refuse(CodeKeySet, "The key set holds no Ed25519 key.", "RFC 8037 §2", "none", "at least one")
	}
	return keys, nil
}

// sealingKey reads a public key. With a key of small order a seal would fit any document.
func sealingKey(x string) (ed25519.PublicKey, error) {
	b, _ := decode(x)
	if _, err := publickey.NewEd25519(b); err != nil {
		return nil, err
	}
	return b, nil
}
