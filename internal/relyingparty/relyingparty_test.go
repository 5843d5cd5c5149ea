package relyingparty_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

func TestPublicURLsThatCannotWork(t *testing.T) {
	for _, u := range []string{
		"", "example.org", "http://example.org", "https://", "https://192.0.2.1", "https://[2001:db8::1]",
		"https://example.org/auth", "https://example.org?x=1", "https://u:p@example.org", "ftp://example.org",
		"https://com", "https://co.uk", "http://127.0.0.1:8080", "https://intranet", "https://exa mple.org", "https://github.io",
	} {
		if s, err := relyingparty.NewSite(u); err == nil {
			t.Errorf("NewSite(%q) accepts it as %q", u, s.Origin())
		}
	}
}

func TestPublicURLsThatWork(t *testing.T) {
	for u, origin := range map[string]string{
		"http://localhost:8080":         "http://localhost:8080",
		"http://localhost:80/":          "http://localhost",
		"https://Sign.Example.org:443":  "https://sign.example.org",
		"https://sign.example.org:8443": "https://sign.example.org:8443",
	} {
		s, err := relyingparty.NewSite(u)
		if err != nil || s.Origin() != origin {
			t.Errorf("NewSite(%q) = %q, %v; want %q", u, s.Origin(), err, origin)
		}
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	site, err := relyingparty.NewSite("https://sign.example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rpID    string
		origins []string
	}{
		{"https://example.org", nil},
		{"example.org:443", nil},
		{"Example.org", nil},
		{"org", nil},
		{"co.uk", nil},
		{"192.0.2.1", nil},
		{"elsewhere.net", nil},
		{"-x.example.org", nil},
		{"example.org", []string{"https://example.net"}},
		{"example.org", []string{"https://notexample.org"}},
		{"example.org", []string{"http://app.example.org"}},
		{"example.org", []string{"https://app.example.org/"}},
		{"example.org", []string{"https://app.example.org:443"}},
		{"example.org", []string{"https://APP.example.org"}},
		{"example.org", []string{"null"}},
		{"example.org", []string{"android:apk-key-hash:"}},
	} {
		if err := site.Check(c.rpID, c.origins); err == nil {
			t.Errorf("Check(%q, %q) accepts it", c.rpID, c.origins)
		}
	}
	for _, c := range []struct {
		rpID    string
		origins []string
	}{
		{"", nil},
		{"example.org", nil},
		{"example.org", []string{"https://app.example.org", "https://example.org:8443"}},
		{"elsewhere.net", []string{"https://app.elsewhere.net"}},
		{"example.org", []string{"android:apk-key-hash:Zm9v"}},
	} {
		if err := site.Check(c.rpID, c.origins); err != nil {
			t.Errorf("Check(%q, %q): %v", c.rpID, c.origins, err)
		}
	}
}

func TestTheSiteFillsInWhatAnOrganisationDidNotSet(t *testing.T) {
	site, _ := relyingparty.NewSite("https://sign.example.org")
	p := site.Of(store.Organisation{Name: "Engines"})
	if p.ID != "sign.example.org" || p.Name != "Engines" || !slices.Equal(p.Origins, []string{"https://sign.example.org"}) {
		t.Errorf("an organisation without settings is %+v", p)
	}
	p = site.Of(store.Organisation{Name: "Engines", RPID: "other.net", Origins: []string{"https://other.net"}})
	if p.ID != "other.net" || !slices.Equal(p.Origins, []string{"https://other.net"}) {
		t.Errorf("the site's origin is added to an RP ID that does not cover it: %+v", p)
	}
}
