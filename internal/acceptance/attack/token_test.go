package attack_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/testing/world"
)

// unsigned puts the first two parts of a token together.
func unsigned(t *testing.T, header, claims any) string {
	t.Helper()
	return world.Base64([]byte(world.JSON(t, header))) + "." + world.Base64([]byte(world.JSON(t, claims)))
}

func hs256(key []byte, text string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return text + "." + world.Base64(m.Sum(nil))
}

// with returns a copy of m with some members changed; nil takes one away.
func with(m map[string]any, changes map[string]any) map[string]any {
	m = maps.Clone(m)
	for name, v := range changes {
		if v == nil {
			delete(m, name)
		} else {
			m[name] = v
		}
	}
	return m
}

// forgeries are tokens that nobody should take for the one given.
func forgeries(t *testing.T, h *world.Organisation, token string) map[string]string {
	t.Helper()
	header, claims, signature := world.Parts(t, token)
	key := h.Codes.Ring.Key(keyring.Ceremony)
	head, rest, _ := strings.Cut(token, ".")
	body, _, _ := strings.Cut(rest, ".")
	alg := func(name string) string { return unsigned(t, with(header, map[string]any{"alg": name}), claims) }
	digest := sha256.Sum256([]byte(alg("RS256")))

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	es, err := ecdsa.SignASN1(rand.Reader, ecKey, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	mac512 := hmac.New(sha512.New, key)
	mac512.Write([]byte(alg("HS512")))
	jwk := map[string]any{"kty": "oct", "k": world.Base64([]byte("0123456789abcdef0123456789abcdef"))}

	all := map[string]string{
		"empty":                   "",
		"one word":                "token",
		"one dot":                 head + "." + body,
		"no dots":                 head + body + signature,
		"two dots alone":          "..",
		"three dots":              token + ".",
		"four parts":              token + "." + signature,
		"JWE":                     token + "." + signature + "." + signature,
		"JSON serialisation":      `{"payload":"` + body + `","protected":"` + head + `","signature":"` + signature + `"}`,
		"no signature":            head + "." + body + ".",
		"no claims":               head + ".." + signature,
		"no header":               "." + body + "." + signature,
		"alg none":                alg("none") + ".",
		"alg None with signature": alg("None") + "." + signature,
		"alg NONE":                alg("NONE") + ".",
		"alg empty":               hs256(key, alg("")),
		"alg absent":              hs256(key, unsigned(t, with(header, map[string]any{"alg": nil}), claims)),
		"alg in capitals wrong":   hs256(key, alg("hs256")),
		"alg HS384":               hs256(key, alg("HS384")),
		"alg HS512":               alg("HS512") + "." + world.Base64(mac512.Sum(nil)),
		"alg RS256":               alg("RS256") + "." + world.Base64(rs),
		"alg ES256":               alg("ES256") + "." + world.Base64(es),
		"alg EdDSA":               alg("EdDSA") + "." + signature,
		"alg dir":                 hs256(key, alg("dir")),
		"alg twice":               hs256(key, world.Base64([]byte(`{"alg":"none","alg":"HS256","typ":"JWT"}`))+"."+body),
		"alg as a list":           hs256(key, world.Base64([]byte(`{"alg":["HS256"]}`))+"."+body),
		"critical header":         hs256(key, unsigned(t, with(header, map[string]any{"crit": []string{"exp"}, "exp": 1}), claims)),
		"b64 false":               hs256(key, unsigned(t, with(header, map[string]any{"crit": []string{"b64"}, "b64": false}), claims)),
		"key of its own":          hs256([]byte("0123456789abcdef0123456789abcdef"), unsigned(t, with(header, map[string]any{"jwk": jwk}), claims)),
		"key elsewhere":           hs256([]byte("0123456789abcdef0123456789abcdef"), unsigned(t, with(header, map[string]any{"jku": "https://evil.example/jwks", "kid": "1"}), claims)),
		"another kid":             hs256([]byte(""), unsigned(t, with(header, map[string]any{"kid": "../../dev/null"}), claims)),
		"empty key":               hs256(nil, head+"."+body),
		"zero key":                hs256(make([]byte, 32), head+"."+body),
		"key of codes":            hs256(h.Codes.Ring.Key(keyring.Code), head+"."+body),
		"key of counters":         hs256(h.Codes.Ring.Key(keyring.Throttle), head+"."+body),
		"header no JSON":          hs256(key, world.Base64([]byte(`alg=HS256`))+"."+body),
		"header a list":           hs256(key, world.Base64([]byte(`["HS256"]`))+"."+body),
		"claims no JSON":          hs256(key, head+"."+world.Base64([]byte(`orgId=x`))),
		"claims a list":           hs256(key, head+"."+world.Base64([]byte(`[]`))),
		"claims null":             hs256(key, head+"."+world.Base64([]byte(`null`))),
		"claims empty":            hs256(key, head+"."+world.Base64([]byte(`{}`))),
		"claims encoded twice":    hs256(key, head+"."+world.Base64([]byte(body))),
		"signature cut":           token[:len(token)-1],
		"signature cut more":      token[:len(token)-4],
		"signature longer":        token + "A",
		"signature padded":        token + "=",
		"signature of another":    head + "." + body + "." + world.Base64(make([]byte, 32)),
		"unused bits":             token[:len(token)-1] + string(nextLetter(token[len(token)-1])),
		"letter changed":          flip(token, len(head)+1+len(body)/2),
		"header changed":          flip(token, len(head)/2),
		"signature changed":       flip(token, len(token)-20),
		"huge":                    head + "." + strings.Repeat("A", 12000) + "." + signature,
		"huge signed":             hs256(key, unsigned(t, header, with(claims, map[string]any{"x": strings.Repeat("A", 8000)}))),
		"deep":                    hs256(key, world.Base64([]byte(`{"alg":"HS256","x":`+strings.Repeat("[", 1500)+strings.Repeat("]", 1500)+`}`))+"."+body),
		"not ASCII":               "ey\u00e9" + token,
		"percent":                 strings.Replace(token, ".", "%2e", 1),
		"quoted":                  `"` + token + `"`,
		"twice":                   token + "," + token,
		"Bearer again":            "Bearer " + token,
	}
	meta, _ := claims["https://custom/app_metadata"].(map[string]any)
	now := float64(time.Now().Unix())
	for name, changes := range map[string]map[string]any{
		"expired":               {"exp": now - 1},
		"expires at zero":       {"exp": 0},
		"no expiry":             {"exp": nil},
		"expiry as text":        {"exp": "9999999999"},
		"expiry beyond numbers": {"exp": 1e300},
		"expiry negative":       {"exp": -1},
		"issued in the future":  {"iat": now + 600, "exp": now + 1200},
		"another purpose":       {"purpose": "login"},
		"purpose in capitals":   {"purpose": "Registration"},
		"no purpose":            {"purpose": nil},
		"purpose as a list":     {"purpose": []string{"registration"}},
		"another issuer":        {"iss": "https://evil.example"},
		"no issuer":             {"iss": nil},
		"another subject":       {"sub": "or-00000-00000-0000000000000000"},
		"another kind":          {"https://custom/app_metadata": with(meta, map[string]any{"tokenKind": "Token"})},
		"no metadata":           {"https://custom/app_metadata": nil},
		"metadata of a PAT":     {"https://custom/app_metadata": with(meta, map[string]any{"tokenKind": "Pat"})},
		"no user":               {"https://custom/app_metadata": with(meta, map[string]any{"userId": nil})},
		"no organisation":       {"https://custom/app_metadata": with(meta, map[string]any{"orgId": nil})},
		"user as a number":      {"https://custom/app_metadata": with(meta, map[string]any{"userId": 1})},
		"no code":               {"codeId": nil},
		"made up code":          {"codeId": "rc-00000-00000-0000000000000000"},
		"code with NUL":         {"codeId": "rc\x00"},
		"challenge as number":   {"challenge": 1},
		"algorithms as text":    {"algs": "-7"},
	} {
		all["signed, "+name] = hs256(key, unsigned(t, header, with(claims, changes)))
	}
	return all
}

// nextLetter is the base64url letter whose value differs in the lowest bit.
func nextLetter(b byte) byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return letters[strings.IndexByte(letters, b)^1]
}

