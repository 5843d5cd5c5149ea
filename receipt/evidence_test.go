package receipt_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/useraction"
	"github.com/countersign/countersign/receipt"
)

func decode(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }

// Evidence that a careless server might seal, or a forger with their own key.
func TestEvidenceThatDoesNotHold(t *testing.T) {
	good := withSecondFactor(t)
	unbound := func(change func(o *authenticator.Options)) func(r *receipt.Receipt) {
		return func(r *receipt.Receipt) {
			var o authenticator.Options
			change(&o)
			r.Credential, r.Assertion = passkey(t, r.Statement, publickey.ES256, o)
		}
	}
	for name, c := range map[string]struct {
		change func(r *receipt.Receipt)
		code   string
	}{
		"no user presence":     {unbound(func(o *authenticator.Options) { o.WithoutUserPresence = true }), receipt.CodeSignature},
		"another site's":       {unbound(func(o *authenticator.Options) { o.RPID = "example.net" }), receipt.CodeSignature},
		"another ceremony":     {unbound(func(o *authenticator.Options) { o.Tamper.ClientData = swap("webauthn.get", "webauthn.create") }), receipt.CodeSignature},
		"backed up, not able":  {unbound(func(o *authenticator.Options) { o.BackupState = true }), receipt.CodeSignature},
		"another challenge":    {unbound(func(o *authenticator.Options) { o.Tamper.ClientData = swap(`"challenge":"`, `"challenge":"A`) }), receipt.CodeSignature},
		"client data changed":  {unbound(func(o *authenticator.Options) { o.Tamper.SentClientData = swap(`{`, `{ `) }), receipt.CodeSignature},
		"another page":         {func(r *receipt.Receipt) { r.Assertion.Origin = "https://example.org" }, receipt.CodeSignature},
		"a frame not named":    {func(r *receipt.Receipt) { r.Assertion.TopOrigin = "https://example.org" }, receipt.CodeCredential},
		"no page":              {func(r *receipt.Receipt) { r.Assertion.Origin = "" }, receipt.CodeSignature},
		"no site":              {func(r *receipt.Receipt) { r.Credential.RPID = "" }, receipt.CodeSignature},
		"no authenticator":     {func(r *receipt.Receipt) { r.Assertion.AuthenticatorData = "" }, receipt.CodeSignature},
		"no signature":         {func(r *receipt.Receipt) { r.Assertion.Signature = "" }, receipt.CodeSignature},
		"padded":               {func(r *receipt.Receipt) { r.Assertion.Signature += "=" }, receipt.CodeCredential},
		"line break":           {func(r *receipt.Receipt) { r.Assertion.ClientData += "\n" }, receipt.CodeCredential},
		"data, not base64":     {func(r *receipt.Receipt) { r.Assertion.AuthenticatorData += "+" }, receipt.CodeCredential},
		"no credential id":     {func(r *receipt.Receipt) { r.Credential.CredentialID = "" }, receipt.CodeCredential},
		"algorithm unknown":    {func(r *receipt.Receipt) { r.Credential.Algorithm = "none" }, receipt.CodeSignature},
		"algorithm of another": {func(r *receipt.Receipt) { r.Credential.Algorithm = "RS256" }, receipt.CodeSignature},
		"kind unknown":         {func(r *receipt.Receipt) { r.Credential.Kind = "fido2" }, receipt.CodeCredential},
		"a recovery key":       {func(r *receipt.Receipt) { r.Credential.Kind = api.KindRecoveryKey }, receipt.CodeCredential},
		"a passkey as a key":   {func(r *receipt.Receipt) { r.Credential.Kind = api.KindKey }, receipt.CodeCredential},
		"a key of a site":      {func(r *receipt.Receipt) { r.SecondFactor.Credential.RPID = rpID }, receipt.CodeCredential},
		"a key on a page":      {func(r *receipt.Receipt) { r.SecondFactor.Assertion.Origin = origin }, receipt.CodeCredential},
		"PEM on one line": {func(r *receipt.Receipt) {
			lines := strings.Split(strings.TrimSpace(r.Credential.PublicKey), "\n")
			r.Credential.PublicKey = lines[0] + "\n" + strings.Join(lines[1:len(lines)-1], "") + "\n" + lines[len(lines)-1] + "\n"
		}, receipt.CodeCredential},
		"no PEM": {func(r *receipt.Receipt) { r.Credential.PublicKey = "" }, receipt.CodeCredential},
		"the first factor twice": {func(r *receipt.Receipt) {
			r.SecondFactor = &receipt.Factor{Credential: r.Credential, Assertion: r.Assertion}
		}, receipt.CodeCredential},
		"the same under two names": {func(r *receipt.Receipt) {
			c := r.Credential
			c.UUID = "cr-2"
			r.SecondFactor = &receipt.Factor{Credential: c, Assertion: r.Assertion}
		}, receipt.CodeCredential},
		"two under one name":     {func(r *receipt.Receipt) { r.SecondFactor.Credential.UUID = r.Credential.UUID }, receipt.CodeCredential},
		"an empty second factor": {func(r *receipt.Receipt) { r.SecondFactor = &receipt.Factor{} }, receipt.CodeCredential},
		"factors exchanged": {func(r *receipt.Receipt) {
			r.Assertion, r.SecondFactor.Assertion = r.SecondFactor.Assertion, r.Assertion
		}, receipt.CodeSignature},
		"second of another action": {func(r *receipt.Receipt) {
			r.SecondFactor.Credential, r.SecondFactor.Assertion = key(strings.Replace(r.Statement, "POST", "PUT", 1), publickey.P256, api.KindKey)
		}, receipt.CodeSignature},
		"no statement":           {func(r *receipt.Receipt) { r.Statement = "" }, receipt.CodeStatement},
		"statement with a space": {func(r *receipt.Receipt) { r.Statement = strings.Replace(r.Statement, ":", ": ", 1) }, receipt.CodeStatement},
		"statement of version 3": {func(r *receipt.Receipt) {
			r.Statement = strings.Replace(r.Statement, `"countersign":2`, `"countersign":3`, 1)
		}, receipt.CodeStatement},
		"statement at no time": {func(r *receipt.Receipt) {
			s, _ := useraction.ReadStatement(r.Statement)
			s.IssuedAt = "yesterday"
			r.Statement = s.Text()
		}, receipt.CodeStatement},
		"issued at no time":       {func(r *receipt.Receipt) { r.IssuedAt = "" }, receipt.CodeMalformed},
		"signed at no time":       {func(r *receipt.Receipt) { r.Action.SignedAt = "2026-11-23 09:30:04" }, receipt.CodeMalformed},
		"signed at another zone":  {func(r *receipt.Receipt) { r.Action.SignedAt = "2026-11-23T09:30:04.500+01:00" }, receipt.CodeMalformed},
		"used for, but at no day": {func(r *receipt.Receipt) { r.Action.UsedAt = "" }, receipt.CodeMalformed},
	} {
		r := good
		second := *good.SecondFactor
		r.SecondFactor = &second
		c.change(&r)
		_, _, err := receipt.Verify(seal(t, r), public(sealing))
		wantCode(t, name, err, c.code)
	}
	if _, _, err := receipt.Verify(seal(t, good), public(sealing)); err != nil {
		t.Error(err)
	}
}

