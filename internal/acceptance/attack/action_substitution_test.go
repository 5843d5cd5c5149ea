package attack_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// A challenge is answered by who it was issued to, with a credential of their own, in the
// session and the ceremony that it was issued in.
func TestChallengesOfOthers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada, bob := h.member(t), h.member(t)
		machine := h.RegisterKey(t, h.Invite(t, h.org.ID, h.newName()), publickey.Ed25519)
		_, eve := h.elsewhere(t)
		adas, bobs, eves, again := h.logIn(t, ada), h.logIn(t, bob), h.logIn(t, eve), h.logIn(t, ada)
		before := h.kept(t)

		for _, f := range flows {
			if !f.named {
				continue
			}
			for name, thief := range map[string]*countersigntest.Person{"colleague": bob, "machine": machine, "stranger": eve} {
				a := f.complete(t, h, adas, signed(t, thief, f.begin(t, h, ada, adas)))
				h.refusedAs(t, f.name+" by a "+name, a, 401, "user_handle_mismatch", "signature_invalid")
				in := signed(t, thief, f.begin(t, h, ada, adas))
				in.FirstFactor.CredentialAssertion.UserHandle = ""
				h.refusedAs(t, f.name+" by a "+name+" without handle", f.complete(t, h, adas, in), 401, "signature_invalid")
				in.FirstFactor.CredentialAssertion.CredID = ada.CredentialID() // their signature, her name
				h.refusedAs(t, f.name+" by a "+name+" as hers", f.complete(t, h, adas, in), 401, "signature_invalid", "client_data_type")
				in.FirstFactor.CredentialAssertion.CredID = api.FirstCredentialID(ada.UserID)
				h.refusedAs(t, f.name+" by a "+name+" as hers by id", f.complete(t, h, adas, in), 401, "signature_invalid", "client_data_type")
			}
		}

		// Ticket and answer belong together, and the ticket to one session of one user.
		actionOf := func(token string) api.SigningChallenge { return h.initAction(t, token, "POST", "/x", "") }
		sign := func(token string, in api.SignedChallenge) answer {
			return h.send(t, "POST", actionPath, bearer(token), in)
		}
		hers, other, login := actionOf(adas), actionOf(adas), h.initLogin(t, ada.OrgID, ada.Username)
		open := h.initLogin(t, "", "")
		swap := func(ticket, answered api.SigningChallenge) api.SignedChallenge {
			return api.SignedChallenge{ChallengeIdentifier: ticket.ChallengeIdentifier, FirstFactor: ada.Assert(t, answered)}
		}
		h.refusedAs(t, "answer to another action", sign(adas, swap(hers, other)), 400, "challenge_mismatch")
		h.refusedAs(t, "answer to a login", sign(adas, swap(hers, login)), 400, "challenge_mismatch")
		h.refusedAs(t, "answer to an open login", sign(adas, swap(hers, open)), 400, "challenge_mismatch")
		h.refusedAs(t, "login by an answer to an action", h.post(t, loginPath, swap(login, hers)), 400, "challenge_mismatch")
		h.refusedAs(t, "open login by an answer to a named one", h.post(t, loginPath, swap(open, login)), 400, "challenge_mismatch")
		h.refusedAs(t, "an action's ticket at login", h.post(t, loginPath, swap(hers, hers)), 400, "challenge_invalid")
		h.refusedAs(t, "a login's ticket at action", sign(adas, swap(login, login)), 400, "challenge_invalid")
		for name, token := range map[string]string{"a colleague": bobs, "a stranger": eves, "another session of hers": again} {
			h.refusedAs(t, "her challenge under "+name, sign(token, swap(hers, hers)), 400, "challenge_invalid")
		}
		h.refusedAs(t, "a colleague's challenge under hers", sign(adas, swap(actionOf(bobs), hers)), 400, "challenge_invalid")

		// A ticket put together from two.
		a, b := strings.Split(hers.ChallengeIdentifier, "."), strings.Split(other.ChallengeIdentifier, ".")
		for _, spliced := range []string{a[0] + "." + a[1] + "." + b[2], a[0] + "." + b[1] + "." + a[2]} {
			in := swap(hers, hers)
			in.ChallengeIdentifier = spliced
			h.refusedAs(t, "spliced", sign(adas, in), 400, "challenge_invalid")
		}

		// One signature does not serve two challenges, even of the very same request.
		first := swap(hers, hers)
		second := first
		second.ChallengeIdentifier = other.ChallengeIdentifier
		h.refusedAs(t, "one signature for two", sign(adas, second), 400, "challenge_mismatch")
		h.unmoved(t, "challenges of others", before)

		read[api.ActionResult](t, sign(adas, first))
		before = h.kept(t)
		h.refusedAs(t, "the same again", sign(adas, first), 401, "challenge_used")
		h.refusedAs(t, "signed anew", sign(adas, swap(hers, hers)), 401, "challenge_used")
		h.unmoved(t, "replays", before)
		in := swap(login, login)
		read[api.LoginResult](t, h.post(t, loginPath, in))
		before = h.kept(t)
		h.refusedAs(t, "the same login again", h.post(t, loginPath, in), 401, "challenge_used")
		h.refusedAs(t, "the login signed anew", h.post(t, loginPath, swap(login, login)), 401, "challenge_used")
		h.unmoved(t, "replays", before)
	})
}

