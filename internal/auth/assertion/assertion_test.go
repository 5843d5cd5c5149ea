package assertion_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/publickey"
)

func rewritten(change func([]byte) []byte) authenticator.Options {
	return authenticator.Options{Tamper: authenticator.Tamper{AuthenticatorData: change}}
}

func respelt(old, new string) authenticator.Options {
	return authenticator.Options{Tamper: authenticator.Tamper{ClientData: func(b []byte) []byte {
		return bytes.Replace(b, []byte(old), []byte(new), 1)
	}}}
}

// badAssertions are assertions by the right credential, each with a mistake before it signed.
func badAssertions(h *world.Organisation) map[string]struct {
	options authenticator.Options
	code    string
} {
	type bad = struct {
		options authenticator.Options
		code    string
	}
	port := h.URL[strings.LastIndex(h.URL, ":"):]
	return map[string]bad{
		"no user presence":                  {world.Flipped(1), "user_not_present"},
		"no user verification":              {world.Flipped(4), "user_not_verified"},
		"neither":                           {world.Flipped(5), "user_not_present"},
		"no flag at all":                    {rewritten(func(b []byte) []byte { b[32] = 0; return b }), "user_not_present"},
		"backed up, not eligible":           {world.Flipped(0x10), "backup_flags_inconsistent"},
		"the flag of attested data":         {world.Flipped(0x40), "authenticator_data_malformed"},
		"the flag of extensions":            {world.Flipped(0x80), "authenticator_data_malformed"},
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

// goodAssertions look odd and are valid.
func goodAssertions() map[string]authenticator.Options {
	return map[string]authenticator.Options{
		"plain":                    {},
		"challenge encoded twice":  {DoubleEncodeChallenge: true},
		"reserved flag 1":          world.Flipped(2),
		"reserved flag 5":          world.Flipped(0x20),
		"extensions nobody wanted": {Extensions: map[string]any{"x": 1}},
		"no crossOrigin":           respelt(`,"crossOrigin":false`, ""),
		"unknown members":          respelt(`{`, `{"other_keys_can_be_added_here":"do not compare clientDataJSON against a template",`),
		"a byte order mark":        respelt(`{`, "\ufeff{"),
	}
}

// Every step of WebAuthn L3 §7.2 refuses with its own code, in every ceremony, and nothing of a
// refused assertion is stored.
func TestBadAssertions(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		for _, f := range world.Flows {
			before := h.Kept(t)
			for name, bad := range badAssertions(h) {
				c := f.Begin(t, h, ada, session)
				h.RefusedAs(t, f.Name+", "+name, f.Complete(t, h, session, world.Signed(t, ada, c, bad.options)), 400, bad.code)
			}
			h.Unmoved(t, f.Name, before)
			for name, options := range goodAssertions() {
				a := f.Complete(t, h, session, world.Signed(t, ada, f.Begin(t, h, ada, session), options))
				if a.Status != http.StatusOK {
					t.Errorf("%s, %s: %d %s", f.Name, name, a.Status, a.Body)
				}
			}
		}
	})
}

