package habit_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
)

// app is a client that signs with a passkey, with its SDK's habits.
type app struct {
	name    string
	options authenticator.Options      // how its platform makes client data
	handle  func(handle []byte) string // how it sends the user handle; "" leaves it out
	known   bool                       // the handle still says who it is
}

const (
	androidOrigin = "android:apk-key-hash:gx7sq_pxhxhrIQdLyfG0pxKwiJ7hOk2DJQ4xvKd438Q"
	iosOrigin     = "ios:bundle-id:org.example.app"
)

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Kotlin, Swift and React Native put the challenge S into client data as it is, the
// TypeScript browser signer encodes it once more; Swift encodes the user handle again,
// old TypeScript sends an empty one.
var apps = []app{
	{"kotlin", authenticator.Options{Origin: androidOrigin}, base64url, true},
	{"swift", authenticator.Options{}, func(b []byte) string { return base64url([]byte(base64url(b))) }, true},
	{"react native on iOS", authenticator.Options{Origin: iosOrigin}, base64url, true},
	{"react native with padding", authenticator.Options{}, base64.URLEncoding.EncodeToString, true},
	{"typescript", authenticator.Options{DoubleEncodeChallenge: true}, base64url, true},
	{"typescript, no handle", authenticator.Options{DoubleEncodeChallenge: true}, func([]byte) string { return "" }, false},
}

func TestEveryAppsPasskeys(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, a := range apps {
		t.Run(a.name, func(t *testing.T) {
			h := &secureServer{Server: h.Server, http: h.http, org: h.OrganisationWith(t, organisation.New{Name: "Looms", RPID: "localhost",
				Origins: []string{androidOrigin, iosOrigin}})}
			if a.options.Origin == "" {
				a.options.Origin = h.URL
			}
			p := h.Register(t, h.Invite(t, h.org.ID, "ada@example.org"), a.options)
			answer := func(token, init, complete string, request object, out any) answer {
				t.Helper()
				var c api.SigningChallenge
				opened := h.as(t, token, init, []byte(compact.text(request)))
				opened.into(t, &c)
				checkForApps(t, opened.body)
				made := p.Assert(t, c, a.options)
				handle, err := base64.RawURLEncoding.DecodeString(made.CredentialAssertion.UserHandle)
				if err != nil {
					t.Fatal(err)
				}
				made.CredentialAssertion.UserHandle = a.handle(handle)
				body, err := json.Marshal(api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: made})
				if err != nil {
					t.Fatal(err)
				}
				got := h.as(t, token, complete, body)
				if out != nil {
					got.into(t, out)
				}
				return got
			}
			var session api.LoginResult
			answer("", "/auth/login/init", "/auth/login", object{{"orgId", h.org.ID}, {"username", "ada@example.org"}}, &session)
			if a.known {
				answer("", "/auth/login/init", "/auth/login", object{{"orgId", h.org.ID}}, &session)
			}
			var action api.ActionResult
			answer(session.Token, "/auth/action/init", "/auth/action", object{{"userActionHttpMethod", "POST"},
				{"userActionHttpPath", "/auth/users"}, {"userActionPayload", compact.text(newcomer("bob"))}}, &action)
			header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + session.Token},
				"X-Dfns-Useraction": {action.UserAction}}
			h.send(t, "POST", "/auth/users", header, []byte(compact.text(newcomer("bob")))).into(t, nil)
			if n := h.count(t, "bob"); n != 1 {
				t.Errorf("%d users were made, want 1", n)
			}

			// React Native on iOS asks its platform to prefer verification, whatever the
			// challenge says. Where it is required nothing is gained by that.
			a.options.WithoutUserVerification = true
			answer("", "/auth/login/init", "/auth/login", object{{"orgId", h.org.ID}, {"username", "ada@example.org"}}, nil).
				refused(t, "without user verification", 400, "user_not_verified")
		})
	}
}

// as sends a body with nothing but what a careful client sends.
func (h *secureServer) as(t *testing.T, token, path string, body []byte) answer {
	t.Helper()
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header["Authorization"] = []string{"Bearer " + token}
	}
	return h.send(t, "POST", path, header, body)
}

// checkForApps looks for what typed clients cannot do without: no member may be null or
// left out.
func checkForApps(t *testing.T, challenge []byte) {
	t.Helper()
	var c struct {
		Challenge                 *string
		UserVerification          *string
		Attestation               *string
		ExternalAuthenticationURL *string
		SupportedCredentialKinds  []struct{ Kind, Factor string }
		RP                        *struct{ ID, Name string }
		AllowCredentials          struct{ Key, WebAuthn []struct{ Type, ID string } }
	}
	if err := json.Unmarshal(challenge, &c); err != nil {
		t.Fatal(err)
	}
	if c.Challenge == nil || c.UserVerification == nil || c.Attestation == nil || c.ExternalAuthenticationURL == nil ||
		len(c.SupportedCredentialKinds) == 0 || c.RP == nil || c.RP.ID != "localhost" ||
		c.AllowCredentials.Key == nil || c.AllowCredentials.WebAuthn == nil {
		t.Fatalf("an app cannot read this: %s", challenge)
	}
	// React Native, Swift and Kotlin decode the challenge.
	if b, err := base64.RawURLEncoding.Strict().DecodeString(*c.Challenge); err != nil || len(b) != 32 {
		t.Errorf("the challenge %q is not 32 bytes of unpadded base64url", *c.Challenge)
	}
	for _, d := range c.AllowCredentials.WebAuthn {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(d.ID); err != nil || d.Type != "public-key" {
			t.Errorf("no signer can decode the credential %+v", d)
		}
	}
}
