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
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign/api"
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

// tolerant ignores unknown members: newer clients may send more. But it refuses a known member in
// other letters, such as "OrgId" for "orgId". To this server it is unknown, while a proxy or another
// implementation may read it as the member that it resembles.
func tolerant[In any](body []byte, _ error) (in In, err error) {
	var folded In
	if err := json.Unmarshal(body, &in); err != nil {
		return in, notJSON(err)
	}
	if json.Unmarshal(body, &folded, json.MatchCaseInsensitiveNames(true)) != nil || !reflect.DeepEqual(in, folded) {
		return in, &api.Error{Kind: api.Invalid, Code: "invalid_member",
			Message: "A member of the request body is misspelt; capitals and small letters matter.",
			Rule:    "members are named exactly"}
	}
	return in, nil
}

// exact refuses unknown members.
func exact[In any](_ []byte, unknown error) (in In, err error) {
	e := &api.Error{Kind: api.Invalid, Code: "member_unknown", Message: "The request body has a member that cannot be set here.",
		Rule: "an update names only what it can change"}
	var semantic *json.SemanticError
	if errors.As(unknown, &semantic) {
		if p := string(semantic.JSONPointer); isPlain(p) {
			e.Message = "The member " + p + " cannot be set here."
		}
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

func isPlain(pointer string) bool {
	if pointer == "" || len(pointer) > 100 {
		return false
	}
	for _, c := range []byte(pointer) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '/' {
			return false
		}
	}
	return true
}
