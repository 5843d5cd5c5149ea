package guard

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// requestURI returns path and query as they came, before a router cut off a prefix. It does
// not include the host, which the client may choose.
func requestURI(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI() // "GET http://host/path HTTP/1.1", or no server made this request
}

// checkPath refuses a request whose path or query is not the one that was signed. Some SDKs do
// not sign the query of Countersign's own operations, where it changes nothing. Here it may
// be the amount, so an unsigned query is refused.
func (g *Guard) checkPath(signed string, r *http.Request) error {
	plain := signed
	if g.origin != "" {
		rest, ok := strings.CutPrefix(signed, g.origin)
		if !ok {
			return invalid("it was signed for this service", api.Shown(signed), g.origin+"/…")
		}
		plain = rest
	}
	if !strings.HasPrefix(plain, "/") {
		return invalid("it was signed for this service", api.Shown(signed), "a path that begins with "+g.origin+"/")
	}
	sent := requestURI(r)
	if err := checkOneMeaning(sent); err != nil {
		return err
	}
	if !useraction.SameTarget(plain, sent) {
		return invalid("path and query are those that were signed", api.Shown(sent), api.Shown(plain))
	}
	return nil
}

func checkOneMeaning(sent string) error {
	if !useraction.OneMeaning(sent) {
		return invalid("the path has one meaning", api.Shown(sent), "a path that no server reads as another")
	}
	return nil
}

// signedBody reads the body of a request and checks that it is the one that was signed.
func (g *Guard) signedBody(w http.ResponseWriter, r *http.Request, c useraction.Claims) ([]byte, error) {
	b, err := g.body(w, r)
	if err == nil && !c.CoversPayload(b) {
		err = invalid("the body is the one that was signed", "another body", "")
	}
	return b, err
}

// body reads the whole body of a request, up to the limit.
func (g *Guard) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	for _, e := range r.Header["Content-Encoding"] {
		if e != "" && e != "identity" { // the handler would act on other bytes than those that were compared
			return nil, &api.Error{Kind: api.Unsupported, Code: "content_encoding_unsupported",
				Message: "Send the body without a content encoding."}
		}
	}
	if r.ContentLength > g.maxBody {
		return nil, tooLarge()
	}
	if r.Body == nil {
		return nil, nil
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, g.maxBody))
	var most *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &most):
		return nil, tooLarge()
	case errors.As(err, &network) && network.Timeout():
		return nil, &api.Error{Kind: api.Timeout, Code: "body_too_slow", Message: "The request body did not arrive in time."}
	case err != nil:
		return nil, &api.Error{Kind: api.Invalid, Code: "body_unreadable", Message: "The request body could not be read.", Cause: err}
	}
	return b, nil
}

func tooLarge() error {
	return &api.Error{Kind: api.TooLarge, Code: "body_too_large", Message: "The request body is larger than this service takes."}
}

// setBody gives r, which must be a copy, a body that was already read. It drops trailers,
// which came after the body and were not signed.
func setBody(r *http.Request, body []byte) {
	r.Body = http.NoBody
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	r.ContentLength, r.TransferEncoding, r.Trailer = int64(len(body)), nil, nil
}
