package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/spelling"
)

// MaxBody is the largest request body read, in bytes. The largest honest one, three
// credentials with TPM certificate chains and an encrypted key, is under half of it.
const MaxBody = 64 << 10

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// ReadBody reads a request's body, MaxBody bytes at most, into buf.
func ReadBody(w http.ResponseWriter, r *http.Request, buf *bytes.Buffer) error {
	if r.ContentLength > MaxBody { // refuse without reading
		return tooLarge()
	}
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody)); err != nil {
		return unreadable(err)
	}
	return nil
}

// unknownMember decodes a body with an unknown member; unknown is the error that names it.
type unknownMember[In any] func(body []byte, unknown error) (In, error)

// decode reads a body.
func decode[In any](w http.ResponseWriter, r *http.Request, unknown unknownMember[In]) (in In, err error) {
	if err := jsonExpected(r); err != nil {
		return in, err
	}
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	if err := ReadBody(w, r, buf); err != nil {
		return in, err
	}
	body := buf.Bytes()
	if len(body) == 0 { // some SDKs send no body where others send {}
		body = []byte("{}")
	}
	err = json.Unmarshal(body, &in, json.RejectUnknownMembers(true))
	if errors.Is(err, json.ErrUnknownName) {
		return unknown(body, err)
	}
	if err != nil {
		return in, notJSON(err)
	}
	return in, nil
}

// tolerant reads a body with members that this server does not know, which is nothing
// wrong: newer clients may send more. But a known member in another spelling, "OrgId" or
// "org_id" for "orgId", is refused. The library passes it over as unknown, while whoever sent
// it, or stands before this server, takes it for the member it resembles.
func tolerant[In any](body []byte, _ error) (in In, err error) {
	if err := json.Unmarshal(body, &in); err != nil {
		return in, notJSON(err)
	}
	var sent any
	if err := json.Unmarshal(body, &sent); err != nil {
		return in, notJSON(err)
	}
	if pointer, right := misspelt(reflect.TypeFor[In](), sent, ""); right != "" {
		which := "A member of the request body"
		if isPlain(pointer) {
			which = "The member " + pointer
		}
		return in, &api.Error{Kind: api.Invalid, Code: "invalid_member",
			Message: which + " is misspelt; it is called " + right + ".", Rule: "members are named exactly", Expected: right}
	}
	return in, nil
}

// exact refuses unknown members.
func exact[In any](_ []byte, unknown error) (in In, err error) {
	e := &api.Error{Kind: api.Invalid, Code: "member_unknown", Message: "The request body has a member that cannot be set here.",
		Rule: "an update names only what it can change"}
	var semantic *json.SemanticError
	if !errors.As(unknown, &semantic) {
		return in, e
	}
	p := semantic.JSONPointer
	if isPlain(string(p)) {
		e.Message = "The member " + string(p) + " cannot be set here."
	}
	if nearest := spelling.Nearest(p.LastToken(), namesAt(reflect.TypeFor[In](), p.Parent())); nearest != "" {
		e.Message = strings.TrimSuffix(e.Message, ".") + "; did you mean " + nearest + "?"
		e.Expected = nearest
	}
	return in, e
}

// jsonExpected refuses a body whose content type is not JSON. A body without a type may be JSON.
func jsonExpected(r *http.Request) error {
	for _, e := range r.Header["Content-Encoding"] {
		if e != "" && e != "identity" {
			return &api.Error{Kind: api.Unsupported, Code: "content_encoding_unsupported",
				Message: "Send the body without a content encoding."}
		}
	}
	values := r.Header["Content-Type"]
	if len(values) == 0 || len(values) == 1 && isJSON(values[0]) {
		return nil
	}
	return &api.Error{Kind: api.Unsupported, Code: "content_type_unsupported",
		Message: "Send the body as application/json."}
}

func isJSON(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == "application/json"
}

func tooLarge() error {
	return &api.Error{Kind: api.TooLarge, Code: "body_too_large",
		Message: "The request body is larger than 64 KiB."}
}

func unreadable(err error) error {
	var most *http.MaxBytesError
	if errors.As(err, &most) {
		return tooLarge()
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return &api.Error{Kind: api.Timeout, Code: "body_too_slow",
			Message: "The request body did not arrive in time."}
	}
	return &api.Error{Kind: api.Invalid, Code: "body_unreadable",
		Message: "The request body could not be read.", Cause: err}
}

// notJSON names the member at fault if the library knows it. The pointer is the client's text, so it
// is shown only if it is short and plain.
func notJSON(err error) error {
	e := &api.Error{Kind: api.Invalid, Code: "invalid_json",
		Message: "The request body is not valid JSON.", Cause: err}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return e
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) { // its own text has names of members, which may be anything
		e.Cause = fmt.Errorf("%w after byte %d", syntactic.Err, syntactic.ByteOffset)
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		e.Code, e.Message = "invalid_member", "The request body does not have the expected form."
		if p := string(semantic.JSONPointer); isPlain(p) {
			e.Message = "The member " + p + " of the request body does not have the expected type."
		}
	}
	return e
}

// isPlain reports whether a name or JSON pointer may be shown: it is the caller's own text. What
// is longer than any name may be a secret in the wrong place.
func isPlain(name string) bool {
	if name == "" || len(name) > 100 {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > 40 {
			return false
		}
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '/' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
