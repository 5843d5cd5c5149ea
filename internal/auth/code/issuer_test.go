package code_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

var (
	start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	ada   = store.User{ID: "us-00000-00000-0000000000000000", OrgID: "or-00000-00000-0000000000000000", Username: "Ada L", UsernameKey: "ada l"}
)

func deps(t *testing.T) code.Deps {
	t.Helper()
	db, err := store.Open(t.Context(), database.SQLite(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ring, err := keyring.Open(t.Context(), db, nil, start)
	if err != nil {
		t.Fatal(err)
	}
	site, err := relyingparty.NewSite("https://id.example.org")
	if err != nil {
		t.Fatal(err)
	}
	return code.Deps{DB: db, Ring: ring, Site: site, Now: func() time.Time { return start }}
}

// mac is HMAC-SHA-256 over parts, each behind its length in eight bytes.
func mac(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// Codes that were sent before an upgrade must be found after it, so the input of their MACs is
// fixed: organisation, user and code for registration, and "login" before them for logging in.
func TestMACsStayTheSame(t *testing.T) {
	d := deps(t)
	key := d.Ring.Key(keyring.Code)
	for _, test := range []struct {
		kind code.Kind
		want []byte
	}{
		{code.Registration, mac(key, ada.OrgID, "ada l", "7QKM2F9XHRTAW3CE8NPD")},
		{code.Login, mac(key, "login", ada.OrgID, "ada l", "7QKM2F9XHRTAW3CE8NPD")},
	} {
		got := code.NewIssuer(test.kind, d).MAC(ada.OrgID, ada.UsernameKey, "7qkm-2f9x-hrta-w3ce-8npd")
		if !bytes.Equal(got, test.want) {
			t.Errorf("the MAC is %x, want %x", got, test.want)
		}
	}
}

// The first administrator's link, printed before an upgrade, is printed again after it.
func TestFirstCodeStaysTheSame(t *testing.T) {
	d := deps(t)
	issued := code.NewIssuer(code.Registration, d).MakeFirst(ada, "rc-1", time.Hour)
	text := make([]byte, 20)
	for i, b := range mac(d.Ring.Key(keyring.Code), "first administrator", "rc-1")[:20] {
		text[i] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[b&31]
	}
	if got := strings.ReplaceAll(issued.Code, "-", ""); got != string(text) {
		t.Errorf("the code is %s, want %s", got, text)
	}
}

func TestKindsOfCode(t *testing.T) {
	d := deps(t)
	registration, login := code.NewIssuer(code.Registration, d), code.NewIssuer(code.Login, d)
	r, l := registration.Make(ada, time.Hour), login.Make(ada, time.Minute)
	want := "https://id.example.org/register#code=" + r.Code + "&org=" + ada.OrgID + "&username=Ada%20L"
	if r.Link != want || l.Link != "" {
		t.Errorf("links %q and %q, want %q and none", r.Link, l.Link, want)
	}
	if !api.ValidID(api.PrefixCode, r.Row.ID) || !api.ValidID(api.PrefixLoginCode, l.Row.ID) {
		t.Errorf("ids %s and %s", r.Row.ID, l.Row.ID)
	}
	if !r.Row.ExpiresAt.Equal(start.Add(time.Hour)) || !l.Row.ExpiresAt.Equal(start.Add(time.Minute)) {
		t.Errorf("expire at %v and %v", r.Row.ExpiresAt, l.Row.ExpiresAt)
	}
	if !bytes.Equal(r.Row.MAC, registration.MAC(ada.OrgID, ada.UsernameKey, r.Code)) {
		t.Error("a code does not have its own MAC")
	}
	if bytes.Equal(r.Row.MAC, login.MAC(ada.OrgID, ada.UsernameKey, r.Code)) {
		t.Error("a registration code passes for a login code")
	}
}
