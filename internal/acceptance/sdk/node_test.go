package sdk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// register runs register.mjs for an invitation, through the judging proxy.
func (h *checkedServer) register(t *testing.T, inv countersigntest.Invitation, env map[string]string) outcome {
	t.Helper()
	all := map[string]string{
		"URL": h.proxy, "ORG_ID": inv.OrgID, "USERNAME": inv.Username, "REGISTRATION_CODE": inv.RegistrationCode,
	}
	for name, value := range env {
		all[name] = value
	}
	return decodeOutcome(t, node(t, "register.mjs", all))
}

// What the store calls the keys that keysigner.mjs makes.
var algorithms = map[string]string{
	"P-256": "ES256", "P-384": "ES384-SHA256", "P-521": "ES512-SHA256", "secp256k1": "ES256K",
	"Ed25519": "EdDSA", "RSA-2048": "RS256", "RSA-3072": "RS256",
}

// DfnsAuthenticator.register() of every line of the SDK, with the keys that its users have.
func TestDfnsAuthenticatorRegistersKeys(t *testing.T) {
	t.Parallel()
	common := []string{"P-256", "secp256k1", "Ed25519", "RSA-2048"}
	// Before 0.4 key signers put an origin into the client data, by default this one.
	const oldOrigin = `{"origin":"https://dashboard.dfns.io"}`

	h := start(t)
	org := h.Organisation(t, "Analytical Engines")
	for _, c := range []struct {
		sdk, keysigner, options string
		keys                    []string
		header, value           string // by which this SDK is known
	}{
		{sdk: "v0.8", keysigner: "v0.8.3", keys: append(common, "RSA-3072", "P-384", "P-521"), header: "X-Dfns-Sdk-Version", value: "0.8.21"},
		{sdk: "v0.8.3", keys: []string{"P-256"}, header: "X-Dfns-Sdk-Version", value: "0.8.3"},
		{sdk: "v0.7", keys: common, header: "X-Dfns-Sdk-Version", value: "0.7.18"},
		{sdk: "v0.6", keys: common, header: "X-Dfns-Sdk-Version", value: "0.6.12"},
		{sdk: "v0.5", keys: common, header: "X-Dfns-Appid", value: appID},
		{sdk: "v0.4", keys: common, header: "X-Dfns-Appid", value: appID},
		{sdk: "v0.3", options: oldOrigin, keys: []string{"P-256", "RSA-2048"}, header: "X-Dfns-Appid", value: appID},
		{sdk: "v0.2", options: oldOrigin, keys: []string{"Ed25519"}, header: "X-Dfns-Appid", value: appID},
		{sdk: "v0.1", options: oldOrigin, keys: []string{"P-256"}, header: "X-Dfns-Appid", value: appID},
	} {
		for _, key := range c.keys {
			t.Run(c.sdk+"/"+key, func(t *testing.T) {
				before := len(h.passed(with(c.header, c.value)))
				inv := h.Invite(t, org.ID, strings.ToLower(c.sdk+"."+key)+"@example.org")
				o := h.register(t, inv, map[string]string{
					"SDK": c.sdk, "KEYSIGNER": c.keysigner, "KEY": key, "KEY_OPTIONS": c.options,
				})
				if o.Error != nil {
					t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
				}
				stored := only(t, h.registered(t, inv, o.Result), api.KindKey, o.CredentialID)
				if stored.Algorithm != algorithms[key] {
					t.Errorf("a %s key is stored as %s, want %s", key, stored.Algorithm, algorithms[key])
				}
				if calls := len(h.passed(with(c.header, c.value))) - before; calls != 2 {
					t.Errorf("%d calls with %s: %s, want init and complete", calls, c.header, c.value)
				}
			})
		}
	}
}

// The same on both databases, with a key and a recovery key.
func TestSDKRegistersOnEveryDatabase(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		h := start(t, countersigntest.Database(url))
		inv := h.Invite(t, h.Organisation(t, "Analytical Engines").ID, "ada@example.org")
		env := map[string]string{"SDK": "v0.8", "KEYSIGNER": "v0.8.3", "CALL": "extras"}
		o := h.register(t, inv, env)
		if o.Error != nil {
			t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
		}
		if n := len(h.registered(t, inv, o.Result)); n != 3 {
			t.Errorf("%d credentials are stored, want 3", n)
		}
		wantRefused(t, "a second registration", h.register(t, inv, env), 401, "user_already_exists")
	})
}

// appID is what register.mjs gives to the versions that want one.
const appID = "ap-01234-56789-abcdefghijklmnop"

