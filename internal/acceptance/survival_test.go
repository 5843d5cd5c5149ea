package acceptance_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest/authenticator"
)

// Mail scanners, chat previews and impatient people fetch a link many times before its
// reader does. The hosted page is the same for everybody and nothing is written.
func TestFetchingALinkChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		inv := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		// Fetchers drop the fragment, as they should, or else make a mess of it.
		_, fragment, _ := strings.Cut(inv.RegistrationURL, "#")
		before := h.look().dump(tables...)
		for range 50 {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				n.fetch(method, n.URL+"/register", http.StatusOK)
				n.fetch(method, n.URL+"/register?"+fragment, http.StatusOK)
			}
		}
		if after := h.look().dump(tables...); after != before {
			h.Errorf("fetching the link changed the database:\nbefore\n%s\nafter\n%s", before, after)
		}
		if s := h.state(inv); s != "invited" {
			h.Errorf("the code is %s, want invited", s)
		}
		n.register(inv)
		h.look().want(1)
	})
}

// fetch requests a page that must answer with a status, and returns it.
func (n *node) fetch(method, url string, status int) string {
	n.installation.Helper()
	req, err := http.NewRequestWithContext(n.installation.Context(), method, url, nil)
	must(n.installation, err)
	res, err := n.http.Do(req)
	must(n.installation, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(n.installation, err)
	if res.StatusCode != status {
		n.installation.Errorf("%s %s answered %d, want %d", method, url, res.StatusCode, status)
	}
	return string(body)
}

// People begin and think again. Beginning leaves no trace whatever in the database.
func TestBeginningWritesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		inv := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		before := h.look().dump(tables...)
		challenges := map[string]bool{}
		for range 20 {
			challenge, err := n.init(inv)
			must(h, err)
			challenges[challenge.Challenge] = true
		}
		if len(challenges) != 20 {
			h.Errorf("20 challenges, of which %d differ", len(challenges))
		}
		if after := h.look().dump(tables...); after != before {
			h.Errorf("init changed the database:\nbefore\n%s\nafter\n%s", before, after)
		}
		n.register(inv)
		h.look().want(1)
	})
}

// An attempt that is refused, for whatever reason, stores no credential and leaves the
// code as good as it was; the very same challenge can still be answered properly.
func TestRefusedCompletionLeavesTheCodeUsable(t *testing.T) {
	t.Parallel()
	spoil := func(t authenticator.Tamper) authenticator.Options {
		return authenticator.Options{Format: authenticator.PackedSelf, Tamper: t}
	}
	each(t, func(h *installation) {
		inv := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		challenge, err := n.init(inv)
		must(h, err)
		elsewhere, err := n.init(inv)
		must(h, err)
		for name, c := range map[string]struct {
			options authenticator.Options
			code    string
		}{
			"bad attestation": {spoil(authenticator.Tamper{Statement: func(s map[string]any) { s["sig"].([]byte)[9] ^= 1 }}), "attestation_invalid"},
			"wrong origin":    {authenticator.Options{Origin: "http://localhost:1"}, "origin_not_allowed"},
			"nobody there":    {authenticator.Options{WithoutUserVerification: true}, "user_not_verified"},
			"bytes missing":   {authenticator.Options{Tamper: authenticator.Tamper{AttestationObject: func(b []byte) []byte { return b[:len(b)-1] }}}, ""},
		} {
			a, err := n.answer(challenge, c.options)
			must(h, err)
			_, err = n.complete(a)
			if e := refusal(h, err); e.Status != 400 && e.Status != 401 || c.code != "" && e.Code != c.code {
				h.Errorf("%s: %v", name, e)
			}
		}
		other, err := n.answer(elsewhere)
		must(h, err)
		_, err = n.complete(attempt{token: challenge.TemporaryAuthenticationToken, request: other.request})
		refused(h, err, 400, "challenge_mismatch")
		h.look().want(0)
		if s := h.state(inv); s != "attempted" {
			h.Errorf("the code is %s, want attempted", s)
		}

		good, err := n.answer(challenge)
		must(h, err)
		_, err = n.complete(good)
		must(h, err)
		h.look().want(1)
		if s := h.state(inv); s != "completed" {
			h.Errorf("the code is %s, want completed", s)
		}
	})
}

