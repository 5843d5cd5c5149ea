package acceptance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// fifty is how many parallel uses of one signature are made in these tests.
const fifty = 50

// person registers somebody invited with a passkey.
func (n *node) person(inv invitation, options ...authenticator.Options) *countersigntest.Person {
	n.installation.Helper()
	o := authenticator.Options{Origin: n.origin}
	if len(options) > 0 {
		o = options[0]
		o.Origin = n.origin
	}
	return countersigntest.RegisterAt(n.installation, n.client, inv.known(), o)
}

func (inv invitation) known() countersigntest.Invitation {
	return countersigntest.Invitation{OrgID: inv.OrgID, UserID: inv.UserID, Username: inv.Username, RegistrationCode: inv.RegistrationCode}
}

// service is two servers on one database with an administrator.
func (h *installation) service() (nodes []*node, org string, admin *countersigntest.Person) {
	h.Helper()
	org = h.organisation()
	inv := h.invite(org, "ada@example.org")
	first := h.serve()
	return []*node{first, first.another()}, org, first.person(inv)
}

// outcome counts the answers of a race: successes, and refusals by status and code.
func outcome(n int, do func(i int) error) map[string]int {
	errs := make([]error, n)
	together(n, func(i int) { errs[i] = do(i) })
	all := map[string]int{}
	for _, err := range errs {
		var e *client.Error
		switch {
		case err == nil:
			all["ok"]++
		case errors.As(err, &e):
			all[fmt.Sprintf("%d %s", e.Status, e.Code)]++
		default:
			all[err.Error()]++
		}
	}
	return all
}

func wantOutcome(t testing.TB, what string, got map[string]int, want map[string]int) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// forward asks a server as a reverse proxy does.
func (n *node) forward(ctx context.Context, action, path, body string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL+"/countersign/forward-auth?body=passed", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set(api.HeaderUserAction, action)
	r.Header.Set("X-Original-Method", http.MethodPost)
	r.Header.Set("X-Original-URI", path)
	res, err := n.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode == http.StatusOK {
		return err
	}
	code := ""
	if _, rest, ok := strings.Cut(string(text), `"code":"`); ok {
		code, _, _ = strings.Cut(rest, `"`)
	}
	return &client.Error{ErrorDetail: api.ErrorDetail{Status: res.StatusCode, Code: code}}
}

// Fifty uses of one action at the same moment on two servers: one effect, and forty-nine
// are told that it was used, whatever it is used for, also for several things at once.
func TestOneActionIsUsedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		nodes, _, admin := h.service()
		token := admin.LogIn(h)
		ctx := h.Context()
		create := func(i int, action, body string) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, nodes[i%2].URL+"/auth/users", strings.NewReader(body))
			must(h, err)
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set(api.HeaderUserAction, action)
			r.Header.Set("Content-Type", "application/json")
			res, err := nodes[i%2].http.Do(r)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode == http.StatusOK {
				return err
			}
			_, rest, _ := strings.Cut(string(text), `"code":"`)
			code, _, _ := strings.Cut(rest, `"`)
			return &client.Error{ErrorDetail: api.ErrorDetail{Status: res.StatusCode, Code: code}}
		}
		consume := func(path string) func(i int, action, body string) error {
			return func(i int, action, body string) error {
				_, err := nodes[i%2].client.ConsumeAction(ctx, api.ConsumeActionRequest{UserAction: action, Method: http.MethodPost, Path: path, Payload: &body})
				return err
			}
		}
		forward := func(path string) func(i int, action, body string) error {
			return func(i int, action, body string) error { return nodes[i%2].forward(ctx, action, path, body) }
		}
		for name, use := range map[string]struct {
			path string
			do   func(i int, action, body string) error
		}{
			"POST /auth/users": {"/auth/users", create},
			"consume":          {"/orders", consume("/orders")},
			"forward-auth":     {"/orders", forward("/orders")},
			"all of them": {"/auth/users", func(i int, action, body string) error {
				return []func(int, string, string) error{create, consume("/auth/users"), forward("/auth/users")}[i%3](i/3, action, body)
			}},
		} {
			body := fmt.Sprintf(`{"email":"made.%d@example.org","kind":"CustomerEmployee"}`, len(name))
			action := admin.Sign(h, token, http.MethodPost, use.path, body)
			used := h.look().count(`SELECT COUNT(*) FROM actions WHERE used_at IS NOT NULL`)
			effects := h.look().count(`SELECT COUNT(*) FROM events WHERE action_id <> ''`)
			wantOutcome(h, name, outcome(fifty, func(i int) error { return use.do(i, action, body) }),
				map[string]int{"ok": 1, "400 user_action_used": fifty - 1})
			if n := h.look().count(`SELECT COUNT(*) FROM actions WHERE used_at IS NOT NULL`); n != used+1 {
				h.Errorf("%s: %d actions are used, want %d", name, n, used+1)
			}
			if n := h.look().count(`SELECT COUNT(*) FROM events WHERE action_id <> ''`); n != effects+1 {
				h.Errorf("%s: %d events tell of an effect, want %d", name, n, effects+1)
			}
			wantOutcome(h, name+" again", outcome(2, func(i int) error { return use.do(i, action, body) }), map[string]int{"400 user_action_used": 2})
		}
	})
}

