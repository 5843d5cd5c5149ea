package attack_test

import (
	"crypto/ed25519"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// place is where a token of some kind is taken.
type place struct {
	name   string
	takes  string // the kind of token that belongs here
	status int
	codes  []string
	put    func(t *testing.T, token string) world.Answer
}

// crossing is a server with a token of every kind and every place where one is taken.
type crossing struct {
	*world.Organisation
	ada       *countersigntest.Person
	guest     *world.Invitee
	challenge map[string]string // of the tokens that are tickets
	tokens    map[string]string // by kind
	payload   string
}

func newCrossing(t *testing.T, h *world.Organisation) *crossing {
	t.Helper()
	c := &crossing{Organisation: h, ada: h.Employee(t), guest: h.Invitee(t), challenge: map[string]string{}, tokens: map[string]string{}}
	session := h.LogIn(t, c.ada)
	ticket := func(kind string, s api.SigningChallenge) {
		c.tokens[kind], c.challenge[kind] = s.ChallengeIdentifier, s.Challenge
	}
	registration := c.guest.Begin(t)
	c.tokens["registration"], c.challenge["registration"] = registration.TemporaryAuthenticationToken, registration.Challenge
	ticket("login", h.InitLogin(t, c.ada.OrgID, c.ada.Username))
	ticket("login by passkey", h.InitLogin(t, "", ""))
	c.payload = world.Uses[0].Payload(1)
	ticket("action ticket", h.InitAction(t, session, "POST", usersPath, c.payload))
	c.tokens["session"] = session
	c.tokens["action"] = h.Sign(t, c.ada, session, "POST", usersPath, c.payload)
	list := world.Read[api.UserList](t, h.Send(t, "GET", usersPath+"?limit=1", world.Bearer(session), nil))
	c.tokens["page"] = list.NextPageToken
	c.tokens["registration code"] = c.guest.RegistrationCode
	code, err := h.Login.IssueCode(t.Context(), c.ada.OrgID, c.ada.Username)
	must(t, err)
	c.tokens["login code"] = code.Code
	return c
}

// answering is a good answer to whatever challenge the token has.
func (c *crossing) answering(t *testing.T, token string) api.SignedChallenge {
	for kind, other := range c.tokens {
		if other == token {
			return world.Signed(t, c.ada, api.SigningChallenge{Challenge: c.challenge[kind] + "", ChallengeIdentifier: token})
		}
	}
	return world.Signed(t, c.ada, api.SigningChallenge{Challenge: world.Base64(make([]byte, 32)), ChallengeIdentifier: token})
}

func (c *crossing) places(t *testing.T) (all []place) {
	t.Helper()
	session := c.tokens["session"]
	add := func(name, takes string, status int, codes []string, put func(t *testing.T, token string) world.Answer) {
		all = append(all, place{name, takes, status, codes, put})
	}
	for _, r := range []struct {
		method, path string
		body         any
	}{
		{"POST", actionInitPath, api.InitActionRequest{Method: "POST", Path: "/x"}},
		{"POST", actionPath, c.answering(t, c.tokens["action ticket"])},
		{"PUT", logoutPath, api.LogoutRequest{AllSessions: true}},
		{"POST", logoutPath, nil},
		{"POST", usersPath, c.payload},
		{"GET", usersPath, nil},
		{"GET", usersPath + "/" + c.ada.UserID, nil},
		{"GET", "/countersign/actions/" + world.NobodysID("ua"), nil},
		{"GET", "/countersign/account", nil},
		{"DELETE", "/countersign/sessions/" + world.NobodysID("se"), nil},
	} {
		add(r.method+" "+r.path, "session", 401, world.Codes("token_invalid"), func(t *testing.T, token string) world.Answer {
			return c.Send(t, r.method, r.path, world.WithHeader(world.Bearer(token), api.HeaderUserAction, c.tokens["action"]), r.body)
		})
	}
	made := c.guest.Passkey(t, api.RegistrationChallenge{Challenge: c.challenge["registration"], RP: &api.RelyingParty{ID: "localhost"},
		PubKeyCredParams: []api.PubKeyCredParam{{Alg: -7}}}, authenticator.Options{})
	add("POST "+completePath, "registration", 401, world.Codes("token_invalid"), func(t *testing.T, token string) world.Answer {
		return c.Send(t, "POST", completePath, world.Bearer(token), world.First(made))
	})
	add("POST "+recoveryPath, "registration", 401, world.Codes("token_invalid"), func(t *testing.T, token string) world.Answer {
		return c.Send(t, "POST", recoveryPath, world.Bearer(token), api.AddRecoveryRequest{RecoveryCredential: &made})
	})
	add("login's challengeIdentifier", "login", 400, world.Codes("challenge_invalid", "member_missing"), func(t *testing.T, token string) world.Answer {
		return c.Post(t, loginPath, c.answering(t, token))
	})
	add("action's challengeIdentifier", "action ticket", 400, world.Codes("challenge_invalid", "member_missing"), func(t *testing.T, token string) world.Answer {
		return c.Send(t, "POST", actionPath, world.Bearer(session), c.answering(t, token))
	})
	for _, u := range world.Uses {
		add("the action of "+u.Name, "action", 403, world.Codes("user_action_invalid"), func(t *testing.T, token string) world.Answer {
			return u.Put(t, c.Organisation, session, token, c.payload)
		})
	}
	add("consume", "action", 403, world.Codes("user_action_invalid"), func(t *testing.T, token string) world.Answer {
		return c.Post(t, consumePath, api.ConsumeActionRequest{UserAction: token, Method: "POST", Path: usersPath, Payload: &c.payload})
	})
	add("paginationToken", "page", 400, world.Codes("pagination_token_invalid"), func(t *testing.T, token string) world.Answer {
		return c.Send(t, "GET", usersPath+"?paginationToken="+url.QueryEscape(token), world.Bearer(session), nil)
	})
	return all
}

// No token of one flow does anything at an endpoint of another, in any place where a
// token is taken, and leaves no trace but the record of a refusal. None of them is told
// by a refusal, its record, the log or an event.
func TestTokensOfOtherFlows(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		c := newCrossing(t, h)
		before := h.Kept(t)
		var refusals, secrets []string
		for kind, token := range c.tokens {
			if token != "" {
				secrets = append(secrets, token)
			}
			if challenge := c.challenge[kind]; challenge != "" {
				secrets = append(secrets, challenge)
			}
		}
		for _, p := range c.places(t) {
			for kind, token := range c.tokens {
				// Both kinds of login have one place; a page token is "" at the list's end.
				if kind == p.takes || p.takes == "login" && kind == "login by passkey" || token == "" {
					continue
				}
				a := p.put(t, token)
				h.RefusedAs(t, kind+" at "+p.name, a, p.status, p.codes...)
				h.Refused(t, a, nil, secrets...)
				refusals = append(refusals, a.SupportID)
				h.Unmoved(t, kind+" at "+p.name, before)
			}
		}
		h.KeepsSecret(t, refusals, secrets...)
		events := h.Kept(t)
		for _, s := range secrets {
			if strings.Contains(events, s) {
				t.Errorf("an event holds %q", s)
			}
		}

		// Each still does what it is for.
		for _, kind := range []string{"login", "login by passkey"} {
			world.Read[api.LoginResult](t, h.Post(t, loginPath, c.answering(t, c.tokens[kind])))
		}
		world.Read[api.ActionResult](t, h.Send(t, "POST", actionPath, world.Bearer(c.tokens["session"]), c.answering(t, c.tokens["action ticket"])))
		world.Read[api.User](t, world.Uses[0].Put(t, h, c.tokens["session"], c.tokens["action"], c.payload))
		c.guest.Registers(t)
		h.KeepsSecret(t, nil, secrets...)
	})
}

