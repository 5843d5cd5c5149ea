package client_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
)

// codePattern is a code as mails have it.
var codePattern = regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){4}`)

// answered is a key as a credential that answers a challenge.
func answered(key *authenticator.KeySigner, c api.CredentialChallenge) api.NewCredential {
	key.Name = "Another"
	return api.NewCredential{CredentialAttestation: key.Create(c.Challenge, c.Kind), ChallengeIdentifier: c.ChallengeIdentifier}
}

// The caller's own credentials, and recovery, against the real server on both databases.
func TestCredentialsAndRecovery(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		org := srv.Organisation(t, "Analytical Engines")
		admin := srv.Session(t, srv.RegisterKey(t, srv.Invite(t, org.ID, "admin@example.org"), "P-256"))
		inv := srv.Invite(t, org.ID, "ada@example.org")
		s, c := srv.Session(t, srv.RegisterKey(t, inv, "P-256")), srv.Client()
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		challenge, err := s.InitCredential(background, api.KindKey)
		check(err)
		added, err := s.CreateCredential(background, answered(authenticator.NewKeySigner("P-256"), challenge))
		check(err)
		code, err := s.CreateCredentialCode(background, api.CredentialCodeRequest{Expiration: time.Now().Add(50 * time.Second).Unix()})
		check(err)
		challenge, err = c.InitCredentialWithCode(background, api.CredentialChallengeWithCodeRequest{Code: code.Code, CredentialKind: api.KindKey})
		check(err)
		_, err = c.CreateCredentialWithCode(background, answered(authenticator.NewKeySigner("P-256"), challenge))
		check(err)
		_, err = s.DeactivateCredential(background, added.CredentialUUID)
		check(err)
		_, err = s.ActivateCredential(background, added.CredentialUUID)
		check(err)
		check(s.DeleteCredential(background, added.CredentialUUID))
		if all, err := s.ListCredentials(background); err != nil || len(all.Items) != 2 {
			t.Errorf("listed %+v, %v", all, err)
		}
		newest := func() (code string) {
			srv.Outbox.Finish()
			for _, m := range srv.Mailbox.Messages() {
				if found := codePattern.FindString(string(m.Data)); found != "" && m.To[0] == inv.Username {
					code = found
				}
			}
			return code
		}
		if given, err := admin.RecoverUser(background, inv.UserID); err != nil || !given.Mailed || given.RegistrationCode != "" {
			t.Fatalf("given %+v, %v", given, err)
		}

		// They register again, with a recovery key, and recover with it.
		rc, err := c.InitRegistration(background, api.InitRegistrationRequest{OrgID: org.ID, Username: inv.Username, RegistrationCode: newest()})
		check(err)
		recovery := authenticator.NewKeySigner("P-256")
		first, second := authenticator.NewKeySigner("P-256").Create(rc.Challenge, api.KindKey), recovery.Create(rc.Challenge, api.KindRecoveryKey)
		_, err = c.Register(background, rc.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &first, RecoveryCredential: &second})
		check(err)
		_, err = c.SendRecoveryCode(background, api.SendRecoveryCodeRequest{OrgID: org.ID, Username: inv.Username})
		check(err)
		ask := api.InitRecoveryRequest{OrgID: org.ID, Username: inv.Username, CredentialID: recovery.CredentialID, VerificationCode: newest()}
		begun, err := c.InitRecovery(background, ask)
		check(err)
		if _, err := (&client.Client{BaseURL: srv.URL, HTTP: srv.HTTP(), PublicURL: "https://elsewhere.example"}).InitRecovery(background, ask); err == nil {
			t.Error("the challenge of another server is accepted")
		}
		next := authenticator.NewKeySigner("P-256").Create(begun.Challenge, api.KindKey)
		in := api.RegistrationRequest{FirstFactorCredential: &next}
		text, err := json.Marshal(in)
		check(err)
		data, signature := recovery.Assert(base64.RawURLEncoding.EncodeToString(text))
		request := api.RecoverRequest{NewCredentials: &in, Recovery: &api.CredentialAssertion{
			Kind: api.KindRecoveryKey, CredentialAssertion: api.AssertionData{CredID: recovery.CredentialID,
				ClientData: base64.RawURLEncoding.EncodeToString(data), Signature: base64.RawURLEncoding.EncodeToString(signature)}}}

		// It waits for an approval first.
		_, err = srv.Organisations.SetPolicies(background, org.ID, organisation.Policies{RecoveryApproval: "on"})
		check(err)
		_, err = c.Recover(background, begun.TemporaryAuthenticationToken, request)
		pending, waits := client.PendingRecovery(err)
		if !waits || pending.Approval != api.ApprovalNeeded {
			t.Fatalf("pending %+v, %v", pending, err)
		}
		if _, waits := client.PendingRecovery(nil); waits {
			t.Error("no error is a recovery that waits")
		}
		_, err = admin.ApproveRecovery(background, inv.UserID, pending.ID)
		check(err)
		result, err := c.Recover(background, begun.TemporaryAuthenticationToken, request)
		check(err)
		_, err = admin.StopRecovery(background, inv.UserID)
		if _, waits := client.PendingRecovery(err); waits || err == nil {
			t.Errorf("stopped what is complete: %v", err)
		}
		if result.User.ID != inv.UserID {
			t.Errorf("recovered %+v", result)
		}
	}, countersigntest.Mail())
}

// A second factor and a password, against the real server on both databases.
func TestSecondFactorAndPassword(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		org := srv.Organisation(t, "Analytical Engines")
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		set := func(p organisation.Policies) {
			t.Helper()
			_, err := srv.Organisations.SetPolicies(background, org.ID, p)
			check(err)
		}
		set(organisation.Policies{OneTimePasswords: "on", Passwords: "on"})
		key, err := client.GenerateKeySigner("P-256")
		check(err)
		inv := srv.Invite(t, org.ID, "ada@example.org")
		c := srv.Client()
		begun, err := c.InitRegistration(background, api.InitRegistrationRequest{OrgID: org.ID, Username: inv.Username, RegistrationCode: inv.RegistrationCode})
		check(err)
		made, err := key.Register(begun)
		check(err)
		_, err = c.Register(background, begun.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &made})
		check(err)
		s, err := c.LogIn(background, org.ID, inv.Username, key)
		check(err)

		challenge, err := s.InitCredential(background, api.KindTotp)
		check(err)
		codes, err := client.NewOneTimeCodes(challenge.OtpURL)
		check(err)
		first, err := codes.Credential(background)
		check(err)
		first.CredentialName = "Phone"
		_, err = s.CreateCredential(background, api.NewCredential{CredentialAttestation: first, ChallengeIdentifier: challenge.ChallengeIdentifier})
		check(err)
		challenge, err = s.InitCredential(background, api.KindPassword)
		check(err)
		password := client.Password("correct horse battery staple")
		second := password.Credential()
		second.CredentialName = "Password"
		_, err = s.CreateCredential(background, api.NewCredential{CredentialAttestation: second, ChallengeIdentifier: challenge.ChallengeIdentifier})
		check(err)

		set(organisation.Policies{SecondFactor: "required"})
		if _, err := c.LogIn(background, org.ID, inv.Username, password); api.CodeOf(asAPI(err)) != "second_factor_required" {
			t.Errorf("one factor: %v", err)
		}
		for name, format := range map[string]string{"codes": fmt.Sprintf("%v %+v %#v %s", codes, codes, codes, codes), "password": fmt.Sprintf("%v %+v %#v %s %q %x", password, password, password, password, password, password)} {
			if strings.Contains(format, "horse") || strings.Contains(format, "secret") || strings.Contains(format, "636f7272") {
				t.Errorf("%s are printed: %s", name, format)
			}
		}
		read, err := c.LogIn(background, org.ID, inv.Username, client.TwoFactors{First: password, Second: codes})
		check(err)
		if all, err := read.ListCredentials(background); err != nil || len(all.Items) != 3 {
			t.Errorf("listed %+v, %v", all, err)
		}
		if _, err := read.SignFor(background, "POST", "/x", nil); api.CodeOf(asAPI(err)) != "signature_missing" {
			t.Errorf("signed with a password and a code: %v", err)
		}
	})
}

func asAPI(err error) error {
	var e *client.Error
	if errors.As(err, &e) {
		return &api.Error{Code: e.Code}
	}
	return err
}

func TestNewOneTimeCodes(t *testing.T) {
	for _, bad := range []string{"", "x", "https://totp/a?secret=MFRGG", "otpauth://hotp/a?secret=MFRGG", "otpauth://totp/a", "otpauth://totp/a?secret=1",
		"otpauth://totp/a?secret=MFRGG&digits=8", "otpauth://totp/a?secret=MFRGG&algorithm=SHA256", "otpauth://totp/a?secret=MFRGG&period=60", "otpauth://%"} {
		if _, err := client.NewOneTimeCodes(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
