package totp

import (
	"encoding/base32"
	"net/url"
	"testing"
	"time"
)

var secret = []byte("12345678901234567890") // of the RFC's tests

// RFC 6238, Appendix B, the rows of SHA1.
func TestVectors(t *testing.T) {
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		step := Step(time.Unix(at, 0))
		if got := code(secret, step, 8); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
		if got := Code(secret, step); got != want[2:] {
			t.Errorf("six digits at %d: %s, want %s", at, got, want[2:])
		}
	}
}

// RFC 4226, Appendix D.
func TestCounterVectors(t *testing.T) {
	for step, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := Code(secret, int64(step)); got != want {
			t.Errorf("step %d: %s, want %s", step, got, want)
		}
	}
}

func TestMatch(t *testing.T) {
	now := time.Unix(1_700_000_010, 0)
	present := Step(now)
	for by, want := range map[int64]bool{-3: false, -2: false, -1: true, 0: true, 1: true, 2: false, 3: false} {
		step, ok, used := Match(secret, Code(secret, present+by), now, 0)
		if ok != want || used || ok && step != present+by {
			t.Errorf("%d steps away: step %d, %v, %v", by, step, ok, used)
		}
	}
	for last, want := range map[int64]struct{ ok, used bool }{present - 1: {true, false}, present: {false, true}, present + 1: {false, true}} {
		if _, ok, used := Match(secret, Code(secret, present), now, last); ok != want.ok || used != want.used {
			t.Errorf("after step %+d: %v, %v", last-present, ok, used)
		}
	}
	for _, text := range []string{"", "1", Code(secret, present) + "0", Code(secret, present)[1:]} {
		if _, ok, _ := Match(secret, text, now, 0); ok {
			t.Errorf("%q is accepted", text)
		}
	}
	if _, ok, _ := Match([]byte("another secret of 20"), Code(secret, present), now, 0); ok {
		t.Error("the code of another secret is accepted")
	}
}

func TestWellFormed(t *testing.T) {
	for text, want := range map[string]bool{"000000": true, "123456": true, "": false, "12345": false, "1234567": false, "12345x": false, "１23456": false, " 12345": false, "-12345": false} {
		if WellFormed(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestURL(t *testing.T) {
	text := URL(secret, "Größe & Söhne: AG", "ada+x@example.org")
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Größe & Söhne  AG:ada+x@example.org" {
		t.Fatalf("%s: %v, %q", text, err, u.Path)
	}
	q := u.Query()
	key, err := base32.StdEncoding.DecodeString(q.Get("secret"))
	if err != nil || string(key) != string(secret) || q.Get("issuer") != "Größe & Söhne: AG" ||
		q.Get("algorithm") != "SHA1" || q.Get("digits") != "6" || q.Get("period") != "30" {
		t.Errorf("%s: %v", text, q)
	}
}
