package login_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/testing/world"
)

// A clock that is set back a little refuses nothing that was issued before: not a session, a login
// begun, an action begun or an action signed. One that is set back far does.
func TestTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		for _, c := range []struct {
			back time.Duration
			good bool
		}{{time.Second, true}, {5 * time.Second, true}, {6 * time.Second, true}, {20 * time.Second, true}, {29 * time.Second, true}, {32 * time.Second, false}, {time.Hour, false}} {
			ada := n.Employ(t, "ada "+c.back.String())
			begun := n.InitLogin(t, n.Org.ID, ada.Name)
			action := n.InitAction(t, ada.Token, "POST", "/elsewhere", "")
			signed, err := ada.SignFor(t.Context(), "POST", "/elsewhere", nil)
			must(t, err)
			n.Clock.Advance(-c.back)
			check := func(what string, a world.Answer) {
				t.Helper()
				if (a.Status == 200) != c.good || a.Status >= 500 {
					t.Errorf("%s, %v back: %v", what, c.back, a)
				}
			}
			check("a session", n.Call(t, "GET", "/countersign/caller", ada.Token, "", ""))
			check("a login that was begun", n.Post(t, loginPath, world.Signed(t, ada.Person, begun)))
			check("an action that was begun", n.Call(t, "POST", "/auth/action", ada.Token, "", world.JSON(t, world.Signed(t, ada.Person, action))))
			check("a signed action", n.Post(t, "/countersign/actions/consume", api.ConsumeActionRequest{UserAction: signed, Method: "POST", Path: "/elsewhere", Payload: new(string)}))
			n.Clock.Advance(c.back)
		}
	})
}
