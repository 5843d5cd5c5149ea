package recovery_test

import (
	"encoding/base32"
	"net/url"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/totp"
)

// A recovery may bring codes from an app as second factor, where the organisation accepts them. It never ends
// with a password, which signs nothing.
func TestRecoveryWithOtherKinds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		ada := hold(t, h, h.Invitee(t))
		if c := ada.begin(t); c.OtpURL != "" {
			t.Errorf("not accepted, and offered: %+v", c.RegistrationChallenge)
		}
		h.SetPolicies(t, organisation.Policies{OneTimePasswords: "on", Passwords: "on"})
		c := ada.begin(t)
		if kinds := c.SupportedCredentialKinds; len(kinds.FirstFactor) != 3 || len(kinds.SecondFactor) != 4 || kinds.SecondFactor[3] != api.KindTotp {
			t.Errorf("offered %+v", kinds)
		}
		otp, err := url.Parse(c.OtpURL)
		world.Must(t, err)
		secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(otp.Query().Get("secret"))
		world.Must(t, err)
		code := func(by int64) string { return totp.Code(secret, totp.Step(h.Clock.Now())+by) }
		with := func(change func(in *api.RegistrationRequest)) (api.RecoverRequest, holder) {
			in, next := ada.renew(t, c)
			change(&in)
			return api.RecoverRequest{Recovery: ada.sign(world.JSON(t, in)), NewCredentials: &in}, next
		}
		password := api.CredentialAttestation{CredentialKind: api.KindPassword, CredentialInfo: api.CredentialAttestationInfo{Password: "correct horse battery"}}
		first, _ := with(func(in *api.RegistrationRequest) { in.FirstFactorCredential = &password })
		h.RefusedAs(t, "a password", ada.complete(t, c.TemporaryAuthenticationToken, first), 400, "credential_kind_not_supported")
		totpWith := func(code string) func(in *api.RegistrationRequest) {
			return func(in *api.RegistrationRequest) {
				in.SecondFactorCredential = &api.CredentialAttestation{CredentialKind: api.KindTotp, CredentialInfo: api.CredentialAttestationInfo{OtpCode: code}}
			}
		}
		wrong, _ := with(totpWith(code(5)))
		h.RefusedAs(t, "a wrong code", ada.complete(t, c.TemporaryAuthenticationToken, wrong), 401, "one_time_code_invalid")
		right, next := with(totpWith(code(0)))
		swapped := right
		changed := *right.NewCredentials
		changed.SecondFactorCredential = wrong.NewCredentials.SecondFactorCredential
		swapped.NewCredentials = &changed
		h.RefusedAs(t, "another code than was signed", ada.complete(t, c.TemporaryAuthenticationToken, swapped), 400, "recovery_mismatch")
		ada.complete(t, c.TemporaryAuthenticationToken, right).Wants(t, "a passkey and codes", 200, "")
		h.SetPolicies(t, organisation.Policies{SecondFactor: "required"})
		h.Clock.Advance(time.Minute)
		in := world.Signed(t, next.Person, h.InitLogin(t, h.Org.ID, ada.Username))
		h.RefusedAs(t, "the passkey alone", h.Post(t, "/auth/login", in), 401, "second_factor_required")
		in.SecondFactor = &api.CredentialAssertion{Kind: api.KindTotp, OtpCode: code(0)}
		h.Post(t, "/auth/login", in).Wants(t, "both", 200, "")

		// A recovery takes the codes away as well.
		ada = next
		c = ada.begin(t)
		request, last := ada.request(t, c)
		ada.complete(t, c.TemporaryAuthenticationToken, request).Wants(t, "recovered again", 200, "")
		last.LogIn(t)
	})
}
