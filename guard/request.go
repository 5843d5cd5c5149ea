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

// requestURI is the path and query as they came, before any router or prefix was cut
// off. It never says anything of the host: that is the client's word.
func requestURI(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI() // "GET http://host/path HTTP/1.1", or no server made this request
}

// samePath refuses a request whose path or query is not the one that was signed. A
// query that was not signed is refused, although SDKs leave it out for Countersign's own
// operations: there it changes nothing, here it may be the amount.
func (g *Guard) samePath(signed string, r *http.Request) error {
	plain := signed
	if g.origin != "" {
		rest, ok := strings.CutPrefix(signed, g.origin)
		if !ok {
			return invalid("it was signed for this service", shown(signed), g.origin+"/…")
		}
		plain = rest
	}
	if !strings.HasPrefix(plain, "/") {
		return invalid("it was signed for this service", shown(signed), "a path that begins with "+g.origin+"/")
	}
	sent := requestURI(r)
	if !useraction.OneMeaning(sent) {
		return twoMeanings(sent)
	}
	if !useraction.SameTarget(plain, sent) {
		return invalid("path and query are those that were signed", shown(sent), shown(plain))
	}
	return nil
}

func twoMeanings(sent string) error {
	return invalid("the path has one meaning", shown(sent), "a path without dot segments, empty segments or backslashes")
}

// body reads all of a request's body, as long as it may be.
func (g *Guard) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	for _, e := range r.Header["Content-Encoding"] {
		if e != "" && e != "identity" { // it would be unpacked after it was compared
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

// setBody gives r, which must be the caller's own copy, a body that was read already.
// Trailers came after the body and were not signed with it.
func setBody(r *http.Request, body []byte) {
	r.Body = http.NoBody
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	r.ContentLength, r.TransferEncoding, r.Trailer = int64(len(body)), nil, nil
}
