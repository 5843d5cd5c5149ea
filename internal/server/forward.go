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

// How a proxy that asks here handles the body, as the query of the configured address
// says. It cannot be left to headers alone: what a proxy does not set itself, its client
// can.
const (
	bodyChecked  = ""         // passed here; a request without one is refused, as nobody vouches for that
	bodyPassed   = "passed"   // always passed here: none here is none at all
	bodyTold     = "told"     // not passed; the proxy sets X-Original-Content-Length, to 0 where there is none
	bodyUpstream = "upstream" // not passed; the service compares it with the digests in our answer
)

// forwardAuth answers a reverse proxy that asks whether it may pass a request on: the
// request must carry a user action that was signed for it, which is spent here. What the
// original request was, its proxy tells in headers, or by the rest of the path.
//
// A refusal is told in headers as well, because some proxies can pass on nothing else.
func (s *Server) forwardAuth(w http.ResponseWriter, r *http.Request, who api.Caller) (any, error) {
	// Unless the body is read: proxies announce one that they do not send, and net/http would
	// wait for it before it answers on a connection that stays.
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		w.Header()["Connection"] = connectionClose
	}
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
	path = origin + path // actions signed for that service alone pass
	token, err := userAction(r)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if needsBody(r) {
		if err := web.ReadBody(w, r, &body); err != nil {
			return nil, err
		}
		if !endsConnection(r) {
			w.Header().Del("Connection") // see forwardAuth
		}
	}
	withBody, err := checkBody(r, body.Len())
	if err != nil {
		return nil, err
	}
	ctx, cancel := web.Lasting(r)
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

// original finds out which request the proxy asks for. Its client may send any of these
// headers too, and what the proxy does not set itself it passes on. So whatever families
// of headers are there must all tell the same.
func original(r *http.Request) (method, path string, err error) {
	type told struct{ method, path string }
	var all []told
	for _, names := range [][2]string{{"X-Original-Method", "X-Original-Uri"}, {"X-Forwarded-Method", "X-Forwarded-Uri"}} {
		m, p := r.Header.Values(names[0]), r.Header.Values(names[1])
		switch {
		case len(m) == 0 && len(p) == 0:
		case len(m) == 1 && len(p) == 1 && m[0] != "" && p[0] != "":
			all = append(all, told{m[0], p[0]})
		default:
			return "", "", ambiguous("one of " + names[0] + " and " + names[1] + ", or one of them twice")
		}
	}
	if below(r) {
		all = append(all, told{r.Method, strings.TrimPrefix(sentPath(r), forwardPath)})
	}
	if len(all) == 0 {
		return "", "", &api.Error{Kind: api.Invalid, Code: "forward_auth_headers_missing",
			Message: "This address is for reverse proxies; the headers that tell the original request are missing."}
	}
	for _, t := range all[1:] {
		if t != all[0] {
			return "", "", ambiguous("headers that tell different requests")
		}
	}
	return all[0].method, all[0].path, nil
}

func ambiguous(received string) error {
	return &api.Error{Kind: api.Invalid, Code: "forward_auth_ambiguous",
		Message: "The headers that tell the original request contradict each other or are incomplete.",
		Rule:    "forward auth: one original request", Received: received,
		Expected: "X-Original-Method and X-Original-URI, or X-Forwarded-Method and X-Forwarded-Uri, set by the proxy"}
}

// setting reads what the proxy is configured with: origin, the service's own, and org, the
// organisations whose users may pass, with commas between. They stand in the query of the
// configured address or, where the query is the original request's, in a header that the
// proxy adds.
func setting(r *http.Request, name string) (string, error) {
	values := r.URL.Query()[name]
	if below(r) {
		values = r.Header.Values("Countersign-Guard-" + name)
	}
	if len(values) > 1 || len(values) == 1 && values[0] == "" {
		return "", ambiguous("the setting " + name + " twice, or empty")
	}
	return strings.Join(values, ""), nil
}

// needsBody reports whether the configuration, or Envoy's header, has the body passed here.
func needsBody(r *http.Request) bool {
	if r.ContentLength == 0 {
		return false
	}
	if below(r) {
		return strings.Join(r.Header.Values("X-Envoy-Auth-Partial-Body"), ",") == "false"
	}
	mode := strings.Join(r.URL.Query()["body"], ",")
	return mode == bodyChecked || mode == bodyPassed
}

// checkBody says whether the body, as it came here, is the original's and must be as it
// was signed. If it may not be all, the request is refused.
func checkBody(r *http.Request, length int) (withBody bool, err error) {
	if below(r) { // Envoy: the query is the original's, and a header says that the body is whole
		whole := r.Header.Values("X-Envoy-Auth-Partial-Body")
		none := len(whole) == 0 && r.ContentLength == 0 && toldEmpty(r) // Envoy sends it only where there is a body
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
		if r.ContentLength != 0 || !toldEmpty(r) {
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

// toldEmpty reports whether the proxy says that the original request had no body. Only a
// zero says so: a length that is not told may be one that the proxy does not know yet.
func toldEmpty(r *http.Request) bool {
	length, encoding := r.Header.Values("X-Original-Content-Length"), r.Header.Values("X-Original-Transfer-Encoding")
	return strings.Join(encoding, ",") == "" && len(length) == 1 && length[0] == "0"
}

const forwardPath = "/countersign/forward-auth"

func below(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, forwardPath+"/") }
