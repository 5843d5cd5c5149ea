package credential_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

func setPolicy(t testing.TB, h *world.Organisation, p api.AuthenticatorPolicy) {
	t.Helper()
	_, err := store.Do(t.Context(), h.DB, func(tx *store.Tx) (api.Policy, error) {
		return h.Policies.Set(t.Context(), tx, api.Caller{OrgID: h.Org.ID}, api.SetPolicyRequest{UserKind: api.CustomerEmployee, Policy: &p})
	})
	world.Must(t, err)
}

// A credential that is added meets the policy, in a session or by a code; what is there stays and signs.
func TestAddedCredentialsMeetThePolicy(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := employee(t, h)
		byKind := func(kind string) world.Answer {
			return h.Send(t, "POST", initPath, world.Bearer(ada.token), api.CredentialChallengeRequest{Kind: kind})
		}
		key := ada.begin(t, api.KindKey)
		passkey := ada.begin(t, api.KindFido2)
		setPolicy(t, h, api.AuthenticatorPolicy{Synced: "refused", Keys: "refused"})
		h.RefusedAs(t, "a key", byKind(api.KindKey), 400, "keys_not_accepted")
		h.RefusedAs(t, "a key", byKind(api.KindPasswordProtectedKey), 400, "keys_not_accepted")
		byKind(api.KindRecoveryKey).Wants(t, "a recovery key", 200, "")
		before := len(ada.list(t))
		in, _ := ada.offer(t, key, "key")
		h.RefusedAs(t, "a key, begun before", ada.call(t, "POST", listPath, in), 400, "keys_not_accepted")
		in, _ = ada.offer(t, passkey, "synced passkey")
		h.RefusedAs(t, "synced, begun before", ada.call(t, "POST", listPath, in), 400, "authenticator_not_accepted")
		// By code.
		code := world.Read[api.CredentialCode](t, ada.call(t, "POST", codePath, api.CredentialCodeRequest{Expiration: api.Time(h.Clock.Now().Add(30e9))}))
		c := world.Read[api.CredentialChallenge](t, h.Post(t, codeInitPath, api.CredentialChallengeWithCodeRequest{Code: code.Code, CredentialKind: api.KindFido2}))
		if len(c.ExcludeCredentials) != 1 {
			t.Errorf("%+v", c)
		}
		h.RefusedAs(t, "a key by code", h.Post(t, codeInitPath, api.CredentialChallengeWithCodeRequest{Code: code.Code, CredentialKind: api.KindKey}), 400, "keys_not_accepted")
		in, _ = ada.offer(t, c, "synced passkey")
		h.RefusedAs(t, "synced by code", h.Post(t, verifyPath, in), 400, "authenticator_not_accepted")
		if now := len(ada.list(t)); now != before {
			t.Errorf("%d credentials, had %d", now, before)
		}
		in, _ = ada.offer(t, c, "device passkey")
		h.Post(t, verifyPath, in).Wants(t, "device-bound by code", 200, "")

		// At most three of a model, however many are added at once.
		setPolicy(t, h, api.AuthenticatorPolicy{PerModel: 3})
		var done atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			in, _ := ada.offer(t, ada.begin(t, api.KindFido2), "device passkey")
			all.Go(func() {
				switch a := ada.call(t, "POST", listPath, in); {
				case a.Status == 200:
					done.Add(1)
				case a.Code != "too_many_of_model" && a.Code != "credentials_changed":
					t.Errorf("at once: %v", a)
				}
			})
		}
		all.Wait()
		if n := len(ada.list(t)); n != 3 || done.Load() != 1 {
			t.Errorf("%d credentials, %d were added", n, done.Load())
		}
	})
}
