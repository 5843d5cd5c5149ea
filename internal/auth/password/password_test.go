package password

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
)

func admit() error { return nil }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestHash(t *testing.T) {
	h := New()
	one, err := h.Hash(t.Context(), "correct horse")
	must(t, err)
	two, err := h.Hash(t.Context(), "correct horse")
	must(t, err)
	if one == two {
		t.Error("two hashes of one password are equal: they share the salt")
	}
	if !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(one, "horse") {
		t.Errorf("stored %s", one)
	}
	for text, want := range map[string]bool{"correct horse": true, "correct horse ": false, "Correct horse": false, "": false, "x": false} {
		if right, err := h.Compare(t.Context(), one, text, admit); err != nil || right != want {
			t.Errorf("%q: %v, %v", text, right, err)
		}
	}
	if right, err := h.Compare(t.Context(), "", "correct horse", admit); right || err != nil {
		t.Errorf("a password of nobody: %v, %v", right, err)
	}
}

// The same characters are the same password, however the keyboard composes them.
func TestCompositionDoesNotMatter(t *testing.T) {
	h := New()
	hash, err := h.Hash(t.Context(), "gr\u00fc\u00dfe aus \uff21 \u2460")
	must(t, err)
	if right, err := h.Compare(t.Context(), hash, "gru\u0308\u00dfe aus A 1", admit); !right || err != nil {
		t.Errorf("%v, %v", right, err)
	}
}

// A hash of argon2's reference implementation (its test.c, argon2id), which has other costs, is compared by
// its own.
func TestReferenceHash(t *testing.T) {
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := New()
	if right, err := h.Compare(t.Context(), hash, "password", admit); !right || err != nil {
		t.Errorf("the reference's hash: %v, %v", right, err)
	}
}

func TestHashesThatAreNotSound(t *testing.T) {
	h := New()
	good, err := h.Hash(t.Context(), "correct horse")
	must(t, err)
	for _, bad := range []string{"x", "$", good[1:], good + "$x", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=19456", "m=99999999", 1), strings.Replace(good, "m=19456", "m=0", 1), strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "t=2", "t=1000", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "p=1", "p=01", 1), strings.Replace(good, "p=1", "p=1,x=2", 1), good[:len(good)-40], "$argon2id$v=19$m=19456,t=2,p=1$*$*"} {
		if right, err := h.Compare(t.Context(), bad, "correct horse", admit); right || api.KindOf(err) != api.Internal {
			t.Errorf("%s: %v, %v", bad, right, err)
		}
	}
}

// At most so many are computed at a time. Who waits too long is told to try again, and nothing is computed
// or counted for them.
func TestSlots(t *testing.T) {
	h := newHasher(2, 20*time.Millisecond)
	hash, err := h.Hash(t.Context(), "correct horse")
	must(t, err)
	inside, hold, held := make(chan struct{}), make(chan struct{}), errors.New("refused")
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := h.Compare(context.Background(), hash, "x", func() error { inside <- struct{}{}; <-hold; return held }); err != held {
				t.Errorf("what was not admitted: %v", err)
			}
		})
	}
	<-inside
	<-inside
	_, err = h.Compare(t.Context(), hash, "correct horse", func() error { t.Error("a third one is admitted"); return nil })
	if e := api.AsError(err); e.Kind != api.Unavailable || e.Code != "passwords_busy" || e.RetryAfter <= 0 {
		t.Errorf("the third: %v", err)
	}
	if _, err := h.Hash(t.Context(), "correct horse"); api.CodeOf(err) != "passwords_busy" {
		t.Errorf("a new password: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Compare(gone, hash, "correct horse", admit); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that left: %v", err)
	}
	close(hold)
	wg.Wait()
	if right, err := h.Compare(t.Context(), hash, "correct horse", admit); !right || err != nil {
		t.Errorf("afterwards: %v, %v", right, err)
	}
}

// Nobody and somebody cost the same: the same parameters, and the same memory is filled.
func TestNobodyCostsAsMuch(t *testing.T) {
	h := New()
	hash, err := h.Hash(t.Context(), "correct horse")
	must(t, err)
	p, salt, key, err := decode(hash)
	must(t, err)
	ofNobody, saltOfNobody, keyOfNobody, err := decode(h.decoy())
	must(t, err)
	if p != ofNobody || len(salt) != len(saltOfNobody) || len(key) != len(keyOfNobody) {
		t.Errorf("a password costs %+v, nobody %+v", p, ofNobody)
	}
	takes := func(hash string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if right, err := h.Compare(t.Context(), hash, "wrong horse", admit); right || err != nil {
			t.Errorf("%v, %v", right, err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	known, nobody := takes(hash), takes("")
	if least := uint64(p.memory) << 10; known < least || nobody < least {
		t.Errorf("a wrong password takes %d bytes, one of nobody %d, want %d at least", known, nobody, least)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		text, name string
		good       bool
	}{
		{"12345678", "ada@example.org", true},
		{"1234567", "ada@example.org", false},
		{"üüüüüüüü", "ada@example.org", true},
		{strings.Repeat("a", 256), "ada@example.org", true},
		{strings.Repeat("a", 257), "ada@example.org", false},
		{"ada@example.org", "ada@example.org", false},
		{"my ADA@Example.org!", "ada@example.org", false},
		{"ada.lovelace", "ada.lovelace@example.org", false},
		{"Ada.Lovelace", "ada.lovelace@example.org", false},
		{"ada.lovelace1843", "ada.lovelace@example.org", true},
		{"a long one with a name", "a", true},
		{"contains ada here", "ada", true},
		{"contains adam here", "adam", false},
		{"        ", "ada@example.org", true},
	} {
		err := Check("/x", c.text, c.name)
		if (err == nil) != c.good || err != nil && (api.CodeOf(err) != "password_invalid" || strings.Contains(err.Error(), c.text)) {
			t.Errorf("%q of %s: %v", c.text, c.name, err)
		}
	}
	if err := Read("/x", strings.Repeat("a", 4097)); api.CodeOf(err) != "password_invalid" {
		t.Errorf("too long to read: %v", err)
	}
	if err := Read("/x", ""); api.CodeOf(err) != "member_missing" {
		t.Errorf("none: %v", err)
	}
}
