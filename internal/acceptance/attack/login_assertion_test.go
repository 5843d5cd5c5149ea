package attack_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// flipped xors the flags of authenticator data before they are signed.
func flipped(x byte) authenticator.Options {
	return authenticator.Options{Tamper: authenticator.Tamper{AuthenticatorData: func(b []byte) []byte { b[32] ^= x; return b }}}
}

func rewritten(change func([]byte) []byte) authenticator.Options {
	return authenticator.Options{Tamper: authenticator.Tamper{AuthenticatorData: change}}
}

func respelt(old, new string) authenticator.Options {
	return authenticator.Options{Tamper: authenticator.Tamper{ClientData: func(b []byte) []byte {
		return bytes.Replace(b, []byte(old), []byte(new), 1)
	}}}
}

// badAssertions are assertions by the right credential, spoilt before it signed.
func badAssertions(h *house) map[string]struct {
	options authenticator.Options
	code    string
} {
	type bad = struct {
		options authenticator.Options
		code    string
	}
	port := h.URL[strings.LastIndex(h.URL, ":"):]
	return map[string]bad{
		"no user presence":                  {flipped(1), "user_not_present"},
		"no user verification":              {flipped(4), "user_not_verified"},
		"neither":                           {flipped(5), "user_not_present"},
		"no flag at all":                    {rewritten(func(b []byte) []byte { b[32] = 0; return b }), "user_not_present"},
		"backed up, not eligible":           {flipped(0x10), "backup_flags_inconsistent"},
		"the flag of attested data":         {flipped(0x40), "authenticator_data_malformed"},
		"the flag of extensions":            {flipped(0x80), "authenticator_data_malformed"},
		"every flag":                        {rewritten(func(b []byte) []byte { b[32] = 0xff; return b }), "authenticator_data_malformed"},
		"extensions without flag":           {rewritten(func(b []byte) []byte { return append(b, 0xa0) }), "authenticator_data_malformed"},
		"extensions that are no map":        {rewritten(func(b []byte) []byte { b[32] |= 0x80; return append(b, 0x80) }), "authenticator_data_malformed"},
		"extensions and a byte":             {rewritten(func(b []byte) []byte { b[32] |= 0x80; return append(b, 0xa0, 0) }), "authenticator_data_malformed"},
		"36 bytes":                          {rewritten(func(b []byte) []byte { return b[:36] }), "authenticator_data_malformed"},
		"one byte":                          {rewritten(func(b []byte) []byte { return b[:1] }), "authenticator_data_malformed"},
		"a byte more":                       {rewritten(func(b []byte) []byte { return append(b, 0) }), "authenticator_data_malformed"},
		"a registration's":                  {rewritten(func(b []byte) []byte { b[32] |= 0x40; return append(b, make([]byte, 100)...) }), "authenticator_data_malformed"},
		"another relying party":             {authenticator.Options{RPID: "evil.example"}, "rp_id_mismatch"},
		"a relying party below":             {authenticator.Options{RPID: "app.localhost"}, "rp_id_mismatch"},
		"a letter of the hash changed":      {rewritten(func(b []byte) []byte { b[31] ^= 1; return b }), "rp_id_mismatch"},
		"type create":                       {respelt("webauthn.get", "webauthn.create"), "client_data_type"},
		"type of keys":                      {respelt("webauthn.get", "key.get"), "client_data_type"},
		"type in capitals":                  {respelt("webauthn.get", "Webauthn.get"), "client_data_type"},
		"no type":                           {respelt(`"type":"webauthn.get",`, ""), "client_data_malformed"},
		"challenge empty":                   {respelt(`"challenge":"`, `"challenge":"","x":"`), "challenge_mismatch"},
		"challenge longer":                  {respelt(`"challenge":"`, `"challenge":"A`), "challenge_mismatch"},
		"challenge padded":                  {respelt(`","origin"`, `=","origin"`), "challenge_mismatch"},
		"challenge with a line break":       {respelt(`","origin"`, `\n","origin"`), "challenge_mismatch"},
		"challenge twice":                   {respelt(`"challenge":"`, `"challenge":"x","challenge":"`), "client_data_malformed"},
		"challenge misspelt beside":         {respelt(`"challenge":"`, `"Challenge":"x","challenge":"`), "client_data_malformed"},
		"origin of another host":            {authenticator.Options{Origin: "http://evil.example" + port}, "origin_not_allowed"},
		"origin below":                      {authenticator.Options{Origin: "http://app.localhost" + port}, "origin_not_allowed"},
		"origin of another port":            {authenticator.Options{Origin: "http://localhost:1"}, "origin_not_allowed"},
		"origin without port":               {authenticator.Options{Origin: "http://localhost"}, "origin_not_allowed"},
		"origin of another scheme":          {authenticator.Options{Origin: "https://localhost" + port}, "origin_not_allowed"},
		"origin with a slash":               {authenticator.Options{Origin: h.URL + "/"}, "origin_not_allowed"},
		"origin in capitals":                {authenticator.Options{Origin: "http://LOCALHOST" + port}, "origin_not_allowed"},
		"origin null":                       {authenticator.Options{Origin: "null"}, "origin_not_allowed"},
		"origin with the real one after it": {authenticator.Options{Origin: "http://evil.example#" + h.URL}, "origin_not_allowed"},
		"in a frame":                        {authenticator.Options{CrossOrigin: true}, "cross_origin_not_allowed"},
		"in a frame of a page":              {authenticator.Options{CrossOrigin: true, TopOrigin: "https://evil.example"}, "cross_origin_not_allowed"},
		"below a page":                      {authenticator.Options{TopOrigin: "https://evil.example"}, "top_origin_not_allowed"},
		"below its own page":                {authenticator.Options{TopOrigin: h.URL}, "top_origin_not_allowed"},
		"no JSON":                           {respelt("{", ""), "client_data_malformed"},
		"bytes after":                       {respelt("}", "}x"), "client_data_malformed"},
		"not UTF-8":                         {respelt(`{`, "{\"x\":\"\xff\","), "client_data_malformed"},
		"crossOrigin a text":                {respelt(`"crossOrigin":false`, `"crossOrigin":"false"`), "client_data_malformed"},
	}
}

