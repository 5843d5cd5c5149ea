package attack_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// spoilt is one way to make a passkey that must be refused.
type spoilt struct {
	options authenticator.Options
	codes   []string
}

// refuseAll makes every one of the passkeys, each for a challenge of its own, and sends
// it. All are refused, and afterwards the same code still registers.
func refuseAll(t *testing.T, h *world.Organisation, all map[string]spoilt) {
	t.Helper()
	g := h.Invitee(t)
	for name, s := range all {
		c := g.Begin(t)
		o := s.options
		if o.Origin == "" {
			o.Origin = h.URL
		}
		made, _, err := world.Authenticator.Create(c, o)
		if err != nil {
			t.Fatalf("%s cannot be made: %v", name, err)
		}
		a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(made))
		ok := !t.Failed()
		h.Refused(t, a, s.codes, c.Challenge, c.TemporaryAuthenticationToken, g.RegistrationCode, g.UserID)
		if ok && t.Failed() {
			t.Errorf("… that was %q", name)
		}
	}
	h.KeepsSecret(t, nil, g.RegistrationCode)
	g.Registers(t)
}

// clientData spoils the client data before it is signed.
func clientData(change func(string) string, codes ...string) spoilt {
	return spoilt{authenticator.Options{Tamper: authenticator.Tamper{
		ClientData: func(b []byte) []byte { return []byte(change(string(b))) }}}, codes}
}

func replace(old, new string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, old) {
			panic(old + " is not in " + s)
		}
		return strings.Replace(s, old, new, 1)
	}
}

// member replaces the value of a member of the client data, as JSON; "" takes it away.
func member(name, value string) func(string) string {
	return func(s string) string {
		var m map[string]json.RawMessage
		if err := json.Unmarshal([]byte(s), &m); err != nil {
			panic(err)
		}
		before := `"` + name + `":` + string(m[name])
		if value == "" {
			s = strings.Replace(s, ","+before, "", 1)
			return strings.Replace(s, before+",", "", 1)
		}
		return strings.Replace(s, before, `"`+name+`":`+value, 1)
	}
}

// also adds text after the last member.
func also(text string) func(string) string {
	return func(s string) string { return strings.TrimSuffix(s, "}") + "," + text + "}" }
}

