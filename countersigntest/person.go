package countersigntest

import (
	"context"
	"encoding/base64"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/store"
)

// Person is a registered user with their credential: a passkey or a key. Several goroutines
// may use one Person: the credential answers one challenge at a time.
type Person struct {
	Invitation
	Passkey *authenticator.Credential // nil if they have a key
	Key     *authenticator.KeySigner  // nil if they have a passkey
	Origin  string                    // of the page where the passkey is used
	Client  *client.Client            // calls their server; a test may replace it

	using sync.Mutex
}

// Register registers the invited user with a new passkey. It takes at most one of options.
// Unless that names another origin, the passkey is made on the server's own page.
func (s *Server) Register(t testing.TB, inv Invitation, options ...authenticator.Options) *Person {
	t.Helper()
	o := authenticator.Options{}
	if len(options) > 0 {
		o = options[0]
	}
	if o.Origin == "" {
		o.Origin = s.URL
	}
	return RegisterAt(t, s.Client(), inv, o)
}

// RegisterAt is Register at any server, for instance a Process.
func RegisterAt(t testing.TB, c *client.Client, inv Invitation, o authenticator.Options) *Person {
	t.Helper()
	p := &Person{Invitation: inv, Origin: o.Origin, Client: c}
	register(t, c, inv, func(challenge api.RegistrationChallenge) (credential api.CredentialAttestation, err error) {
		credential, p.Passkey, err = authenticator.New().Create(challenge, o)
		return credential, err
	})
	return p
}

// RegisterKey registers the invited user with a new key of one of authenticator.KeyTypes.
func (s *Server) RegisterKey(t testing.TB, inv Invitation, keyType string) *Person {
	t.Helper()
	return RegisterKeyAt(t, s.Client(), inv, keyType)
}

// RegisterKeyAt is RegisterKey at any server.
func RegisterKeyAt(t testing.TB, c *client.Client, inv Invitation, keyType string) *Person {
	t.Helper()
	p := &Person{Invitation: inv, Origin: c.BaseURL, Client: c, Key: authenticator.NewKeySigner(keyType)}
	register(t, c, inv, func(challenge api.RegistrationChallenge) (api.CredentialAttestation, error) {
		return p.Key.Create(challenge.Challenge, api.KindKey), nil
	})
	return p
}

func register(t testing.TB, c *client.Client, inv Invitation, answer func(api.RegistrationChallenge) (api.CredentialAttestation, error)) {
	t.Helper()
	ctx := context.Background()
	challenge, err := c.InitRegistration(ctx, api.InitRegistrationRequest{OrgID: inv.OrgID, Username: inv.Username,
		RegistrationCode: inv.RegistrationCode})
	must(t, err)
	credential, err := answer(challenge)
	must(t, err)
	_, err = c.Register(ctx, challenge.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &credential})
	must(t, err)
}

// Administrator makes an organisation and its first user, the administrator, who registers
// with a passkey.
func (s *Server) Administrator(t testing.TB, orgName string) (store.Organisation, *Person) {
	t.Helper()
	org := s.Organisation(t, orgName)
	return org, s.Register(t, s.Invite(t, org.ID, "administrator@example.org"))
}

// Assert answers a challenge with the person's credential, even if the challenge does not
// list it. It takes at most one of options, which are for passkeys.
func (p *Person) Assert(t testing.TB, c api.SigningChallenge, options ...authenticator.Options) *api.CredentialAssertion {
	t.Helper()
	a, err := p.assert(c, options...)
	must(t, err)
	return &a
}

func (p *Person) assert(c api.SigningChallenge, options ...authenticator.Options) (api.CredentialAssertion, error) {
	p.using.Lock()
	defer p.using.Unlock()
	if p.Key != nil {
		clientData, signature := p.Key.Assert(c.Challenge)
		return api.CredentialAssertion{Kind: api.KindKey, CredentialAssertion: api.AssertionData{
			CredID: p.Key.CredentialID, ClientData: base64url(clientData), Signature: base64url(signature)}}, nil
	}
	o := authenticator.Options{}
	if len(options) > 0 {
		o = options[0]
	}
	if o.Origin == "" {
		o.Origin = p.Origin
	}
	a, err := p.Passkey.Assert(c.Challenge, o)
	return api.CredentialAssertion{Kind: api.KindFido2, CredentialAssertion: api.AssertionData{
		CredID: base64url(a.CredentialID), ClientData: base64url(a.ClientDataJSON), Signature: base64url(a.Signature),
		AuthenticatorData: base64url(a.AuthenticatorData), UserHandle: base64url(a.UserHandle)}}, err
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// CredentialID returns the base64url credential ID of the person's credential.
func (p *Person) CredentialID() string {
	if p.Key != nil {
		return p.Key.CredentialID
	}
	return base64url(p.Passkey.ID)
}

// LogIn logs the person in by their username and returns the session's token.
func (p *Person) LogIn(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	c, err := p.Client.InitLogin(ctx, api.InitLoginRequest{OrgID: p.OrgID, Username: p.Username})
	must(t, err)
	result, err := p.Client.Login(ctx, api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: p.Assert(t, c)})
	must(t, err)
	return result.Token
}

// Sign signs a request in the session of a token and returns the user action.
func (p *Person) Sign(t testing.TB, token, method, path, payload string) string {
	t.Helper()
	ctx := context.Background()
	c, err := p.Client.InitAction(ctx, token, api.InitActionRequest{Method: method, Path: path, Payload: payload})
	must(t, err)
	result, err := p.Client.SignAction(ctx, token, api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: p.Assert(t, c)})
	must(t, err)
	return result.UserAction
}

// Signer returns the person's credential for a client.Session.
func (p *Person) Signer() client.Signer { return signer{p} }

type signer struct{ p *Person }

// Sign answers any challenge, as Assert does.
func (s signer) Sign(ctx context.Context, c api.SigningChallenge) (api.CredentialAssertion, error) {
	if err := ctx.Err(); err != nil {
		return api.CredentialAssertion{}, err
	}
	return s.p.assert(c)
}
