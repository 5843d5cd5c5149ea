package attack_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/testing/world"
)

// taker is an endpoint that takes a body. A new one joins by a line in takers.
type taker struct {
	method, path string
	session      bool
	members      []string // of its body; those of an object end with /
}

var takers = []taker{
	{"POST", loginInitPath, false, []string{"username", "orgId", "loginCode"}},
	{"POST", loginPath, false, []string{"challengeIdentifier", "firstFactor/", "secondFactor/"}},
	{"POST", loginCodePath, false, []string{"username", "orgId"}},
	{"PUT", logoutPath, true, []string{"allSessions"}},
	{"POST", logoutPath, true, []string{"allSessions"}},
	{"POST", actionInitPath, true, []string{"userActionHttpMethod", "userActionHttpPath", "userActionPayload", "userActionServerKind"}},
	{"POST", actionPath, true, []string{"challengeIdentifier", "firstFactor/", "secondFactor/"}},
	{"POST", consumePath, false, []string{"userAction", "httpMethod", "httpPath", "payload"}},
}

// No body that is no JSON, is too large or has members of another type does anything.
func TestBodiesOfLoginsAndActions(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		before := h.Kept(t)
		for _, e := range takers {
			header := http.Header{}
			if e.session {
				header = world.Bearer(session)
			}
			for name, body := range notJSON() {
				if (name == "empty" || name == "null" || name == "array of one") && e.path == logoutPath || name == "empty" && e.path == loginInitPath {
					continue // nothing said is something to say here
				}
				a := h.Send(t, e.method, e.path, header, body)
				if a.Status == http.StatusOK && e.path == loginInitPath && name == "null" {
					continue
				}
				h.Refused(t, a, world.Codes("invalid_json", "invalid_member", "member_missing", "body_too_large", "user_action_invalid", "challenge_invalid"))
			}
			for _, m := range e.members {
				m, object := strings.CutSuffix(m, "/")
				wrong := []string{`1`, `[]`, `["x"]`, `1e400`, `-0`}
				if m != "allSessions" {
					wrong = append(wrong, `true`)
				} else {
					wrong = append(wrong, `"true"`, `{}`)
				}
				if object {
					wrong = append(wrong, `"x"`, `{"kind":1}`, `{"credentialAssertion":"x"}`, `{"credentialAssertion":{"credId":{}}}`)
				} else if m != "allSessions" {
					wrong = append(wrong, `{}`, `{"$ne":""}`)
				}
				for _, v := range wrong {
					body := fmt.Sprintf(`{"%s":%s}`, m, v)
					h.RefusedAs(t, body, h.Send(t, e.method, e.path, header, body), 400, "invalid_member", "invalid_json")
				}
				good := `"x"`
				if m == "allSessions" {
					good = `false`
				} else if object {
					good = `{"kind":"Fido2"}`
				}
				for _, body := range []string{fmt.Sprintf(`{"%s":%s,"%s":%s}`, m, good, m, good), fmt.Sprintf(`{"%s":%s}`, strings.ToUpper(m), strings.Replace(good, "false", "true", 1))} {
					h.RefusedAs(t, body, h.Send(t, e.method, e.path, header, body), 400, "invalid_member", "invalid_json")
				}
			}
			for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json, text/plain"} {
				a := h.Send(t, e.method, e.path, world.WithHeader(header, "Content-Type", kind), `{}`)
				h.RefusedAs(t, e.path+" as "+kind, a, 415, "content_type_unsupported")
			}
		}
		h.Unmoved(t, "bodies", before)
		if a := h.Send(t, "GET", "/countersign/account", world.Bearer(session), nil); a.Status != http.StatusOK {
			t.Errorf("the session after the attacks: %d", a.Status)
		}
	})
}

