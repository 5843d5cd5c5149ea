package server

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
	"github.com/countersign/countersign/internal/service/action"
)

// How the proxy handles the body, as the query of its configured address says. Headers alone cannot
// say it: the client can send any header that the proxy does not set.
const (
	bodyChecked  = ""         // sent here; a request without one is refused, since the body may be missing
	bodyPassed   = "passed"   // always sent here: without one, the request has none
	bodyTold     = "told"     // not sent; the proxy sets X-Original-Content-Length, to 0 without a body
	bodyUpstream = "upstream" // not sent; the service compares it with the digests in our answer
)

// forwardAuth answers a reverse proxy that asks whether it may pass on a request. The request must
// carry a user action that was signed for it, which is spent here. The proxy describes the original
// request in headers, or by the rest of the path.
//
// A refusal is also in headers, because some proxies can pass on nothing else.
func (s *Server) forwardAuth(w http.ResponseWriter, r *http.Request, who api.Caller) (any, error) {
	out, err := s.forward(w, r, who)
	if err != nil {
		w.Header().Set("Countersign-Refusal-Code", api.CodeOf(err))
		w.Header().Set("Countersign-Refusal-Id", who.RequestID)
	}
	return out, err
}

func (s *Server) forward(w http.ResponseWriter, r *http.Request, who api.Caller) (any, error) {
	method, path, err := original(r)
	if err != nil {
		return nil, err
	}
	origin, err := setting(r, "origin")
	if err != nil {
		return nil, err
	}
	orgs, err := setting(r, "org")
	if err != nil {
		return nil, err
	}
	path = origin + path // the action must be signed for that service
	var body bytes.Buffer
	if err := web.ReadBody(w, r, &body); err != nil {
		return nil, err
	}
	token, err := userAction(r)
	if err != nil {
		return nil, err
	}
	withBody, err := checkBody(r, body.Len())
	if err != nil {
		return nil, err
	}
	ctx, cancel := web.OperationContext(r)
	defer cancel()
	c, err := s.services.Action.Forward(ctx, who, action.Use{Token: token, Method: method, Path: path, Payload: body.Bytes(),
		OrgIDs: strings.FieldsFunc(orgs, func(c rune) bool { return c == ',' })}, withBody)
	if err != nil {
		return nil, err
	}
	h := w.Header()
	h.Set("Countersign-Action-Id", c.ID)
	h.Set("Countersign-Org-Id", c.Metadata.OrgID)
	h.Set("Countersign-User-Id", c.Metadata.UserID)
	h.Set("Countersign-Username", url.PathEscape(c.Username))
	h.Set("Countersign-Credential-Uuid", c.CredentialUUID)
	h.Set("Countersign-Token-Id", c.TokenID)
	h.Set("Countersign-Payload-Sha256", c.PayloadSHA256)
	h.Set("Countersign-Payload-Canonical-Sha256", c.CanonicalSHA256)
	return struct{}{}, nil
}

// original returns the method and the path of the request that the proxy asks about. The client may
// send any of these headers too, and the proxy passes on what it does not set itself. So all families
// of headers that are there must agree.
func original(r *http.Request) (method, path string, err error) {
	type request struct{ method, path string }
	var all []request
	for _, names := range [][2]string{{"X-Original-Method", "X-Original-Uri"}, {"X-Forwarded-Method", "X-Forwarded-Uri"}} {
		m, p := r.Header.Values(names[0]), r.Header.Values(names[1])
		switch {
		case len(m) == 0 && len(p) == 0:
		case len(m) == 1 && len(p) == 1 && m[0] != "" && p[0] != "":
			all = append(all, request{m[0], p[0]})
		default:
			return "", "", ambiguous("one of " + names[0] + " and " + names[1] + ", or one of them twice")
		}
	}
	if underForwardAuth(r) {
		all = append(all, request{r.Method, strings.TrimPrefix(sentPath(r), forwardPath)})
	}
	if len(all) == 0 {
		return "", "", &api.Error{Kind: api.Invalid, Code: "forward_auth_headers_missing",
			Message: "This address is for reverse proxies; the headers that describe the original request are missing."}
	}
	for _, t := range all[1:] {
		if t != all[0] {
			return "", "", ambiguous("headers that describe different requests")
		}
	}
	return all[0].method, all[0].path, nil
}

func ambiguous(received string) error {
	return &api.Error{Kind: api.Invalid, Code: "forward_auth_ambiguous",
		Message: "The headers that describe the original request contradict each other or are incomplete.",
		Rule:    "forward auth: one original request", Received: received,
		Expected: "X-Original-Method and X-Original-URI, or X-Forwarded-Method and X-Forwarded-Uri, set by the proxy"}
}

// setting reads a setting of the proxy: origin, that of the service, or org, the organisations whose
// users may pass, with commas between. It is in the query of the configured address or, if the query
// is the original request's, in a header that the proxy adds.
func setting(r *http.Request, name string) (string, error) {
	values := r.URL.Query()[name]
	if underForwardAuth(r) {
		values = r.Header.Values("Countersign-Guard-" + name)
	}
	if len(values) > 1 || len(values) == 1 && values[0] == "" {
		return "", ambiguous("the setting " + name + " twice, or empty")
	}
	return strings.Join(values, ""), nil
}

// checkBody reports whether the body that came here is the original's, and so must be as signed. It
// refuses a body that may be incomplete.
func checkBody(r *http.Request, length int) (withBody bool, err error) {
	if underForwardAuth(r) { // Envoy: the query is the original's, and a header says that the body is whole
		whole := r.Header.Values("X-Envoy-Auth-Partial-Body")
		none := len(whole) == 0 && length == 0 && saysEmpty(r) // Envoy sends it only where there is a body
		if !none && (len(whole) != 1 || whole[0] != "false") {
			return false, notPassed("with_request_body in the proxy's configuration, and a body that fits")
		}
		return true, nil
	}
	modes := r.URL.Query()["body"]
	switch strings.Join(modes, ",") {
	case bodyPassed:
		return true, nil
	case bodyUpstream:
		return false, nil
	case bodyTold:
		if length == 0 && !saysEmpty(r) {
			return false, notPassed("an original without a body, or body=upstream in the proxy's configuration")
		}
		return true, nil
	case bodyChecked:
		if length == 0 {
			return false, notPassed("the body, or body=passed, body=told or body=upstream in the proxy's configuration")
		}
		return true, nil
	}
	return false, &api.Error{Kind: api.Invalid, Code: "parameter_invalid", Message: "The parameter body must be passed, told or upstream."}
}

func notPassed(expected string) error {
	return &api.Error{Kind: api.Forbidden, Code: "body_not_passed",
		Message: "The reverse proxy did not pass the request's body on to be checked.",
		Rule:    "forward auth: the body is compared, or known to be empty", Received: "no body, or not all of it", Expected: expected}
}

// saysEmpty reports whether the proxy says that the original request had no body. Only a length of
// zero says so: without a length the proxy may not know it yet.
func saysEmpty(r *http.Request) bool {
	length, encoding := r.Header.Values("X-Original-Content-Length"), r.Header.Values("X-Original-Transfer-Encoding")
	return strings.Join(encoding, ",") == "" && len(length) == 1 && length[0] == "0"
}

const forwardPath = "/countersign/forward-auth"

func underForwardAuth(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, forwardPath+"/") }
