package attack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/testing/world"
)

// Names that people could not tell apart, or that would break out of a mail, a log line
// or a page's title, are not taken in.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		hostile := map[string]string{
			"empty":              "",
			"space":              " ",
			"space before":       " ada@example.org",
			"space after":        "ada@example.org ",
			"no-break space":     "ada\u00a0lovelace@example.org",
			"line break":         "ada@example.org\r\nBcc: eve@example.org",
			"line feed":          "ada\n@example.org",
			"line separator":     "ada\u2028@example.org",
			"tab":                "ada\t@example.org",
			"NUL":                "ada\x00@example.org",
			"escape":             "ada\x1b[31m@example.org",
			"delete":             "ada\x7f@example.org",
			"C1 control":         "ada\u0085@example.org",
			"zero width space":   "ada\u200b@example.org",
			"zero width joiner":  "ada\u200d@example.org",
			"soft hyphen":        "ada\u00ad@example.org",
			"word joiner":        "ada\u2060@example.org",
			"byte order mark":    "\ufeffada@example.org",
			"right to left":      "ada\u202e@example.org",
			"isolate":            "ada\u2066@example.org",
			"private":            "ada\ue000@example.org",
			"tag":                "ada\U000e0041@example.org",
			"unassigned":         "ada\U000e0fff@example.org",
			"not UTF-8":          "ada\xff@example.org",
			"surrogate":          "ada\xed\xa0\x80@example.org",
			"321 bytes":          strings.Repeat("a", 321),
			"too long in UTF-8":  strings.Repeat("é", 161),
			"ideographic space":  "ada\u3000@example.org",
			"interlinear anchor": "ada\ufff9@example.org",
		}
		ctx := context.Background()
		for what, name := range hostile {
			if _, err := h.Users.Invite(ctx, h.Org.ID, user.Invitee{Username: name}, code.DefaultLifetime); api.KindOf(err) != api.Invalid {
				t.Errorf("a user may be named with %s: %v", what, err)
			}
			if what == "321 bytes" || what == "too long in UTF-8" {
				name = strings.Repeat("é", 101)
			}
			if _, err := h.Organisations.Create(ctx, organisation.New{Name: name}); api.KindOf(err) != api.Invalid {
				t.Errorf("an organisation may be named with %s: %v", what, err)
			}
		}
	})
}

// Case and width do not make another name, so nobody passes for somebody by them; other
// letters that look alike do, and open nothing.
func TestConfusableNames(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		inv := h.Invite(t, h.Org.ID, "Ada.Müller-Straße@Example.org")
		g := &world.Invitee{Invitation: inv, Organisation: h}
		in := g.Request()
		for _, name := range []string{"ada.müller-straße@example.org", "ADA.MÜLLER-STRASSE@EXAMPLE.ORG", "Ada.Mu\u0308ller-Straße@Example.org", wide("ada") + ".müller-straße@example.org", "ADA.MÜLLER-STRA\u1e9eE@example.org"} {
			in.Username = name
			if a := h.Post(t, initPath, in); a.Status != http.StatusOK {
				t.Errorf("%q: %d %s", name, a.Status, a.Body)
			}
		}
		for _, name := range []string{
			"\u0430da.müller-straße@example.org", // Cyrillic a
			"ada.muller-strasse@example.org", "ada.müller-straße@example.org\x00", "ada.müller-straße@example.org ", " ada.müller-straße@example.org",
			"ada.müller-straße@example\u3002org", "ada.müller\u2010straße@example.org", "ada.müller-straße@example.org\u200b", "ada.müller-straße@examp1e.org",
			"ada.müller-straße@example.org%00", "ada.müller-straße@example.org'--", `ada.müller-straße@example.org"`, "%", "_", "*",
			strings.Repeat("\ufdfa", 100), // which is eighteen letters each when unfolded
		} {
			in.Username = name
			h.Refused(t, h.Post(t, initPath, in), world.Codes("registration_refused"))
		}
		in.Username = strings.Repeat("a", 321)
		h.Refused(t, h.Post(t, initPath, in), world.Codes("member_too_long"))
		in.Username = strings.Repeat("\ufdfa", 10000)
		h.Refused(t, h.Post(t, initPath, in), world.Codes("member_too_long"))

		// Inviting the same person in other letters makes no second one.
		again := h.Invite(t, h.Org.ID, "ADA.müller-STRASSE@example.ORG")
		if again.UserID != inv.UserID {
			t.Errorf("two users by case: %s and %s", inv.UserID, again.UserID)
		}
		h.Refused(t, h.Post(t, initPath, g.Request()), world.Codes("registration_code_revoked"))
	})
}