// Names, ids and texts that are no such thing.
func TestMembersOfLoginsAndActions(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		before := h.Kept(t)
		for name, in := range map[string]struct {
			in   api.InitLoginRequest
			code string
		}{
			"a name without organisation": {api.InitLoginRequest{Username: ada.Username}, "member_missing"},
			"an organisation of nothing":  {api.InitLoginRequest{Username: ada.Username, OrgID: "x"}, "organisation_id_malformed"},
			"a user as organisation":      {api.InitLoginRequest{Username: ada.Username, OrgID: ada.UserID}, "organisation_id_malformed"},
			"injection":                   {api.InitLoginRequest{Username: ada.Username, OrgID: ada.OrgID + "' OR 1=1"}, "organisation_id_malformed"},
			"the same, unnamed":           {api.InitLoginRequest{OrgID: "%"}, "organisation_id_malformed"},
			"a long name":                 {api.InitLoginRequest{Username: strings.Repeat("a", 5000), OrgID: ada.OrgID}, "member_too_long"},
			"a long code":                 {api.InitLoginRequest{Username: ada.Username, OrgID: ada.OrgID, LoginCode: strings.Repeat("A", 257)}, "member_too_long"},
		} {
			h.RefusedAs(t, name, h.Post(t, loginInitPath, in.in), 400, in.code)
		}
		for _, name := range []string{"%", "_", "\x00", "\u202e", "\ufffd", strings.ToUpper(ada.Username) + "\x00", "a\nb", "🔑", "'", "ａｄａ"} {
			if a := h.Post(t, loginInitPath, api.InitLoginRequest{OrgID: ada.OrgID, Username: name}); a.Status != http.StatusOK && a.Status != 400 {
				t.Errorf("%q: %d %s", name, a.Status, a.Body)
			}
			if a := h.Post(t, loginCodePath, api.SendLoginCodeRequest{OrgID: ada.OrgID, Username: name}); a.Status != http.StatusOK && a.Status != 400 {
				t.Errorf("%q: %d %s", name, a.Status, a.Body)
			}
		}
		post := func(in api.InitActionRequest) world.Answer {
			return h.Send(t, "POST", actionInitPath, world.Bearer(session), in)
		}
		for name, in := range map[string]struct {
			method, path string
			code         string
		}{
			"no method": {"", "/x", "member_missing"}, "no path": {"POST", "", "member_missing"}, "a method in small letters": {"post", "/x", "method_invalid"},
			"HEAD": {"HEAD", "/x", "method_invalid"}, "CONNECT": {"CONNECT", "/x", "method_invalid"}, "two methods": {"POST POST", "/x", "method_invalid"},
			"a relative path": {"POST", "x", "path_invalid"}, "a space": {"POST", "/a b", "path_invalid"}, "a line break": {"POST", "/a\r\nX: y", "path_invalid"},
			"a NUL": {"POST", "/\x00", "path_invalid"}, "a letter beyond ASCII": {"POST", "/é", "path_invalid"}, "a mark that turns text round": {"POST", "/\u202ex", "path_invalid"},
			"a fragment": {"POST", "/x#y", "path_invalid"}, "a backslash": {"POST", "/x\\y", "path_invalid"}, "another scheme": {"POST", "ftp://x/y", "path_invalid"},
			"a script": {"POST", "javascript:alert(1)", "path_invalid"}, "a scheme in capitals": {"POST", "HTTPS://x/y", "path_invalid"},
			"too long": {"POST", "/" + strings.Repeat("a", 2048), "path_invalid"}, "DEL": {"POST", "/\x7f", "path_invalid"},
		} {
			h.RefusedAs(t, name, post(api.InitActionRequest{Method: in.method, Path: in.path}), 400, in.code)
		}
		h.RefusedAs(t, "a large payload", post(api.InitActionRequest{Method: "POST", Path: "/x", Payload: strings.Repeat("a", 32<<10+1)}), 413, "payload_too_large")
		h.RefusedAs(t, "a kind of server", post(api.InitActionRequest{ServerKind: "Other", Method: "POST", Path: "/x"}), 400, "server_kind_invalid")
		h.Unmoved(t, "members", before)
	})
}