// What a person began is completed although the server was restarted meanwhile, by an
// operator or by an accident, and on another server as well.
func TestCompletionAfterRestartAndElsewhere(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		all := h.inviteMany(h.organisation(), "guest", 3)
		n := h.serve()
		for i, end := range []func(){func() { n.stop() }, func() { n.Kill() }} {
			begun := n.mustBegin(all[i])
			end()
			n.restart()
			_, err := n.complete(begun)
			must(h, err)
			h.look().want(i + 1)
		}
		begun := n.mustBegin(all[2])
		m := n.another()
		n.stop()
		_, err := m.complete(begun)
		must(h, err)
		h.look().want(3)
	})
}

// The page asks what a code is for before it shows anything, and that is the only thing
// that counts as opening it.
func TestOpeningTellsWhomACodeIsFor(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		inv := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		for range 2 {
			status, body := n.open(inv)
			told := read[struct {
				Organisation struct{ ID, Name string }
				User         struct{ Username, Kind string }
				ExpiresAt    string
			}](h, body)
			if status != 200 || told.Organisation.ID != inv.OrgID || told.Organisation.Name != "Analytical Engines" ||
				told.User.Username != inv.Username || told.User.Kind != "CustomerEmployee" ||
				told.ExpiresAt != inv.ExpiresAt.Format("2006-01-02T15:04:05.000Z") {
				h.Errorf("open answered %d %s", status, body)
			}
			if s := h.state(inv); s != "opened" {
				h.Errorf("the code is %s, want opened", s)
			}
		}
		n.register(inv)
		h.look().want(1)
	})
}

// open presents a code as the hosted page does when a link is followed.
func (n *node) open(inv invitation) (status int, body string) {
	n.installation.Helper()
	text, err := json.Marshal(map[string]string{"orgId": inv.OrgID, "username": inv.Username, "registrationCode": inv.RegistrationCode})
	must(n.installation, err)
	return n.send(http.MethodPost, "/countersign/registration/open", string(text), "Origin", n.origin)
}

// send makes a request with a JSON body and further headers, given in pairs.
func (n *node) send(method, path, body string, headers ...string) (status int, answer string) {
	n.installation.Helper()
	res, answer := n.exchange(method, path, body, headers...)
	return res.StatusCode, answer
}

// exchange is send that returns the answer's headers too.
func (n *node) exchange(method, path, body string, headers ...string) (*http.Response, string) {
	n.installation.Helper()
	req, err := http.NewRequestWithContext(n.installation.Context(), method, n.URL+path, strings.NewReader(body))
	must(n.installation, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := n.http.Do(req)
	must(n.installation, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	must(n.installation, err)
	return res, string(answer)
}

// A code may be typed in any case and with any separators.
func TestCodesAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		inv := h.invite(h.organisation(), "Ada Lovelace")
		n := h.serve()
		code := inv.RegistrationCode
		if len(code) != 24 || strings.Count(code, "-") != 4 {
			h.Errorf("the code %q is not five groups of four", code)
		}
		for _, typed := range []string{
			strings.ToLower(code), strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", " "),
			" " + code + "\n", strings.ReplaceAll(code, "-", "–"), strings.NewReplacer("0", "O", "1", "l").Replace(code),
		} {
			inv.RegistrationCode = typed
			if _, err := n.init(inv); err != nil {
				h.Errorf("typed as %q: %v", typed, err)
			}
		}
		inv.RegistrationCode, inv.Username = code, "ADA LOVELACE"
		if result := n.register(inv); result.User.Username != "Ada Lovelace" {
			h.Errorf("registered as %q", result.User.Username)
		}
		v, err := url.Parse(inv.RegistrationURL)
		must(h, err)
		if v.RawQuery != "" || !strings.Contains(v.Fragment, code) {
			h.Errorf("the link %q carries the code outside its fragment", inv.RegistrationURL)
		}
	})
}
