package guard

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// Config says whom a Guard believes.
type Config struct {
	// Server is the public URL of the Countersign server, "https://sign.example.org":
	// its keys are believed, and only tokens that it issued. Plain http is for localhost.
	Server string

	// Origin is this service's own, "https://pay.example.org". With it only actions pass
	// that were signed for a path with this origin before it, so that what was signed for
	// another service, or for Countersign itself, does nothing here. Without it only plain
	// paths pass. One Guard guards one origin: a server that serves several hosts needs
	// one for each.
	Origin string

	// OrgIDs are the organisations whose users may sign; none means every organisation of
	// the server.
	OrgIDs []string

	// MaxBody is the largest body that is read, in bytes; 0 means DefaultMaxBody.
	MaxBody int64

	// HTTP calls the server; nil means a client with a timeout. Redirects are never
	// followed, because the token would go with them.
	HTTP *http.Client

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// Refused, if given, is told of every request that was refused, for the service's log.
	// id is the one in the answer; where Countersign refused, it is its support id. Of err,
	// Rule, Received, Expected and Cause are for the operator. It never holds a token or a
	// body.
	Refused func(r *http.Request, id string, err *api.Error)
}

// DefaultMaxBody is the largest body of a Guard that was not told another.
const DefaultMaxBody = 64 << 10

// patience is how long one call to the server may take.
const patience = 10 * time.Second

// Guard demands signed requests. It is safe for concurrent use.
type Guard struct {
	server  string
	origin  string
	orgIDs  []string
	maxBody int64
	http    *http.Client
	now     func() time.Time
	refused func(*http.Request, string, *api.Error)
	keys    keyCache
}

// New checks c. It does not call the server.
func New(c Config) (*Guard, error) {
	server, err := origin(c.Server)
	if err != nil {
		return nil, errors.New("guard: Server " + err.Error())
	}
	g := &Guard{server: server, orgIDs: slices.Clone(c.OrgIDs), maxBody: c.MaxBody, now: c.Now, refused: c.Refused}
	if c.Origin != "" {
		if g.origin, err = origin(c.Origin); err != nil {
			return nil, errors.New("guard: Origin " + err.Error())
		}
	}
	if slices.Contains(g.orgIDs, "") { // an unset variable must not open or close the door unnoticed
		return nil, errors.New("guard: OrgIDs has an empty one")
	}
	if g.maxBody == 0 {
		g.maxBody = DefaultMaxBody
	}
	if g.maxBody < 0 {
		return nil, errors.New("guard: MaxBody is negative")
	}
	if g.now == nil {
		g.now = time.Now
	}
	own := http.Client{Timeout: patience}
	if c.HTTP != nil {
		own = *c.HTTP
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	g.http = &own
	g.keys = keyCache{fetch: g.fetchKeys, now: g.now}
	return g, nil
}

// origin checks an http(s) origin and returns it as browsers write it.
func origin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New(`must be an origin like "https://sign.example.org"`)
	}
	if u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", errors.New(`must be an origin alone, like "https://sign.example.org", without a path`)
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if u.Scheme == "http" && !local(host) {
		return "", errors.New("must be https: over plain http, whoever is on the way could sign as anybody")
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return u.Scheme + "://" + host, nil
	}
	return u.Scheme + "://" + host + ":" + port, nil
}

func local(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// Action is the signed user action that a request came with.
type Action struct {
	ActionID       string // "ua-…"
	OrgID          string
	UserID         string
	Username       string
	CredentialUUID string
	CredentialKind string    // "" behind a proxy
	TokenID        string    // "to-…", the access token of a program that signed in the user's name; "" if they did
	SignedAt       time.Time // zero behind a proxy

	// Receipt proves the signature to anybody, later and without a server: keep it with
	// what the request did. It is nil behind a proxy.
	Receipt []byte
}

type contextKey struct{}

// From returns the action of a request that Require or RequireBehindProxy let through.
func From(ctx context.Context) (Action, bool) {
	a, ok := ctx.Value(contextKey{}).(Action)
	return a, ok
}

// Require lets a request through to next only if it was signed, and just once. The
// order is that of cost: the token first, so that nobody without one makes the service
// read a body, then the body, then the call that burns the token.
func (g *Guard) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, claims, err := g.signed(r)
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		body, err := g.body(w, r)
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		if !claims.CoversPayload(body) {
			g.refuse(w, r, invalid("the body is the one that was signed", "another body", ""))
			return
		}
		action, err := g.consume(r, token, claims)
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, handOn(r, body, action))
	})
}

// signed checks all of a request but its body.
func (g *Guard) signed(r *http.Request) (token string, c useraction.Claims, err error) {
	values := r.Header.Values(api.HeaderUserAction)
	if len(values) != 1 || values[0] == "" {
		return "", c, invalid("one "+api.HeaderUserAction+" header", counted(len(values)), "exactly one token")
	}
	token = values[0]
	var outage error
	c, err = useraction.Read(token, g.keys.finder(r.Context(), &outage), g.now())
	if outage != nil {
		return "", c, unavailable("the published keys are needed", outage)
	}
	if err != nil {
		return "", c, invalid("the token is a valid user action: "+err.Error(), "", "")
	}
	if c.Issuer != g.server {
		return "", c, invalid("iss is the server that is believed", shown(c.Issuer), g.server)
	}
	if len(g.orgIDs) > 0 && !slices.Contains(g.orgIDs, c.Metadata.OrgID) {
		return "", c, invalid("the user is of an organisation that may sign here", shown(c.Metadata.OrgID), strings.Join(g.orgIDs, ", "))
	}
	if c.Method != r.Method {
		return "", c, invalid("the method is the one that was signed", shown(r.Method), shown(c.Method))
	}
	return token, c, g.samePath(c.Path, r)
}

// handOn is the request as the handler sees it: the body again from its beginning, and
// without what a signature does not cover but a handler might take for its own.
func handOn(r *http.Request, body []byte, a Action) *http.Request {
	r = r.WithContext(context.WithValue(r.Context(), contextKey{}, a))
	r.Header = r.Header.Clone()
	for _, name := range overriding {
		r.Header.Del(name)
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "Countersign-") {
			delete(r.Header, name)
		}
	}
	r.Header.Del(api.HeaderUserAction) // burnt: only good for leaking into a log
	setBody(r, body)
	return r
}

// overriding are the headers by which some frameworks let a POST pass for another
// method, after it was checked as a POST.
var overriding = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}
