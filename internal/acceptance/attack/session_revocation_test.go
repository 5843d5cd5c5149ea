package attack_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
)

var made atomic.Int32 // counts payloads, no two of which are alike

// revocation takes from a person what their signatures stand on, and may give it back.
type revocation struct {
	name    string
	do      func(t *testing.T, h *world.Organisation, p *countersigntest.Person, session string)
	undo    func(t *testing.T, h *world.Organisation, p *countersigntest.Person)
	login   string // how a good answer to a login is refused meanwhile, "" if it is not
	session string // how the session is refused
}

// signing is how the session is refused where an action is signed: the contract lists 400
// there for a deactivated user, whose token is refused with 401 elsewhere.
func (w revocation) signing() string {
	if w.session == "401 user_inactive" {
		return "400 user_inactive"
	}
	return w.session
}

var revocations = []revocation{
	{"user deactivated",
		func(t *testing.T, h *world.Organisation, p *countersigntest.Person, _ string) {
			must(t, h.Users.SetActive(context.Background(), p.OrgID, p.UserID, false))
		},
		func(t *testing.T, h *world.Organisation, p *countersigntest.Person) {
			must(t, h.Users.SetActive(context.Background(), p.OrgID, p.UserID, true))
		}, "400 user_inactive", "401 user_inactive"},
	{"credential deactivated",
		func(t *testing.T, h *world.Organisation, p *countersigntest.Person, _ string) {
			must(t, h.Users.SetCredentialActive(context.Background(), p.OrgID, api.FirstCredentialID(p.UserID), false))
		},
		func(t *testing.T, h *world.Organisation, p *countersigntest.Person) {
			must(t, h.Users.SetCredentialActive(context.Background(), p.OrgID, api.FirstCredentialID(p.UserID), true))
		}, "401 credential_inactive", "401 token_invalid"},
	{"session ended",
		func(t *testing.T, h *world.Organisation, _ *countersigntest.Person, session string) {
			world.Read[api.Message](t, h.Send(t, "PUT", logoutPath, world.Bearer(session), nil))
		},
		func(*testing.T, *world.Organisation, *countersigntest.Person) {}, "", "401 token_invalid"},
	{"all sessions ended",
		func(t *testing.T, h *world.Organisation, p *countersigntest.Person, _ string) {
			world.Read[api.Message](t, h.Send(t, "POST", logoutPath, world.Bearer(h.LogIn(t, p)), api.LogoutRequest{AllSessions: true}))
		},
		func(*testing.T, *world.Organisation, *countersigntest.Person) {}, "", "401 token_invalid"},
	{"session ended on the account page",
		func(t *testing.T, h *world.Organisation, p *countersigntest.Person, session string) {
			_, c, _ := world.Parts(t, session)
			world.Read[api.Message](t, h.Send(t, "DELETE", "/countersign/sessions/"+c["jti"].(string), world.Bearer(h.LogIn(t, p)), nil))
		},
		func(*testing.T, *world.Organisation, *countersigntest.Person) {}, "", "401 token_invalid"},
}

// What is deactivated between a challenge and its answer, or between the signature and its
// use, is deactivated: nothing happens, and nothing comes back when it is given back.
func TestRevocations(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		for _, w := range revocations {
			ada := h.Register(t, h.InviteAdministrator(t))
			session := h.LogIn(t, ada)
			pending := map[string]api.SignedChallenge{}
			for _, f := range world.Flows {
				pending[f.Name] = world.Signed(t, ada, f.Begin(t, h, ada, session))
			}
			actions := map[string]string{}
			payloads := map[string]string{}
			for _, u := range world.Uses {
				payloads[u.Name] = u.Payload(int(made.Add(1)))
				actions[u.Name] = h.Sign(t, ada, session, u.Method, u.Path, payloads[u.Name])
			}
			w.do(t, h, ada, session)
			before := h.Kept(t)
			for _, f := range world.Flows {
				switch {
				case f.Name == "action":
					h.RefusedBy(t, w.name+", "+f.Name, f.Complete(t, h, session, pending[f.Name]), w.signing())
				case w.login != "":
					h.RefusedBy(t, w.name+", "+f.Name, f.Complete(t, h, session, pending[f.Name]), w.login)
				}
			}
			for _, path := range []string{usersPath, "/countersign/account"} {
				h.RefusedBy(t, w.name, h.Send(t, "GET", path, world.Bearer(session), nil), w.session)
			}
			h.RefusedBy(t, w.name, h.Send(t, "POST", actionInitPath, world.Bearer(session), api.InitActionRequest{Method: "POST", Path: "/x"}), w.signing())
			for _, u := range world.Uses {
				want := "403 user_action_invalid"
				if u.Path == usersPath {
					want = w.session
				}
				h.RefusedBy(t, w.name+", "+u.Name, u.Put(t, h, session, actions[u.Name], payloads[u.Name]), want)
			}
			h.Unmoved(t, w.name, before)

			// Given back, it is a new start: what was over stays over.
			w.undo(t, h, ada)
			fresh := h.LogIn(t, ada)
			before = h.Kept(t)
			h.RefusedAs(t, w.name+", afterwards", h.Send(t, "GET", usersPath, world.Bearer(session), nil), 401, "token_invalid")
			h.RefusedAs(t, w.name+", afterwards", world.Flows[3].Complete(t, h, session, pending["action"]), 401, "token_invalid")
			h.RefusedAs(t, w.name+", afterwards", world.Flows[3].Complete(t, h, fresh, pending["action"]), 400, "challenge_invalid")
			for _, u := range world.Uses {
				h.RefusedAs(t, w.name+", afterwards, "+u.Name, u.Put(t, h, fresh, actions[u.Name], payloads[u.Name]), 403, "user_action_invalid")
			}
			h.Unmoved(t, w.name+", afterwards", before)
		}
	})
}

