package habit_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

// habits are what the clients of an SDK do alike.
type habits struct {
	always     http.Header // with every request, also where it does not belong
	bearer     string      // sent where there is no session yet; "" nothing
	empty      []byte      // body of a PUT, POST or DELETE that has none
	body       style       // how bodies are written
	payload    func(object) string
	path       func(string) string // what of a path and query is signed
	clientData func(kind, challenge string) string
	encode     func([]byte) string // base64url
}

var jsonAlways = http.Header{"Content-Type": {"application/json"}}

// foreign is a bearer token of somewhere else, of a form that might be read.
const foreign = "eyJhbGciOiJub25lIn0.eyJodHRwczovL2N1c3RvbS9hcHBfbWV0YWRhdGEiOnsib3JnSWQiOiJvci14In19."

func whole(path string) string { return path }

func withoutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

// members writes client data with these members in this order.
func members(s style, names ...string) func(kind, challenge string) string {
	return func(kind, challenge string) string {
		values := map[string]any{"type": kind, "challenge": challenge, "crossOrigin": false, "origin": "https://app.dfns.io"}
		var o object
		for _, name := range names {
			o = append(o, member{name, values[name]})
		}
		return s.text(o)
	}
}

// goSDK never has an empty token, has a Content-Type with everything, signs the query,
// and sorts client data.
var goSDK = habits{always: jsonAlways, bearer: "garbage", body: goStyle, path: whole,
	payload: func(o object) string {
		if o == nil {
			return ""
		}
		return goStyle.text(o)
	},
	clientData: members(compact, "challenge", "crossOrigin", "type"), encode: base64.RawURLEncoding.EncodeToString}

// pythonSDK signs another text than it sends, takes {} for nothing when it signs, and
// names the origin of another site.
func pythonSDK(sent style) habits {
	return habits{always: jsonAlways, bearer: foreign, body: sent, path: withoutQuery,
		payload: func(o object) string {
			if len(o) == 0 {
				return ""
			}
			return pythonSign.text(o)
		},
		clientData: members(pythonWide, "type", "challenge", "origin", "crossOrigin"), encode: base64.URLEncoding.EncodeToString}
}

// oldTypeScript has headers that nothing needs any more, the nonce always the same.
var oldTypeScript = habits{empty: []byte("{}"), body: compact, path: withoutQuery, payload: compact.text,
	always: http.Header{
		"Content-Type":        {"application/json"},
		"X-Dfns-Appid":        {"ap-01234-56789-abcdefghijklmnop"},
		"X-Dfns-Nonce":        {"eyJ1dWlkIjoiMCIsImRhdGUiOiIxOTcwLTAxLTAxVDAwOjAwOjAwLjAwMFoifQ"},
		"X-Dfns-Appsecret":    {"secret"},
		"X-Dfns-Apisignature": {"not one"},
	},
	clientData: members(compact, "type", "challenge", "origin", "crossOrigin"), encode: base64.RawURLEncoding.EncodeToString}

// user is a person or machine with a key, by means of such an SDK.
type user struct {
	*secureServer
	habits
	inv    countersigntest.Invitation
	key    *authenticator.KeySigner
	credID string // by which the signer knows the key
	token  string
}

// join invites a user and registers a key for them.
func (h *secureServer) join(t *testing.T, s habits, name, keyType string) *user {
	t.Helper()
	u := &user{secureServer: h, habits: s, key: authenticator.NewKeySigner(keyType)}
	u.key.ClientData = func(plain []byte) []byte {
		var c struct{ Type, Challenge string }
		if err := json.Unmarshal(plain, &c); err != nil {
			t.Errorf("client data: %v", err)
		}
		return []byte(s.clientData(c.Type, c.Challenge))
	}
	u.credID = u.recode(t, u.key.CredentialID)
	u.register(t, h.Invite(t, h.org.ID, name))
	return u
}

func (u *user) register(t *testing.T, inv countersigntest.Invitation) {
	t.Helper()
	u.inv = inv
	var challenge api.RegistrationChallenge
	u.call(t, "POST", "/auth/registration/init", object{{"orgId", inv.OrgID}, {"username", inv.Username},
		{"registrationCode", inv.RegistrationCode}}, "").into(t, &challenge)
	made := u.key.Create(challenge.Challenge, api.KindKey).CredentialInfo
	u.token = challenge.TemporaryAuthenticationToken
	u.call(t, "POST", "/auth/registration", object{{"firstFactorCredential", object{{"credentialKind", api.KindKey},
		{"credentialInfo", object{{"credId", u.credID}, {"clientData", u.recode(t, made.ClientData)},
			{"attestationData", u.recode(t, made.AttestationData)}}}}}}, "").into(t, nil)
	u.token = ""
}

// recode writes base64url as the SDK does.
func (u *user) recode(t *testing.T, text string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.encode(b)
}

// call sends a request as the SDK does; o nil is one without a body.
func (u *user) call(t *testing.T, method, path string, o object, userAction string) answer {
	t.Helper()
	body := u.empty
	if o != nil {
		body = []byte(u.body.text(o))
	} else if method == http.MethodGet {
		body = nil
	}
	return u.sendAs(t, method, path, body, userAction)
}