// Changed after signing, signed by another key, or naming another user.
func TestBadSignatures(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada, bob := h.Employee(t), h.Employee(t)
		session := h.LogIn(t, ada)
		encoded := func(s string) string { return world.Base64([]byte(s)) }
		for _, f := range world.Flows {
			before := h.Kept(t)
			for name, bad := range map[string]struct {
				spoil  func(c *api.CredentialAssertion)
				status int
				codes  []string
			}{
				"no signature":           {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = "" }, 400, world.Codes("member_missing")},
				"a signature of nothing": {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = "AA" }, 401, world.Codes("signature_invalid")},
				"a signature of zeroes":  {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = "MAYCAQACAQA" }, 401, world.Codes("signature_invalid")},
				"a raw signature":        {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = world.Base64(make([]byte, 64)) }, 401, world.Codes("signature_invalid")},
				"a huge signature":       {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = world.Base64(make([]byte, 9000)) }, 401, world.Codes("signature_invalid")},
				"a signature and a byte": {func(c *api.CredentialAssertion) {
					c.CredentialAssertion.Signature = longer(t, c.CredentialAssertion.Signature, 0)
				}, 401, world.Codes("signature_invalid")},
				"no base64url":   {func(c *api.CredentialAssertion) { c.CredentialAssertion.Signature = "*" }, 400, nil},
				"no client data": {func(c *api.CredentialAssertion) { c.CredentialAssertion.ClientData = "" }, 400, world.Codes("member_missing")},
				"client data and a space": {func(c *api.CredentialAssertion) {
					c.CredentialAssertion.ClientData = longer(t, c.CredentialAssertion.ClientData, ' ')
				}, 401, world.Codes("signature_invalid")},
				"no authenticator data": {func(c *api.CredentialAssertion) { c.CredentialAssertion.AuthenticatorData = "" }, 400, world.Codes("member_missing")},
				"a count more": {func(c *api.CredentialAssertion) {
					b := world.FromBase64(t, c.CredentialAssertion.AuthenticatorData)
					b[36]++
					c.CredentialAssertion.AuthenticatorData = world.Base64(b)
				}, 401, world.Codes("signature_invalid")},
				"an eligible flag": {func(c *api.CredentialAssertion) {
					b := world.FromBase64(t, c.CredentialAssertion.AuthenticatorData)
					b[32] ^= 8
					c.CredentialAssertion.AuthenticatorData = world.Base64(b)
				}, 401, world.Codes("signature_invalid")},
				"no credential":         {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = "" }, 400, world.Codes("member_missing")},
				"an unknown credential": {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = world.Base64(make([]byte, 32)) }, 401, world.Codes("signature_invalid")},
				"an unknown id":         {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = world.NobodysID("cr") }, 401, world.Codes("signature_invalid")},
				"too long a credential": {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = world.Base64(make([]byte, 1024)) }, 400, world.Codes("credential_id_too_long")},
				"another's credential":  {func(c *api.CredentialAssertion) { c.CredentialAssertion.CredID = bob.CredentialID() }, 401, world.Codes("signature_invalid", "user_handle_mismatch")},
				"another's handle":      {func(c *api.CredentialAssertion) { c.CredentialAssertion.UserHandle = encoded(bob.UserID) }, 401, world.Codes("user_handle_mismatch")},
				"nobody's handle":       {func(c *api.CredentialAssertion) { c.CredentialAssertion.UserHandle = encoded(world.NobodysID("us")) }, 401, world.Codes("user_handle_mismatch")},
				"another's handle encoded twice": {func(c *api.CredentialAssertion) {
					c.CredentialAssertion.UserHandle = encoded(encoded(bob.UserID))
				}, 401, world.Codes("user_handle_mismatch")},
				"a long handle": {func(c *api.CredentialAssertion) { c.CredentialAssertion.UserHandle = world.Base64(make([]byte, 257)) }, 400, world.Codes("user_handle_too_long")},
				"another's credential and handle": {func(c *api.CredentialAssertion) {
					c.CredentialAssertion.CredID, c.CredentialAssertion.UserHandle = bob.CredentialID(), encoded(bob.UserID)
				}, 401, world.Codes("signature_invalid", "user_handle_mismatch")},
				"as a key":                    {func(c *api.CredentialAssertion) { c.Kind = api.KindKey }, 400, world.Codes("client_data_type", "username_required")},
				"as a password-protected key": {func(c *api.CredentialAssertion) { c.Kind = api.KindPasswordProtectedKey }, 400, world.Codes("client_data_type", "username_required")},
				"as a recovery key":           {func(c *api.CredentialAssertion) { c.Kind = api.KindRecoveryKey }, 400, world.Codes("credential_kind_not_supported")},
				"as nothing":                  {func(c *api.CredentialAssertion) { c.Kind = "" }, 400, world.Codes("member_missing")},
				"as a one-time password":      {func(c *api.CredentialAssertion) { c.Kind = "Totp" }, 400, world.Codes("credential_kind_not_supported")},
			} {
				in := world.Signed(t, ada, f.Begin(t, h, ada, session))
				bad.spoil(in.FirstFactor)
				if bad.codes == nil {
					h.Refused(t, f.Complete(t, h, session, in), nil)
					continue
				}
				h.RefusedAs(t, f.Name+", "+name, f.Complete(t, h, session, in), bad.status, bad.codes...)
			}
			if !f.Named { // who was not named must be named by the handle
				for name, handle := range map[string]string{"a handle that names nobody": encoded("ada"), "a handle of bytes": world.Base64([]byte{0xff, 0}), "a handle of another kind": encoded(ada.OrgID)} {
					in := world.Signed(t, ada, f.Begin(t, h, ada, session))
					in.FirstFactor.CredentialAssertion.UserHandle = handle
					h.RefusedAs(t, f.Name+", "+name, f.Complete(t, h, session, in), 401, "user_handle_mismatch")
				}
			}
			h.Unmoved(t, f.Name, before)
			in := world.Signed(t, ada, f.Begin(t, h, ada, session))
			in.FirstFactor.CredentialAssertion.UserHandle = encoded(encoded(ada.UserID)) // as Swift's SDK has it
			if a := f.Complete(t, h, session, in); a.Status != http.StatusOK {
				t.Errorf("%s with the handle encoded twice: %d %s", f.Name, a.Status, a.Body)
			}
		}
	})
}

