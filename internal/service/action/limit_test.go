package action_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// What a user signs and does not use takes so much room and no more. It is removed a day after it
// expired; what was used stays.
func TestUnusedActionsAreLimited(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		mallory, ada := n.Employ(t, "mallory@example.org"), n.Employ(t, "ada@example.org")
		used, err := ada.SignFor(t.Context(), "POST", "/elsewhere", nil)
		must(t, err)
		_, err = n.Client().ConsumeAction(t.Context(), api.ConsumeActionRequest{UserAction: used, Method: "POST", Path: "/elsewhere", Payload: new(string)})
		must(t, err)
		payload, began := []byte(strings.Repeat("x", 32000)), time.Now()
		signed := 0
		for err == nil {
			if _, err = mallory.SignFor(t.Context(), "POST", "/elsewhere", payload); err == nil {
				signed++
			}
		}
		world.Refused(t, "one more", err, 429, "too_many_unused_actions")
		took := time.Since(began)
		own, org, err := n.DB.UnusedActions(t.Context(), n.Org.ID, mallory.ID, n.Clock.Now())
		must(t, err)
		bytes := own.Bytes
		if bytes > store.MaxUnusedOfUser.Bytes || bytes < store.MaxUnusedOfUser.Bytes-50_000 || int64(signed) != own.Actions || org.Bytes < bytes {
			t.Errorf("%d signed, %+v kept, %+v in all", signed, own, org)
		}
		t.Logf("%d actions, %d bytes, at %.1f MB a minute; then none until they are pruned", signed, bytes, float64(bytes)/1e6/took.Minutes())
		last, err := ada.SignFor(t.Context(), "POST", "/elsewhere", nil)
		must(t, err) // others go on
		n.Clock.Advance(23 * time.Hour)
		must(t, n.Action.Prune(t.Context()))
		_, err = n.Member(t, mallory.Person).SignFor(t.Context(), "POST", "/elsewhere", payload)
		world.Refused(t, "23 hours later", err, 429, "too_many_unused_actions")
		n.Clock.Advance(2 * time.Hour)
		must(t, n.Action.Prune(t.Context()))
		all, err := n.DB.Actions(t.Context(), n.Org.ID, "", "", 0)
		must(t, err)
		for _, a := range all {
			if a.UsedAt.IsZero() {
				t.Errorf("%s of %s, which was never used, is kept", a.ID, a.UserID)
			}
		}
		if len(all) == 0 {
			t.Error("what was used is gone")
		}
		_, err = n.Member(t, mallory.Person).SignFor(t.Context(), "POST", "/elsewhere", payload)
		must(t, err)
		if _, err := n.Client().ConsumeAction(t.Context(), api.ConsumeActionRequest{UserAction: last, Method: "POST", Path: "/elsewhere", Payload: new(string)}); err == nil {
			t.Error("a pruned action is used")
		}
	})
}