// Fifty answers to one challenge at the same moment on two servers: one session, or one
// action. A passkey that counts is no exception.
func TestOneChallengeIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		nodes, org, admin := h.service()
		machine := countersigntest.RegisterKeyAt(h, nodes[0].client, h.invite(org, "robot").known(), publickey.Ed25519)
		counting := nodes[1].person(h.invite(org, "eve@example.org"), authenticator.Options{SignCount: 3})
		ctx := h.Context()
		for name, p := range map[string]*countersigntest.Person{"passkey": admin, "key": machine, "counting passkey": counting} {
			begin := func() api.SignedChallenge {
				c, err := nodes[0].client.InitLogin(ctx, api.InitLoginRequest{OrgID: p.OrgID, Username: p.Username})
				must(h, err)
				return api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: p.Assert(h, c)}
			}
			one := func(what string, got map[string]int) {
				h.Helper()
				if got["ok"] != 1 || got["ok"]+got["401 challenge_used"]+got["401 sign_count_refused"] != fifty ||
					got["401 sign_count_refused"] > 0 && p != counting {
					h.Errorf("%s, %s: %v", name, what, got)
				}
			}
			sessions := h.look().count(`SELECT COUNT(*) FROM sessions`)
			in := begin()
			one("login", outcome(fifty, func(i int) error { _, err := nodes[i%2].client.Login(ctx, in); return err }))
			if n := h.look().count(`SELECT COUNT(*) FROM sessions`); n != sessions+1 {
				h.Errorf("%s: %d sessions, want %d", name, n, sessions+1)
			}
			token := p.LogIn(h)
			c, err := nodes[1].client.InitAction(ctx, token, api.InitActionRequest{Method: "POST", Path: "/x"})
			must(h, err)
			actions := h.look().count(`SELECT COUNT(*) FROM actions`)
			signed := api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: p.Assert(h, c)}
			one("action", outcome(fifty, func(i int) error { _, err := nodes[i%2].client.SignAction(ctx, token, signed); return err }))
			if n := h.look().count(`SELECT COUNT(*) FROM actions`); n != actions+1 {
				h.Errorf("%s: %d actions, want %d", name, n, actions+1)
			}
		}
	})
}

// Fifty different actions for the same new user: one user, and those who came too late
// have spent nothing.
func TestOneEffectOfManyActions(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		nodes, _, admin := h.service()
		token := admin.LogIn(h)
		const body = `{"email":"grace@example.org","kind":"CustomerEmployee"}`
		actions := make([]string, 16)
		for i := range actions {
			actions[i] = admin.Sign(h, token, http.MethodPost, "/auth/users", body)
		}
		in := api.CreateUserRequest{Email: "grace@example.org", Kind: api.CustomerEmployee}
		wantOutcome(h, "create", outcome(len(actions), func(i int) error {
			_, err := nodes[i%2].client.CreateUser(h.Context(), token, actions[i], in)
			return err
		}), map[string]int{"ok": 1, "401 user_already_exists": len(actions) - 1})
		if n := h.look().count(`SELECT COUNT(*) FROM actions WHERE used_at IS NOT NULL`); n != 1 {
			h.Errorf("%d actions are used, want 1", n)
		}
		if n := h.look().count(`SELECT COUNT(*) FROM users`); n != 2 {
			h.Errorf("%d users, want 2", n)
		}
	})
}