// What may be signed can be signed, whatever it is made of: a challenge that nobody can
// answer is none.
func TestLargestActions(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	ada := h.Employee(t)
	session := h.LogIn(t, ada)
	path := "/" + strings.Repeat("a", 2047)
	for name, payload := range map[string]string{
		"letters":       strings.Repeat("a", 32<<10),
		"quotes":        `["` + strings.Repeat(`","`, 30<<10/3) + `"]`,
		"line breaks":   "{" + strings.Repeat("\n", 30<<10) + "}",
		"beyond ASCII":  `"` + strings.Repeat("é", 15<<10) + `"`,
		"pretty":        "[" + strings.Repeat("\n  {\n    \"a\": \"b\"\n  },", 1300) + "1]",
		"pretty, small": "[" + strings.Repeat("\n  {\n    \"a\": \"b\"\n  },", 100) + "1]",
	} {
		a := h.Send(t, "POST", actionInitPath, world.Bearer(session), api.InitActionRequest{Method: "POST", Path: path, Payload: payload})
		if a.Status != http.StatusOK {
			h.RefusedAs(t, name, a, 413, "payload_too_large", "body_too_large")
			continue
		}
		c := world.Read[api.SigningChallenge](t, a)
		in := world.Signed(t, ada, c)
		a = h.Send(t, "POST", actionPath, world.Bearer(session), in)
		if a.Status != http.StatusOK {
			t.Errorf("%s: a challenge of %d bytes was issued for a payload of %d, and its answer gets %d %s", name, len(c.ChallengeIdentifier), len(payload), a.Status, a.Body)
			continue
		}
		action := world.Read[api.ActionResult](t, a).UserAction
		if a := h.Post(t, consumePath, api.ConsumeActionRequest{UserAction: action, Method: "POST", Path: path, Payload: &payload}); a.Status != http.StatusOK {
			t.Errorf("%s: consume: %d %s", name, a.Status, a.Body)
		}
	}
}

// A list's parameters are numbers in their range, and tokens of this very list.
func TestParametersOfLists(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		for range 4 {
			h.Invitee(t)
		}
		org, eve := h.Elsewhere(t)
		session, eves := h.LogIn(t, ada), h.LogIn(t, eve)
		h.InviteeOf(t, org)
		get := func(session, query string) world.Answer {
			return h.Send(t, "GET", usersPath+query, world.Bearer(session), nil)
		}
		for _, limit := range []string{"0", "-1", "201", "1e3", "", "01", "+1", "1.0", "0x10", "١", "1 ", "99999999999999999999", "null", "1;2", "true"} {
			h.RefusedAs(t, limit, get(session, "?limit="+url.QueryEscape(limit)), 400, "parameter_invalid")
		}
		for name, query := range map[string]string{"twice": "?limit=1&limit=1", "kinds twice": "?kind=EndUser&kind=EndUser", "an unknown kind": "?kind=Admin",
			"an empty kind": "?kind=", "a kind in small letters": "?kind=enduser", "tokens twice": "?paginationToken=x&paginationToken=x"} {
			h.RefusedAs(t, name, get(session, query), 400, "parameter_invalid")
		}
		for _, query := range []string{"?limit=%zz", "?a;b=1&limit=%", "?%"} {
			h.RefusedAs(t, query, get(session, query), 400, "query_invalid")
		}
		page := world.Read[api.UserList](t, get(session, "?limit=2"))
		other := world.Read[api.UserList](t, get(eves, "?limit=1"))
		kind := world.Read[api.UserList](t, get(session, "?limit=2&kind=CustomerEmployee"))
		for name, query := range map[string]string{
			"made up": "?paginationToken=x", "an id": "?paginationToken=" + ada.UserID, "another list's": "?paginationToken=" + other.NextPageToken,
			"a kind's": "?paginationToken=" + kind.NextPageToken, "of all, for a kind": "?kind=CustomerEmployee&paginationToken=" + page.NextPageToken,
			"of another kind": "?kind=EndUser&paginationToken=" + kind.NextPageToken, "changed": "?paginationToken=" + flip(page.NextPageToken, 2),
			"its id changed": "?paginationToken=" + flip(page.NextPageToken, len(page.NextPageToken)-8), "cut": "?paginationToken=" + page.NextPageToken[:len(page.NextPageToken)-4],
			"padded": "?paginationToken=" + page.NextPageToken + "%3D", "long": "?paginationToken=" + strings.Repeat("A", 3000),
		} {
			h.RefusedAs(t, name, get(session, query), 400, "pagination_token_invalid")
		}
		seen := map[string]bool{}
		for next := "?limit=2"; ; {
			list := world.Read[api.UserList](t, get(session, next))
			for _, u := range list.Items {
				if seen[u.UserID] || u.OrgID != ada.OrgID || u.Invitation != nil {
					t.Errorf("%+v", u)
				}
				seen[u.UserID] = true
			}
			if list.NextPageToken == "" {
				break
			}
			next = "?limit=2&paginationToken=" + list.NextPageToken
		}
		if len(seen) != 5 {
			t.Errorf("%d users on all pages, want 5", len(seen))
		}
		for _, query := range []string{"?unknown=1&limit=200", "?pagination_token=" + page.NextPageToken, "?cursor=x", "?offset=2", "?page=2", "?nextPageToken=x"} {
			h.RefusedAs(t, query, get(session, query), 400, "parameter_unknown")
		}
	})
}