// A passkey opens the organisation that it was made in and no other, named or not, and
// whether or not they share a relying party.
func TestPasskeysElsewhere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		port := h.URL[strings.LastIndex(h.URL, ":"):]
		ada := h.member(t)
		other, _ := h.elsewhere(t)
		apart := h.OrganisationWith(t, organisation.New{Name: "Apart", RPID: "app.localhost", Origins: []string{"http://app.localhost" + port}})
		zoe := h.Register(t, h.Invite(t, apart.ID, "zoe@example.org"), authenticator.Options{Origin: "http://app.localhost" + port})
		same := h.Register(t, h.Invite(t, other.ID, ada.Username)) // of the same name
		before := h.kept(t)
		login := func(org, name string, p *countersigntest.Person) answer {
			return h.post(t, loginPath, signed(t, p, h.initLogin(t, org, name)))
		}
		h.refusedAs(t, "another organisation's door", login(other.ID, "", ada), 401, "signature_invalid")
		h.refusedAs(t, "no organisation's door", login(nobodys("or"), "", ada), 401, "signature_invalid")
		h.refusedAs(t, "her namesake's", login(other.ID, ada.Username, ada), 401, "signature_invalid")
		h.refusedAs(t, "her namesake as her", login(ada.OrgID, ada.Username, same), 401, "signature_invalid")
		h.refusedAs(t, "another relying party's door", login(apart.ID, "", ada), 400, "origin_not_allowed")
		h.refusedAs(t, "another relying party's passkey", login(ada.OrgID, "", zoe), 400, "origin_not_allowed")
		h.refusedAs(t, "another relying party's at the open door", login("", "", zoe), 400, "origin_not_allowed")
		in := signed(t, ada, h.initLogin(t, apart.ID, ""), authenticator.Options{Origin: "http://app.localhost" + port})
		h.refusedAs(t, "on that page", h.post(t, loginPath, in), 400, "rp_id_mismatch")
		in = signed(t, ada, h.initLogin(t, apart.ID, ""), authenticator.Options{Origin: "http://app.localhost" + port, RPID: "app.localhost"})
		h.refusedAs(t, "and for that party", h.post(t, loginPath, in), 401, "signature_invalid")
		h.unmoved(t, "elsewhere", before)
		read[api.LoginResult](t, login(apart.ID, "", zoe))
		read[api.LoginResult](t, login("", "", same))
	})
}

