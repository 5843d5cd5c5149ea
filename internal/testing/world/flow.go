package world

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

// Flow is a ceremony in which a credential answers a challenge. A new one joins every
// test of assertions by a line here.
type Flow struct {
	Name     string
	Named    bool // the user is known before the credential is chosen
	Begin    func(t testing.TB, o *Organisation, p *countersigntest.Person, token string) api.SigningChallenge
	Complete func(t testing.TB, o *Organisation, token string, in any) Answer
}

// Flows are all ceremonies of logins and actions.
var Flows = []Flow{
	{"login by name", true,
		func(t testing.TB, o *Organisation, p *countersigntest.Person, _ string) api.SigningChallenge {
			return o.InitLogin(t, p.OrgID, p.Username)
		}, completeLogin},
	{"login by passkey", false,
		func(t testing.TB, o *Organisation, p *countersigntest.Person, _ string) api.SigningChallenge {
			return o.InitLogin(t, p.OrgID, "")
		}, completeLogin},
	{"login by passkey, no organisation", false,
		func(t testing.TB, o *Organisation, _ *countersigntest.Person, _ string) api.SigningChallenge {
			return o.InitLogin(t, "", "")
		}, completeLogin},
	{"action", true,
		func(t testing.TB, o *Organisation, _ *countersigntest.Person, token string) api.SigningChallenge {
			return o.InitAction(t, token, "POST", "/x", `{"a":1}`)
		},
		func(t testing.TB, o *Organisation, token string, in any) Answer {
			return o.Send(t, "POST", "/auth/action", Bearer(token), in)
		}},
}

func completeLogin(t testing.TB, o *Organisation, _ string, in any) Answer {
	return o.Post(t, "/auth/login", in)
}

// Use is a place where a signed action is spent, for method, path and payload.
type Use struct {
	Name, Method, Path string
	Payload            func(n int) string
	Put                func(t testing.TB, o *Organisation, session, action, payload string) Answer
}

// Uses are all such places. A new one joins by an entry here.
var Uses = []Use{
	{"POST /auth/users", "POST", "/auth/users",
		func(n int) string { return fmt.Sprintf(`{"email":"made%d@example.org","kind":"CustomerEmployee"}`, n) },
		func(t testing.TB, o *Organisation, session, action, payload string) Answer {
			return o.Send(t, "POST", "/auth/users", WithHeader(Bearer(session), api.HeaderUserAction, action), payload)
		}},
	{"consume", "POST", "/orders",
		func(n int) string { return fmt.Sprintf(`{"order":%d}`, n) },
		func(t testing.TB, o *Organisation, _, action, payload string) Answer {
			return o.Post(t, "/countersign/actions/consume", api.ConsumeActionRequest{UserAction: action, Method: "POST", Path: "/orders", Payload: &payload})
		}},
	{"forward-auth", "POST", "/orders",
		func(n int) string { return fmt.Sprintf(`{"order":%d}`, n) },
		func(t testing.TB, o *Organisation, _, action, payload string) Answer {
			return o.Send(t, "POST", "/countersign/forward-auth?body=passed", http.Header{http.CanonicalHeaderKey(api.HeaderUserAction): {action},
				"X-Original-Method": {"POST"}, "X-Original-Uri": {"/orders"}}, payload)
		}},
}

// Flipped xors the flags of authenticator data before they are signed.
func Flipped(x byte) authenticator.Options {
	return authenticator.Options{Tamper: authenticator.Tamper{AuthenticatorData: func(b []byte) []byte { b[32] ^= x; return b }}}
}
