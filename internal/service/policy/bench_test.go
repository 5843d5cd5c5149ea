package policy_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/policy"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/testing/world"
)

// BenchmarkWhatIf measures what-if over 100,000 credentials of as many users, half of them with an attestation
// of one batch, whose chain is verified for each day; and that it takes less than five seconds.
func BenchmarkWhatIf(b *testing.B) {
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", database.SQLite}, {"postgres", database.Postgres}} {
		b.Run(engine.name, func(b *testing.B) {
			srv := countersigntest.Start(b, countersigntest.Database(engine.url(b)))
			org := srv.Organisation(b, "Engines")
			v := vendors()[0]
			made, _, err := v.Create(api.RegistrationChallenge{Challenge: "AAAA", RP: &api.RelyingParty{ID: "localhost"},
				PubKeyCredParams: []api.PubKeyCredParam{{Type: "public-key", Alg: -7}}}, authenticator.Options{Format: authenticator.PackedX5C})
			world.Must(b, err)
			object, err := base64.RawURLEncoding.DecodeString(made.CredentialInfo.AttestationData)
			world.Must(b, err)
			const size = 100_000
			now := time.Now()
			for begin := 0; begin < size; begin += 500 {
				world.Must(b, srv.DB.Write(context.Background(), func(tx *store.Tx) error {
					for i := begin; i < begin+500; i++ {
						u := store.User{ID: api.NewID(api.PrefixUser, now), OrgID: org.ID, Username: fmt.Sprintf("user%d", i), UsernameKey: fmt.Sprintf("user%d", i),
							Kind: api.CustomerEmployee, Active: true, CreatedAt: now}
						tx.CreateUser(u, nil)
						c := store.Credential{ID: api.NewID(api.PrefixCredential, now), OrgID: org.ID, UserID: u.ID, Kind: api.KindFido2, Factor: store.FactorFirst,
							Name: "Passkey", Realm: "localhost", RPID: "localhost", CredentialID: fmt.Appendf(nil, "id%d", i), PublicKey: fmt.Appendf(nil, "key%d", i), Algorithm: "ES256",
							AAGUID: v.AAGUID[:], UserVerified: true, Format: "none", AttestationType: "None", AttestationObject: object, ClientData: []byte("{}"),
							Transports: []string{"usb", "nfc"}, CreatedAt: now.AddDate(0, 0, -i%365)}
						if i%2 == 0 {
							c.Format, c.AttestationType = "packed", "Basic"
						}
						tx.AddCredential(c, nil)
					}
					return nil
				}))
			}
			in := api.WhatIfRequest{UserKind: api.CustomerEmployee, Policy: &document{Attestation: "required", Anchors: []string{"own"}, Roots: []string{v.pem()}}}
			b.ResetTimer()
			for range b.N {
				listed := int64(0)
				r, err := srv.Policies.WhatIfEach(context.Background(), api.Caller{OrgID: org.ID}, in, func(policy.Hit) error { listed++; return nil })
				if err != nil || r.Credentials != size || r.Refused != size/2 || listed != size/2 {
					b.Fatalf("%+v, %v", r, err)
				}
			}
			if each := b.Elapsed() / time.Duration(b.N); each > 5*time.Second {
				b.Errorf("%v, want less than 5 s", each)
			}
		})
	}
}