// keyed makes tokens with the server's own signing key: what only the server could sign,
// and still must not take for another thing.
func keyed(t *testing.T, h *world.Organisation, tokenType string, claims any) string {
	t.Helper()
	key := h.Codes.Ring.SigningKey(h.Clock.Now())
	signer, err := useraction.NewSigner(tokenType, key.ID, key.Private)
	must(t, err)
	token, err := signer.Token(claims)
	must(t, err)
	return token
}

// forgedEdDSA are tokens that nobody should take for the one given, which an EdDSA key
// of the server signed.
func forgedEdDSA(t *testing.T, h *world.Organisation, token string) map[string]string {
	t.Helper()
	header, claims, signature := world.Parts(t, token)
	head, rest, _ := strings.Cut(token, ".")
	body, _, _ := strings.Cut(rest, ".")
	key := h.Codes.Ring.SigningKey(h.Clock.Now())
	public := key.Public()
	_, own, err := ed25519.GenerateKey(nil)
	must(t, err)
	by := func(private ed25519.PrivateKey, header map[string]any) string {
		text := unsigned(t, header, claims)
		return text + "." + world.Base64(ed25519.Sign(private, []byte(text)))
	}
	own1 := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": world.Base64(own.Public().(ed25519.PublicKey))}
	alg := func(name string) map[string]any { return with(header, map[string]any{"alg": name}) }
	typ := func(name any) string { return by(key.Private, with(header, map[string]any{"typ": name})) }
	all := map[string]string{
		"empty": "", "dots": "..", "one part": head, "two parts": head + "." + body, "no signature": head + "." + body + ".",
		"four parts": token + "." + signature, "padded": token + "=", "a line break": head + ".\n" + body + "." + signature,
		"a space before": " " + token, "quoted": `"` + token + `"`, "twice": token + "," + token,
		"alg none": unsigned(t, alg("none"), claims) + ".", "alg None": unsigned(t, alg("None"), claims) + "." + signature,
		"HS256 by the public key":        hs256(public, unsigned(t, alg("HS256"), claims)),
		"HS256 by its text":              hs256([]byte(world.Base64(public)), unsigned(t, alg("HS256"), claims)),
		"HS256 by the key of tickets":    hs256(h.Codes.Ring.Key(keyring.Ceremony), unsigned(t, alg("HS256"), claims)),
		"EdDSA by the key of tickets":    by(ed25519.NewKeyFromSeed(h.Codes.Ring.Key(keyring.Ceremony)), header),
		"a key of its own":               by(own, header),
		"a key of its own in the header": by(own, with(header, map[string]any{"jwk": own1})),
		"a key elsewhere":                by(own, with(header, map[string]any{"jku": "https://evil.example/jwks.json"})),
		"no kid":                         by(key.Private, with(header, map[string]any{"kid": nil})),
		"another kid":                    by(key.Private, with(header, map[string]any{"kid": world.NobodysID("sk")})),
		"kid a path":                     by(own, with(header, map[string]any{"kid": "../../dev/null"})),
		"kid SQL":                        by(own, with(header, map[string]any{"kid": "' OR 1=1 --"})),
		"critical header":                by(key.Private, with(header, map[string]any{"crit": []string{"exp"}, "exp": 1})),
		"not encoded":                    by(key.Private, with(header, map[string]any{"crit": []string{"b64"}, "b64": false})),
		"no type":                        typ(nil), "type in capitals": typ("Jwt"), "type at+jwt": typ("at+jwt"),
		"type with application/": typ("application/" + fmt.Sprint(header["typ"])),
		"claims changed":         flip(token, len(head)+1+len(body)/2),
		"signature changed":      flip(token, len(token)-20),
		"huge":                   head + "." + strings.Repeat("A", 9000) + "." + signature,
		"JSON serialisation":     `{"payload":"` + body + `","protected":"` + head + `","signature":"` + signature + `"}`,
		"claims a list":          keyed(t, h, fmt.Sprint(header["typ"]), []int{1}),
		"claims null":            keyed(t, h, fmt.Sprint(header["typ"]), nil),
		"no claims":              keyed(t, h, fmt.Sprint(header["typ"]), map[string]any{}),
	}
	other := map[string]string{useraction.SessionType: useraction.TokenType, useraction.TokenType: useraction.SessionType}
	all["type of the other token"] = typ(other[fmt.Sprint(header["typ"])])

	meta := claims["https://custom/app_metadata"].(map[string]any)
	now := h.Clock.Now().Unix()
	for name, changes := range map[string]map[string]any{
		"expired": {"exp": now - 1}, "no expiry": {"exp": nil}, "expiry as text": {"exp": "9999999999"}, "expiry negative": {"exp": -1},
		"issued in the future": {"iat": now + 600}, "another issuer": {"iss": "https://evil.example"}, "no issuer": {"iss": nil},
		"issuer of tickets": {"iss": "countersign"}, "id of nothing": {"jti": strings.Replace(fmt.Sprint(claims["jti"]), "-", "", 1)},
		"no id": {"jti": ""}, "no metadata": {"https://custom/app_metadata": nil},
		"kind Pat":     {"https://custom/app_metadata": with(meta, map[string]any{"tokenKind": "Pat"})},
		"kind Temp":    {"https://custom/app_metadata": with(meta, map[string]any{"tokenKind": "Temp"})},
		"user as text": {"https://custom/app_metadata": with(meta, map[string]any{"userId": 1})},
	} {
		all["signed, "+name] = keyed(t, h, fmt.Sprint(header["typ"]), with(claims, changes))
	}
	return all
}

