package attack_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
)

// withdrawal takes from a person what their signatures stand on, and may give it back.
type withdrawal struct {
	name    string
	do      func(t *testing.T, h *house, p *countersigntest.Person, session string)
	undo    func(t *testing.T, h *house, p *countersigntest.Person)
	login   string // how a good answer to a login is refused meanwhile, "" if it is not
	session string // how the session is refused
}

// signing is how the session is refused where an action is signed: the contract lists 400
// there for a deactivated user, whose token is refused with 401 elsewhere.
func (w withdrawal) signing() string {
	if w.session == "401 user_inactive" {
		return "400 user_inactive"
	}
	return w.session
}

var withdrawals = []withdrawal{
	{"user deactivated",
		func(t *testing.T, h *house, p *countersigntest.Person, _ string) {
			must(t, h.Users.SetActive(context.Background(), p.OrgID, p.UserID, false))
		},
		func(t *testing.T, h *house, p *countersigntest.Person) {
			must(t, h.Users.SetActive(context.Background(), p.OrgID, p.UserID, true))
		}, "400 user_inactive", "401 user_inactive"},
	{"credential deactivated",
		func(t *testing.T, h *house, p *countersigntest.Person, _ string) {
			must(t, h.Users.SetCredentialActive(context.Background(), p.OrgID, api.FirstCredentialID(p.UserID), false))
		},
		func(t *testing.T, h *house, p *countersigntest.Person) {
			must(t, h.Users.SetCredentialActive(context.Background(), p.OrgID, api.FirstCredentialID(p.UserID), true))
		}, "401 credential_inactive", "401 token_invalid"},
	{"session ended",
		func(t *testing.T, h *house, _ *countersigntest.Person, session string) {
			read[api.Message](t, h.send(t, "PUT", logoutPath, bearer(session), nil))
		},
		func(*testing.T, *house, *countersigntest.Person) {}, "", "401 token_invalid"},
	{"all sessions ended",
		func(t *testing.T, h *house, p *countersigntest.Person, _ string) {
			read[api.Message](t, h.send(t, "POST", logoutPath, bearer(h.logIn(t, p)), api.LogoutRequest{AllSessions: true}))
		},
		func(*testing.T, *house, *countersigntest.Person) {}, "", "401 token_invalid"},
	{"session ended on the account page",
		func(t *testing.T, h *house, p *countersigntest.Person, session string) {
			_, c, _ := parts(t, session)
			read[api.Message](t, h.send(t, "DELETE", "/countersign/sessions/"+c["jti"].(string), bearer(h.logIn(t, p)), nil))
		},
		func(*testing.T, *house, *countersigntest.Person) {}, "", "401 token_invalid"},
}

func (h *house) refusedBy(t *testing.T, what string, a answer, want string) {
	t.Helper()
	status, code, _ := strings.Cut(want, " ")
	if itoa(a.status) != status {
		t.Errorf("%s: %s %s answered %d %s, want %s", what, a.method, a.path, a.status, a.body, want)
		return
	}
	h.refusedAs(t, what, a, a.status, code)
}

// What is withdrawn between a challenge and its answer, or between the signature and its
// use, is withdrawn: nothing happens, and nothing comes back when it is given back.
func TestWithdrawals(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.member(t)
		for _, w := range withdrawals {
			ada := h.Register(t, h.inviteAdministrator(t))
			session := h.logIn(t, ada)
			pending := map[string]api.SignedChallenge{}
			for _, f := range flows {
				pending[f.name] = signed(t, ada, f.begin(t, h, ada, session))
			}
			actions := map[string]string{}
			payloads := map[string]string{}
			for _, u := range uses {
				payloads[u.name] = u.payload(int(h.invited.Add(1)))
				actions[u.name] = h.act(t, ada, session, u.method, u.path, payloads[u.name])
			}
			w.do(t, h, ada, session)
			before := h.kept(t)
			for _, f := range flows {
				switch {
				case f.name == "action":
					h.refusedBy(t, w.name+", "+f.name, f.complete(t, h, session, pending[f.name]), w.signing())
				case w.login != "":
					h.refusedBy(t, w.name+", "+f.name, f.complete(t, h, session, pending[f.name]), w.login)
				}
			}
			for _, path := range []string{usersPath, "/countersign/account"} {
				h.refusedBy(t, w.name, h.send(t, "GET", path, bearer(session), nil), w.session)
			}
			h.refusedBy(t, w.name, h.send(t, "POST", actionInitPath, bearer(session), api.InitActionRequest{Method: "POST", Path: "/x"}), w.signing())
			for _, u := range uses {
				want := "403 user_action_invalid"
				if u.path == usersPath {
					want = w.session
				}
				h.refusedBy(t, w.name+", "+u.name, u.put(t, h, session, actions[u.name], payloads[u.name]), want)
			}
			h.unmoved(t, w.name, before)

			// Given back, it is a new start: what was over stays over.
			w.undo(t, h, ada)
			fresh := h.logIn(t, ada)
			before = h.kept(t)
			h.refusedAs(t, w.name+", afterwards", h.send(t, "GET", usersPath, bearer(session), nil), 401, "token_invalid")
			h.refusedAs(t, w.name+", afterwards", flows[3].complete(t, h, session, pending["action"]), 401, "token_invalid")
			h.refusedAs(t, w.name+", afterwards", flows[3].complete(t, h, fresh, pending["action"]), 400, "challenge_invalid")
			for _, u := range uses {
				h.refusedAs(t, w.name+", afterwards, "+u.name, u.put(t, h, fresh, actions[u.name], payloads[u.name]), 403, "user_action_invalid")
			}
			h.unmoved(t, w.name+", afterwards", before)
		}
	})
}

