package server_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/service/user"
)

// BenchmarkRegistration is one complete registration through the server, init and
// completion, by 64 clients at once in the same process. `make bench` measures the
// real binary; this is for the profiler.
func BenchmarkRegistration(b *testing.B) {
	srv := countersigntest.Start(b)
	org := srv.Organisation(b, "Engines")
	var guests []user.Invitee
	for i := range b.N {
		guests = append(guests, user.Invitee{Username: fmt.Sprintf("user%d@example.org", i)})
	}
	codes := make(chan user.Invitation, b.N)
	err := srv.Users.InviteAll(context.Background(), org.ID, guests, code.DefaultLifetime, func(i user.Invitation) error {
		codes <- i
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	c := srv.Client()
	made := authenticator.New()
	_, first, err := made.Create(api.RegistrationChallenge{Challenge: "AA", RP: &api.RelyingParty{ID: "localhost"},
		PubKeyCredParams: []api.PubKeyCredParam{{Type: "public-key", Alg: -7}}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := <-codes
			challenge, err := c.InitRegistration(context.Background(), api.InitRegistrationRequest{
				OrgID: i.User.OrgID, Username: i.User.Username, RegistrationCode: i.Code})
			if err != nil {
				b.Fatal(err)
			}
			credential, _, err := made.Create(challenge, authenticator.Options{Origin: srv.URL, Reuse: first})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := c.Register(context.Background(), challenge.TemporaryAuthenticationToken,
				api.RegistrationRequest{FirstFactorCredential: &credential}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
