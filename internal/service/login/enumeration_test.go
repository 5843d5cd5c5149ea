package login_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// crowd has one name of each kind, all of the same length.
func crowd(t *testing.T, h *world.Organisation) (names map[string]string, people map[string]*countersigntest.Person) {
	t.Helper()
	ctx := context.Background()
	h.Employee(t)
	names, people = map[string]string{"unknown": "nobodyx@example.org"}, map[string]*countersigntest.Person{}
	invite := func(kind string) countersigntest.Invitation {
		names[kind] = fmt.Sprintf("crowd%02d@example.org", len(names))
		return h.Invite(t, h.Org.ID, names[kind])
	}
	invite("invited")
	for _, kind := range []string{"passkey", "deactivated", "credential inactive"} {
		people[kind] = h.Register(t, invite(kind))
	}
	people["key"] = h.RegisterKey(t, invite("key"), publickey.P256)
	people["key of another type"] = h.RegisterKey(t, invite("key of another type"), publickey.Ed25519)
	people["passkey of another type"] = h.Register(t, invite("passkey of another type"), authenticator.Options{Algorithm: publickey.EdDSA})
	must(t, h.Users.SetActive(ctx, h.Org.ID, names["deactivated"], false))
	must(t, h.Users.SetCredentialActive(ctx, h.Org.ID, api.FirstCredentialID(people["credential inactive"].UserID), false))
	invite("invitation revoked")
	names["unknown as well"] = "nobodyy@example.org"
	return names, people
}

// looks returns all of a login's challenge that a stranger could compare between names.
func looks(t *testing.T, h *world.Organisation, name string) string {
	t.Helper()
	a := h.Post(t, loginInitPath, api.InitLoginRequest{OrgID: h.Org.ID, Username: name})
	c := world.Read[api.SigningChallenge](t, a)
	var body map[string]any
	must(t, json.Unmarshal([]byte(a.Body), &body))
	for what, list := range body["allowCredentials"].(map[string]any) {
		entries, ok := list.([]any)
		if !ok || len(entries) == 0 {
			t.Errorf("%s: %s is %v", name, what, list)
		}
		for _, e := range entries {
			d := e.(map[string]any)
			if n := len(world.FromBase64(t, d["id"].(string))); n < 16 || n > 64 || d["type"] != "public-key" || len(d) != 2 {
				t.Errorf("%s: %s has %v", name, what, d)
			}
		}
	}
	allow := body["allowCredentials"].(map[string]any)
	body["allowCredentials"] = slices.Sorted(func(yield func(string) bool) {
		for k := range allow {
			if !yield(k) {
				return
			}
		}
	})
	header, claims, signature := world.Parts(t, c.ChallengeIdentifier)
	if claims["username"] != name || claims["challenge"] != c.Challenge {
		t.Errorf("%s: claims %v", name, claims)
	}
	statement := strings.Split(claims["statement"].(string), `"nonce":"`)
	claims["statement"] = fmt.Sprint(statement[0], len(statement[1]))
	for _, own := range []string{"username", "challenge", "iat", "exp"} {
		delete(claims, own)
	}
	body["challenge"], body["challengeIdentifier"] = len(c.Challenge), fmt.Sprint(header, claims, len(signature), len(c.ChallengeIdentifier))
	delete(a.Header, "Date")
	delete(a.Header, "X-Request-Id")   // each request has its own
	delete(a.Header, "Content-Length") // differs with the credential ids, as among those who exist
	return fmt.Sprint(a.Status, a.Header, body)
}

// The answer to Init does not show whether there is such a user, registered, active and with which
// credentials. Decoys are the same for a name in every spelling, and never those of another name.
func TestLoginTellsNothingAtInit(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		names, people := crowd(t, h)
		shapes := map[string]string{}
		seen := map[string]string{}
		other, _ := h.Elsewhere(t)
		for kind, name := range names {
			shapes[kind] = looks(t, h, name)
			c := h.InitLogin(t, h.Org.ID, name)
			for _, spelling := range []string{name, name, strings.ToUpper(name)} {
				if again := h.InitLogin(t, h.Org.ID, spelling); !reflect.DeepEqual(again.AllowCredentials, c.AllowCredentials) {
					t.Errorf("%s: %v, then %v", kind, c.AllowCredentials, again.AllowCredentials)
				}
			}
			for _, org := range []string{h.Org.ID, other.ID, world.NobodysID("or")} {
				c := h.InitLogin(t, org, name)
				for _, d := range append(c.AllowCredentials.WebAuthn, c.AllowCredentials.Key...) {
					if whose := seen[d.ID]; whose != "" {
						t.Errorf("%s and %s share a credential", kind, whose)
					}
					seen[d.ID] = kind
				}
			}
		}
		world.Same(t, loginInitPath, shapes)
		for _, kind := range []string{"passkey", "key"} { // or nobody could log in
			c := h.InitLogin(t, h.Org.ID, names[kind])
			if !slices.ContainsFunc(append(c.AllowCredentials.WebAuthn, c.AllowCredentials.Key...),
				func(d api.CredentialDescriptor) bool { return d.ID == people[kind].CredentialID() }) {
				t.Errorf("%s: %v lacks %s", kind, c.AllowCredentials, people[kind].CredentialID())
			}
		}
	})
}

