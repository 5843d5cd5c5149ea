// Package relyingparty determines the relying party of an organisation: its RP ID, its name and the
// origins at which credentials may be created. It refuses settings that no browser accepts.
package relyingparty

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/countersign/countersign/internal/store"
)

// Site is the public address of the server. It is the relying party of every organisation that
// sets no other.
type Site struct {
	origin string
	host   string
}

// Party is the relying party of one organisation.
type Party struct {
	ID      string // RP ID (WebAuthn L3 §5.1.3): a domain
	Name    string
	Origins []string // byte-exact
}

// NewSite reads the public URL of the server: an origin without path or query, with https
// unless its host is localhost. The error says what to do.
func NewSite(publicURL string) (Site, error) {
	u, err := url.Parse(publicURL)
	if err != nil || u.Scheme == "" || u.Hostname() == "" {
		return Site{}, fmt.Errorf("the public URL %q is not a URL; give one like https://sign.example.org", publicURL)
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return Site{}, fmt.Errorf("the public URL %q must end after the host: SDKs serve only the root of a host, so give %s://%s", publicURL, u.Scheme, u.Host)
	}
	origin, err := canonicalOrigin(u)
	if err != nil {
		return Site{}, err
	}
	host := strings.ToLower(u.Hostname())
	if err := checkRPID(host); err != nil {
		return Site{}, err
	}
	return Site{origin: origin, host: host}, nil
}

// Origin returns the site's origin, "https://sign.example.org".
func (s Site) Origin() string { return s.origin }

// Host returns the host of the site's origin, "sign.example.org".
func (s Site) Host() string { return s.host }

// Of returns the relying party of an organisation. The site fills in what the organisation did
// not set. The site's own origin is always included if it lies within the RP ID, because the
// hosted page runs there.
func (s Site) Of(o store.Organisation) Party {
	p := Party{ID: o.RPID, Name: o.RPName, Origins: o.Origins}
	if p.ID == "" {
		p.ID = s.host
	}
	if p.Name == "" {
		p.Name = cmp.Or(o.Name, p.ID)
	}
	if within(s.host, p.ID) && !slices.Contains(p.Origins, s.origin) {
		p.Origins = append([]string{s.origin}, p.Origins...)
	}
	return p
}

// Hosted reports whether the organisation can use the hosted page: whether the site lies
// within its RP ID.
func (s Site) Hosted(o store.Organisation) bool {
	return o.RPID == "" || within(s.host, o.RPID)
}

// Check refuses an RP ID and origins with which no ceremony can succeed. For an empty RP ID or
// list of origins it checks the site's. The error is one sentence that says what to do.
func (s Site) Check(rpID string, origins []string) error {
	id := rpID
	if id == "" {
		id = s.host
	} else if err := checkRPID(id); err != nil {
		return err
	}
	for _, o := range origins {
		if err := checkOrigin(o, id); err != nil {
			return err
		}
	}
	if len(origins) == 0 && s.host != "" && !within(s.host, id) {
		return fmt.Errorf("the RP ID %q does not cover this server's host %q; name the pages that will use it with --origin", id, s.host)
	}
	return nil
}

func checkRPID(id string) error {
	switch {
	case strings.Contains(id, "://") || strings.ContainsAny(id, "/:?#@"):
		return fmt.Errorf("the RP ID %q must be a host name alone, like example.org, without scheme, port or path", id)
	case net.ParseIP(strings.Trim(id, "[]")) != nil:
		return fmt.Errorf("browsers refuse the IP address %q as an RP ID; use a host name, or localhost on your own machine", id)
	case id == "localhost":
		return nil
	case id != strings.ToLower(id):
		return fmt.Errorf("the RP ID %q must be in lower case", id)
	}
	for _, label := range strings.Split(id, ".") {
		if !validLabel(label) {
			return fmt.Errorf("the RP ID %q is not a host name; give one like example.org (in its xn-- form if it has other letters)", id)
		}
	}
	if suffix, icann := publicsuffix.PublicSuffix(id); suffix == id && (icann || strings.Contains(id, ".")) {
		return fmt.Errorf("browsers refuse the public suffix %q as an RP ID; use a name under it", id)
	} else if !strings.Contains(id, ".") && !icann {
		return fmt.Errorf("browsers refuse %q as an RP ID because it has no dot; use a full host name, or localhost on your own machine", id)
	}
	return nil
}

func validLabel(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	for _, c := range []byte(l) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func checkOrigin(origin, rpID string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme == "android" || u.Scheme == "ios" {
		return appOrigin(origin)
	}
	canonical, err := canonicalOrigin(u)
	if err != nil {
		return err
	}
	if canonical != origin {
		return fmt.Errorf("the origin %q must be written exactly as browsers write it: %s", origin, canonical)
	}
	if !within(u.Hostname(), rpID) {
		return fmt.Errorf("the origin %q is outside the RP ID %q; its host must be %s or end in .%s", origin, rpID, rpID, rpID)
	}
	return nil
}

// appOrigin refuses all but the origins that platforms give to native apps.
func appOrigin(origin string) error {
	for _, prefix := range []string{"android:apk-key-hash:", "android:apk-key-hash-sha256:", "ios:bundle-id:"} {
		if rest, ok := strings.CutPrefix(origin, prefix); ok && rest != "" {
			return nil
		}
	}
	return fmt.Errorf("%q is not an origin; give one like https://app.example.org", origin)
}

func canonicalOrigin(u *url.URL) (string, error) {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && local:
	case u.Scheme == "http":
		return "", fmt.Errorf("browsers create no passkeys over plain http except on localhost; use https://%s", u.Host)
	default:
		return "", fmt.Errorf("%q is not a web address; it must begin with https://", u.String())
	}
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return u.Scheme + "://" + host, nil
	}
	return u.Scheme + "://" + host + ":" + port, nil
}

func within(host, rpID string) bool {
	return host == rpID || strings.HasSuffix(host, "."+rpID)
}