// Nobody makes a session's token or a user action but the server, and of those that the
// server's own key signed only what is one is taken for one.
func TestForgedSessionsAndActions(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		_, claims, _ := world.Parts(t, session)
		meta := claims["https://custom/app_metadata"].(map[string]any)
		org, eve := h.Elsewhere(t)
		action := h.Sign(t, ada, session, "POST", usersPath, world.Uses[0].Payload(1))
		before := h.Kept(t)

		forged := forgedEdDSA(t, h, session)
		for name, changes := range map[string]map[string]any{
			"another's session":    {"https://custom/app_metadata": with(meta, map[string]any{"userId": eve.UserID})},
			"another organisation": {"sub": org.ID, "https://custom/app_metadata": with(meta, map[string]any{"orgId": org.ID})},
			"subject alone":        {"sub": org.ID},
			"no such session":      {"jti": world.NobodysID("se")},
		} {
			forged["signed, "+name] = keyed(t, h, useraction.SessionType, with(claims, changes))
		}
		// Where a session was opened does not matter, as long as this installation signed it.
		moved := forged["signed, another issuer"]
		delete(forged, "signed, another issuer")
		h.Send(t, "GET", "/countersign/account", world.Bearer(moved), nil).Wants(t, "a session of another address", 200, "")
		forged["signed, another installation"] = keyed(t, h, useraction.SessionType, with(claims, map[string]any{"installation": strings.Repeat("0", 32)}))
		for name, token := range forged {
			if token == session {
				t.Fatalf("%s is the token itself", name)
			}
			if strings.ContainsAny(token, " \n") {
				continue // spaces around a token are no part of it, and no header has a line break
			}
			h.RefusedAs(t, "session, "+name, h.Send(t, "GET", "/countersign/account", world.Bearer(token), nil), 401, "token_invalid", "headers_too_large")
		}
		for name, token := range forgedEdDSA(t, h, action) {
			if token == action {
				t.Fatalf("%s is the token itself", name)
			}
			for _, u := range world.Uses {
				if u.Name != "consume" && strings.ContainsAny(token, " \n") {
					continue // no header has a line break, and spaces around its value are no part of it
				}
				h.RefusedAs(t, name+" at "+u.Name, u.Put(t, h, session, token, world.Uses[0].Payload(1)), 403, "user_action_invalid")
			}
		}
		h.Unmoved(t, "forged tokens", before)
		world.Read[api.User](t, world.Uses[0].Put(t, h, session, action, world.Uses[0].Payload(1)))
	})
}