// goodAssertions look odd and are right all the same.
func goodAssertions() map[string]authenticator.Options {
	return map[string]authenticator.Options{
		"plain":                    {},
		"challenge encoded twice":  {DoubleEncodeChallenge: true},
		"reserved flag 1":          flipped(2),
		"reserved flag 5":          flipped(0x20),
		"extensions nobody wanted": {Extensions: map[string]any{"x": 1}},
		"no crossOrigin":           respelt(`,"crossOrigin":false`, ""),
		"unknown members":          respelt(`{`, `{"other_keys_can_be_added_here":"do not compare clientDataJSON against a template",`),
		"a byte order mark":        respelt(`{`, "\ufeff{"),
	}
}

// Every step of WebAuthn L3 §7.2 refuses by its name, in every ceremony, and nothing is
// kept of what it refused.
func TestBadAssertions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.member(t)
		session := h.logIn(t, ada)
		for _, f := range flows {
			before := h.kept(t)
			for name, bad := range badAssertions(h) {
				c := f.begin(t, h, ada, session)
				h.refusedAs(t, f.name+", "+name, f.complete(t, h, session, signed(t, ada, c, bad.options)), 400, bad.code)
			}
			h.unmoved(t, f.name, before)
			for name, options := range goodAssertions() {
				a := f.complete(t, h, session, signed(t, ada, f.begin(t, h, ada, session), options))
				if a.status != http.StatusOK {
					t.Errorf("%s, %s: %d %s", f.name, name, a.status, a.body)
				}
			}
		}
	})
}

