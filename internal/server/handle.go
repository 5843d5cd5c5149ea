package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// exchange is one request and its answer. It collects what the log line says.
type exchange struct {
	http.ResponseWriter
	id       string // the support id, which every answer has
	received time.Time
	route    string
	status   int
	written  int64
	refused  *api.Error
	caller   api.Caller // zero until authenticated
	action   string     // id of the signed action, "" for none
}

func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(b)
	x.written += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// handle handles every request.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if c, ok := r.Context().Value(connectionKey{}).(*connection); ok {
		c.begin(r)
		defer c.end()
	}
	body := r.Body
	if endsConnection(r) || s.stopping.Load() {
		w.Header()["Connection"] = connectionClose
	}
	s.answer(w, r)
	if len(w.Header()["Connection"]) > 0 {
		drain(w, body)
	}
}

// answer gives the request its id, refuses what no route should see, catches panics and writes the
// log line.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	begin := time.Now() // for the log alone; decisions use s.now
	x := &exchange{ResponseWriter: w, received: s.now()}
	x.id = api.NewID(api.PrefixRefusal, x.received)
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.log.Error("panic", "id", x.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if x.status == 0 {
				s.refuse(x, r, fmt.Errorf("panic: %v", p))
			}
		}
		s.logRequest(x, r, time.Since(begin))
	}()
	h := x.Header()
	h["X-Request-Id"] = []string{x.id}
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noStore
	if s.hsts {
		h["Strict-Transport-Security"] = httpsAlone
	}
	if err := acceptable(r); err != nil {
		s.refuse(x, r, err)
		return
	}
	s.handler.ServeHTTP(x, r)
}

var (
	nosniff = []string{"nosniff"}
	noStore = []string{"no-store"}
	// For half a year, and for this host alone: others of the domain are not ours to bind
	// (RFC 6797 §6.1). A browser ignores it over plain http.
	httpsAlone = []string{"max-age=15768000"}
)

// acceptable refuses a request that no route should see.
func acceptable(r *http.Request) error {
	size := len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + 4
		}
	}
	if size > maxHeader {
		return &api.Error{Kind: api.HeadersTooLarge, Code: "headers_too_large",
			Message: "The request's address and headers are larger than 16 KiB."}
	}
	p := r.URL.Path
	if underForwardAuth(r) { // the rest is another server's path
		p = "/" + strings.TrimSuffix(p[1:], "/")
	}
	if p == "" || p[0] != '/' || p != "/" && path.Clean(p) != p {
		// The mux would answer such a path with a redirect; SDKs expect JSON.
		return errNotFound()
	}
	return nil
}

func errNotFound() *api.Error {
	return &api.Error{Kind: api.NotFound, Code: "not_found", Message: "There is nothing at this address."}
}

// bearerToken returns the token of the Authorization header, "" without exactly one.
func bearerToken(r *http.Request) string {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return ""
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// ownPage refuses a call to a hosted page's endpoint that a browser sent for another site. Clients
// that are not browsers send no Origin and may call it: they could forge one.
func (s *Server) ownPage(r *http.Request) error {
	if o := r.Header.Get("Origin"); o != "" && o != s.site.Origin() {
		return &api.Error{Kind: api.Forbidden, Code: "origin_forbidden",
			Message: "Only this server's own pages may call this address.",
			Rule:    "Origin header", Received: shorten(o, 200), Expected: s.site.Origin()}
	}
	return nil
}

// partial are the headers that ask for a part of an answer, or for an answer under a condition. Pages
// are always sent whole: http.ServeContent would refuse what it cannot satisfy, without the error
// envelope.
var partial = []string{"Range", "If-Match", "If-Unmodified-Since", "If-Range", "If-None-Match", "If-Modified-Since"}

// page serves a hosted page.
func (s *Server) page(pattern string, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(*exchange).route = pattern
		for _, name := range partial {
			delete(r.Header, name)
		}
		pages.ServeHTTP(w, r)
	})
}