// guesses are answers without anybody's credential.
var guesses = map[string]func(in *api.SignedChallenge, listed api.AllowCredentials){
	"a listed passkey": func(in *api.SignedChallenge, listed api.AllowCredentials) { credID(in, listed.WebAuthn[0].ID) },
	"a listed key":     func(in *api.SignedChallenge, listed api.AllowCredentials) { credID(in, listed.Key[0].ID) },
	"a listed key as key": func(in *api.SignedChallenge, listed api.AllowCredentials) {
		credID(in, listed.Key[0].ID)
		in.FirstFactor.Kind = api.KindKey
	},
	"a random one": func(in *api.SignedChallenge, _ api.AllowCredentials) { credID(in, world.Base64(make([]byte, 32))) },
	"an id":        func(in *api.SignedChallenge, _ api.AllowCredentials) { credID(in, world.NobodysID("cr")) },
	"another's handle": func(in *api.SignedChallenge, listed api.AllowCredentials) {
		credID(in, listed.WebAuthn[0].ID)
		in.FirstFactor.CredentialAssertion.UserHandle = world.Base64([]byte(world.NobodysID("us")))
	},
	"a handle of nobody": func(in *api.SignedChallenge, listed api.AllowCredentials) {
		credID(in, listed.WebAuthn[0].ID)
		in.FirstFactor.CredentialAssertion.UserHandle = world.Base64([]byte("nobody"))
	},
	"a raw signature": func(in *api.SignedChallenge, listed api.AllowCredentials) {
		credID(in, listed.WebAuthn[0].ID)
		in.FirstFactor.CredentialAssertion.Signature = world.Base64(make([]byte, 64))
	},
	"a short signature": func(in *api.SignedChallenge, listed api.AllowCredentials) {
		credID(in, listed.WebAuthn[0].ID)
		in.FirstFactor.CredentialAssertion.Signature = "AA"
	},
	"with a second": func(in *api.SignedChallenge, listed api.AllowCredentials) {
		credID(in, listed.WebAuthn[0].ID)
		second := *in.FirstFactor
		second.CredentialAssertion.CredID = listed.Key[0].ID
		in.SecondFactor = &second
	},
}

func credID(in *api.SignedChallenge, id string) { in.FirstFactor.CredentialAssertion.CredID = id }

// oddities are assertions that are refused before their signature is verified.
var oddities = map[string]authenticator.Options{
	"": {}, "no verification": world.Flipped(4), "no presence": world.Flipped(1), "backed up, not eligible": world.Flipped(0x10), "attested": world.Flipped(0x40),
	"another origin": {Origin: "http://evil.example"}, "another party": {RPID: "evil.example"}, "counting": {SignCount: 7},
	"eligible": {BackupEligible: true, BackupState: true}, "in a frame": {CrossOrigin: true},
}

// A login without the credential is refused in the same words, byte for byte, for every name and
// every mistake, whether the user was named or not.
func TestLoginTellsNothingAtCompletion(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		names, _ := crowd(t, h)
		thief := h.Employee(t)
		try := func(t *testing.T, ticket func(name string) api.SigningChallenge, guess func(*api.SignedChallenge, api.AllowCredentials), o authenticator.Options) map[string]string {
			shapes := map[string]string{}
			for kind, name := range names {
				c := ticket(name)
				in := world.Signed(t, thief, c, o)
				in.FirstFactor.CredentialAssertion.UserHandle = ""
				guess(&in, h.InitLogin(t, h.Org.ID, name).AllowCredentials)
				thief.Passkey.SignCount, thief.Passkey.BackupState = 0, false
				a := h.Post(t, loginPath, in)
				h.Refused(t, a, nil, name, c.Challenge)
				shapes[kind] = world.Shape(t, a)
			}
			return shapes
		}
		tickets := map[string]func(name string) api.SigningChallenge{
			"named":               func(name string) api.SigningChallenge { return h.InitLogin(t, h.Org.ID, name) },
			"by passkey":          func(string) api.SigningChallenge { return h.InitLogin(t, h.Org.ID, "") },
			"by passkey, nowhere": func(string) api.SigningChallenge { return h.InitLogin(t, "", "") },
		}
		before := h.Kept(t)
		for flow, ticket := range tickets {
			for name, guess := range guesses {
				world.Same(t, flow+", "+name, try(t, ticket, guess, authenticator.Options{}))
			}
			for name, o := range oddities {
				world.Same(t, flow+", "+name, try(t, ticket, guesses["a listed passkey"], o))
			}
		}
		h.Unmoved(t, "guesses", before)
	})
}

// A request for a login code has the same answer for every name, however often it is sent.
func TestLoginCodesTellNothing(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		names, _ := crowd(t, h)
		for range 7 {
			requested, typed := map[string]string{}, map[string]string{}
			for kind, name := range names {
				a := h.Post(t, loginCodePath, api.SendLoginCodeRequest{OrgID: h.Org.ID, Username: name})
				world.Read[api.Message](t, a)
				requested[kind] = world.Shape(t, a)
			}
			for kind, name := range names {
				a := h.Post(t, loginInitPath, api.InitLoginRequest{OrgID: h.Org.ID, Username: name, LoginCode: nobodysCode})
				h.RefusedAs(t, kind, a, 403, "login_code_invalid")
				h.Refused(t, a, nil, name, nobodysCode)
				typed[kind] = world.Shape(t, a)
			}
			world.Same(t, loginCodePath, requested)
			world.Same(t, loginInitPath, typed)
		}
	})
}
