package action_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/testing/world"
)

// A user action is accepted for the request that was signed and for no other.
func TestActionsForOtherRequests(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		const method, path, payload = "POST", "/orders/%7Efirst?amount=1&to=ada", `{"amount":1,"to":"ad\u00e9","list":[1,2],"inner":{"x":"y"}}`
		action := h.Sign(t, ada, session, method, path, payload)
		before := h.Kept(t)
		consume := func(method, path, payload string) world.Answer {
			return h.Post(t, consumePath, api.ConsumeActionRequest{UserAction: action, Method: method, Path: path, Payload: &payload})
		}
		forward := func(method, path, payload string) world.Answer {
			return h.Send(t, "POST", forwardPath+"?body=passed", http.Header{"X-Dfns-Useraction": {action},
				"X-Forwarded-Method": {method}, "X-Forwarded-Uri": {path}}, payload)
		}
		envoy := func(method, path, payload string) world.Answer {
			return h.Send(t, method, forwardPath+path, http.Header{"X-Dfns-Useraction": {action}, "X-Envoy-Auth-Partial-Body": {"false"}}, payload)
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
			{"as text", method, path, world.JSON(t, payload)},
			{"a mark before", method, path, "\ufeff" + payload},
			{"a NUL after the body", method, path, payload + "\x00"},
		}
		for _, o := range others {
			h.RefusedAs(t, o.name+", consumed", consume(o.method, o.path, o.payload), 403, "user_action_invalid")
			h.RefusedAs(t, o.name+", forwarded", forward(o.method, o.path, o.payload), 403, "user_action_invalid")
			if strings.HasPrefix(o.path, "/") && !strings.Contains(o.path, "//") && !strings.Contains(o.path, "/../") {
				if o.payload == "" {
					continue // checked by TestForwardedBodies
				}
				a := envoy(o.method, o.path, o.payload)
				if a.Status != 404 { // for paths that no proxy should pass on
					h.RefusedAs(t, o.name+", forwarded below", a, 403, "user_action_invalid")
				}
			}
		}
		h.Unmoved(t, "other requests", before)
		// A difference without meaning is the same request.
		same := `{"inner":{"x":"y"}, "to":"ad` + "\u00e9" + `","list":[1, 2],
			"amount":1}`
		world.Read[api.ConsumedAction](t, consume(method, "/orders/~first?amount=1&to=ada", same))
		for _, a := range []world.Answer{consume(method, path, payload), forward(method, path, payload), envoy(method, path, payload)} {
			h.RefusedAs(t, "again", a, 400, "user_action_used")
		}
	})
}