func TestSpoiltClientData(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		const malformed, kind, challenge, origin = "client_data_malformed", "client_data_type", "challenge_mismatch", "origin_not_allowed"
		all := map[string]spoilt{
			"empty object":               clientData(func(string) string { return "{}" }, malformed),
			"array":                      clientData(func(s string) string { return "[" + s + "]" }, malformed),
			"null":                       clientData(func(string) string { return "null" }, malformed),
			"no JSON":                    clientData(func(string) string { return "type=webauthn.create" }, malformed),
			"CBOR":                       clientData(func(string) string { return "\xa1\x64type\x60" }, malformed),
			"cut":                        clientData(func(s string) string { return s[:len(s)-1] }, malformed),
			"trailing object":            clientData(func(s string) string { return s + "{}" }, malformed),
			"trailing letters":           clientData(func(s string) string { return s + "x" }, malformed),
			"trailing NUL":               clientData(func(s string) string { return s + "\x00" }, malformed),
			"two byte order marks":       clientData(func(s string) string { return "\ufeff\ufeff" + s }, malformed),
			"UTF-16 mark":                clientData(func(s string) string { return "\xff\xfe" + s }, malformed),
			"too long":                   clientData(also(`"x":"`+strings.Repeat("a", 17<<10)+`"`), malformed),
			"deep":                       clientData(also(`"x":`+strings.Repeat("[", 11000)+strings.Repeat("]", 11000)), malformed),
			"invalid UTF-8":              clientData(also("\"x\":\"\xff\""), malformed),
			"lone surrogate":             clientData(also(`"x":"\ud800"`), malformed),
			"twice inside":               clientData(also(`"x":{"a":1,"a":2}`), malformed),
			"no type":                    clientData(member("type", ""), malformed),
			"no challenge":               clientData(member("challenge", ""), malformed),
			"no origin":                  clientData(member("origin", ""), malformed),
			"type get":                   clientData(member("type", `"webauthn.get"`), kind),
			"type key.create":            clientData(member("type", `"key.create"`), kind),
			"type payment":               clientData(member("type", `"payment.get"`), kind),
			"type in capitals":           clientData(member("type", `"WebAuthn.Create"`), kind),
			"type with space":            clientData(member("type", `"webauthn.create "`), kind),
			"type with NUL":              clientData(member("type", `"webauthn.create\u0000"`), kind),
			"type empty":                 clientData(member("type", `""`), kind),
			"challenge empty":            clientData(member("challenge", `""`), challenge),
			"challenge of another":       clientData(member("challenge", `"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`), challenge),
			"challenge encoded thrice":   clientData(challengeAs(func(c string) string { return world.Base64([]byte(world.Base64([]byte(c)))) }), challenge),
			"challenge padded":           clientData(challengeAs(func(c string) string { return c + "=" }), challenge),
			"challenge decoded":          clientData(challengeAs(func(c string) string { b, _ := base64.RawURLEncoding.DecodeString(c); return world.Base64(b[:31]) }), challenge),
			"challenge in capitals":      clientData(challengeAs(strings.ToUpper), challenge),
			"challenge with space":       clientData(challengeAs(func(c string) string { return c + " " }), challenge),
			"challenge cut":              clientData(challengeAs(func(c string) string { return c[:len(c)-1] }), challenge),
			"challenge in std base64":    clientData(challengeAs(func(c string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(c) + "=" }), challenge),
			"origin null":                clientData(member("origin", `"null"`), origin),
			"origin empty":               clientData(member("origin", `""`), origin),
			"origin with slash":          clientData(member("origin", world.JSON(t, h.URL+"/")), origin),
			"origin with path":           clientData(member("origin", world.JSON(t, h.URL+"/register")), origin),
			"origin in capitals":         clientData(member("origin", world.JSON(t, strings.ToUpper(h.URL))), origin),
			"origin with https":          clientData(member("origin", world.JSON(t, strings.Replace(h.URL, "http:", "https:", 1))), origin),
			"origin without port":        clientData(member("origin", `"http://localhost"`), origin),
			"origin with another port":   clientData(member("origin", `"http://localhost:1"`), origin),
			"origin with address":        clientData(member("origin", world.JSON(t, strings.Replace(h.URL, "localhost", "127.0.0.1", 1))), origin),
			"origin with subdomain":      clientData(member("origin", world.JSON(t, strings.Replace(h.URL, "localhost", "a.localhost", 1))), origin),
			"origin with prefix":         clientData(member("origin", world.JSON(t, strings.Replace(h.URL, "localhost", "evillocalhost", 1))), origin),
			"origin with suffix":         clientData(member("origin", world.JSON(t, h.URL+".evil.example")), origin),
			"origin with user":           clientData(member("origin", world.JSON(t, strings.Replace(h.URL, "//", "//"+"localhost@", 1))), origin),
			"origin with dot":            clientData(member("origin", world.JSON(t, strings.Replace(h.URL, "localhost", "localhost.", 1))), origin),
			"origin with NUL":            clientData(member("origin", strings.TrimSuffix(world.JSON(t, h.URL), `"`)+`\u0000"`), origin),
			"origin with wide letters":   clientData(member("origin", world.JSON(t, strings.Replace(h.URL, "l", "\uff4c", 1))), origin),
			"origin of an app":           clientData(member("origin", `"android:apk-key-hash:AAAA"`), origin),
			"in a frame":                 {authenticator.Options{CrossOrigin: true}, world.Codes("cross_origin_not_allowed")},
			"in a frame of ours":         {authenticator.Options{CrossOrigin: true, TopOrigin: h.URL}, world.Codes("cross_origin_not_allowed")},
			"framed by another":          {authenticator.Options{CrossOrigin: true, TopOrigin: "https://evil.example"}, world.Codes("cross_origin_not_allowed")},
			"top origin without a frame": {authenticator.Options{TopOrigin: h.URL}, world.Codes("top_origin_not_allowed")},
			"crossOrigin as text":        clientData(member("crossOrigin", `"false"`), malformed),
			"crossOrigin as number":      clientData(member("crossOrigin", `0`), malformed),
			"crossOrigin as null":        clientData(member("crossOrigin", `null`), malformed),
			"topOrigin as null":          clientData(also(`"topOrigin":null`), malformed),
			"changed after signing": {authenticator.Options{Format: authenticator.PackedSelf, Tamper: authenticator.Tamper{
				SentClientData: func(b []byte) []byte { return append([]byte(" "), b...) }}}, world.Codes("attestation_invalid")},
		}
		for _, name := range []string{"type", "challenge", "origin"} {
			for _, value := range wrongTypes {
				all[name+" as "+value] = clientData(member(name, value), malformed)
			}
			all[name+" twice"] = clientData(also(`"`+name+`":"x"`), malformed)
			all[name+" twice by escape"] = clientData(also(`"`+escaped(name)+`":"x"`), malformed)
			all[name+" before, another"] = clientData(func(s string) string { return `{"` + name + `":"x",` + s[1:] }, malformed)
			all[name+" in capitals"] = clientData(replace(`"`+name+`"`, `"`+strings.ToUpper(name)+`"`), malformed)
			all[name+" in capitals beside"] = clientData(also(`"`+strings.ToUpper(name)+`":"x"`), malformed)
			all[name+" with the Kelvin sign or long s"] = clientData(replace(`"`+name+`"`, `"`+strings.NewReplacer("p", "\u1d56", "c", "\u217d", "o", "\u2092").Replace(name)+`"`), malformed)
		}
		refuseAll(t, h, all)
	})
}

