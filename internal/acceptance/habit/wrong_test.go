package habit_test

import (
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// What differs in spelling alone passes; what differs in meaning does not, and makes
// nothing.
func TestToleranceEndsWithTheMeaning(t *testing.T) {
	t.Parallel()
	h := start(t)
	ada := h.join(t, goSDK, "ada", publickey.P256)
	ada.logIn(t)
	const users = "/auth/users"
	user := func(name, rest string) string {
		return `{"email":"` + name + `@example.org","kind":"CustomerEmployee"` + rest + `}`
	}
	for what, c := range map[string]struct {
		signedMethod, signedPath, signed string
		sentPath, sent                   string
		ok                               bool
	}{
		"member order":         {"POST", users, user("order", ""), users, `{"kind":"CustomerEmployee","email":"order@example.org"}`, true},
		"space":                {"POST", users, user("space", ""), users, "{ \"email\" : \"space@example.org\",\r\n\t\"kind\":\"CustomerEmployee\" }", true},
		"escapes":              {"POST", users, user("escapes-ö", ""), users, user(`\u0065scapes-\u00f6`, ""), true},
		"slash escaped":        {"POST", users, user("slash", `,"externalId":"a/b"`), users, user("slash", `,"externalId":"a\/b"`), true},
		"nested order":         {"POST", users, user("nested", `,"x":{"a":[1],"b":2}`), users, user("nested", `,"x":{"b":2,"a":[1]}`), true},
		"query left out":       {"POST", users, user("left-out", ""), users + "?a=1", user("left-out", ""), true},
		"query alike":          {"POST", users + "?a=1&b=2", user("alike", ""), users + "?a=1&b=2", user("alike", ""), true},
		"percent-encoded path": {"POST", "/auth/%75sers", user("percent", ""), users, user("percent", ""), true},

		"wrong: another query":          {"POST", users + "?a=1", user("wrong", ""), users + "?a=2", user("wrong", ""), false},
		"wrong: query in another order": {"POST", users + "?a=1&b=2", user("wrong", ""), users + "?b=2&a=1", user("wrong", ""), false},
		"wrong: signed query not sent":  {"POST", users + "?a=1", user("wrong", ""), users, user("wrong", ""), false},
		"wrong: no query was signed":    {"POST", users + "?", user("wrong", ""), users + "?a=1", user("wrong", ""), false},
		"wrong: path in capitals":       {"POST", "/auth/Users", user("wrong", ""), users, user("wrong", ""), false},
		"wrong: another path":           {"POST", "/auth/action", user("wrong", ""), users, user("wrong", ""), false},
		"wrong: encoded slash":          {"POST", "/auth%2Fusers", user("wrong", ""), users, user("wrong", ""), false},
		"wrong: with an origin":         {"POST", "https://elsewhere.example" + users, user("wrong", ""), users, user("wrong", ""), false},
		"wrong: another method":         {"PUT", users, user("wrong", ""), users, user("wrong", ""), false},

		"wrong: 1.0 for 1":           {"POST", users, user("wrong", `,"x":1`), users, user("wrong", `,"x":1.0`), false},
		"wrong: 1e0 for 1":           {"POST", users, user("wrong", `,"x":1`), users, user("wrong", `,"x":1e0`), false},
		"wrong: -0 for 0":            {"POST", users, user("wrong", `,"x":0`), users, user("wrong", `,"x":-0`), false},
		"wrong: beyond 53 bits":      {"POST", users, user("wrong", `,"x":9007199254740993`), users, user("wrong", `,"x":9007199254740992`), false},
		"wrong: text for a number":   {"POST", users, user("wrong", `,"x":1`), users, user("wrong", `,"x":"1"`), false},
		"wrong: null for nothing":    {"POST", users, user("wrong", ""), users, user("wrong", `,"externalId":null`), false},
		"wrong: a member more":       {"POST", users, user("wrong", ""), users, user("wrong", `,"externalId":"x"`), false},
		"wrong: a member less":       {"POST", users, user("wrong", `,"externalId":"x"`), users, user("wrong", ""), false},
		"wrong: capitals":            {"POST", users, user("wrong", ""), users, user("Wrong", ""), false},
		"wrong: decomposed letters":  {"POST", users, user("wrong-\u00f6", ""), users, user("wrong-o\u0308", ""), false},
		"wrong: list in other order": {"POST", users, user("wrong", `,"x":[1,2]`), users, user("wrong", `,"x":[2,1]`), false},
		"wrong: a member twice":      {"POST", users, user("wrong", ""), users, user("wrong", `,"email":"wrong2@example.org"`), false},
		"wrong: nothing was signed":  {"POST", users, "", users, user("wrong", ""), false},
		"wrong: {} was signed":       {"POST", users, "{}", users, user("wrong", ""), false},
		"wrong: null was signed":     {"POST", users, "null", users, "{}", false},
		"wrong: nothing is sent":     {"POST", users, user("wrong", ""), users, "", false},
		"wrong: two values":          {"POST", users, user("wrong", ""), users, user("wrong", "") + user("wrong", ""), false},
	} {
		t.Run(what, func(t *testing.T) {
			a := ada.sendAs(t, "POST", c.sentPath, []byte(c.sent), ada.signs(t, c.signedMethod, c.signedPath, c.signed))
			if c.ok {
				a.into(t, nil)
			} else {
				a.refused(t, "", 403, "user_action_invalid")
			}
		})
	}
	if n := h.count(t, "wrong") + h.count(t, "Wrong"); n > 0 {
		t.Errorf("%d users were made that nobody signed for", n)
	}
}

// Odd client data is one thing, another's or for another purpose a different one.
func TestClientDataThatSaysSomethingElse(t *testing.T) {
	t.Parallel()
	h := start(t)
	ada := h.join(t, goSDK, "ada", publickey.Ed25519)
	right := ada.key.ClientData
	for what, c := range map[string]struct {
		spoil  func(kind, challenge string) string
		status int
		code   string
	}{
		"as registration":    {func(_, c string) string { return members(compact, "type", "challenge")("key.create", c) }, 400, "client_data_type"},
		"as a passkey":       {func(_, c string) string { return members(compact, "type", "challenge")("webauthn.get", c) }, 400, "client_data_type"},
		"another challenge":  {func(k, c string) string { return members(compact, "type", "challenge")(k, c[1:]+"A") }, 400, "challenge_mismatch"},
		"challenge in bytes": {func(k, c string) string { return `{"type":"` + k + `","challenge":[` + c + `]}` }, 400, "client_data_malformed"},
		"member twice": {func(k, c string) string {
			return `{"type":"` + k + `","challenge":"` + c + `","challenge":"` + c + `"}`
		}, 400, "client_data_malformed"},
		"two values": {func(k, c string) string { return members(compact, "type", "challenge")(k, c) + "{}" }, 400, "client_data_malformed"},
	} {
		t.Run(what, func(t *testing.T) {
			var challenge api.SigningChallenge
			ada.token = ""
			ada.call(t, "POST", "/auth/login/init", object{{"orgId", h.org.ID}, {"username", "ada"}}, "").into(t, &challenge)
			ada.key.ClientData = func([]byte) []byte { return []byte(c.spoil("key.get", challenge.Challenge)) }
			defer func() { ada.key.ClientData = right }()
			ada.call(t, "POST", "/auth/login", ada.answers(t, challenge), "").refused(t, what, c.status, c.code)
		})
	}
	// Re-serialised on the way, which changes no meaning but what was signed.
	var challenge api.SigningChallenge
	ada.call(t, "POST", "/auth/login/init", object{{"orgId", h.org.ID}, {"username", "ada"}}, "").into(t, &challenge)
	ada.key.SentClientData = func(b []byte) []byte { return append([]byte(" "), b...) }
	ada.call(t, "POST", "/auth/login", ada.answers(t, challenge), "").refused(t, "client data written anew", 401, "signature_invalid")
	ada.key.SentClientData = nil

	// The same key under a wrong name.
	mine := ada.credID
	ada.credID = ada.encode([]byte("somebody else's credential"))
	ada.call(t, "POST", "/auth/login", ada.answers(t, challenge), "").refused(t, "another credential", 401, "signature_invalid")
	ada.credID = mine
	stranger := authenticator.NewKeySigner(publickey.Ed25519)
	own := ada.key
	ada.key = stranger
	ada.call(t, "POST", "/auth/login", ada.answers(t, challenge), "").refused(t, "another key", 401, "signature_invalid")
	ada.key = own
	ada.call(t, "POST", "/auth/login", ada.answers(t, challenge), "").into(t, nil)
}