func flip(s string, i int) string { return s[:i] + string(nextLetter(s[i])) + s[i+1:] }

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		c := g.Begin(t)
		token := c.TemporaryAuthenticationToken
		body := world.First(g.Passkey(t, c, authenticator.Options{}))
		want := world.Codes("token_invalid", "ceremony_expired", "registration_refused", "headers_too_large")
		for name, forged := range forgeries(t, h, token) {
			if forged == token {
				t.Fatalf("%s is the token itself", name)
			}
			for _, path := range []string{completePath, recoveryPath} {
				a := h.Send(t, "POST", path, world.Bearer(forged), body)
				h.Refused(t, a, want, c.Challenge, token)
				if a.Status != http.StatusUnauthorized && a.Status != http.StatusRequestHeaderFieldsTooLarge {
					t.Errorf("%s at %s: %d", name, path, a.Status)
				}
			}
			g.Untouched(t)
		}
		h.KeepsSecret(t, nil, token, c.Challenge)
		if a := g.Complete(t, token, body); a.Status != http.StatusOK {
			t.Errorf("the token itself: %d %s", a.Status, a.Body)
		}
	})
}

// The token is in exactly one Authorization header, with exactly the scheme Bearer.
func TestAuthorizationHeaders(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		c := g.Begin(t)
		token := c.TemporaryAuthenticationToken
		body := world.First(g.Passkey(t, c, authenticator.Options{}))
		for name, header := range map[string]http.Header{
			"none":                {},
			"empty":               {"Authorization": {""}},
			"scheme alone":        {"Authorization": {"Bearer"}},
			"scheme and space":    {"Authorization": {"Bearer "}},
			"token alone":         {"Authorization": {token}},
			"joined":              {"Authorization": {"Bearer" + token}},
			"Basic":               {"Authorization": {"Basic " + token}},
			"Token":               {"Authorization": {"Token " + token}},
			"DPoP":                {"Authorization": {"DPoP " + token}},
			"Bearer:":             {"Authorization": {"Bearer: " + token}},
			"two tokens":          {"Authorization": {"Bearer " + token + " " + token}},
			"two headers":         {"Authorization": {"Bearer " + token, "Bearer " + token}},
			"right then wrong":    {"Authorization": {"Bearer " + token, "Bearer x"}},
			"wrong then right":    {"Authorization": {"Bearer x", "Bearer " + token}},
			"empty then right":    {"Authorization": {"", "Bearer " + token}},
			"proxy authorization": {"Proxy-Authorization": {"Bearer " + token}},
			"cookie":              {"Cookie": {"token=" + token + "; Authorization=Bearer " + token}},
			"other header":        {"X-Authorization": {"Bearer " + token}, "X-Dfns-Useraction": {token}},
		} {
			a := h.Send(t, "POST", completePath, header, body)
			h.Refused(t, a, world.Codes("token_invalid"), token)
			if a.Status != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, a.Status)
			}
		}
		h.Refused(t, h.Send(t, "POST", completePath+"?access_token="+token+"&token="+token, nil, body), world.Codes("token_invalid"), token)
		g.Untouched(t)
		// RFC 9110 §11.1: the scheme's case does not matter.
		if a := h.Send(t, "POST", completePath, http.Header{"Authorization": {"bEARER " + token}}, body); a.Status != http.StatusOK {
			t.Errorf("with bEARER: %d %s", a.Status, a.Body)
		}
	})
}

// A ticket dies with its time, on the server's clock.
func TestExpiredTicket(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		c := g.Begin(t)
		body := world.First(g.Passkey(t, c, authenticator.Options{}))
		h.Clock.Advance(15*time.Minute + time.Second)
		a := g.Complete(t, c.TemporaryAuthenticationToken, body)
		h.Refused(t, a, world.Codes("ceremony_expired"), c.Challenge)
		g.Registers(t)
		h.Refused(t, g.Complete(t, c.TemporaryAuthenticationToken, body), world.Codes("ceremony_expired"))
	})
}

// A token of this server is one for this server's ceremony alone: on open endpoints it
// gives nothing.
func TestTokensOnOpenEndpoints(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	g := h.Invitee(t)
	token := g.Begin(t).TemporaryAuthenticationToken
	for _, in := range []api.InitRegistrationRequest{{}, {OrgID: g.OrgID}, {OrgID: g.OrgID, Username: g.Username},
		{OrgID: g.OrgID, Username: g.Username, RegistrationCode: token}} {
		h.Refused(t, h.Send(t, "POST", initPath, world.Bearer(token), in), world.Codes("member_missing", "member_too_long"), token)
	}
	g.Registers(t)
}
