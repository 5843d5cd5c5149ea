package acceptance_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// interruption is what may come between two requests of one flow.
type interruption struct {
	name string
	// between returns the server that is asked next.
	between func(h *installation, nodes []*node) *node
}

var interruptions = []interruption{
	{"another server", func(_ *installation, nodes []*node) *node { return nodes[1] }},
	{"a restart", func(_ *installation, nodes []*node) *node {
		nodes[0].stop()
		nodes[0].restart()
		return nodes[0]
	}},
	{"a crash", func(_ *installation, nodes []*node) *node {
		nodes[0].Kill()
		nodes[0].restart()
		return nodes[0]
	}},
	{"a new signing key", func(h *installation, nodes []*node) *node {
		h.do("key", "rotate")
		return nodes[1]
	}},
}

// Whatever comes between challenge and answer, signature and use, or login and logout: a
// flow begun on one server is completed on another, and what was done is done there too.
func TestFlowsGoOnElsewhere(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		nodes, org, admin := h.service()
		machine := countersigntest.RegisterKeyAt(h, nodes[0].client, h.invite(org, "robot").known(), publickey.P256)
		ctx := h.Context()
		for i, cut := range interruptions {
			for who, p := range map[string]*countersigntest.Person{"passkey": admin, "key": machine, "discoverable passkey": admin} {
				what := cut.name + ", " + who
				named := api.InitLoginRequest{OrgID: org, Username: p.Username}
				if who == "discoverable passkey" {
					named = api.InitLoginRequest{}
				}
				at := nodes[0].client
				next := func() *client.Client { at = cut.between(h, nodes).client; return at }

				c, err := at.InitLogin(ctx, named)
				must(h, err)
				in := api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: p.Assert(h, c)}
				result, err := next().Login(ctx, in)
				must(h, err)
				_, err = nodes[0].client.Login(ctx, in)
				refused(h, err, 401, "challenge_used")

				body := strings.Repeat(" ", i) + `{"a":1}`
				a, err := nodes[0].client.InitAction(ctx, result.Token, api.InitActionRequest{Method: "POST", Path: "/x", Payload: body})
				must(h, err)
				signed := api.SignedChallenge{ChallengeIdentifier: a.ChallengeIdentifier, FirstFactor: p.Assert(h, a)}
				action, err := next().SignAction(ctx, result.Token, signed)
				must(h, err)
				_, err = nodes[0].client.SignAction(ctx, result.Token, signed)
				refused(h, err, 401, "challenge_used")

				use := api.ConsumeActionRequest{UserAction: action.UserAction, Method: "POST", Path: "/x", Payload: &body}
				spent, err := next().ConsumeAction(ctx, use)
				must(h, err)
				if spent.UserID != p.UserID {
					h.Errorf("%s: %+v", what, spent)
				}
				_, err = nodes[0].client.ConsumeAction(ctx, use)
				refused(h, err, 400, "user_action_used")

				_, err = nodes[0].client.Logout(ctx, result.Token, false)
				must(h, err)
				_, err = next().InitAction(ctx, result.Token, api.InitActionRequest{Method: "POST", Path: "/x"})
				refused(h, err, 401, "token_invalid")
			}
		}
	})
}

// Credentials that nobody has are the same for a name on every server and after every
// restart, or they would be told from those that somebody has.
func TestDecoysLast(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		nodes, org, admin := h.service()
		names := []string{"nobody@example.org", "robot", h.invite(org, "invited@example.org").Username, admin.Username}
		ask := func(n *node) (all []api.AllowCredentials) {
			for _, name := range names {
				c, err := n.client.InitLogin(h.Context(), api.InitLoginRequest{OrgID: org, Username: name})
				must(h, err)
				all = append(all, c.AllowCredentials)
			}
			return all
		}
		want := ask(nodes[0])
		for _, cut := range interruptions {
			if got := ask(cut.between(h, nodes)); !reflect.DeepEqual(got, want) {
				h.Errorf("after %s: %v, at first %v", cut.name, got, want)
			}
		}
	})
}

// What the operator deactivates at the command line holds at once on running servers, and
// what they lose count of comes back by their word.
func TestOperatorDeactivates(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		nodes, org, admin := h.service()
		ctx := h.Context()
		for _, withdraw := range [][2][]string{
			{{"user", "deactivate", "--org", org, "--username", admin.Username}, {"user", "activate", "--org", org, "--username", admin.Username}},
			{{"credential", "deactivate", "--org", org, api.FirstCredentialID(admin.UserID)}, {"credential", "activate", "--org", org, api.FirstCredentialID(admin.UserID)}},
		} {
			token := admin.LogIn(h)
			body := `{"email":"grace@example.org","kind":"CustomerEmployee"}`
			action := admin.Sign(h, token, http.MethodPost, "/auth/users", body)
			c, err := nodes[0].client.InitLogin(ctx, api.InitLoginRequest{OrgID: org, Username: admin.Username})
			must(h, err)
			in := api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: admin.Assert(h, c)}
			h.do(withdraw[0]...)
			for _, n := range nodes {
				if _, err := n.client.Login(ctx, in); refusal(h, err).Code != "user_inactive" && refusal(h, err).Code != "credential_inactive" {
					h.Errorf("%v: login: %v", withdraw[0], err)
				}
				_, err = n.client.ConsumeAction(ctx, api.ConsumeActionRequest{UserAction: action, Method: http.MethodPost, Path: "/auth/users", Payload: &body})
				refused(h, err, 403, "user_action_invalid")
				if _, err := n.client.ListUsers(ctx, token, api.ListUsersRequest{}); err == nil {
					h.Errorf("%v: the session lives on", withdraw[0])
				}
			}
			h.do(withdraw[1]...)
			for _, n := range nodes {
				_, err := n.client.ListUsers(ctx, token, api.ListUsersRequest{})
				refused(h, err, 401, "token_invalid")
				_, err = n.client.ConsumeAction(ctx, api.ConsumeActionRequest{UserAction: action, Method: http.MethodPost, Path: "/auth/users", Payload: &body})
				refused(h, err, 403, "user_action_invalid")
			}
			if _, err := nodes[1].client.Login(ctx, in); err != nil {
				h.Errorf("%v: %v", withdraw[1], err)
			}
		}
		if n := h.look().count(`SELECT COUNT(*) FROM users`); n != 1 {
			h.Errorf("%d users, want 1", n)
		}
	})
}
