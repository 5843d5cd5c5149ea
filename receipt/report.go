package receipt

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// Report is a verified receipt in words, one or two sentences to a line. Texts of the receipt
// are quoted, so that none can pass for a line of the report.
type Report struct {
	Lines   []string // what was signed, by whom, when, with what
	Checks  []string // what was checked and is true
	Grounds []string // what the credential signed, and what only the server says
	Compare []string // what the reader must still compare; nothing if the sealing key was among the trusted ones
}

func report(r Receipt, s useraction.Statement, factors []verifiedFactor, trusted bool) Report {
	var p Report
	p.Lines = append(p.Lines,
		fmt.Sprintf("%s (user %s) of the organisation %s (%s) signed this request:",
			strconv.Quote(r.Who.Username), plain(r.Who.UserID), strconv.Quote(r.Who.Organisation), plain(r.Who.OrgID)),
		fmt.Sprintf("%s %s", plain(r.Action.Method), plain(r.Action.Path)),
		payload(r.Action, s),
		fmt.Sprintf("The server %s issued the statement of it on %s, and their signature of that was accepted on %s as action %s.",
			plain(r.Issuer), inWords(s.IssuedAt), inWords(r.Action.SignedAt), plain(r.Action.ID)))
	for i, f := range factors {
		p.Lines = append(p.Lines, signedWith(f, i > 0)...)
	}
	p.Lines = append(p.Lines, use(r))

	p.Checks = []string{
		"The document is byte for byte as it was sealed.",
		"The seal is a valid signature of it by the key " + r.SealedBy.X + ".",
		"The statement names the same server, organisation, user, method, path and payload as the receipt.",
	}
	for i, f := range factors {
		p.Checks = append(p.Checks, checked(f, i > 0, s.Version)...)
	}
	p.Grounds = []string{
		"The signature covers the server's address, the ids of organisation and user, the username, the request, and the time when the statement was issued.",
		binding(s.Version),
		"The server that sealed the receipt vouches for the rest: that the public key is this user's, the names of organisation and credential, and the times of acceptance and use.",
	}
	if trusted {
		p.Checks = append(p.Checks, "The sealing key is one of those that were given as trusted.")
	} else {
		p.Compare = []string{fmt.Sprintf("The sealing key came with the receipt itself. Compare it with the key %s that %s published at /.well-known/jwks.json: x must be %s. Until that is done, the receipt proves that the holder of the public key signed, but not who that is.",
			strconv.Quote(r.SealedBy.ID), plain(r.Issuer), r.SealedBy.X)}
	}
	return p
}

func payload(a Action, s useraction.Statement) string {
	text := a.Payload
	if a.Withheld != "" {
		return "Its body is not in the receipt, because it held a password or an encrypted private key. Its SHA-256 was " + s.PayloadSHA256 + "."
	}
	if text == "" {
		return "It had no body."
	}
	const limit = 2000
	beginning, more := text, ""
	if len(text) > limit {
		beginning, more = strings.ToValidUTF8(text[:limit], ""), " and so on; the receipt holds it whole"
	}
	return fmt.Sprintf("Its body, of %d bytes, was %s%s.", len(text), strconv.Quote(beginning), more)
}

func signedWith(f verifiedFactor, second bool) []string {
	what := "key"
	switch f.credential.Kind {
	case api.KindFido2:
		what = "passkey"
	case api.KindPasswordProtectedKey:
		what = "password-protected key"
	}
	as := "They signed with the "
	if second {
		as = "As a second factor they signed with the "
	}
	lines := []string{fmt.Sprintf("%s%s %s (%s), whose public key is %s, %s.", as, what, strconv.Quote(f.credential.Name),
		plain(f.credential.UUID), f.key.Fingerprint(), plain(f.credential.Algorithm))}
	if f.credential.TokenID != "" {
		lines = append(lines, fmt.Sprintf("It is the key of the access token %s, which a program carries in their name.", plain(f.credential.TokenID)))
	}
	if f.passkey == nil {
		return lines
	}
	person := "the authenticator did not verify who"
	if f.passkey.UserVerified {
		person = "the authenticator verified them by fingerprint, face, PIN or the like"
	}
	frame := ""
	switch {
	case f.passkey.TopOrigin != "":
		frame = " inside a frame of " + plain(f.passkey.TopOrigin)
	case f.passkey.CrossOrigin:
		frame = " inside a frame of another page"
	}
	return append(lines, fmt.Sprintf("The passkey belongs to %s and was used on %s%s; somebody was present, and %s.",
		plain(f.passkey.RPID), plain(f.passkey.Origin), frame, person))
}

// binding says what a signature shows about what its signer was asked.
func binding(version int) string {
	if version == 1 {
		return "The challenge has no label, as in all receipts of the first version, so the signer's program could not tell it from the challenge of a login. That they saw this request is not shown by the signature."
	}
	return "The challenge is labelled as an action's. A program that recomputes challenges, as the Go client of Countersign does, signs it only for this request; one that does not, signs what the server hands out, also when it logs in. The signature does not show which program it was."
}

func checked(f verifiedFactor, second bool, version int) []string {
	digest := "the SHA-256 of the statement"
	if version > 1 {
		digest = "the SHA-256 of the label \"countersign action 2\" and the statement"
	}
	its := "The credential's"
	if second {
		its = "The second factor's"
	}
	if f.passkey == nil {
		return []string{its + " client data is of the type key.get, and its challenge is " + digest + ".",
			its + " signature of the client data is valid under its public key."}
	}
	return []string{its + " client data is of the type webauthn.get, and its challenge is " + digest + ".",
		its + " client data comes from " + plain(f.passkey.Origin) + ", and its authenticator data is for " + plain(f.passkey.RPID) + " with user presence.",
		its + " signature of both is valid under its public key (WebAuthn Level 3 §7.2)."}
}

func use(r Receipt) string {
	if r.Action.UsedAt == "" {
		return "When the receipt was issued, on " + inWords(r.IssuedAt) + ", the signature had not been used."
	}
	what := ""
	if r.Action.UsedFor != "" {
		what = ", for " + plain(r.Action.UsedFor)
	}
	return "The signature was used on " + inWords(r.Action.UsedAt) + what + ". The receipt was issued on " + inWords(r.IssuedAt) + "."
}

func inWords(text string) string {
	t, err := time.Parse(timeLayout, text)
	if err != nil {
		return strconv.Quote(text)
	}
	return t.Format("2 January 2006 at 15:04:05 UTC")
}

// plain returns a word of visible ASCII unchanged and quotes everything else: a space or a
// control character could make one value look like two.
func plain(s string) string {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' {
			return strconv.Quote(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}
