package guard

import (
	"cmp"
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

// Config says which server a Guard trusts and what it lets through.
type Config struct {
	// Server is the public URL of the Countersign server, "https://sign.example.org". Only
	// tokens that it issued and signed with its published keys are accepted. Plain http is
	// for localhost.
	Server string

	// Origin is the origin of this service, "https://pay.example.org". With it, an action
	// passes only if it was signed for a path that begins with this origin, so that actions
	// for another service, or for Countersign itself, do nothing here. Without it, only
	// plain paths pass. A Guard is for one origin: a service with several hosts needs one
	// for each.
	Origin string

	// OrgIDs are the organisations whose users may sign. If there are none, users of every
	// organisation of the server may.
	OrgIDs []string

	// MaxBody is the largest body that is read, in bytes; 0 means DefaultMaxBody.
	MaxBody int64

	// HTTP calls the server; nil means a client with a timeout. Redirects are never
	// followed, because they would carry the token along.
	HTTP *http.Client

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// Refused, unless nil, is called for every refused request, for the service's log. id is
	// the one in the answer: the server's support id if the server refused. Rule, Received,
	// Expected and Cause of err are for the operator. They never hold a token or a body.
	Refused func(r *http.Request, id string, err *api.Error)
}

// DefaultMaxBody is Config.MaxBody if it is 0.
const DefaultMaxBody = 64 << 10

// callTimeout is how long one call to the server may take.
const callTimeout = 10 * time.Second

// Guard lets only signed requests through. It is safe for concurrent use.
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

// New returns a Guard, or an error if c cannot be used. It does not call the server.
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
	if slices.Contains(g.orgIDs, "") { // an unset variable must not let in everybody or nobody unnoticed
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
	own := http.Client{Timeout: callTimeout}
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
	if u.Scheme == "http" && !isLocalhost(host) {
		return "", errors.New("must be https: over plain http, anybody on the network could sign as anybody")
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return u.Scheme + "://" + host, nil
	}
	return u.Scheme + "://" + host + ":" + port, nil
}

func isLocalhost(host string) bool {
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
	TokenID        string    // "to-…", the access token whose key signed in the user's name; "" if the user signed
	SignedAt       time.Time // zero behind a proxy

	// Receipt proves the signature to anybody, later and without a server: store it with
	// the effect of the request. It is nil behind a proxy.
	Receipt []byte
}

type contextKey struct{}

// From returns the action of a request that Require or RequireBehindProxy let through.
func From(ctx context.Context) (Action, bool) {
	a, ok := ctx.Value(contextKey{}).(Action)
	return a, ok
}

// Require passes a request to next only if it was signed, and once for each signature. It
// checks what costs least first: the token, so that a request without one does not make the
// service read a body, then the body, and then it has the server spend the token.
func (g *Guard) Require(next http.Handler) http.Handler {
	return g.handler(next, func(w http.ResponseWriter, r *http.Request) (Action, []byte, error) {
		token, claims, err := g.checkToken(r)
		if err != nil {
			return Action{}, nil, err
		}
		body, err := g.signedBody(w, r, claims)
		if err != nil {
			return Action{}, nil, err
		}
		action, err := g.consume(r, token, claims, body)
		return action, body, err
	})
}

// handler passes a request to next if check accepts it and returns its action and body.
func (g *Guard) handler(next http.Handler, check func(http.ResponseWriter, *http.Request) (Action, []byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action, body, err := check(w, r)
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, checkedRequest(r, body, action))
	})
}

// checkToken checks the token, and everything of the request but its body.
func (g *Guard) checkToken(r *http.Request) (token string, c useraction.Claims, err error) {
	values := r.Header.Values(api.HeaderUserAction)
	if len(values) != 1 || values[0] == "" {
		return "", c, invalid("one "+api.HeaderUserAction+" header", countText(len(values)), "exactly one token")
	}
	token = values[0]
	var outage error
	c, err = useraction.Read(token, g.keys.finder(r.Context(), &outage), g.now())
	if outage != nil {
		return "", c, unavailable("the server publishes its keys", outage)
	}
	if err != nil {
		return "", c, invalid("the token is a valid user action: "+err.Error(), "", "")
	}
	if c.Issuer != g.server {
		return "", c, invalid("iss is the trusted server", api.Shown(c.Issuer), g.server)
	}
	if want := cmp.Or(g.origin, g.server); !c.MeantFor(want) {
		return "", c, invalid("aud is this service", api.Shown(c.Audience), want)
	}
	if err := g.checkOrg(c.Metadata.OrgID); err != nil {
		return "", c, err
	}
	if c.Method != r.Method {
		return "", c, invalid("the method is the one that was signed", api.Shown(r.Method), api.Shown(c.Method))
	}
	return token, c, g.checkPath(c.Path, r)
}

func (g *Guard) checkOrg(orgID string) error {
	if len(g.orgIDs) > 0 && !slices.Contains(g.orgIDs, orgID) {
		return invalid("the user is of an organisation that may sign here", api.Shown(orgID), strings.Join(g.orgIDs, ", "))
	}
	return nil
}

// checkedRequest returns the request for the handler: with the action in its context, the
// body from its beginning, and without the headers that a handler might trust although no
// signature covers them.
func checkedRequest(r *http.Request, body []byte, a Action) *http.Request {
	r = r.WithContext(context.WithValue(r.Context(), contextKey{}, a))
	r.Header = r.Header.Clone()
	for name := range r.Header {
		if unsigned(name) {
			delete(r.Header, name)
		}
	}
	setBody(r, body)
	return r
}

// unsigned reports whether a handler must not see a header of that name: it looks like the
// word of Countersign, it has some frameworks treat the request as another than the one that
// was compared, or it holds the spent token, which could only leak into a log. Names that
// become the same variable in CGI, WSGI or PHP are one.
func unsigned(name string) bool {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return strings.HasPrefix(name, "countersign-") || slices.Contains(overrideHeaders, name) || strings.EqualFold(name, api.HeaderUserAction)
}

// overrideHeaders are headers by which some frameworks and gateways take a request for one of
// another method or path.
var overrideHeaders = []string{"x-http-method-override", "x-http-method", "x-method-override",
	"x-original-method", "x-original-uri", "x-original-url", "x-original-path", "x-rewrite-url", "x-rewrite-uri", "x-override-url",
	"x-forwarded-method", "x-forwarded-uri"}
