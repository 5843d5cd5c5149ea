package recovery_test

import (
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// What a recovery registers meets the policy as it is then. A refused one changes nothing, and can be tried again.
func TestRecoveriesMeetThePolicy(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		h := world.On(t, srv, srv.Organisation(t, "Engines"))
		p := hold(t, h, h.Invitee(t))
		set := func(d api.AuthenticatorPolicy) {
			t.Helper()
			_, err := store.Do(t.Context(), h.DB, func(tx *store.Tx) (api.Policy, error) {
				return h.Policies.Set(t.Context(), tx, api.Caller{OrgID: h.Org.ID}, api.SetPolicyRequest{UserKind: api.CustomerEmployee, Policy: &d})
			})
			world.Must(t, err)
		}
		c := p.begin(t)
		in, _ := p.renew(t, c)
		set(api.AuthenticatorPolicy{Synced: "required", Attachment: "platform"})
		request := api.RecoverRequest{Recovery: p.sign(world.JSON(t, in)), NewCredentials: &in}
		before := h.Kept(t)
		h.RefusedAs(t, "not synced", p.complete(t, c.TemporaryAuthenticationToken, request), 400, "authenticator_not_accepted")
		h.Unmoved(t, "refused", before)
		p.LogIn(t)
		set(api.AuthenticatorPolicy{})
		p.complete(t, c.TemporaryAuthenticationToken, request).Wants(t, "open again", 200, "")
	}, countersigntest.Mail())
}