// notFound answers what no row matches: 404, or 405 if the path exists for another method.
func (s *Server) notFound(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange)
		crossOrigin(x.Header())
		allowed := allowedMethods(mux, r)
		switch {
		case len(allowed) == 0:
			s.refuse(x, r, errNotFound())
		case r.Method == http.MethodOptions:
			x.Header()["Allow"] = []string{strings.Join(allowed, ", ")}
			preflight(x.Header(), r.Header.Values("Access-Control-Request-Headers"))
			x.WriteHeader(http.StatusNoContent)
		default:
			x.Header()["Allow"] = []string{strings.Join(allowed, ", ")}
			s.refuse(x, r, &api.Error{Kind: api.MethodNotAllowed, Code: "method_not_allowed",
				Message: "This address does not take that method.", Details: map[string]any{"allowed": allowed}})
		}
	})
}

func allowedMethods(mux *http.ServeMux, r *http.Request) (allowed []string) {
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
		probe := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, pattern := mux.Handler(probe); pattern != "" && pattern != "/" {
			allowed = append(allowed, m)
		}
	}
	return allowed
}

// crossOrigin lets scripts of any site read the answer. This is safe because there are no cookies or
// other credentials that a browser adds by itself, and a passkey is bound to its origin.
func crossOrigin(h http.Header) {
	h["Access-Control-Allow-Origin"] = corsAny
	h["Access-Control-Expose-Headers"] = corsExposed
}

// preflight says what a script of another site may send: any header, since tracers and proxies
// add their own to each call, and none gives a right that the script would not have otherwise.
// They are named one by one, because "*" does not stand for Authorization (Fetch standard, §4.8).
func preflight(h http.Header, asked []string) {
	h["Access-Control-Allow-Methods"] = corsMethods
	h["Access-Control-Allow-Headers"] = corsHeaders
	if names := strings.Join(asked, ", "); names != "" && headerNames(names) {
		h["Access-Control-Allow-Headers"] = []string{names}
	}
	h["Vary"] = corsVary
	h["Access-Control-Max-Age"] = corsAge
}

// maxAsked is how many bytes of header names a preflight may ask for.
const maxAsked = 2 << 10

// headerNames reports whether a text is a list of names of headers (RFC 9110 §5.1), and so may be
// sent back.
func headerNames(list string) bool {
	if len(list) > maxAsked {
		return false
	}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.Trim(name, " \t"); name == "" || strings.ContainsFunc(name, notOfToken) {
			return false
		}
	}
	return true
}

// notOfToken reports whether a character cannot be in a token (RFC 9110 §5.6.2).
func notOfToken(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

var (
	corsVary    = []string{"Access-Control-Request-Headers"}
	corsAny     = []string{"*"}
	corsMethods = []string{"GET, POST, PUT, DELETE"}
	corsHeaders = []string{"authorization, content-type, x-dfns-useraction, x-dfns-sdk-version, x-dfns-appid, x-dfns-nonce, x-dfns-appsecret"}
	corsExposed = []string{"X-Dfns-Result-Truncated, Retry-After, X-Request-Id"}
	corsAge     = []string{"600"}
)

// logRequest writes the request's log line. It leaves out paths that no route has: they may contain
// anything.
func (s *Server) logRequest(x *exchange, r *http.Request, took time.Duration) {
	attrs := make([]slog.Attr, 0, 12)
	attrs = append(attrs,
		slog.String("id", x.id), slog.String("method", method(r)), slog.String("route", x.route),
		slog.Int("status", x.status), slog.Int64("bytes", x.written),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("address", s.address(r)))
	level, user := slog.LevelInfo, x.caller.UserID
	if e := x.refused; e != nil {
		attrs = append(attrs, slog.String("code", e.Code), slog.String("rule", e.Rule))
		user = cmp.Or(user, e.Subject.UserID)
		if e.Kind == api.Internal || e.Kind == api.Unavailable {
			level = slog.LevelError
			if e.Cause != nil {
				attrs = append(attrs, slog.String("cause", e.Cause.Error()))
			}
		}
	}
	if user != "" {
		attrs = append(attrs, slog.String("userId", user))
	}
	if ctx, h := context.Background(), s.log.Handler(); h.Enabled(ctx, level) {
		line := slog.NewRecord(time.Now(), level, "request", 0) // without looking up where it was written
		line.AddAttrs(attrs...)
		h.Handle(ctx, line)
	}
}

func method(r *http.Request) string { return shorten(r.Method, 20) }

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