func swap(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return []byte(strings.Replace(string(b), old, new, 1)) }
}

// What the server accepted verifies: frames that are named or not, a challenge that was
// encoded twice, an authenticator that did not verify the person, flags of a synced passkey,
// unknown members.
func TestHabitsOfClientsVerify(t *testing.T) {
	for name, c := range map[string]struct {
		options authenticator.Options
		says    string
	}{
		"in a frame":         {authenticator.Options{CrossOrigin: true}, "inside a frame of another page;"},
		"in a named frame":   {authenticator.Options{CrossOrigin: true, TopOrigin: "https://bank.example.com"}, "inside a frame of https://bank.example.com;"},
		"encoded twice":      {authenticator.Options{DoubleEncodeChallenge: true}, "used on https://app.example.org;"},
		"without UV":         {authenticator.Options{WithoutUserVerification: true}, "the authenticator did not verify who"},
		"with UV":            {authenticator.Options{}, "the authenticator verified them by fingerprint, face, PIN or the like"},
		"synced and counted": {authenticator.Options{BackupEligible: true, BackupState: true, SignCount: 7}, "somebody was present"},
		"unknown member":     {authenticator.Options{Tamper: authenticator.Tamper{ClientData: swap(`{`, `{"other_keys_can_be_added_here":"x",`)}}, "somebody was present"},
		"byte order mark":    {authenticator.Options{Tamper: authenticator.Tamper{ClientData: swap(`{`, "\ufeff{")}}, "used on https://app.example.org;"},
	} {
		r := unsigned()
		r.Credential, r.Assertion = passkey(t, r.Statement, publickey.ES256, c.options)
		_, report, err := receipt.Verify(seal(t, r), nil)
		if err != nil || !strings.Contains(strings.Join(report.Lines, "\n"), c.says) {
			t.Errorf("%s: %v: %q does not say %q", name, err, report.Lines, c.says)
		}
	}
}

func TestReadKeySet(t *testing.T) {
	x := encode(public(sealing)[0])
	one := `{"kty":"OKP","crv":"Ed25519","x":"` + x + `","kid":"sk-1","use":"sig","alg":"EdDSA"}`
	keys, err := receipt.ReadKeySet([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},` + one + `]}`))
	if err != nil || len(keys) != 1 || !keys[0].Equal(public(sealing)[0]) {
		t.Errorf("read as %v, %v", keys, err)
	}
	if _, _, err := receipt.Verify(seal(t, withSecondFactor(t)), keys); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{
		"nothing":              ``,
		"a list":               `[]`,
		"no keys":              `{"keys":[]}`,
		"only others":          `{"keys":[{"kty":"OKP","crv":"X25519","x":"` + x + `"}]}`,
		"one key, not a set":   one,
		"a private key":        `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + x + `","d":"` + x + `"}]}`,
		"a short key":          `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + x[:40] + `"}]}`,
		"a key of small order": `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + encode(append([]byte{1}, make([]byte, 31)...)) + `"}]}`,
		"a member twice":       `{"keys":[],"keys":[` + one + `]}`,
		"something after":      `{"keys":[` + one + `]} x`,
	} {
		_, err := receipt.ReadKeySet([]byte(text))
		wantCode(t, name, err, receipt.CodeKeySet)
	}
}