func longer(t *testing.T, s string, b byte) string {
	return world.Base64(append(world.FromBase64(t, s), b))
}

// Keys answer with their own client data, algorithm and encoding, not with those of a passkey.
func TestBadKeyAssertions(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t) // the administrator
		for _, kind := range []string{publickey.P256, publickey.Ed25519} {
			grace := h.RegisterKey(t, h.Invite(t, h.Org.ID, h.NewName()), kind)
			other := h.RegisterKey(t, h.Invite(t, h.Org.ID, h.NewName()), kind)
			session := h.LogIn(t, grace)
			before := h.Kept(t)
			for _, f := range world.Flows {
				if !f.Named {
					h.RefusedAs(t, f.Name, f.Complete(t, h, session, world.Signed(t, grace, f.Begin(t, h, grace, session))), 400, "username_required")
					continue
				}
				for name, spoil := range map[string]func([]byte) []byte{
					"type create": func(b []byte) []byte { return bytes.Replace(b, []byte("key.get"), []byte("key.create"), 1) },
					"a passkey's": func(b []byte) []byte { return bytes.Replace(b, []byte("key.get"), []byte("webauthn.get"), 1) },
				} {
					grace.Key.ClientData = spoil
					h.RefusedAs(t, f.Name+", "+name, f.Complete(t, h, session, world.Signed(t, grace, f.Begin(t, h, grace, session))), 400, "client_data_type")
				}
				grace.Key.ClientData = nil
				grace.Key.SentClientData = func(b []byte) []byte { return append([]byte(" "), b...) }
				h.RefusedAs(t, f.Name+", a space before", f.Complete(t, h, session, world.Signed(t, grace, f.Begin(t, h, grace, session))), 401, "signature_invalid")
				grace.Key.SentClientData = nil
				in := world.Signed(t, other, f.Begin(t, h, grace, session))
				in.FirstFactor.CredentialAssertion.CredID = grace.CredentialID()
				h.RefusedAs(t, f.Name+", another key", f.Complete(t, h, session, in), 401, "signature_invalid")
				in = world.Signed(t, grace, f.Begin(t, h, grace, session))
				in.FirstFactor.Kind = api.KindPasswordProtectedKey
				h.RefusedAs(t, f.Name+", of another kind", f.Complete(t, h, session, in), 401, "signature_invalid")
				in = world.Signed(t, grace, f.Begin(t, h, grace, session))
				in.SecondFactor = in.FirstFactor
				h.RefusedAs(t, f.Name+", twice the same", f.Complete(t, h, session, in), 400, "credentials_not_distinct")
			}
			h.Unmoved(t, kind, before)
			h.LogIn(t, grace)
		}
	})
}
