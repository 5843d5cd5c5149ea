package chromium

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Authenticator is a virtual authenticator that answers WebAuthn calls of one tab.
type Authenticator struct {
	tab *Tab
	id  webauthn.AuthenticatorID
}

// AddVirtualAuthenticator gives the tab an authenticator. By default it is built into
// the device (transport internal), makes discoverable credentials, verifies the user
// and agrees to every request at once, as a synced passkey provider on a phone would;
// each option may change that.
func (tab *Tab) AddVirtualAuthenticator(options ...func(*webauthn.VirtualAuthenticatorOptions)) *Authenticator {
	tab.t.Helper()
	o := webauthn.VirtualAuthenticatorOptions{
		Protocol:                    webauthn.AuthenticatorProtocolCtap2,
		Ctap2version:                webauthn.Ctap2versionCtap21,
		Transport:                   webauthn.AuthenticatorTransportInternal,
		HasResidentKey:              true,
		HasUserVerification:         true,
		IsUserVerified:              true,
		AutomaticPresenceSimulation: true,
		DefaultBackupEligibility:    true,
		DefaultBackupState:          true,
	}
	for _, option := range options {
		option(&o)
	}
	a := &Authenticator{tab: tab}
	tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		added, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator,
			webauthn.AddVirtualAuthenticatorParams{Options: &o})
		a.id = added.AuthenticatorID
		return err
	}))
	return a
}

// SecurityKey is an option for AddVirtualAuthenticator: a device-bound USB key that
// makes discoverable credentials and knows its user by PIN.
func SecurityKey(o *webauthn.VirtualAuthenticatorOptions) {
	o.Transport = webauthn.AuthenticatorTransportUsb
	o.DefaultBackupEligibility = false
	o.DefaultBackupState = false
}

// U2F is an option for AddVirtualAuthenticator: an old security key that can neither
// verify its user nor keep a discoverable credential.
func U2F(o *webauthn.VirtualAuthenticatorOptions) {
	SecurityKey(o)
	o.Protocol = webauthn.AuthenticatorProtocolU2f
	o.Ctap2version = ""
	o.HasResidentKey = false
	o.HasUserVerification = false
	o.IsUserVerified = false
}

// SetUserVerified says whether the user passes the next verifications, such as a
// fingerprint or a PIN.
func (a *Authenticator) SetUserVerified(ok bool) {
	a.tab.t.Helper()
	a.tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, webauthn.SetUserVerified,
			webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: ok})
		return err
	}))
}

// SetPresence says whether the user touches the authenticator. Without it a request
// waits until its time is over.
func (a *Authenticator) SetPresence(ok bool) {
	a.tab.t.Helper()
	a.tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, webauthn.SetAutomaticPresenceSimulation,
			webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: ok})
		return err
	}))
}

// Credentials returns what the authenticator keeps.
func (a *Authenticator) Credentials() []*webauthn.Credential {
	a.tab.t.Helper()
	var credentials []*webauthn.Credential
	a.tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		got, err := chromedp.Call(ctx, webauthn.GetCredentials,
			webauthn.GetCredentialsParams{AuthenticatorID: a.id})
		credentials = got.Credentials
		return err
	}))
	return credentials
}

// addParams are webauthn.AddCredentialParams without a member that Chromium refuses, even if it is false,
// for authenticators of this kind.
type addParams struct {
	AuthenticatorID webauthn.AuthenticatorID `json:"authenticatorId"`
	Credential      plainCredential          `json:"credential"`
}

type plainCredential struct {
	*webauthn.Credential
	Generate bool `json:"generateCmtgKeyOnNextOperation,omitempty,omitzero"`
}

var addCredential = cdp.Command[addParams, cdp.Empty]{Method: webauthn.CommandAddCredential}

// Add has the authenticator keep a credential, such as one that another kept.
func (a *Authenticator) Add(credential *webauthn.Credential) {
	a.tab.t.Helper()
	a.tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, addCredential, addParams{AuthenticatorID: a.id, Credential: plainCredential{Credential: credential}})
		return err
	}))
}

// Remove takes the authenticator away, and with it what it keeps.
func (a *Authenticator) Remove() {
	a.tab.t.Helper()
	a.tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, webauthn.RemoveVirtualAuthenticator,
			webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: a.id})
		return err
	}))
}