// A signed body that is no user makes none, and is not spent.
func TestBodiesOfUsers(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		for _, body := range []string{``, `[]`, `null x`, `{"email":1}`, `{"email":"a@example.org"}`, `{"email":"no address","kind":"CustomerEmployee"}`,
			`{"email":"a@example.org","kind":"EndUser"}`, `{"email":"a@example.org","kind":"Admin"}`, `{"email":"a@example.org","kind":"CustomerEmployee","isSSORequired":true}`,
			`{"email":"a@example.org","Kind":"CustomerEmployee","kind":"CustomerEmployee"}`, `{"email":"a@example.org","kind":"CustomerEmployee","administrator":true,"Email":"b@example.org"}`,
			`{"email":"a@example.org\u0000","kind":"CustomerEmployee"}`, `{"email":"a@example.org\nBcc: eve@example.org","kind":"CustomerEmployee"}`,
			`{"email":"a@example.org","kind":"CustomerEmployee","externalId":"` + strings.Repeat("x", 201) + `"}`,
			`{"email":"` + strings.Repeat("a", 300) + `@example.org","kind":"CustomerEmployee"}`, `{"email":"a@example.org","email":"b@example.org","kind":"CustomerEmployee"}`} {
			action := h.Sign(t, ada, session, "POST", usersPath, body)
			before := h.Kept(t)
			a := h.Send(t, "POST", usersPath, world.WithHeader(world.Bearer(session), api.HeaderUserAction, action), body)
			h.Refused(t, a, nil)
			if a.Status != 400 {
				t.Errorf("%s: %d %s", body, a.Status, a.Body)
			}
			h.Unmoved(t, body, before)
		}
		// What is not known of is passed over, and gives no right.
		body := `{"email":"a@example.org","kind":"CustomerEmployee","administrator":true,"isActive":false,"orgId":"` + world.NobodysID("or") + `"}`
		u := world.Read[api.User](t, h.Send(t, "POST", usersPath, world.WithHeader(world.Bearer(session), api.HeaderUserAction, h.Sign(t, ada, session, "POST", usersPath, body)), body))
		kept, err := h.DB.User(t.Context(), u.UserID)
		may, read := h.DB.IsAdministrator(t.Context(), u.UserID)
		if err != nil || read != nil || may || !kept.Active || kept.OrgID != ada.OrgID {
			t.Errorf("%+v, %v", kept, err)
		}
	})
}
