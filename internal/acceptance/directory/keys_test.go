package directory_test

import (
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

// signers are a person with two programs, and a machine beside another, each with a key of
// its own.
type signers struct {
	ada                        member
	one, two, machine, another *client.Session
}

func (n *tenant) signers(t *testing.T) (s signers) {
	t.Helper()
	s.ada = n.hire(t, "ada@example.org", "Auth:Pats:Create", "Permissions:Create")
	_, s.one = n.PersonalToken(t, s.ada.Session, "one", "")
	_, s.two = n.PersonalToken(t, s.ada.Session, "two", "")
	makes := n.Permission(t, n.org.ID, "makes", "Permissions:Create")
	_, s.machine = n.Machine(t, n.org.ID, "engine", makes)
	_, s.another = n.Machine(t, n.org.ID, "other engine", makes)
	return s
}

func (s signers) all() map[string]*client.Session {
	return map[string]*client.Session{"a person": s.ada.Session, "a program": s.one, "another program": s.two, "a machine": s.machine, "another machine": s.another}
}

// with is a signer that answers whatever challenge.
func with(s client.Signer) client.Signer {
	if key, bare := s.(*client.KeySigner); bare {
		return anyChallenge{key}
	}
	return s
}

// A key signs under the session or token that it belongs to, and under no other.
func TestKeysSignForTheirOwnTokenAlone(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		all := n.signers(t).all()
		for whose, token := range all {
			for by, key := range all {
				_, err := n.as(token.Token, with(key.Signer)).SignFor(t.Context(), "POST", "/permissions", []byte(`{}`))
				if whose == by {
					must(t, err)
					continue
				}
				refused(t, "the token of "+whose+" with the key of "+by, err, 401, "signature_invalid")
			}
		}
	})
}

// What was signed under one session or token is not granted to who comes with another, even
// of the same person: a program's key is not the person's.
func TestSignaturesAreForTheirOwnToken(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		all := n.signers(t).all()
		granted := 0
		for by, s := range all {
			for whose, token := range all {
				body := jsonOf(t, api.CreatePermissionRequest{Name: by + " for " + whose, Operations: []string{"Wallets:Read"}})
				action, err := s.SignFor(t.Context(), "POST", "/permissions", []byte(body))
				must(t, err)
				a := n.send(t, "POST", "/permissions", token.Token, action, body)
				if whose == by {
					a.wants(t, by, 200, "")
					granted++
					continue
				}
				a.wants(t, "signed by "+by+", sent by "+whose, 403, "user_action_invalid")
			}
		}
		if granted != len(all) {
			t.Errorf("%d were granted", granted)
		}
	})
}

// Two sessions of one person are one: whoever logged in again goes on.
func TestSignaturesAreForEverySessionOfTheirs(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		s := n.signers(t)
		again := n.session(t, s.ada.person)
		body := jsonOf(t, api.CreatePermissionRequest{Name: "x", Operations: []string{"Wallets:Read"}})
		action, err := s.ada.SignFor(t.Context(), "POST", "/permissions", []byte(body))
		must(t, err)
		n.send(t, "POST", "/permissions", again.Token, action, body).wants(t, "another session", 200, "")
	})
}

// The keys of machines and programs do not log in, by whatever name.
func TestMachinesDoNotLogIn(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		s := n.signers(t)
		for by, key := range map[string]client.Signer{"a machine": s.machine.Signer, "a program": s.one.Signer} {
			for _, name := range []string{"engine", "SERVICE ACCOUNT engine", "Service Account engine", s.ada.name, "one", n.machineToken(t, "engine").UserID} {
				_, err := n.Client().LogIn(ctx, n.org.ID, name, with(key))
				refused(t, by+" as "+name, err, 401, "signature_invalid")
			}
		}
		c, err := n.Client().InitLogin(ctx, api.InitLoginRequest{OrgID: n.org.ID, Username: s.ada.name})
		must(t, err)
		if len(c.AllowCredentials.Key) != 1 {
			t.Errorf("the login lists %+v", c.AllowCredentials.Key)
		}
		c, err = n.Client().InitLogin(ctx, api.InitLoginRequest{OrgID: n.org.ID})
		must(t, err)
		signed, err := with(s.machine.Signer).Sign(ctx, c)
		must(t, err)
		_, err = n.Client().Login(ctx, api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: &signed})
		refused(t, "a machine by no name", err, 400, "username_required")
	})
}