// While it is deactivated at the very moment there is either the whole effect, for who was
// told of a success, or none. No session is left alive.
func TestRevocationsAtOnce(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		for _, w := range revocations[:3] {
			for round := range 4 {
				ada := h.Register(t, h.InviteAdministrator(t))
				session := h.LogIn(t, ada)
				var calls []func() world.Answer
				for range 4 {
					in := world.Signed(t, ada, h.InitLogin(t, ada.OrgID, ada.Username))
					calls = append(calls, func() world.Answer { return h.Post(t, loginPath, in) })
				}
				signing := world.Signed(t, ada, world.Flows[3].Begin(t, h, ada, session))
				calls = append(calls, func() world.Answer { return world.Flows[3].Complete(t, h, session, signing) })
				names := map[int]string{}
				for i := range 4 {
					payload := world.Uses[0].Payload(int(made.Add(1)))
					action := h.Sign(t, ada, session, "POST", usersPath, payload)
					names[len(calls)] = strings.Split(payload, `"`)[3]
					calls = append(calls, func() world.Answer {
						time.Sleep(time.Duration(i*round) * time.Millisecond)
						return world.Uses[0].Put(t, h, session, action, payload)
					})
				}
				answers := make([]world.Answer, len(calls))
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
					if a.Status != http.StatusOK {
						// A credential that is gone at the last moment is told as one whose counter was passed.
						h.Refused(t, a, world.Codes("user_inactive", "credential_inactive", "sign_count_refused", "token_invalid", "user_action_invalid"))
					} else if i < 4 {
						opened++
					}
					if creates {
						_, err := h.DB.UserByName(context.Background(), ada.OrgID, name)
						if (err == nil) != (a.Status == http.StatusOK) {
							t.Errorf("%s: answered %d, and the user: %v", w.name, a.Status, err)
						}
					}
				}
				if w.login != "" {
					opened = 0
				}
				if n := h.SessionCount(t, ada); n != opened {
					t.Errorf("%s: %d sessions are alive, want %d", w.name, n, opened)
				}
			}
		}
	})
}

// A session ends by itself, and so does an action.
func TestEndOfTime(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		actions := map[string]string{}
		for i, u := range world.Uses {
			actions[u.Name] = h.Sign(t, ada, session, u.Method, u.Path, u.Payload(i))
		}
		h.Clock.Advance(5 * time.Minute)
		for i, u := range world.Uses {
			h.RefusedAs(t, "five minutes old, "+u.Name, u.Put(t, h, session, actions[u.Name], u.Payload(i)), 403, "user_action_invalid")
		}
		h.Clock.Advance(8*time.Hour - 6*time.Minute)
		if a := h.Send(t, "GET", usersPath, world.Bearer(session), nil); a.Status != http.StatusOK {
			t.Errorf("a minute before its end the session gets %d %s", a.Status, a.Body)
		}
		last := h.Sign(t, ada, session, "POST", "/orders", world.Uses[1].Payload(9))
		h.Clock.Advance(time.Minute)
		before := h.Kept(t)
		for _, p := range []struct{ method, path string }{{"GET", usersPath}, {"PUT", logoutPath}, {"POST", actionInitPath}} {
			h.RefusedAs(t, "eight hours old", h.Send(t, p.method, p.path, world.Bearer(session), nil), 401, "token_invalid")
		}
		h.RefusedAs(t, "an action of a session that is over", world.Uses[1].Put(t, h, session, last, world.Uses[1].Payload(9)), 403, "user_action_invalid")
		h.Unmoved(t, "the end of time", before)
	})
}