func challengeAs(change func(string) string) func(string) string {
	return func(s string) string {
		var m struct{ Challenge string }
		if err := json.Unmarshal([]byte(s), &m); err != nil {
			panic(err)
		}
		changed := change(m.Challenge)
		if changed == m.Challenge {
			changed += "A"
		}
		return strings.Replace(s, m.Challenge, changed, 1)
	}
}

// authData spoils authenticator data before it is signed.
func authData(change func([]byte) []byte, codes ...string) spoilt {
	return spoilt{authenticator.Options{Tamper: authenticator.Tamper{
		AuthenticatorData: func(b []byte) []byte { return change(bytes.Clone(b)) }}}, codes}
}

func flags(set, clear byte) func([]byte) []byte {
	return func(b []byte) []byte { b[32] = b[32]&^clear | set; return b }
}

func TestSpoiltAuthenticatorData(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		const malformed = "authenticator_data_malformed"
		all := map[string]spoilt{
			"empty":                 authData(func([]byte) []byte { return nil }, malformed),
			"RP ID of another":      {authenticator.Options{RPID: "evil.example"}, world.Codes("rp_id_mismatch")},
			"RP ID empty":           authData(func(b []byte) []byte { copy(b, make([]byte, 32)); return b }, "rp_id_mismatch"),
			"RP ID with port":       {authenticator.Options{RPID: strings.TrimPrefix(h.URL, "http://")}, world.Codes("rp_id_mismatch")},
			"RP ID in capitals":     {authenticator.Options{RPID: "LOCALHOST"}, world.Codes("rp_id_mismatch")},
			"U2F app ID":            {authenticator.Options{RPID: h.URL}, world.Codes("rp_id_mismatch")},
			"nobody present":        {authenticator.Options{WithoutUserPresence: true}, world.Codes("user_not_present")},
			"nobody verified":       {authenticator.Options{WithoutUserVerification: true}, world.Codes("user_not_verified")},
			"nobody at all":         {authenticator.Options{WithoutUserPresence: true, WithoutUserVerification: true}, world.Codes("user_not_present")},
			"backed up, ineligibly": {authenticator.Options{BackupState: true}, world.Codes("backup_flags_inconsistent")},
			"no AT flag":            authData(flags(0, 0x40), malformed),
			"ED flag, nothing":      authData(flags(0x80, 0), malformed),
			"all flags":             authData(flags(0xff, 0), malformed),
			"no flags":              authData(flags(0, 0xff), malformed),
			"one byte more":         authData(func(b []byte) []byte { return append(b, 0) }, malformed),
			"a map more":            authData(func(b []byte) []byte { return append(b, 0xa0) }, malformed),
			"a key more":            authData(func(b []byte) []byte { return append(b, b[len(b)-77:]...) }, malformed),
			"extensions no map":     authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0x01) }, malformed),
			"extensions array":      authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0x81, 0x01) }, malformed),
			"extensions tagged":     authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0xc0, 0xa0) }, malformed),
			"extensions endless":    authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0xbf, 0xff) }, malformed),
			"extensions huge":       authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0xbb, 255, 255, 255, 255, 255, 255, 255, 255) }, malformed),
			"extensions cut":        authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0xa1, 0x61, 'a') }, malformed),
			"extensions twice":      authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0xa2, 0x61, 'a', 1, 0x61, 'a', 2) }, malformed),
			"extension twice":       authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0xa2, 0x61, 'a', 1, 0x61, 'a', 2) }, malformed),
			"extensions numbered":   authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0xa1, 1, 1) }, malformed),
			"extensions not UTF-8":  authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0xa1, 0x61, 0xff, 1) }, malformed),
			"extensions deep": authData(func(b []byte) []byte {
				return append(append(flags(0x80, 0)(b), 0xa1, 0x61, 'a'), bytes.Repeat([]byte{0x81}, 2000)...)
			}, malformed),
			"extensions and more":    authData(func(b []byte) []byte { return append(flags(0x80, 0)(b), 0xa0, 0xa0) }, malformed),
			"credential ID empty":    authData(func(b []byte) []byte { return append(append(b[:53:53], 0, 0), b[55+32:]...) }, malformed),
			"credential ID longer":   authData(func(b []byte) []byte { b[53], b[54] = 0, 33; return b }, malformed),
			"credential ID shorter":  authData(func(b []byte) []byte { b[53], b[54] = 0, 31; return b }, malformed),
			"credential ID beyond":   authData(func(b []byte) []byte { b[53], b[54] = 0xff, 0xff; return b }, malformed),
			"credential ID too long": {authenticator.Options{CredentialID: bytes.Repeat([]byte{7}, 1024)}, world.Codes("credential_id_too_long")},
			"another ID outside": {authenticator.Options{Tamper: authenticator.Tamper{Attestation: func(a *api.CredentialAttestation) {
				a.CredentialInfo.CredID = world.Base64(bytes.Repeat([]byte{7}, 32))
			}}}, world.Codes("credential_id_mismatch")},
			"another ID inside": authData(func(b []byte) []byte { b[60] ^= 1; return b }, "credential_id_mismatch"),
			"ID cut outside": {authenticator.Options{Tamper: authenticator.Tamper{Attestation: func(a *api.CredentialAttestation) {
				a.CredentialInfo.CredID = a.CredentialInfo.CredID[:24]
			}}}, world.Codes("credential_id_mismatch")},
			"ID longer outside": {authenticator.Options{Tamper: authenticator.Tamper{Attestation: func(a *api.CredentialAttestation) {
				a.CredentialInfo.CredID = world.Base64(bytes.Repeat([]byte{7}, 1024))
			}}}, world.Codes("credential_id_too_long")},
			"key missing": authData(func(b []byte) []byte { return b[:len(b)-77] }, malformed),
		}
		for _, n := range []int{1, 31, 32, 33, 36, 37, 38, 52, 53, 54, 55, 60, 86, 87, 88, 100, 163} {
			all["cut to "+strconv.Itoa(n)] = authData(func(b []byte) []byte { return b[:min(n, len(b)-1)] }, malformed)
		}
		refuseAll(t, h, all)
	})
}

