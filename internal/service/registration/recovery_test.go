package registration_test

import (
	"context"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

// A client that repeats its recovery key before the first answer came gets that answer, not a
// conflict.
func TestRecoveryKeySentTwiceAtOnce(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		ctx := context.Background()
		inv := srv.Invite(t, srv.Organisation(t, "Engines").ID, "ada@example.org")
		c, err := srv.Registration.Init(ctx, api.Caller{}, api.InitRegistrationRequest{
			OrgID: inv.OrgID, Username: inv.Username, RegistrationCode: inv.RegistrationCode})
		if err != nil {
			t.Fatal(err)
		}
		who := api.Caller{RawToken: c.TemporaryAuthenticationToken}
		passkey, _, err := authenticator.New().Create(c, authenticator.Options{Origin: srv.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := srv.Registration.Complete(ctx, who, api.RegistrationRequest{FirstFactorCredential: &passkey}); err != nil {
			t.Fatal(err)
		}
		key := authenticator.NewKeySigner("P-256").Create(c.Challenge, api.KindRecoveryKey)
		var all sync.WaitGroup
		var answers sync.Map
		for range 16 {
			all.Go(func() {
				r, err := srv.Registration.AddRecovery(ctx, who, api.AddRecoveryRequest{RecoveryCredential: &key})
				if err != nil {
					t.Errorf("the same key again: %v", err)
				}
				answers.Store(r.Credential.UUID, true)
			})
		}
		all.Wait()
		n := 0
		answers.Range(func(_, _ any) bool { n++; return true })
		if n != 1 {
			t.Errorf("%d different answers, want 1", n)
		}
		other := authenticator.NewKeySigner("P-256").Create(c.Challenge, api.KindRecoveryKey)
		if _, err := srv.Registration.AddRecovery(ctx, who, api.AddRecoveryRequest{RecoveryCredential: &other}); api.CodeOf(err) != "recovery_already_registered" {
			t.Errorf("a second recovery key: %v", err)
		}
	})
}
