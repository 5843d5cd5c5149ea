package attestation_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/metadata"
)

const challenge = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI"

var org = store.Organisation{ID: "or-00000-00000-0000000000000000", Attestation: "none", UserVerification: "required", ResidentKey: "required"}

func verifier(t *testing.T) *attestation.Verifier {
	t.Helper()
	site, err := relyingparty.NewSite("https://id.example.org")
	if err != nil {
		t.Fatal(err)
	}
	return &attestation.Verifier{Site: site, Policies: admission.NewKeeper(nil, func() *metadata.Metadata { return nil }, time.Now),
		Now: func() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }}
}

func read(t *testing.T, in api.RegistrationRequest) []attestation.Offer {
	t.Helper()
	offers, err := attestation.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	return offers
}

func TestKeysAreVerifiedAndRecognisedAgain(t *testing.T) {
	first := authenticator.NewKeySigner("P-256").Create(challenge, api.KindKey)
	recovery := authenticator.NewKeySigner("P-256").Create(challenge, api.KindRecoveryKey)
	offers := read(t, api.RegistrationRequest{FirstFactorCredential: &first, RecoveryCredential: &recovery})
	request := attestation.Request{Challenge: challenge, RPID: "id.example.org", Organisation: org, UserID: "us-ada", CodeID: "rc-ada"}
	stored, err := verifier(t).VerifyAll(t.Context(), offers, request)
	if err != nil {
		t.Fatal(err)
	}
	if len(stored) != 2 || stored[0].Factor != store.FactorFirst || stored[1].Factor != store.FactorRecovery || stored[0].ID == stored[1].ID {
		t.Fatalf("stored %+v", stored)
	}
	for i, c := range stored {
		if c.OrgID != org.ID || c.UserID != "us-ada" || c.CodeID != "rc-ada" || c.Realm != org.ID || len(c.PublicKey) == 0 {
			t.Errorf("credential %d is %+v", i, c)
		}
		if !attestation.Answers(c, challenge) || attestation.Answers(c, "another") {
			t.Errorf("credential %d answers another challenge than its own", i)
		}
		if !offers[i].StoredIn(stored) || offers[i].StoredIn(stored[1-i:2-i]) {
			t.Errorf("offer %d is not recognised by its own credential alone", i)
		}
	}
	request.Challenge = "another"
	if _, err := verifier(t).Verify(t.Context(), offers[0], request); api.KindOf(err) == api.Internal || err == nil {
		t.Errorf("an answer to another challenge: %v", err)
	}
}

func TestFactorsDiffer(t *testing.T) {
	signer := authenticator.NewKeySigner("P-256")
	first, second := signer.Create(challenge, api.KindKey), signer.Create(challenge, api.KindKey)
	_, err := attestation.Read(api.RegistrationRequest{FirstFactorCredential: &first, SecondFactorCredential: &second})
	if api.CodeOf(err) != "credentials_not_distinct" {
		t.Errorf("one credential ID twice: %v", err)
	}
	offers := read(t, api.RegistrationRequest{FirstFactorCredential: &first})
	again := offers[0]
	again.CredentialID = []byte("another id")
	request := attestation.Request{Challenge: challenge, Organisation: org}
	if _, err := verifier(t).VerifyAll(t.Context(), append(offers, again), request); api.CodeOf(err) != "credentials_not_distinct" {
		t.Errorf("one key under two credential IDs: %v", err)
	}
}

// A ceremony that was begun for another relying party cannot be completed for this one.
func TestPasskeyOfAnotherRelyingParty(t *testing.T) {
	o := attestation.Offer{Factor: store.FactorFirst, Kind: api.KindFido2}
	if _, err := verifier(t).Verify(t.Context(), o, attestation.Request{RPID: "example.com", Organisation: org}); api.CodeOf(err) != "registration_refused" {
		t.Errorf("refused with %v", err)
	}
}