// What the standard says to tolerate is no attack.
func TestToleratedPasskeys(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	for name, o := range map[string]authenticator.Options{
		"byte order mark": clientData(func(s string) string { return "\ufeff" + s }).options,
		"unknown members": clientData(also(`"other_keys_can_be_added_here":"do not compare","virtualAuthenticatorLevel":{"a":[1]}`)).options,
		"space":           clientData(func(s string) string { return " " + s + "\n" }).options,
		"escapes":         clientData(replace("webauthn", `\u0077ebauthn`)).options,
		"no crossOrigin":  clientData(member("crossOrigin", "")).options,
		"encoded twice":   {DoubleEncodeChallenge: true},
		// Nobody reads outputs of extensions, so their order and their spelling are not refused.
		"extensions unordered": authData(func(b []byte) []byte {
			return append(flags(0x80, 0)(b), 0xa2, 0x61, 'b', 0x18, 1, 0x61, 'a', 0x9f, 0xff)
		}, "").options,
		"reserved flags": authData(flags(0x22, 0)).options,
		"backed up":      {BackupEligible: true, BackupState: true},
		"extensions":     {Extensions: map[string]any{"credProtect": 2, "minPinLength": 4}},
		"longest ID":     {CredentialID: bytes.Repeat([]byte{9}, 1023)},
		"ES384":          {Algorithm: publickey.ES384},
		"ES512":          {Algorithm: publickey.ES512},
		"EdDSA":          {Algorithm: publickey.EdDSA},
		"RS256":          {Algorithm: publickey.RS256},
	} {
		g := h.Invitee(t)
		c := g.Begin(t)
		if a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(g.Passkey(t, c, o))); a.Status != 200 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}