// The same answer sent twice is a replay, not a copied passkey: who asks again because
// the first answer was lost on the way must not raise that alarm.
func TestReplaysByCountingPasskeys(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.member(t, authenticator.Options{SignCount: 3})
		session := h.logIn(t, ada)
		for _, f := range flows {
			in := signed(t, ada, f.begin(t, h, ada, session))
			read[any](t, f.complete(t, h, session, in))
			h.refusedAs(t, f.name, f.complete(t, h, session, in), 401, "challenge_used")
		}
		if n := len(h.eventsOf(t, ada.UserID, outOfLine)); n > 0 {
			t.Errorf("%d events tell of a counter out of line", n)
		}
	})
}

// A user action passes for the request that was signed and for no other.
func TestActionsForOtherRequests(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.member(t)
		session := h.logIn(t, ada)
		const method, path, payload = "POST", "/orders/%7Efirst?amount=1&to=ada", `{"amount":1,"to":"ad\u00e9","list":[1,2],"inner":{"x":"y"}}`
		action := h.act(t, ada, session, method, path, payload)
		before := h.kept(t)
		consume := func(method, path, payload string) answer {
			return h.post(t, consumePath, api.ConsumeActionRequest{UserAction: action, Method: method, Path: path, Payload: &payload})
		}
		forward := func(method, path, payload string) answer {
			return h.send(t, "POST", forwardPath+"?body=passed", http.Header{"X-Dfns-Useraction": {action},
				"X-Forwarded-Method": {method}, "X-Forwarded-Uri": {path}}, payload)
		}
		envoy := func(method, path, payload string) answer {
			return h.send(t, method, forwardPath+path, http.Header{"X-Dfns-Useraction": {action}, "X-Envoy-Auth-Partial-Body": {"false"}}, payload)
		}
		others := []struct{ name, method, path, payload string }{
			{"another method", "PUT", path, payload},
			{"the method in small letters", "post", path, payload},
			{"another path", method, "/orders/%7Esecond?amount=1&to=ada", payload},
			{"a path above", method, "/orders?amount=1&to=ada", payload},
			{"a path below", method, "/orders/%7Efirst/x?amount=1&to=ada", payload},
			{"a slash after", method, "/orders/%7Efirst/?amount=1&to=ada", payload},
			{"a slash twice", method, "/orders//%7Efirst?amount=1&to=ada", payload},
			{"an encoded slash", method, "/orders%2F%7Efirst?amount=1&to=ada", payload},
			{"an encoded question mark", method, "/orders/%7Efirst%3Famount=1&to=ada", payload},
			{"encoded twice", method, "/orders/%257Efirst?amount=1&to=ada", payload},
			{"dots", method, "/x/../orders/%7Efirst?amount=1&to=ada", payload},
			{"encoded dots", method, "/x/%2e%2e/orders/%7Efirst?amount=1&to=ada", payload},
			{"a parameter of a segment", method, "/orders/%7Efirst;a=b?amount=1&to=ada", payload},
			{"a NUL after", method, "/orders/%7Efirst%00?amount=1&to=ada", payload},
			{"capitals", method, "/Orders/%7Efirst?amount=1&to=ada", payload},
			{"an origin before", method, "https://pay.example.org" + path, payload},
			{"another query", method, "/orders/%7Efirst?amount=2&to=ada", payload},
			{"no query", method, "/orders/%7Efirst", payload},
			{"an empty query", method, "/orders/%7Efirst?", payload},
			{"a longer query", method, path + "&to=eve", payload},
			{"the query in another order", method, "/orders/%7Efirst?to=ada&amount=1", payload},
			{"the query encoded otherwise", method, "/orders/%7Efirst?amount=%31&to=ada", payload},
			{"no body", method, path, ""},
			{"an empty object", method, path, "{}"},
			{"another value", method, path, strings.Replace(payload, "1,", "2,", 1)},
			{"a number as text", method, path, strings.Replace(payload, ":1,", `:"1",`, 1)},
			{"a number written otherwise", method, path, strings.Replace(payload, ":1,", `:1.0,`, 1)},
			{"a number with exponent", method, path, strings.Replace(payload, ":1,", `:1e0,`, 1)},
			{"a member more", method, path, strings.Replace(payload, "{", `{"more":1,`, 1)},
			{"a member twice", method, path, strings.Replace(payload, "{", `{"amount":1,`, 1)},
			{"a member twice, inside", method, path, strings.Replace(payload, `"x":"y"`, `"x":"z","x":"y"`, 1)},
			{"a member in capitals", method, path, strings.Replace(payload, "amount", "Amount", 1)},
			{"a list in another order", method, path, strings.Replace(payload, "[1,2]", "[2,1]", 1)},
			{"text composed otherwise", method, path, strings.Replace(payload, `\u00e9`, `e\u0301`, 1)},
			{"a letter after", method, path, payload + "x"},
			{"twice", method, path, payload + payload},
			{"in a list", method, path, "[" + payload + "]"},
			{"as text", method, path, quote(t, payload)},
			{"a mark before", method, path, "\ufeff" + payload},
			{"a NUL after the body", method, path, payload + "\x00"},
		}
		for _, o := range others {
			h.refusedAs(t, o.name+", consumed", consume(o.method, o.path, o.payload), 403, "user_action_invalid")
			h.refusedAs(t, o.name+", forwarded", forward(o.method, o.path, o.payload), 403, "user_action_invalid")
			if strings.HasPrefix(o.path, "/") && !strings.Contains(o.path, "//") && !strings.Contains(o.path, "/../") {
				if o.payload == "" {
					continue // judged by TestForwardedBodies
				}
				a := envoy(o.method, o.path, o.payload)
				if a.status != 404 { // for paths that no proxy should pass on
					h.refusedAs(t, o.name+", forwarded below", a, 403, "user_action_invalid")
				}
			}
		}
		h.unmoved(t, "other requests", before)
		// What differs in nothing that matters is the request itself.
		same := `{"inner":{"x":"y"}, "to":"ad` + "\u00e9" + `","list":[1, 2],
			"amount":1}`
		read[api.ConsumedAction](t, consume(method, "/orders/~first?amount=1&to=ada", same))
		for _, a := range []answer{consume(method, path, payload), forward(method, path, payload), envoy(method, path, payload)} {
			h.refusedAs(t, "again", a, 400, "user_action_used")
		}
	})
}

