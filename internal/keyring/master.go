package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/countersign/countersign/internal/store"
)

// Master wraps the server's keys. A nil *Master leaves them in clear.
type Master struct{ aead cipher.AEAD }

var errMasterKey = errors.New("the master key must be 32 random bytes in hex or base64; generate one with: openssl rand -base64 32")

// ParseMaster reads a master key: 32 bytes in hex or in base64 of either alphabet. No error
// shows the text.
func ParseMaster(text string) (*Master, error) {
	text = strings.TrimSpace(text)
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		raw, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "="))
	}
	if err != nil || len(raw) != 32 {
		return nil, errMasterKey
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Master{aead: aead}, nil
}

// ReadMaster reads a master key from a file or, if none is named, from the text. It returns
// nil if both are empty.
func ReadMaster(file, text string) (*Master, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("the master key file cannot be read: %w", err)
		}
		return ParseMaster(string(b))
	}
	if text == "" {
		return nil, nil
	}
	return ParseMaster(text)
}

// Exposed says in a sentence who else may read or change the file of a master key, "" if nobody
// may. The bits of the group do not count for a systemd credential: there they are the mask of
// an access list for the service alone.
func Exposed(file string) string {
	if file == "" {
		return ""
	}
	info, err := os.Stat(file)
	if err != nil {
		return "" // whoever reads the key says so
	}
	mode := info.Mode().Perm()
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" && filepath.Dir(file) == filepath.Clean(dir) {
		mode &^= 0o070
	}
	if mode&0o077 == 0 {
		return ""
	}
	return fmt.Sprintf("the master key file %s has mode %04o, so its group or others may read or change it: chmod 600 it, and consider the key known", file, info.Mode().Perm())
}

// wrap returns k with its material sealed. Id and purpose are bound to it, so that a key that
// was moved to another row cannot be unwrapped.
func (m *Master) wrap(k store.ServerKey, material []byte) (store.ServerKey, error) {
	if m == nil {
		k.Wrapping, k.Material = store.WrappingNone, material
		return k, nil
	}
	nonce := make([]byte, m.aead.NonceSize())
	rand.Read(nonce)
	k.Wrapping = store.WrappingAES256GCM
	k.Material = m.aead.Seal(nonce, nonce, material, []byte(k.ID+"|"+k.Purpose))
	return k, nil
}

func (m *Master) unwrap(k store.ServerKey) ([]byte, error) {
	switch {
	case k.Wrapping == store.WrappingNone:
		return k.Material, nil
	case k.Wrapping != store.WrappingAES256GCM:
		return nil, fmt.Errorf("server key %s is wrapped in a way this version does not know; run the version that created it", k.ID)
	case m == nil:
		return nil, errors.New("the keys of this database are wrapped under a master key; pass it with --master-key-file or COUNTERSIGN_MASTER_KEY")
	}
	n := m.aead.NonceSize()
	if len(k.Material) < n {
		return nil, fmt.Errorf("server key %s is damaged; restore the database from a backup", k.ID)
	}
	material, err := m.aead.Open(nil, k.Material[:n], k.Material[n:], []byte(k.ID+"|"+k.Purpose))
	if err != nil {
		return nil, errors.New("the master key does not unwrap this database's keys; use the one that wrapped them")
	}
	return material, nil
}