// Markup in names is text, in JSON and on the page.
func TestMarkupInNames(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		const markup = `<img src=x onerror=alert(1)>"'&amp;{{.}}${7*7}`
		org := h.OrganisationWith(t, organisation.New{Name: "</title><script>alert(1)</script>"})
		g := &world.Invitee{Invitation: h.Invite(t, org.ID, markup), Organisation: h}
		if !strings.HasPrefix(g.RegistrationURL, h.URL+"/register#") || strings.ContainsAny(g.RegistrationURL, `<>"' {}`) {
			t.Errorf("the link is %q", g.RegistrationURL)
		}
		a := h.Post(t, openPath, g.Request())
		var opened api.RegistrationInvitation
		if err := json.Unmarshal([]byte(a.Body), &opened); err != nil || opened.User.Username != markup || opened.Organisation.Name != org.Name {
			t.Errorf("open: %v %+v", err, opened)
		}
		c := g.Begin(t)
		made := g.Passkey(t, c, authenticator.Options{Name: "<b>" + markup})
		b := g.Complete(t, c.TemporaryAuthenticationToken, world.First(made))
		if b.Status != http.StatusOK {
			t.Errorf("completing: %d %s", b.Status, b.Body)
		}
		for _, a := range []world.Answer{a, b} {
			if ct := a.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") || a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s is served as %q and may be sniffed", a.Path, ct)
			}
		}
	})
}

// The page cannot run what it is shown: it sets text alone, its policy allows no inline
// script and no foreign one, and nobody may frame it.
func TestPageRunsNothingForeign(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	asset := regexp.MustCompile(`/assets/[A-Za-z0-9._-]+`)
	module := regexp.MustCompile(`from "(\./[^"]+|/[^"]+)"`)
	seen := map[string]bool{}
	var queue []string
	for _, path := range []string{"/", "/register", "/docs"} {
		a := h.Send(t, "GET", path+"?<script>alert(1)</script>", nil, nil)
		policy := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("the policy of %s lacks %s: %s", path, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("the policy of %s is lax: %s", path, policy)
		}
		page := a.Body
		for _, bad := range []string{"alert(1)", " onclick=", " onload=", " style=\"", "<style", "javascript:", "<iframe", "http-equiv=\"refresh\""} {
			if strings.Contains(page, bad) {
				t.Errorf("%s holds %q", path, bad)
			}
		}
		if regexp.MustCompile(`<script(>| [^>]*>[^<])`).MatchString(page) {
			t.Errorf("%s has an inline script", path)
		}
		if a.Header.Get("Referrer-Policy") != "no-referrer" || a.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s is sent with %v", path, a.Header)
		}
		queue = append(queue, asset.FindAllString(page, -1)...)
	}
	for len(queue) > 0 {
		path := queue[0]
		if queue = queue[1:]; seen[path] {
			continue
		}
		seen[path] = true
		a := h.Send(t, "GET", path, nil, nil)
		if a.Status != http.StatusOK {
			t.Errorf("%s: %d", path, a.Status)
		}
		if !strings.HasSuffix(path, ".js") {
			continue
		}
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "setAttribute(\"on", "srcdoc", "localStorage", "sessionStorage", "document.cookie"} {
			// One module keeps the session, for its tab.
			if strings.Contains(a.Body, sink) && !(strings.HasSuffix(sink, "Storage") && strings.HasPrefix(path, "/assets/session.")) {
				t.Errorf("%s uses %s", path, sink)
			}
		}
		for _, m := range module.FindAllStringSubmatch(a.Body, -1) {
			queue = append(queue, "/assets/"+strings.TrimPrefix(m[1][strings.LastIndex(m[1], "/")+1:], "/"))
		}
	}
	if len(seen) < 5 {
		t.Errorf("only %d assets were found: %v", len(seen), seen)
	}
}