// This server's own operations also refuse another caller.
func TestActionsOfOthers(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		bob := h.Register(t, h.InviteAdministrator(t))
		plain := h.Employee(t)
		_, eve := h.Elsewhere(t)
		adas, bobs, eves, plains := h.LogIn(t, ada), h.LogIn(t, bob), h.LogIn(t, eve), h.LogIn(t, plain)
		body := world.Uses[0].Payload(1)
		create := func(session, path string, body any, actions ...string) world.Answer {
			header := world.Bearer(session)
			if len(actions) > 0 {
				header["X-Dfns-Useraction"] = actions
			}
			return h.Send(t, "POST", path, header, body)
		}
		action := h.Sign(t, ada, adas, "POST", usersPath, body)
		absolute := h.Sign(t, ada, adas, "POST", "https://pay.example.org"+usersPath, body)
		forGet := h.Sign(t, ada, adas, "GET", usersPath, body)
		queried := h.Sign(t, ada, adas, "POST", usersPath+"?a=b", body)
		bobsOwn := h.Sign(t, bob, bobs, "POST", usersPath, body)
		plains1 := h.Sign(t, plain, plains, "POST", usersPath, body)
		before := h.Kept(t)
		for name, a := range map[string]world.Answer{
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
			"for another body":        create(adas, usersPath, world.Uses[0].Payload(2), action),
			"for no body":             create(adas, usersPath, "", action),
			"for a body with more":    create(adas, usersPath, strings.Replace(body, "{", `{"externalId":"x",`, 1), action),
			"for a member twice":      create(adas, usersPath, strings.Replace(body, "{", `{"kind":"CustomerEmployee",`, 1), action),
			"for a body after a body": create(adas, usersPath, body+body, action),
		} {
			h.RefusedAs(t, name, a, 403, "user_action_invalid")
		}
		h.RefusedAs(t, "by who may not", create(plains, usersPath, body, plains1), 403, "permission_denied")
		h.RefusedAs(t, "by nobody", h.Send(t, "POST", usersPath, http.Header{"X-Dfns-Useraction": {action}}, body), 401, "token_invalid")
		h.Unmoved(t, "actions of others", before)
		world.Read[api.User](t, create(adas, usersPath, body, action))
		h.RefusedAs(t, "again", create(adas, usersPath, body, action), 400, "user_action_used")

		// A refused effect does not spend the action.
		h.RefusedAs(t, "a user there is", create(bobs, usersPath, body, bobsOwn), 401, "user_already_exists")
		a := world.Read[api.ConsumedAction](t, h.Post(t, consumePath, api.ConsumeActionRequest{UserAction: bobsOwn}))
		if a.UserID != bob.UserID {
			t.Errorf("the action is %s's", a.UserID)
		}
	})
}

// Receipts and users of others are answered like those that do not exist.
func TestIdsOfOthers(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada, bob := h.Employee(t), h.Employee(t)
		_, eve := h.Elsewhere(t)
		adas, bobs, eves := h.LogIn(t, ada), h.LogIn(t, bob), h.LogIn(t, eve)
		_, claims, _ := world.Parts(t, h.Sign(t, ada, adas, "POST", "/x", ""))
		id := claims["jti"].(string)
		get := func(session, path string) string {
			return world.Shape(t, h.Send(t, "GET", path, world.Bearer(session), nil))
		}
		for name, all := range map[string]map[string]string{
			"actions": {"nobody's": get(bobs, "/countersign/actions/"+world.NobodysID("ua")), "a colleague's": get(bobs, "/countersign/actions/"+id),
				"a stranger's": get(eves, "/countersign/actions/"+id), "no id": get(adas, "/countersign/actions/x"), "a user": get(adas, "/countersign/actions/"+ada.UserID)},
			"users": {"nobody's": get(adas, usersPath+"/"+world.NobodysID("us")), "a stranger's": get(adas, usersPath+"/"+eve.UserID),
				"no id": get(adas, usersPath+"/x"), "SQL": get(adas, usersPath+"/'%20OR%201=1"), "NUL": get(adas, usersPath+"/%00"), "not UTF-8": get(adas, usersPath+"/%ff")},
		} {
			world.Same(t, name, all)
			for _, s := range all {
				if !strings.HasPrefix(s, "404 ") {
					t.Errorf("%s: %s", name, s)
				}
			}
		}
		h.RefusedAs(t, "users by who may not", h.Send(t, "GET", usersPath+"/"+ada.UserID, world.Bearer(bobs), nil), 403, "permission_denied")
		for name, session := range map[string]string{"a colleague's": bobs, "a stranger's": eves} {
			_, c, _ := world.Parts(t, adas)
			h.RefusedAs(t, name, h.Send(t, "DELETE", "/countersign/sessions/"+c["jti"].(string), world.Bearer(session), nil), 404, "session_not_found")
		}
		for _, session := range []string{adas} {
			if a := h.Send(t, "GET", "/countersign/actions/"+id, world.Bearer(session), nil); a.Status != 200 {
				t.Errorf("her own receipt: %d", a.Status)
			}
		}
		if a := h.Send(t, "GET", "/countersign/account", world.Bearer(adas), nil); a.Status != 200 {
			t.Errorf("her session after the attacks: %d", a.Status)
		}
	})
}
