package action_test

import (
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/testing/world"
)

// newSigners returns a person with two access tokens and two service accounts, each with a key of
// its own.
type signers struct {
	ada                               world.Member
	one, two, serviceAccount, another *client.Session
}

func newSigners(t *testing.T, n *world.Tenant) (s signers) {
	t.Helper()
	s.ada = n.Employ(t, "ada@example.org", "Auth:Pats:Create", "Permissions:Create")
	_, s.one = n.PersonalToken(t, s.ada.Session, "one", "")
	_, s.two = n.PersonalToken(t, s.ada.Session, "two", "")
	makes := n.Permission(t, n.Org.ID, "makes", "Permissions:Create")
	_, s.serviceAccount = n.ServiceAccount(t, n.Org.ID, "engine", makes)
	_, s.another = n.ServiceAccount(t, n.Org.ID, "other engine", makes)
	return s
}

func (s signers) all() map[string]*client.Session {
	return map[string]*client.Session{"a person": s.ada.Session, "a program": s.one, "another program": s.two, "a service account": s.serviceAccount, "another service account": s.another}
}

// with returns a signer that signs any challenge.
func with(s client.Signer) client.Signer {
	if key, bare := s.(*client.KeySigner); bare {
		return world.AnyChallenge{KeySigner: key}
	}
	return s
}

// A key signs under the session or token that it belongs to, and under no other.
func TestKeysSignForTheirOwnTokenAlone(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		all := newSigners(t, n).all()
		for whose, token := range all {
			for by, key := range all {
				_, err := n.As(token.Token, with(key.Signer)).SignFor(t.Context(), "POST", "/permissions", []byte(`{}`))
				if whose == by {
					must(t, err)
					continue
				}
				world.Refused(t, "the token of "+whose+" with the key of "+by, err, 401, "signature_invalid")
			}
		}
	})
}

// What was signed under one session or token allows nothing to another, even of the same person: a
// token's key is not the person's.
func TestSignaturesAreForTheirOwnToken(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		all := newSigners(t, n).all()
		granted := 0
		for by, s := range all {
			for whose, token := range all {
				body := world.JSON(t, api.CreatePermissionRequest{Name: by + " for " + whose, Operations: []string{"Wallets:Read"}})
				action, err := s.SignFor(t.Context(), "POST", "/permissions", []byte(body))
				must(t, err)
				a := n.Call(t, "POST", "/permissions", token.Token, action, body)
				if whose == by {
					a.Wants(t, by, 200, "")
					granted++
					continue
				}
				a.Wants(t, "signed by "+by+", sent by "+whose, 403, "user_action_invalid")
			}
		}
		if granted != len(all) {
			t.Errorf("%d were granted", granted)
		}
	})
}

// Two sessions of one person are alike: after another login the action can still be used.
func TestSignaturesAreForEverySessionOfTheirs(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		s := newSigners(t, n)
		again := n.Member(t, s.ada.Person)
		body := world.JSON(t, api.CreatePermissionRequest{Name: "x", Operations: []string{"Wallets:Read"}})
		action, err := s.ada.SignFor(t.Context(), "POST", "/permissions", []byte(body))
		must(t, err)
		n.Call(t, "POST", "/permissions", again.Token, action, body).Wants(t, "another session", 200, "")
	})
}

// The keys of service accounts and access tokens do not log in, under any name.
func TestServiceAccountsDoNotLogIn(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		s := newSigners(t, n)
		for by, key := range map[string]client.Signer{"a service account": s.serviceAccount.Signer, "a program": s.one.Signer} {
			for _, name := range []string{"engine", "SERVICE ACCOUNT engine", "Service Account engine", s.ada.Name, "one", n.ServiceAccountToken(t, "engine").UserID} {
				_, err := n.Client().LogIn(ctx, n.Org.ID, name, with(key))
				world.Refused(t, by+" as "+name, err, 401, "signature_invalid")
			}
		}
		c, err := n.Client().InitLogin(ctx, api.InitLoginRequest{OrgID: n.Org.ID, Username: s.ada.Name})
		must(t, err)
		if len(c.AllowCredentials.Key) != 1 {
			t.Errorf("the login lists %+v", c.AllowCredentials.Key)
		}
		c, err = n.Client().InitLogin(ctx, api.InitLoginRequest{OrgID: n.Org.ID})
		must(t, err)
		signed, err := with(s.serviceAccount.Signer).Sign(ctx, c)
		must(t, err)
		_, err = n.Client().Login(ctx, api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: &signed})
		world.Refused(t, "a service account by no name", err, 400, "username_required")
	})
}
