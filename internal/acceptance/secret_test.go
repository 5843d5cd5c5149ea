package acceptance_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/contract"
)

// watched serves with a log for programs, and keeps the body of every answer that is
// not a success.
func (h *installation) watched(refusals *[]string) *node {
	h.Helper()
	n := h.serve("--log-format", "json")
	n.http.Transport = contract.Transport(h, n.http.Transport, func(e contract.Exchange) {
		if e.Status >= 400 {
			*refusals = append(*refusals, string(e.Body))
		}
	})
	return n
}

// forms are the ways in which a secret may be written.
func forms(secret string) []string {
	return []string{secret, strings.ToLower(secret), strings.ReplaceAll(secret, "-", ""),
		base64.RawURLEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))}
}

// Codes, tokens and challenges are in no log line, no refusal, and not in what is kept
// of refusals, whatever goes wrong with the request that carries them.
func TestSecretsAreWrittenNowhere(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		smtp := h.mailed()
		org := h.organisation()
		ada, bob, eve := h.invite(org, "ada@example.org"), h.invite(org, "bob@example.org"), h.invite(org, "eve@example.org")
		h.do("code", "revoke", "--org", org, eve.Username)
		var refusals []string
		n := h.watched(&refusals)
		secrets := []string{ada.RegistrationCode, bob.RegistrationCode, eve.RegistrationCode}
		keep := func(a attempt) attempt {
			parts := strings.Split(a.token, ".")
			secrets = append(secrets, a.token, parts[1], parts[2], a.challenge)
			return a
		}

		code := ada.RegistrationCode
		member := func(value string) string {
			return `{"orgId":"` + org + `","username":"ada@example.org","registrationCode":` + value + `}`
		}
		bodies := []string{
			member(`"` + bob.RegistrationCode + `"`), // another's code, typed into the wrong place
			member(`{"code":"` + code + `"}`),
			member(`["` + code + `"]`),
			member(`"` + code + ``),
			member(`"` + code + `\q"`),
			member(`"` + code + `" "` + code + `"`),
			member(`"` + code + `","registrationCode":"` + code + `"`),
			`{"orgId":"` + code + `","username":"ada@example.org","registrationCode":"x"}`,
			`{"orgId":"` + org + `","username":"` + strings.Repeat(code, 20) + `","registrationCode":"x"}`,
			`{"orgId":"` + org + `","username":"ada@example.org","` + code + `":"x","` + code + `":"x","registrationCode":"x"}`,
			`{"` + code + `":1`, `"` + code + `"`, code, member(`"` + code + strings.Repeat("-", 300) + `"`),
		}
		for _, body := range bodies {
			for _, path := range []string{"/auth/registration/init", "/countersign/registration/open", "/auth/registration"} {
				n.send(http.MethodPost, path, body)
			}
		}
		ada = h.invite(org, ada.Username)
		secrets = append(secrets, ada.RegistrationCode)
		n.init(eve)
		n.open(eve)
		n.fetch("GET", n.URL+"/register/"+ada.RegistrationCode, 404)
		n.fetch("GET", n.URL+"/nothing?code="+ada.RegistrationCode, 404)

		begun := keep(n.mustBegin(ada))
		other := keep(n.mustBegin(bob))
		spoilt := []attempt{
			{token: begun.token, request: other.request},
			{token: begun.token + "x", request: begun.request},
			{token: "x" + begun.token, request: begun.request},
			{token: begun.token[:len(begun.token)-4], request: begun.request},
			{token: strings.Replace(begun.token, ".", "..", 1), request: begun.request},
			{token: ada.RegistrationCode, request: begun.request},
		}
		for _, o := range []authenticator.Options{
			{Origin: "https://example.org"},
			{Tamper: authenticator.Tamper{ClientData: func(b []byte) []byte { return b[:len(b)-1] }}},
			{Tamper: authenticator.Tamper{ClientData: func(b []byte) []byte { return []byte(strings.Replace(string(b), `"type"`, `"challenge"`, 1)) }}},
		} {
			challenge, err := n.init(ada)
			must(h, err)
			a, err := n.answer(challenge, o)
			must(h, err)
			spoilt = append(spoilt, keep(a))
		}
		key := authenticator.NewKeySigner(authenticator.KeyTypes[0]).Create(other.challenge, api.KindKey)
		spoilt = append(spoilt, attempt{token: begun.token, request: api.RegistrationRequest{FirstFactorCredential: &key}})
		for i, a := range spoilt {
			if _, err := n.complete(a); err == nil {
				h.Errorf("spoilt completion %d succeeded", i)
			}
		}
		text, err := json.Marshal(begun.request)
		must(h, err)
		for _, body := range []string{string(text[:len(text)/2]), strings.Replace(string(text), `"credId"`, `"credID"`, 1), `{"` + begun.token + `":1,"` + begun.token + `":2}`} {
			n.send(http.MethodPost, "/auth/registration", body, "Authorization", "Bearer "+begun.token)
			n.send(http.MethodPost, "/countersign/registration/recovery", body, "Authorization", "Bearer "+begun.token)
		}
		result, err := n.complete(begun)
		must(h, err)
		n.resend(bob)
		n.stop()
		for _, m := range smtp.Messages() {
			_, inv := letter(h, m)
			secrets = append(secrets, inv.RegistrationCode)
		}

		if len(refusals) < 50 {
			h.Fatalf("only %d refusals: the test tests nothing", len(refusals))
		}
		kept := h.look().rows("refusals")
		if len(kept) < 50 {
			h.Fatalf("only %d refusals are kept: the test tests nothing", len(kept))
		}
		others := h.look().dump("organisations", "users", "registration_codes", "events", "throttles", "settings")
		// The first administrator's link is printed on purpose; here there is none.
		places := map[string]string{"the log": n.Stdout() + n.Stderr(), "an answer": strings.Join(refusals, "\n"),
			"the refusals kept": strings.Join(kept, "\n"), "the database": others}
		for name, text := range places {
			for _, secret := range secrets {
				for _, form := range forms(secret) {
					if i := strings.Index(text, form); i >= 0 {
						h.Errorf("%s has the secret %.60q: …%s…", name, form, text[max(0, i-200):min(len(text), i+len(form)+50)])
					}
				}
			}
		}
		if !strings.Contains(others, result.User.ID) {
			h.Error("the database was not read")
		}
	})
}