// A token has one spelling: bits that base64url leaves over are no second one.
func TestOneSpellingOfAToken(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	ada := h.Employee(t)
	session := h.LogIn(t, ada)
	action := h.Sign(t, ada, session, "POST", usersPath, world.Uses[0].Payload(1))
	other := func(s string) string { return s[:len(s)-1] + string(nextLetter(s[len(s)-1])) }
	h.RefusedAs(t, "session", h.Send(t, "GET", "/countersign/account", world.Bearer(other(session)), nil), 401, "token_invalid")
	h.RefusedAs(t, "action", world.Uses[0].Put(t, h, session, other(action), world.Uses[0].Payload(1)), 403, "user_action_invalid")
}

// A ticket is taken as it was issued or not at all.
func TestForgedChallengeIdentifiers(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		for _, f := range world.Flows {
			c := f.Begin(t, h, ada, session)
			in := world.Signed(t, ada, c)
			before := h.Kept(t)
			for name, token := range forgeries(t, h, c.ChallengeIdentifier) {
				if strings.HasPrefix(name, "signed, ") && !strings.Contains(name, "issue") && !strings.Contains(name, "purpose") &&
					!strings.Contains(name, "xpir") && !strings.Contains(name, "kind") || name == "huge signed" || name == "signed, another purpose" {
					continue // of another flow, or nothing that a ticket of this one has
				}
				in.ChallengeIdentifier = token
				h.RefusedAs(t, f.Name+", "+name, f.Complete(t, h, session, in), 400, "challenge_invalid", "ceremony_expired")
			}
			h.Unmoved(t, f.Name, before)
			in.ChallengeIdentifier = c.ChallengeIdentifier
			if a := f.Complete(t, h, session, in); a.Status != http.StatusOK {
				t.Errorf("%s with the ticket itself: %d %s", f.Name, a.Status, a.Body)
			}
		}
		late := map[string]api.SignedChallenge{}
		for _, f := range world.Flows {
			late[f.Name] = world.Signed(t, ada, f.Begin(t, h, ada, session))
		}
		h.Clock.Advance(15*time.Minute + time.Second)
		for _, f := range world.Flows {
			h.RefusedAs(t, f.Name+", too late", f.Complete(t, h, session, late[f.Name]), 400, "ceremony_expired")
		}
	})
}
