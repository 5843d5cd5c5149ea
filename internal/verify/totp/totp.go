// Package totp computes and compares time-based one-time passwords (RFC 6238): six digits, SHA-1 and steps
// of 30 seconds, which every app knows.
package totp

import (
	"crypto/hmac"
	"crypto/sha1" // as the apps do; HMAC does not need a hash without collisions (RFC 6238 §1.2)
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	// SecretSize is the length of a secret in bytes: that of the hash (RFC 4226 §4, R6).
	SecretSize = 20

	digits = 6
	period = 30 // seconds
	drift  = 1  // steps by which the client's clock may be early or late (RFC 6238 §6)
)

// Step returns the number of the time step at a time.
func Step(at time.Time) int64 { return at.Unix() / period }

// Code returns the code of a step.
func Code(secret []byte, step int64) string { return code(secret, step, digits) }

// code is HOTP (RFC 4226 §5.3) over the number of the step.
func code(secret []byte, step int64, digits int) string {
	h := hmac.New(sha1.New, secret)
	binary.Write(h, binary.BigEndian, step)
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	all := fmt.Sprintf("%010d", n)
	return all[len(all)-digits:]
}

// WellFormed reports whether a text has the form of a code.
func WellFormed(text string) bool {
	return len(text) == digits && strings.Trim(text, "0123456789") == ""
}

// Match finds the step that a code belongs to, among the present one and its neighbours. A step up to last,
// whose code was accepted, matches no more (RFC 6238 §5.2): used is true then.
func Match(secret []byte, text string, now time.Time, last int64) (step int64, ok, used bool) {
	for s := Step(now) - drift; s <= Step(now)+drift; s++ {
		if subtle.ConstantTimeCompare([]byte(Code(secret, s)), []byte(text)) == 0 {
			continue
		}
		if s > last {
			return s, true, false
		}
		used = true
	}
	return 0, false, used
}

// URL returns the address that an app reads a secret from, by QR code or link. issuer and account are what
// the app shows.
func URL(secret []byte, issuer, account string) string {
	label := escape(strings.ReplaceAll(issuer, ":", " ")) + ":" + escape(account) // a colon ends the issuer
	return "otpauth://totp/" + label + "?secret=" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret) +
		"&issuer=" + escape(issuer) + fmt.Sprintf("&algorithm=SHA1&digits=%d&period=%d", digits, period)
}

// escape writes a space as %20: some apps show a plus sign.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
