package action_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/testing/world"
)

// A service that names less than the whole request would let a signature for one request pass
// for another: it is refused, and the action is not used.
func TestConsumeNeedsTheWholeRequest(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		const path, payload = "https://pay.example.org/orders?id=1", `{"amount":1}`
		action := h.Sign(t, ada, session, "POST", path, payload)
		whole := map[string]any{"userAction": action, "httpMethod": "POST", "httpPath": path, "payload": payload}
		before := h.Kept(t)
		for name, c := range map[string]struct {
			change map[string]any // nil takes the member away
			want   string
		}{
			"the token alone":            {map[string]any{"httpMethod": nil, "httpPath": nil, "payload": nil}, "400 member_missing"},
			"no method":                  {map[string]any{"httpMethod": nil}, "400 member_missing"},
			"an empty method":            {map[string]any{"httpMethod": ""}, "400 member_missing"},
			"no path":                    {map[string]any{"httpPath": nil}, "400 member_missing"},
			"an empty path":              {map[string]any{"httpPath": ""}, "400 member_missing"},
			"no payload":                 {map[string]any{"payload": nil}, "400 member_missing"},
			"method and path alone":      {map[string]any{"payload": nil, "userAction": "x"}, "400 member_missing"},
			"no token":                   {map[string]any{"userAction": nil}, "403 user_action_invalid"},
			"an empty payload":           {map[string]any{"payload": ""}, "403 user_action_invalid"},
			"an empty object":            {map[string]any{"payload": "{}"}, "403 user_action_invalid"},
			"another payload":            {map[string]any{"payload": `{"amount":2}`}, "403 user_action_invalid"},
			"another method":             {map[string]any{"httpMethod": "PUT"}, "403 user_action_invalid"},
			"a method in small":          {map[string]any{"httpMethod": "post"}, "403 user_action_invalid"},
			"another path":               {map[string]any{"httpPath": "https://pay.example.org/orders"}, "403 user_action_invalid"},
			"another origin":             {map[string]any{"httpPath": "/orders?id=1"}, "403 user_action_invalid"},
			"an object as payload":       {map[string]any{"payload": map[string]int{"amount": 1}}, "400 invalid_member"},
			"the members in other words": {map[string]any{"httpMethod": nil, "method": "POST"}, "400 member_missing"},
		} {
			body := maps.Clone(whole)
			for member, value := range c.change {
				if body[member] = value; value == nil {
					delete(body, member)
				}
			}
			h.RefusedBy(t, name, h.Post(t, consumePath, body), c.want)
		}
		null := maps.Clone(whole)
		null["payload"] = nil
		h.RefusedBy(t, "null as payload", h.Post(t, consumePath, null), "400 member_missing")
		h.Unmoved(t, "actions that were not named whole", before)
		world.Read[api.ConsumedAction](t, h.Post(t, consumePath, whole))

		empty := h.Sign(t, ada, session, "DELETE", "/orders/1", "")
		a := h.Post(t, consumePath, map[string]any{"userAction": empty, "httpMethod": "DELETE", "httpPath": "/orders/1", "payload": ""})
		if a.Status != http.StatusOK {
			t.Errorf("without a body: %d %s", a.Status, a.Body)
		}
	})
}