// The forms in which keys and attestations come, all verified as they are sent.
func TestAttestationsOfKeysInEveryForm(t *testing.T) {
	t.Parallel()
	h := start(t)
	org := h.Organisation(t, "Analytical Engines")
	for name, env := range map[string]map[string]string{
		"PKCS 1 PEM":                 {"KEY": "RSA-2048", "KEY_OPTIONS": `{"pkcs1":true}`},
		"PEM without final line end": {"KEY": "P-256", "KEY_OPTIONS": `{"trim":true}`},
		"algorithm SHA256":           {"KEY": "P-256", "KEY_OPTIONS": `{"algorithm":"SHA256"}`},
		"algorithm RSA-SHA256":       {"KEY": "RSA-2048", "KEY_OPTIONS": `{"algorithm":"RSA-SHA256"}`},
		"client scoped, 0.7":         {"SDK": "v0.7", "SCOPED": "1"},
		"client scoped, 0.8.3":       {"SDK": "v0.8.3", "SCOPED": "1"},
		"client scoped, 0.8":         {"SCOPED": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			inv := h.Invite(t, org.ID, strings.ReplaceAll(name, " ", ".")+"@example.org")
			if env["SDK"] == "" {
				env["SDK"], env["KEYSIGNER"] = "v0.8", "v0.8.3"
			}
			o := h.register(t, inv, env)
			if o.Error != nil {
				t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
			}
			only(t, h.registered(t, inv, o.Result), api.KindKey, o.CredentialID)
		})
	}
}

// The generated clients, under the names the calls have and had.
func TestGeneratedClientsRegister(t *testing.T) {
	t.Parallel()
	h := start(t)
	org := h.Organisation(t, "Analytical Engines")
	for call, versions := range map[string][]string{
		"generated": {"v0.4", "v0.5", "v0.6", "v0.7", "v0.8"},
		"aliases":   {"v0.1", "v0.3", "v0.4", "v0.6", "v0.8"},
		"base":      {"v0.2", "v0.5", "v0.8"},
	} {
		for _, sdk := range versions {
			t.Run(call+"/"+sdk, func(t *testing.T) {
				inv := h.Invite(t, org.ID, call+"."+sdk+"@example.org")
				o := h.register(t, inv, map[string]string{"SDK": sdk, "KEYSIGNER": keysignerOf(sdk), "CALL": call})
				if o.Error != nil {
					t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
				}
				only(t, h.registered(t, inv, o.Result), api.KindKey, o.CredentialID)
			})
		}
	}
}

// keysignerOf names the folder of the key signer that fits an SDK: 0.8.21 has none of
// its own on npm.
func keysignerOf(sdk string) string {
	if sdk == "v0.8" {
		return "v0.8.3"
	}
	return sdk
}