// Each request has one line in the log, with the same id as the refusal that was
// answered.
func TestOneLogLineForEachRequest(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		inv := h.invite(h.organisation(), "ada")
		var refusals []string
		n := h.watched(&refusals)
		for len(requests(h, n.Stderr())) == 0 { // whoever started it asked for its health; the line comes after the answer
			time.Sleep(time.Millisecond)
		}
		before := len(requests(h, n.Stderr()))
		n.register(inv)
		n.init(inv)
		n.fetch("GET", n.URL+"/register", 200)
		n.fetch("HEAD", n.URL+"/healthz", 200)
		n.fetch("GET", n.URL+"/nothing/"+inv.RegistrationCode, 404)
		n.send("OPTIONS", "/auth/registration", "", "Origin", "https://app.example.org", "Access-Control-Request-Method", "POST")
		n.send("POST", "/auth/registration/init", "{")
		n.send("GET", "/healthz", "", "X-Long", strings.Repeat("x", 20_000))
		n.stop()

		lines := requests(h, n.Stderr())[before:]
		var got []string
		ids := map[string]bool{}
		for _, l := range lines {
			got = append(got, strings.TrimSpace(strings.Join([]string{l.Method, l.Route, l.Code}, " ")))
			ids[l.ID] = true
			if l.Status == 0 || l.Address != "127.0.0.1" {
				h.Errorf("the line %+v lacks something", l)
			}
		}
		want := []string{
			"POST POST /auth/registration/init", "POST POST /auth/registration", "POST POST /auth/registration/init user_already_exists",
			"GET GET /register", "HEAD GET /healthz", "GET  not_found", "OPTIONS", "POST POST /auth/registration/init invalid_json", "GET  headers_too_large",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			h.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if len(ids) != len(lines) {
			h.Errorf("%d lines have %d ids", len(lines), len(ids))
		}
		for _, body := range refusals {
			if e := read[api.ErrorBody](h, body).Error; !ids[e.ID] {
				h.Errorf("the log has no line for the refusal %s", body)
			}
		}
	})
}

type requestLine struct {
	Msg, ID, Method, Route, Code, Address string
	Status                                int
}

// requests reads the log lines of requests.
func requests(t testing.TB, log string) (lines []requestLine) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(log))
	for {
		var l requestLine
		if err := d.Decode(&l); err == io.EOF || err == io.ErrUnexpectedEOF { // the last line may not be whole yet
			return lines
		} else if err != nil {
			t.Fatalf("the log is not one JSON value a line: %v", err)
		}
		if l.Msg == "request" {
			lines = append(lines, l)
		}
	}
}
