package countersigntest

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

// AddPasskey adds another passkey to the person, signed with the credential that p has. It returns the same
// person with the new one. It takes at most one of options.
func (p *Person) AddPasskey(t testing.TB, options ...authenticator.Options) *Person {
	t.Helper()
	s := p.session(t)
	c, err := s.InitCredential(context.Background(), api.KindFido2)
	must(t, err)
	in, other := p.passkey(t, c, options)
	_, err = s.CreateCredential(context.Background(), in)
	must(t, err)
	return other
}

// AddPasskeyByCode is AddPasskey from another device, which has no session but a code.
func (p *Person) AddPasskeyByCode(t testing.TB, options ...authenticator.Options) *Person {
	t.Helper()
	ctx := context.Background()
	s := p.session(t)
	account, err := s.Account(ctx)
	must(t, err)
	current := slices.IndexFunc(account.Sessions, func(s api.AccountSession) bool { return s.Current })
	begun, err := time.Parse(time.RFC3339Nano, account.Sessions[current].CreatedAt) // just now, by the server's clock
	must(t, err)
	code, err := s.CreateCredentialCode(ctx, api.CredentialCodeRequest{Expiration: api.Time(begun.Add(50 * time.Second))})
	must(t, err)
	c, err := p.Client.InitCredentialWithCode(ctx, api.CredentialChallengeWithCodeRequest{Code: code.Code, CredentialKind: api.KindFido2})
	must(t, err)
	in, other := p.passkey(t, c, options)
	_, err = p.Client.CreateCredentialWithCode(ctx, in)
	must(t, err)
	return other
}

// AddRecoveryKey adds a recovery key to the person, with which Server.Recover lets them in again.
func (p *Person) AddRecoveryKey(t testing.TB) *client.KeySigner {
	t.Helper()
	s, key := p.session(t), newKey(t)
	c, err := s.InitCredential(context.Background(), api.KindRecoveryKey)
	must(t, err)
	made, err := key.RegisterAs(api.KindRecoveryKey, c.Challenge)
	must(t, err)
	made.CredentialName = "Recovery key"
	_, err = s.CreateCredential(context.Background(), api.NewCredential{CredentialAttestation: made, ChallengeIdentifier: c.ChallengeIdentifier})
	must(t, err)
	return key
}

// Recover has a person who lost everything but a recovery key come back, by a code that is mailed to them:
// the server has the option Mail. It returns the same person with the new passkey; nothing that they had
// before is good any more.
func (s *Server) Recover(t testing.TB, p *Person, key *client.KeySigner, options ...authenticator.Options) *Person {
	t.Helper()
	ctx := context.Background()
	_, err := p.Client.SendRecoveryCode(ctx, api.SendRecoveryCodeRequest{OrgID: p.OrgID, Username: p.Username})
	must(t, err)
	c, err := p.Client.InitRecovery(ctx, api.InitRecoveryRequest{OrgID: p.OrgID, Username: p.Username,
		CredentialID: key.CredentialID(), VerificationCode: s.mailedCode(t, p.Username)})
	must(t, err)
	first, other := p.create(t, c.RegistrationChallenge, options)
	in, err := key.SignRecovery(api.RegistrationRequest{FirstFactorCredential: &first})
	must(t, err)
	_, err = p.Client.Recover(ctx, c.TemporaryAuthenticationToken, in)
	must(t, err)
	return other
}

// NewStart has an administrator give a person who lost everything a new start. The person registers again
// with the invitation that it returns, and is the same user.
func (s *Server) NewStart(t testing.TB, administrator *client.Session, p *Person) Invitation {
	t.Helper()
	given, err := administrator.RecoverUser(context.Background(), p.UserID)
	must(t, err)
	inv := Invitation{OrgID: p.OrgID, UserID: p.UserID, Username: p.Username, RegistrationCode: given.RegistrationCode, RegistrationURL: given.RegistrationURL}
	if given.Mailed {
		inv.RegistrationCode = s.mailedCode(t, p.Username)
	}
	return inv
}

// CredentialUUID returns the id ("cr-…") of the credential that p has.
func (p *Person) CredentialUUID(t testing.TB) string {
	t.Helper()
	list, err := p.session(t).ListCredentials(context.Background())
	must(t, err)
	for _, c := range list.Items {
		if c.CredentialID == p.CredentialID() {
			return c.CredentialUUID
		}
	}
	t.Fatalf("%s has no credential %s", p.Username, p.CredentialID())
	return ""
}

func (p *Person) session(t testing.TB) *client.Session {
	t.Helper()
	return p.Client.Session(p.LogIn(t), p.Signer())
}

// passkey makes a passkey that answers a challenge for another one.
func (p *Person) passkey(t testing.TB, c api.CredentialChallenge, options []authenticator.Options) (api.NewCredential, *Person) {
	t.Helper()
	made, other := p.create(t, api.RegistrationChallenge{Challenge: c.Challenge, User: c.User, RP: c.RP, Attestation: c.Attestation,
		PubKeyCredParams: c.PubKeyCredParams, AuthenticatorSelection: *c.AuthenticatorSelection}, options)
	made.CredentialName = cmp.Or(made.CredentialName, "Another passkey")
	return api.NewCredential{CredentialAttestation: made, ChallengeIdentifier: c.ChallengeIdentifier}, other
}

// create makes a passkey on a new device of the person.
func (p *Person) create(t testing.TB, c api.RegistrationChallenge, options []authenticator.Options) (api.CredentialAttestation, *Person) {
	t.Helper()
	o := authenticator.Options{}
	if len(options) > 0 {
		o = options[0]
	}
	o.Origin = cmp.Or(o.Origin, p.Origin)
	made, passkey, err := authenticator.New().Create(c, o)
	must(t, err)
	return made, &Person{Invitation: p.Invitation, Passkey: passkey, Origin: o.Origin, Client: p.Client}
}

// codePattern is a code as mails have it.
var codePattern = regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){4}`)

// mailedCode returns the code that was last mailed to an address.
func (s *Server) mailedCode(t testing.TB, address string) string {
	t.Helper()
	if s.Mailbox == nil {
		t.Fatal("countersigntest: a code goes by mail; start the server with the option Mail")
	}
	s.Outbox.Finish()
	for _, m := range slices.Backward(s.Mailbox.Messages()) {
		if code := codePattern.FindString(string(m.Data)); code != "" && slices.Contains(m.To, address) {
			return code
		}
	}
	t.Fatalf("countersigntest: no code was mailed to %s", address)
	return ""
}