// At this server's own operations as well, whoever else brings it.
func TestActionsOfOthers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.member(t)
		bob := h.Register(t, h.inviteAdministrator(t))
		plain := h.member(t)
		_, eve := h.elsewhere(t)
		adas, bobs, eves, plains := h.logIn(t, ada), h.logIn(t, bob), h.logIn(t, eve), h.logIn(t, plain)
		body := uses[0].payload(1)
		create := func(session, path string, body any, actions ...string) answer {
			header := bearer(session)
			if len(actions) > 0 {
				header["X-Dfns-Useraction"] = actions
			}
			return h.send(t, "POST", path, header, body)
		}
		action := h.act(t, ada, adas, "POST", usersPath, body)
		absolute := h.act(t, ada, adas, "POST", "https://pay.example.org"+usersPath, body)
		forGet := h.act(t, ada, adas, "GET", usersPath, body)
		queried := h.act(t, ada, adas, "POST", usersPath+"?a=b", body)
		bobsOwn := h.act(t, bob, bobs, "POST", usersPath, body)
		plains1 := h.act(t, plain, plains, "POST", usersPath, body)
		before := h.kept(t)
		for name, a := range map[string]answer{
			"none":                    create(adas, usersPath, body),
			"empty":                   create(adas, usersPath, body, ""),
			"twice":                   create(adas, usersPath, body, action, action),
			"two in one":              create(adas, usersPath, body, action+","+action),
			"after an empty one":      create(adas, usersPath, body, "", action),
			"under a colleague":       create(bobs, usersPath, body, action),
			"under a stranger":        create(eves, usersPath, body, action),
			"a colleague's":           create(adas, usersPath, body, bobsOwn),
			"a plain user's":          create(adas, usersPath, body, plains1),
			"for another service":     create(adas, usersPath, body, absolute),
			"for another method":      create(adas, usersPath, body, forGet),
			"for a query":             create(adas, usersPath, body, queried),
			"for another query":       create(adas, usersPath+"?a=c", body, queried),
			"for another body":        create(adas, usersPath, uses[0].payload(2), action),
			"for no body":             create(adas, usersPath, "", action),
			"for a body with more":    create(adas, usersPath, strings.Replace(body, "{", `{"externalId":"x",`, 1), action),
			"for a member twice":      create(adas, usersPath, strings.Replace(body, "{", `{"kind":"CustomerEmployee",`, 1), action),
			"for a body after a body": create(adas, usersPath, body+body, action),
		} {
			h.refusedAs(t, name, a, 403, "user_action_invalid")
		}
		h.refusedAs(t, "by who may not", create(plains, usersPath, body, plains1), 403, "permission_denied")
		h.refusedAs(t, "by nobody", h.send(t, "POST", usersPath, http.Header{"X-Dfns-Useraction": {action}}, body), 401, "token_invalid")
		h.unmoved(t, "actions of others", before)
		read[api.User](t, create(adas, usersPath, body, action))
		h.refusedAs(t, "again", create(adas, usersPath, body, action), 400, "user_action_used")

		// An effect that is refused spends nothing.
		h.refusedAs(t, "a user there is", create(bobs, usersPath, body, bobsOwn), 401, "user_already_exists")
		a := read[api.ConsumedAction](t, h.post(t, consumePath, api.ConsumeActionRequest{UserAction: bobsOwn}))
		if a.UserID != bob.UserID {
			t.Errorf("the action is %s's", a.UserID)
		}
	})
}