// What was changed after signing, or signed by another key, or names somebody else.
func TestBadSignatures(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada, bob := h.member(t), h.member(t)
		session := h.logIn(t, ada)
		encoded := func(s string) string { return b64([]byte(s)) }
		for _, f := range flows {
			before := h.kept(t)
			for name, bad := range map[string]struct {
				spoil  func(c *api.CredentialAssertion)
				status int
				codes  []string
			}{
				"no signature":           {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = "" }, 400, codes("member_missing")},
				"a signature of nothing": {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = "AA" }, 401, codes("signature_invalid")},
				"a signature of zeroes":  {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = "MAYCAQACAQA" }, 401, codes("signature_invalid")},
				"a raw signature":        {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = b64(make([]byte, 64)) }, 401, codes("signature_invalid")},
				"a huge signature":       {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = b64(make([]byte, 9000)) }, 401, codes("signature_invalid")},
				"a signature and a byte": {func(c *api.CredentialAssertion) {
					c.CredentialAssertion.Signature = longer(t, c.CredentialAssertion.Signature, 0)
				}, 401, codes("signature_invalid")},
				"no base64url":   {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = "*" }, 400, nil},
				"no client data": {func(c *api.CredentialAssertion) { c.CredentialAssertion.ClientData = "" }, 400, codes("member_missing")},
				"client data and a space": {func(c *api.CredentialAssertion) {
					c.CredentialAssertion.ClientData = longer(t, c.CredentialAssertion.ClientData, ' ')
				}, 401, codes("signature_invalid")},
				"no authenticator data": {func(c *api.CredentialAssertion) { c.CredentialAssertion.AuthenticatorData = "" }, 400, codes("member_missing")},
				"a count more": {func(c *api.CredentialAssertion) {
					b := decode64(t, c.CredentialAssertion.AuthenticatorData)
					b[36]++
					c.CredentialAssertion.AuthenticatorData = b64(b)
				}, 401, codes("signature_invalid")},
				"an eligible flag": {func(c *api.CredentialAssertion) {
					b := decode64(t, c.CredentialAssertion.AuthenticatorData)
					b[32] ^= 8
					c.CredentialAssertion.AuthenticatorData = b64(b)
				}, 401, codes("signature_invalid")},
				"no credential":         {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = "" }, 400, codes("member_missing")},
				"an unknown credential": {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = b64(make([]byte, 32)) }, 401, codes("signature_invalid")},
				"an unknown id":         {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = nobodys("cr") }, 401, codes("signature_invalid")},
				"too long a credential": {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = b64(make([]byte, 1024)) }, 400, codes("credential_id_too_long")},
				"another's credential":  {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = bob.CredentialID() }, 401, codes("signature_invalid", "user_handle_mismatch")},
				"another's handle":      {func(c *api.CredentialAssertion) { c.CredentialAssertion.UserHandle = encoded(bob.UserID) }, 401, codes("user_handle_mismatch")},
				"nobody's handle":       {func(c *api.CredentialAssertion) { c.CredentialAssertion.UserHandle = encoded(nobodys("us")) }, 401, codes("user_handle_mismatch")},
				"another's handle encoded twice": {func(c *api.CredentialAssertion) {
					c.CredentialAssertion.UserHandle = encoded(encoded(bob.UserID))
				}, 401, codes("user_handle_mismatch")},
				"a long handle": {func(c *api.CredentialAssertion) { c.CredentialAssertion.UserHandle = b64(make([]byte, 257)) }, 400, codes("user_handle_too_long")},
				"another's credential and handle": {func(c *api.CredentialAssertion) {
					c.CredentialAssertion.CredID, c.CredentialAssertion.UserHandle = bob.CredentialID(), encoded(bob.UserID)
				}, 401, codes("signature_invalid", "user_handle_mismatch")},
				"as a key":                    {func(c *api.CredentialAssertion) { c.Kind = api.KindKey }, 400, codes("client_data_type", "username_required")},
				"as a password-protected key": {func(c *api.CredentialAssertion) { c.Kind = api.KindPasswordProtectedKey }, 400, codes("client_data_type", "username_required")},
				"as a recovery key":           {func(c *api.CredentialAssertion) { c.Kind = api.KindRecoveryKey }, 400, codes("credential_kind_not_supported")},
				"as nothing":                  {func(c *api.CredentialAssertion) { c.Kind = "" }, 400, codes("member_missing")},
				"as a one-time password":      {func(c *api.CredentialAssertion) { c.Kind = "Totp" }, 400, codes("credential_kind_not_supported")},
			} {
				in := signed(t, ada, f.begin(t, h, ada, session))
				bad.spoil(in.FirstFactor)
				if bad.codes == nil {
					h.refused(t, f.complete(t, h, session, in), nil)
					continue
				}
				h.refusedAs(t, f.name+", "+name, f.complete(t, h, session, in), bad.status, bad.codes...)
			}
			if !f.named { // who was not named must be named by the handle
				for name, handle := range map[string]string{"a handle that names nobody": encoded("ada"), "a handle of bytes": b64([]byte{0xff, 0}), "a handle of another kind": encoded(ada.OrgID)} {
					in := signed(t, ada, f.begin(t, h, ada, session))
					in.FirstFactor.CredentialAssertion.UserHandle = handle
					h.refusedAs(t, f.name+", "+name, f.complete(t, h, session, in), 401, "user_handle_mismatch")
				}
			}
			h.unmoved(t, f.name, before)
			in := signed(t, ada, f.begin(t, h, ada, session))
			in.FirstFactor.CredentialAssertion.UserHandle = encoded(encoded(ada.UserID)) // as Swift's SDK has it
			if a := f.complete(t, h, session, in); a.status != http.StatusOK {
				t.Errorf("%s with the handle encoded twice: %d %s", f.name, a.status, a.body)
			}
		}
	})
}