// While it is withdrawn at the very moment there is either the whole effect, for who was
// told of a success, or none. No session is left alive.
func TestWithdrawalsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.member(t)
		for _, w := range withdrawals[:3] {
			for round := range 4 {
				ada := h.Register(t, h.inviteAdministrator(t))
				session := h.logIn(t, ada)
				var calls []func() answer
				for range 4 {
					in := signed(t, ada, h.initLogin(t, ada.OrgID, ada.Username))
					calls = append(calls, func() answer { return h.post(t, loginPath, in) })
				}
				signing := signed(t, ada, flows[3].begin(t, h, ada, session))
				calls = append(calls, func() answer { return flows[3].complete(t, h, session, signing) })
				names := map[int]string{}
				for i := range 4 {
					payload := uses[0].payload(int(h.invited.Add(1)))
					action := h.act(t, ada, session, "POST", usersPath, payload)
					names[len(calls)] = strings.Split(payload, `"`)[3]
					calls = append(calls, func() answer {
						time.Sleep(time.Duration(i*round) * time.Millisecond)
						return uses[0].put(t, h, session, action, payload)
					})
				}
				answers := make([]answer, len(calls))
				var all sync.WaitGroup
				start := make(chan struct{})
				for i, call := range calls {
					all.Go(func() { <-start; answers[i] = call() })
				}
				all.Go(func() {
					<-start
					time.Sleep(time.Duration(round) * 2 * time.Millisecond)
					w.do(t, h, ada, session)
				})
				close(start)
				all.Wait()
				opened := 0
				for i, a := range answers {
					name, creates := names[i]
					if a.status != http.StatusOK {
						// A credential that is gone at the last moment is told as one whose counter was passed.
						h.refused(t, a, codes("user_inactive", "credential_inactive", "sign_count_refused", "token_invalid", "user_action_invalid"))
					} else if i < 4 {
						opened++
					}
					if creates {
						_, err := h.DB.UserByName(context.Background(), ada.OrgID, name)
						if (err == nil) != (a.status == http.StatusOK) {
							t.Errorf("%s: answered %d, and the user: %v", w.name, a.status, err)
						}
					}
				}
				if w.login != "" {
					opened = 0
				}
				if n := h.sessions(t, ada); n != opened {
					t.Errorf("%s: %d sessions are alive, want %d", w.name, n, opened)
				}
			}
		}
	})
}

// A session ends by itself, and so does an action.
func TestEndOfTime(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.member(t)
		session := h.logIn(t, ada)
		actions := map[string]string{}
		for i, u := range uses {
			actions[u.name] = h.act(t, ada, session, u.method, u.path, u.payload(i))
		}
		h.Clock.Advance(5 * time.Minute)
		for i, u := range uses {
			h.refusedAs(t, "five minutes old, "+u.name, u.put(t, h, session, actions[u.name], u.payload(i)), 403, "user_action_invalid")
		}
		h.Clock.Advance(8*time.Hour - 6*time.Minute)
		if a := h.send(t, "GET", usersPath, bearer(session), nil); a.status != http.StatusOK {
			t.Errorf("a minute before its end the session gets %d %s", a.status, a.body)
		}
		last := h.act(t, ada, session, "POST", "/orders", uses[1].payload(9))
		h.Clock.Advance(time.Minute)
		before := h.kept(t)
		for _, p := range []struct{ method, path string }{{"GET", usersPath}, {"PUT", logoutPath}, {"POST", actionInitPath}} {
			h.refusedAs(t, "eight hours old", h.send(t, p.method, p.path, bearer(session), nil), 401, "token_invalid")
		}
		h.refusedAs(t, "an action of a session that is over", uses[1].put(t, h, session, last, uses[1].payload(9)), 403, "user_action_invalid")
		h.unmoved(t, "the end of time", before)
	})
}