// Receipts and users of others are like those that do not exist.
func TestIdsOfOthers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada, bob := h.member(t), h.member(t)
		_, eve := h.elsewhere(t)
		adas, bobs, eves := h.logIn(t, ada), h.logIn(t, bob), h.logIn(t, eve)
		_, claims, _ := parts(t, h.act(t, ada, adas, "POST", "/x", ""))
		id := claims["jti"].(string)
		get := func(session, path string) string { return shape(t, h.send(t, "GET", path, bearer(session), nil)) }
		for name, all := range map[string]map[string]string{
			"actions": {"nobody's": get(bobs, "/countersign/actions/"+nobodys("ua")), "a colleague's": get(bobs, "/countersign/actions/"+id),
				"a stranger's": get(eves, "/countersign/actions/"+id), "no id": get(adas, "/countersign/actions/x"), "a user": get(adas, "/countersign/actions/"+ada.UserID)},
			"users": {"nobody's": get(adas, usersPath+"/"+nobodys("us")), "a stranger's": get(adas, usersPath+"/"+eve.UserID),
				"no id": get(adas, usersPath+"/x"), "SQL": get(adas, usersPath+"/'%20OR%201=1"), "NUL": get(adas, usersPath+"/%00"), "not UTF-8": get(adas, usersPath+"/%ff")},
		} {
			same(t, name, all)
			for _, s := range all {
				if !strings.HasPrefix(s, "404 ") {
					t.Errorf("%s: %s", name, s)
				}
			}
		}
		h.refusedAs(t, "users by who may not", h.send(t, "GET", usersPath+"/"+ada.UserID, bearer(bobs), nil), 403, "permission_denied")
		for name, session := range map[string]string{"a colleague's": bobs, "a stranger's": eves} {
			_, c, _ := parts(t, adas)
			h.refusedAs(t, name, h.send(t, "DELETE", "/countersign/sessions/"+c["jti"].(string), bearer(session), nil), 404, "session_not_found")
		}
		for _, session := range []string{adas} {
			if a := h.send(t, "GET", "/countersign/actions/"+id, bearer(session), nil); a.status != 200 {
				t.Errorf("her own receipt: %d", a.status)
			}
		}
		if a := h.send(t, "GET", "/countersign/account", bearer(adas), nil); a.status != 200 {
			t.Errorf("her session after the attacks: %d", a.status)
		}
	})
}
