// Package password hashes passwords with argon2id (RFC 9106) and compares them with hashes. It computes two
// hashes at a time: each takes memory, and a small machine has other work.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/username"
)

// parameters are the costs of a hash. Each hash names its own, so they may change.
type parameters struct {
	memory, time uint32 // KiB, passes
	threads      uint8
}

// costs are OWASP's for a server of little memory.
var costs = parameters{memory: 19 << 10, time: 2, threads: 1}

const (
	atOnce   = 2
	patience = 2 * time.Second

	saltSize = 16
	hashSize = 32

	minLength = 8   // characters (NIST SP 800-63B-4 §3.1.1.2 asks for 15 where it is the only factor)
	maxLength = 256 // characters
	maxBytes  = 4096
)

// Hasher hashes passwords. A node needs exactly one.
type Hasher struct {
	slots chan struct{}
	wait  time.Duration // for a slot
	decoy func() string
}

// New returns a hasher.
func New() *Hasher { return newHasher(atOnce, patience) }

func newHasher(atOnce int, wait time.Duration) *Hasher {
	return &Hasher{slots: make(chan struct{}, atOnce), wait: wait, decoy: sync.OnceValue(func() string {
		return encode(costs, random(saltSize), random(hashSize)) // of no password: only its costs matter
	})}
}

func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}

// Hash returns what is stored of a new password.
func (h *Hasher) Hash(ctx context.Context, text string) (string, error) {
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.release()
	salt := random(saltSize)
	return encode(costs, salt, costs.hash(text, salt, hashSize)), nil
}

// Compare reports whether a password is that of a hash. With "", because there is no user or no password,
// it takes the same time. admit is asked first, once there is a slot: nothing is computed if it refuses.
func (h *Hasher) Compare(ctx context.Context, hash, text string, admit func() error) (bool, error) {
	known := hash != ""
	if !known {
		hash = h.decoy()
	}
	p, salt, want, err := decode(hash)
	if err != nil {
		return false, err
	}
	if err := h.acquire(ctx); err != nil {
		return false, err
	}
	defer h.release()
	if err := admit(); err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(p.hash(text, salt, uint32(len(want))), want) == 1 && known, nil
}

// acquire waits for a slot, but not long: who asks is told to try again, and no queue grows.
func (h *Hasher) acquire(ctx context.Context) error {
	due := time.NewTimer(h.wait)
	defer due.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-due.C:
		return &api.Error{Kind: api.Unavailable, Code: "passwords_busy",
			Message: "Too many passwords are being checked just now; try again in a moment.",
			Rule:    "limit on passwords that are checked at a time", Received: fmt.Sprintf("more than %d", cap(h.slots)),
			RetryAfter: time.Second}
	}
}

func (h *Hasher) release() { <-h.slots }

func (p parameters) hash(text string, salt []byte, size uint32) []byte {
	return argon2.IDKey([]byte(normal(text)), salt, p.time, p.memory, p.threads, size)
}

// normal is the form of a password that is compared: keyboards write the same characters differently.
func normal(text string) string { return norm.NFKC.String(text) }

var text64 = base64.RawStdEncoding.Strict()

const form = "$argon2id$v=%d$m=%d,t=%d,p=%d$"

// encode writes a hash as argon2's reference implementation does.
func encode(p parameters, salt, hash []byte) string {
	return fmt.Sprintf(form, argon2.Version, p.memory, p.time, p.threads) + text64.EncodeToString(salt) + "$" + text64.EncodeToString(hash)
}

// decode reads a hash that encode wrote.
func decode(text string) (p parameters, salt, hash []byte, err error) {
	version := 0
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return p, nil, nil, errUnreadable
	}
	head := strings.Join(parts[:4], "$") + "$"
	if _, err := fmt.Sscanf(head, form, &version, &p.memory, &p.time, &p.threads); err != nil || version != argon2.Version ||
		head != fmt.Sprintf(form, version, p.memory, p.time, p.threads) || p.memory == 0 || p.memory > 1<<20 || p.time == 0 || p.time > 16 || p.threads == 0 {
		return p, nil, nil, errUnreadable
	}
	if salt, err = text64.DecodeString(parts[4]); err == nil {
		hash, err = text64.DecodeString(parts[5])
	}
	if err != nil || len(salt) < 8 || len(hash) < 16 {
		return p, nil, nil, errUnreadable
	}
	return p, salt, hash, nil
}

var errUnreadable = &api.Error{Kind: api.Internal, Code: "credential_unreadable", Message: "Internal Server Error",
	Cause: fmt.Errorf("a stored hash of a password is not sound")}

// ErrNotAccepted refuses passwords where the organisation does not accept them.
var ErrNotAccepted = &api.Error{Kind: api.Invalid, Code: "credential_kind_not_supported",
	Message: "Your organisation does not accept passwords.", Rule: "passwords of the organisation", Expected: "on"}

// Read refuses a text that is too long for a password, or missing.
func Read(member, text string) error {
	switch {
	case text == "":
		return api.Missing(member)
	case len(text) > maxBytes:
		return &api.Error{Kind: api.Invalid, Code: "password_invalid", Message: fmt.Sprintf("The member %s is longer than %d bytes.", member, maxBytes)}
	}
	return nil
}

// Check refuses a new password that is too short or too long, or that others would try first.
func Check(member, text, name string) error {
	length := utf8.RuneCountInString(normal(text))
	why := ""
	switch {
	case length < minLength || length > maxLength:
		why = fmt.Sprintf("have %d to %d characters", minLength, maxLength)
	case contains(text, name):
		why = "not contain the username"
	default:
		return nil
	}
	return &api.Error{Kind: api.Invalid, Code: "password_invalid", Message: "The member " + member + " must " + why + "."}
}

// contains reports whether a password has the name in it, in whatever case, or is its part before the @.
// A name of under four characters is in too many.
func contains(text, name string) bool {
	p, n := username.Key(text), username.Key(name)
	local, _, _ := strings.Cut(n, "@")
	return p == local || utf8.RuneCountInString(n) >= 4 && strings.Contains(p, n)
}
