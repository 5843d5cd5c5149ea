package client_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// A malicious server has nothing signed but what was asked for: neither an action as a login, nor
// one action as another.
func TestAChallengeForAnythingElseIsRefused(t *testing.T) {
	t.Parallel()
	action := func(change func(*useraction.Statement)) string {
		s := useraction.NewStatement(useraction.Statement{Issuer: "https://sign.example.org", OrgID: "or-1", UserID: "us-1",
			Username: "ada", Method: "POST", Path: "/auth/users"}, `{"a":1}`, time.Now())
		change(&s)
		return s.Text()
	}
	asIs := func(*useraction.Statement) {}
	first := action(asIs)
	k := signer(t, client.P256)
	answering := func(c api.SigningChallenge) *client.Client {
		text, err := json.Marshal(struct {
			api.SigningChallenge
			Token string `json:"temporaryAuthenticationToken"`
		}{c, c.ChallengeIdentifier})
		if err != nil {
			t.Fatal(err)
		}
		f := serve(t, say(200, string(text)))
		f.PublicURL = "https://sign.example.org"
		return f.Client
	}
	bare := func(challenge, statement string) api.SigningChallenge {
		c := labelled(listing(k.CredentialID()), api.PurposeLogin, statement)
		c.Challenge = challenge
		return c
	}
	label := func(purpose, statement string) api.SigningChallenge {
		return labelled(listing(k.CredentialID()), purpose, statement)
	}
	noToken := listing(k.CredentialID())
	logins := map[string]api.SigningChallenge{
		"an action's challenge":                 label(api.PurposeAction, first),
		"an action's challenge, a login's text": bare(api.ChallengeOf(api.PurposeAction, first), loginStatement),
		"the bare digest of an action":          bare(useraction.PayloadDigest([]byte(first)), first),
		"the bare digest of a login's text":     bare(useraction.PayloadDigest([]byte(loginStatement)), loginStatement),
		"a registration's":                      label(api.PurposeRegistration, loginStatement),
		"random bytes":                          bare(issued, loginStatement),
		"no token":                              noToken,
		"another server's":                      label(api.PurposeLogin, strings.Replace(loginStatement, "sign.", "evil.", 1)),
		"another organisation's":                label(api.PurposeLogin, strings.Replace(loginStatement, "or-1", "or-2", 1)),
		"no JSON":                               label(api.PurposeLogin, "x"),
		"version 1":                             label(api.PurposeLogin, strings.Replace(loginStatement, ":2", ":1", 1)),
		"an empty text":                         label(api.PurposeLogin, ""),
		"a label in the text":                   bare(useraction.PayloadDigest([]byte("countersign action 2\n"+first)), "countersign action 2\n"+first),
	}
	for name, c := range logins {
		in := api.InitLoginRequest{OrgID: "or-1", Username: "ada"}
		got, err := answering(c).InitLogin(background, in)
		if !errors.Is(err, client.ErrChallenge) || got.Challenge != "" {
			t.Errorf("login, %s: %v", name, err)
		}
		if s, err := answering(c).LogIn(background, "or-1", "ada", k); !errors.Is(err, client.ErrChallenge) || s != nil {
			t.Errorf("LogIn, %s: %v", name, err)
		}
	}
	for name, c := range map[string]api.SigningChallenge{
		"a login's":      label(api.PurposeLogin, loginStatement),
		"an action's":    label(api.PurposeAction, first),
		"random bytes":   bare(issued, loginStatement),
		"another server": label(api.PurposeRegistration, strings.Replace(loginStatement, "sign.", "evil.", 1)),
		"another org":    label(api.PurposeRegistration, strings.Replace(loginStatement, "or-1", "or-2", 1)),
	} {
		if got, err := answering(c).InitRegistration(background, api.InitRegistrationRequest{OrgID: "or-1"}); !errors.Is(err, client.ErrChallenge) || got.Challenge != "" {
			t.Errorf("registration, %s: %v", name, err)
		}
	}
	for name, c := range map[string]api.SigningChallenge{
		"another method":  label(api.PurposeAction, action(func(s *useraction.Statement) { s.Method = "DELETE" })),
		"another path":    label(api.PurposeAction, action(func(s *useraction.Statement) { s.Path = "/auth/users/us-1" })),
		"another query":   label(api.PurposeAction, action(func(s *useraction.Statement) { s.Path += "?force=true" })),
		"another payload": label(api.PurposeAction, action(func(s *useraction.Statement) { s.PayloadSHA256 = useraction.PayloadDigest([]byte(`{"a":2}`)) })),
		"another server":  label(api.PurposeAction, action(func(s *useraction.Statement) { s.Issuer = "https://evil.example.org" })),
		"version 1":       label(api.PurposeAction, action(func(s *useraction.Statement) { s.Version = 1 })),
		"another text":    bare(api.ChallengeOf(api.PurposeAction, action(asIs)), first),
		"the bare digest": bare(useraction.PayloadDigest([]byte(first)), first),
		"a login's":       label(api.PurposeLogin, first),
		"members twice":   label(api.PurposeAction, strings.Replace(first, `"method":"POST"`, `"method":"POST","method":"DELETE"`, 1)),
	} {
		if _, err := answering(c).Session("session", k).SignFor(background, "POST", "/auth/users", []byte(`{"a":1}`)); !errors.Is(err, client.ErrChallenge) {
			t.Errorf("action, %s: %v", name, err)
		}
	}
}
