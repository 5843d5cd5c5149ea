package admission_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/admission"
)

// What is kept of an attestation object without its statement is recognised again, and nothing else is. Objects
// that are cut off or changed anywhere are read or refused, never more.
func TestStatements(t *testing.T) {
	for _, format := range authenticator.Formats {
		made, _, err := authenticator.New().Create(api.RegistrationChallenge{Challenge: "AAAA", RP: &api.RelyingParty{ID: "localhost"},
			PubKeyCredParams: []api.PubKeyCredParam{{Type: "public-key", Alg: -7}}}, authenticator.Options{Format: format})
		if err != nil {
			t.Fatal(err)
		}
		object, err := base64.RawURLEncoding.DecodeString(made.CredentialInfo.AttestationData)
		if err != nil {
			t.Fatal(err)
		}
		s, err := admission.ReadStatement(object)
		if attested := format != authenticator.None && format != authenticator.PackedSelf; err != nil || (len(s.Chain) > 0) != attested || len(s.AuthData) < 100 {
			t.Errorf("%s: %d certificates, %v", format, len(s.Chain), err)
		}
		without, err := admission.WithoutStatement(object)
		if err != nil {
			t.Fatal(err)
		}
		again, err := admission.ReadStatement(without)
		if err != nil || again.Chain != nil || !bytes.Equal(again.AuthData, s.AuthData) || !admission.Stored(without, object) || !admission.Stored(object, object) {
			t.Errorf("%s without: %+v, %v", format, again, err)
		}
		if format != authenticator.None && admission.Stored(object, without) {
			t.Errorf("%s: all is stored, and less is recognised", format)
		}
		for i := range object {
			if _, err := admission.ReadStatement(object[:i]); err == nil {
				t.Errorf("%s: cut off after %d bytes", format, i)
			}
			for _, flip := range []byte{1, 0x20, 0x80, 0xff} {
				changed := bytes.Clone(object)
				changed[i] ^= flip
				if c, err := admission.ReadStatement(changed); err == nil && !bytes.Equal(c.AuthData, s.AuthData) && admission.Stored(without, changed) {
					t.Errorf("%s: other authenticator data pass for the same, byte %d", format, i)
				}
			}
		}
	}
}