// sendAs sends any bytes with the SDK's headers.
func (u *user) sendAs(t *testing.T, method, path string, body []byte, userAction string) answer {
	t.Helper()
	header := u.always.Clone()
	if token := u.token; token != "" || u.bearer != "" {
		if token == "" {
			token = u.bearer
		}
		header["Authorization"] = []string{"Bearer " + token}
	}
	if userAction != "" {
		header["X-Dfns-Useraction"] = []string{userAction}
	}
	return u.send(t, method, path, header, body)
}

// answers answers a challenge with the user's key.
func (u *user) answers(t *testing.T, c api.SigningChallenge) object {
	t.Helper()
	clientData, signature := u.key.Assert(c.Challenge)
	return object{{"challengeIdentifier", c.ChallengeIdentifier}, {"firstFactor", object{{"kind", api.KindKey},
		{"credentialAssertion", object{{"credId", u.credID}, {"clientData", u.encode(clientData)}, {"signature", u.encode(signature)}}}}}}
}

func (u *user) logIn(t *testing.T) {
	t.Helper()
	u.token = ""
	var c api.SigningChallenge
	u.call(t, "POST", "/auth/login/init", object{{"orgId", u.inv.OrgID}, {"username", u.inv.Username}}, "").into(t, &c)
	var result api.LoginResult
	u.call(t, "POST", "/auth/login", u.answers(t, c), "").into(t, &result)
	u.token = result.Token
}

// signs signs exactly these texts.
func (u *user) signs(t *testing.T, method, path, payload string) (userAction string) {
	t.Helper()
	var c api.SigningChallenge
	u.call(t, "POST", "/auth/action/init", object{{"userActionHttpMethod", method}, {"userActionHttpPath", path},
		{"userActionPayload", payload}, {"userActionServerKind", "Api"}}, "").into(t, &c)
	var result api.ActionResult
	u.call(t, "POST", "/auth/action", u.answers(t, c), "").into(t, &result)
	return result.UserAction
}

// signed signs a request as the SDK does, and sends it.
func (u *user) signed(t *testing.T, method, path string, o object) answer {
	t.Helper()
	return u.call(t, method, path, o, u.signs(t, method, u.path(path), u.payload(o)))
}

func newcomer(name string) object {
	return object{{"email", name + "@example.org"}, {"kind", api.CustomerEmployee}}
}

// story is what every SDK's users do.
func story(t *testing.T, h *secureServer, s habits, name, keyType string) {
	ada := h.join(t, s, name, keyType)
	ada.logIn(t)

	odd := append(newcomer("söphie."+name), member{"externalId", `Zoë <&> "№ 7" \ 🔑`}, member{"publicKey", nil})
	var made api.User
	ada.signed(t, "POST", "/auth/users", odd).into(t, &made)
	if made.Username != "söphie."+name+"@example.org" || made.Invitation == nil {
		t.Errorf("created %+v", made)
	}
	if stored, err := h.DB.User(t.Context(), made.UserID); err != nil || stored.ExternalID != odd[2].value {
		t.Errorf("stored %+v, %v", stored, err)
	}
	ada.signed(t, "POST", "/auth/users?trace=1&x=%2F", newcomer("query."+name)).into(t, nil)
	var list api.UserList
	ada.call(t, "GET", "/auth/users?limit=1", nil, "").into(t, &list)
	if len(list.Items) != 1 || list.NextPageToken == "" {
		t.Errorf("listed %+v, want one user of several", list)
	}
	ada.call(t, "GET", "/auth/users/"+made.UserID, nil, "").into(t, nil)

	// Signed without a payload and sent without a body, or with {}: it was signed, and is
	// refused for what it lacks.
	for _, o := range []object{nil, {}} {
		ada.signed(t, "POST", "/auth/users", o).refused(t, fmt.Sprintf("%#v", o), 400, "member_missing")
	}

	// Upstream's guides know the key by another name.
	stored, err := h.DB.CredentialsOfUser(t.Context(), ada.inv.UserID)
	if err != nil || len(stored) != 1 {
		t.Fatalf("%d credentials, %v", len(stored), err)
	}
	raw := ada.credID
	ada.credID = stored[0].ID
	ada.logIn(t)
	ada.signed(t, "POST", "/auth/users", newcomer("by-uuid."+name)).into(t, nil)
	ada.credID = raw

	// Whose bearer comes along on an open endpoint is no matter.
	bob := h.join(t, s, "bob."+name, keyType)
	bob.bearer = ada.token
	bob.logIn(t)
	bob.call(t, "GET", "/auth/users", nil, "").refused(t, "who is no administrator", 403, "permission_denied")
	bob.call(t, "PUT", "/auth/logout", nil, "").into(t, nil)
	bob.call(t, "GET", "/auth/users", nil, "").refused(t, "an ended session", 401, "token_invalid")
	ada.call(t, "GET", "/auth/users", nil, "").into(t, nil)
	ada.call(t, "POST", "/auth/logout", nil, "").into(t, nil)
	ada.call(t, "GET", "/auth/users", nil, "").refused(t, "an ended session", 401, "token_invalid")
}