func TestGeneratedClientRegistersAllFactorsAtOnce(t *testing.T) {
	t.Parallel()
	h := start(t)
	inv := h.Invite(t, h.Organisation(t, "Analytical Engines").ID, "ada@example.org")
	o := h.register(t, inv, map[string]string{"SDK": "v0.8", "KEYSIGNER": "v0.8.3", "CALL": "extras"})
	if o.Error != nil {
		t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
	}
	got := map[string]string{}
	for _, c := range h.registered(t, inv, o.Result) {
		got[c.Factor] = fmt.Sprintf("%s %q %q", c.Kind, c.Name, c.EncryptedPrivateKey)
	}
	for factor, want := range map[string]string{
		store.FactorFirst:    `Key "First key" ""`,
		store.FactorSecond:   `Key "Second key" ""`,
		store.FactorRecovery: `RecoveryKey "Recovery key" "sealed recovery key"`,
	} {
		if got[factor] != want {
			t.Errorf("%s factor: %s, want %s", factor, got[factor], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("stored %v, want three credentials", got)
	}
}

func TestGeneratedClientRegistersPasswordProtectedKey(t *testing.T) {
	t.Parallel()
	h := start(t)
	inv := h.Invite(t, h.Organisation(t, "Analytical Engines").ID, "ada@example.org")
	o := h.register(t, inv, map[string]string{"SDK": "v0.8", "KEYSIGNER": "v0.8.3", "CALL": "protected"})
	if o.Error != nil {
		t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
	}
	credentials := h.registered(t, inv, o.Result)
	if len(credentials) != 1 || credentials[0].Kind != api.KindPasswordProtectedKey ||
		credentials[0].EncryptedPrivateKey != "sealed private key" {
		t.Errorf("stored %+v", credentials)
	}
}

// From 0.6 on resending needs no signature; the answer says nothing about the account.
func TestResendRegistrationCode(t *testing.T) {
	t.Parallel()
	h := start(t)
	org := h.Organisation(t, "Analytical Engines")
	for _, sdk := range []string{"v0.6", "v0.7", "v0.8"} {
		t.Run(sdk, func(t *testing.T) {
			answers := map[string]bool{}
			invited := h.Invite(t, org.ID, "invited."+sdk+"@example.org")
			unknown := invited
			unknown.Username = "nobody." + sdk + "@example.org"
			for _, inv := range []countersigntest.Invitation{invited, unknown} {
				o := h.register(t, inv, map[string]string{"SDK": sdk, "KEYSIGNER": keysignerOf(sdk), "CALL": "resend"})
				if o.Error != nil {
					t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
				}
				answers[string(o.Result)] = true
				var message api.Message
				if err := json.Unmarshal(o.Result, &message); err != nil || message.Message == "" {
					t.Errorf("resendRegistrationCode gave %s, want a message", o.Result)
				}
			}
			if len(answers) != 1 {
				t.Errorf("an invited and an unknown user are told apart: %v", answers)
			}
		})
	}
}

// Refusals arrive as the SDK's own error with status and sentence, in every version.
func TestRefusalsReachTheCallerOfTheSDK(t *testing.T) {
	t.Parallel()
	h := start(t)
	org := h.Organisation(t, "Analytical Engines")
	other := h.Organisation(t, "Difference Engines")
	for _, sdk := range []string{"v0.8", "v0.6", "v0.4", "v0.1"} {
		t.Run(sdk, func(t *testing.T) {
			env := map[string]string{"SDK": sdk, "KEYSIGNER": keysignerOf(sdk)}
			inv := h.Invite(t, org.ID, sdk+"@example.org")

			wrongCode, foreign, unknown := inv, inv, inv
			wrongCode.RegistrationCode = "AAAA-AAAA-AAAA-AAAA-AAAA"
			foreign.OrgID = other.ID
			unknown.Username = "nobody@example.org"
			sentences := map[string]bool{}
			for what, refused := range map[string]countersigntest.Invitation{"code": wrongCode, "organisation": foreign, "user": unknown} {
				o := h.register(t, refused, env)
				wantRefused(t, "another "+what, o, 401, "registration_refused")
				if o.Error != nil {
					sentences[o.Error.Message] = true
				}
			}
			if len(sentences) != 1 {
				t.Errorf("the refusals can be told apart: %v", sentences)
			}
			h.unregistered(t, inv)

			// The refusals have cost the invited user nothing.
			if o := h.register(t, inv, env); o.Error != nil {
				t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
			}
			o := h.register(t, inv, env)
			wantRefused(t, "a second registration", o, 401, "user_already_exists")
			if o.Error != nil && o.Error.Message != "User already exists." {
				t.Errorf("a second registration: the SDK's sentence is %q, want the documented one", o.Error.Message)
			}
		})
	}
}

// Who holds the right code, only too late, is told so in the documented words.
func TestExpiryReachesTheCallerOfTheSDK(t *testing.T) {
	t.Parallel()
	h := start(t)
	inv := h.Invite(t, h.Organisation(t, "Analytical Engines").ID, "ada@example.org")
	wrongCode := inv
	wrongCode.RegistrationCode = "AAAA-AAAA-AAAA-AAAA-AAAA"
	h.Clock.Advance(time.Until(inv.ExpiresAt) + time.Minute)

	env := map[string]string{"SDK": "v0.8", "KEYSIGNER": "v0.8.3"}
	o := h.register(t, inv, env)
	wantRefused(t, "an expired code", o, 400, "registration_code_expired")
	if o.Error != nil && o.Error.Message != "Registration code expired" {
		t.Errorf("an expired code: the SDK's sentence is %q, want the documented one", o.Error.Message)
	}
	wantRefused(t, "a wrong code for an expired one", h.register(t, wrongCode, env), 401, "registration_refused")
	h.unregistered(t, inv)
}

func wantRefused(t *testing.T, what string, o outcome, status int, reason string) {
	t.Helper()
	switch {
	case o.Error == nil:
		t.Errorf("%s: registered as %s", what, o.Result)
	case o.Error.Name != "DfnsError" || o.Error.HTTPStatus != status || o.Error.Message == "":
		t.Errorf("%s: the SDK threw %s %d %q, want a DfnsError with %d", what, o.Error.Name, o.Error.HTTPStatus, o.Error.Message, status)
	case o.reason() != reason:
		t.Errorf("%s: the reason is %q in %s, want %s", what, o.reason(), o.Error.Body, reason)
	}
}