func decode64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	must(t, err)
	return b
}

func longer(t *testing.T, s string, b byte) string { return b64(append(decode64(t, s), b)) }

// Keys answer with their own client data, algorithm and encoding, and no passkey's.
func TestBadKeyAssertions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.member(t) // the administrator
		for _, kind := range []string{publickey.P256, publickey.Ed25519} {
			machine := h.RegisterKey(t, h.Invite(t, h.org.ID, h.newName()), kind)
			other := h.RegisterKey(t, h.Invite(t, h.org.ID, h.newName()), kind)
			session := h.logIn(t, machine)
			before := h.kept(t)
			for _, f := range flows {
				if !f.named {
					h.refusedAs(t, f.name, f.complete(t, h, session, signed(t, machine, f.begin(t, h, machine, session))), 400, "username_required")
					continue
				}
				for name, spoil := range map[string]func([]byte) []byte{
					"type create": func(b []byte) []byte { return bytes.Replace(b, []byte("key.get"), []byte("key.create"), 1) },
					"a passkey's": func(b []byte) []byte { return bytes.Replace(b, []byte("key.get"), []byte("webauthn.get"), 1) },
				} {
					machine.Key.ClientData = spoil
					h.refusedAs(t, f.name+", "+name, f.complete(t, h, session, signed(t, machine, f.begin(t, h, machine, session))), 400, "client_data_type")
				}
				machine.Key.ClientData = nil
				machine.Key.SentClientData = func(b []byte) []byte { return append([]byte(" "), b...) }
				h.refusedAs(t, f.name+", a space before", f.complete(t, h, session, signed(t, machine, f.begin(t, h, machine, session))), 401, "signature_invalid")
				machine.Key.SentClientData = nil
				in := signed(t, other, f.begin(t, h, machine, session))
				in.FirstFactor.CredentialAssertion.CredID = machine.CredentialID()
				h.refusedAs(t, f.name+", another key", f.complete(t, h, session, in), 401, "signature_invalid")
				in = signed(t, machine, f.begin(t, h, machine, session))
				in.FirstFactor.Kind = api.KindPasswordProtectedKey
				h.refusedAs(t, f.name+", of another kind", f.complete(t, h, session, in), 401, "signature_invalid")
				in = signed(t, machine, f.begin(t, h, machine, session))
				in.SecondFactor = in.FirstFactor
				h.refusedAs(t, f.name+", twice the same", f.complete(t, h, session, in), 400, "credentials_not_distinct")
			}
			h.unmoved(t, kind, before)
			h.logIn(t, machine)
		}
	})
}
