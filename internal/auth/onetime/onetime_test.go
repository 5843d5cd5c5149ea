package onetime_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/onetime"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

const challenge = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func ring(t *testing.T) *keyring.Ring {
	t.Helper()
	db, err := store.Open(t.Context(), database.SQLite(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	r, err := keyring.Open(t.Context(), db, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A secret depends on everything that it is of, the server included, and on nothing else.
func TestSecrets(t *testing.T) {
	one, other := onetime.Secrets{Ring: ring(t)}, onetime.Secrets{Ring: ring(t)}
	org, user := store.Organisation{ID: "or-1", OneTimePasswords: true}, store.User{ID: "us-1", Username: "ada"}
	secret := func(s onetime.Secrets, orgID, userID, challenge string) string {
		o, u := org, user
		o.ID, u.ID = orgID, userID
		address, err := url.Parse(s.URL(o, u, challenge, "Engines"))
		if err != nil || address.Query().Get("secret") == "" {
			t.Fatalf("%v, %v", address, err)
		}
		return address.Query().Get("secret")
	}
	first := secret(one, "or-1", "us-1", challenge)
	if again := secret(one, "or-1", "us-1", challenge); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	for name, s := range map[string]string{
		"another server":       secret(other, "or-1", "us-1", challenge),
		"another organisation": secret(one, "or-2", "us-1", challenge),
		"another user":         secret(one, "or-1", "us-2", challenge),
		"another ceremony":     secret(one, "or-1", "us-1", "B"+challenge[1:]),
		"shifted":              secret(one, "or-1u", "s-1", challenge),
	} {
		if s == first {
			t.Errorf("%s has the same secret", name)
		}
	}
	org.OneTimePasswords = false
	if u := one.URL(org, user, challenge, "Engines"); u != "" {
		t.Errorf("not accepted, and offered as %s", u)
	}
}

func TestRead(t *testing.T) {
	for text, want := range map[string]string{"123456": "", "123 456": "", " 1 2 3 4 5 6 ": "", "": "member_missing", " ": "one_time_code_malformed", "12345": "one_time_code_malformed", "123-456": "one_time_code_malformed"} {
		got, err := onetime.Read("otpCode", text)
		if api.CodeOf(err) != want || err == nil && got != "123456" {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
