package contract

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Check reports whether an answer keeps the contract. path is that of the request, as
// sent; a query is ignored.
//
// An answer of an operation in the contract must have a status, a media type and a body
// that the contract gives for it. Anything else below /auth must be an error. An error,
// below /auth or not, must be the envelope of the contract's Error schema, with what the
// design adds to it: a support id, a stable code, the HTTP status repeated, and the
// message given twice. A JSON body must be strict: UTF-8, one value, no member twice.
//
// Not checked are successes outside /auth and preflights (see [Preflight]); of answers to
// HEAD the body is not.
func Check(method, path string, status int, header http.Header, body []byte) error {
	doc, err := load()
	if err != nil {
		return fmt.Errorf("the embedded contract cannot be read: %w", err)
	}
	path, _, _ = strings.Cut(path, "?")
	if err := doc.check(method, path, status, header, body); err != nil {
		return fmt.Errorf("%s %s answered %d: %w", method, path, status, err)
	}
	return nil
}

// Preflight reports whether r is a CORS preflight (Fetch standard, §4.9).
func Preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions &&
		r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

func (d *document) check(method, path string, status int, header http.Header, body []byte) error {
	if method == http.MethodOptions && status < 400 {
		return nil
	}
	op := d.operation(method, path)
	switch {
	case op == nil && status >= 400:
		return d.checkError(method, status, header, body)
	case op == nil && underAuth(path):
		return fmt.Errorf("the contract has no such operation, so this must be an error")
	case op == nil:
		return nil
	}

	answer, ok := op.answer(status)
	if !ok {
		return fmt.Errorf("%s has no such status in the contract", op.id)
	}
	if status >= 400 {
		return d.checkError(method, status, header, body)
	}
	return answer.check(header, body)
}

func underAuth(path string) bool {
	return path == "/auth" || strings.HasPrefix(path, "/auth/")
}

// check compares an answer that is not an error.
func (a answer) check(header http.Header, body []byte) error {
	if len(a.content) == 0 {
		// SDKs that read every answer as JSON want an object all the same.
		if len(body) > 0 && string(body) != "{}" {
			return fmt.Errorf("the contract has no body here, got %s", clip(body))
		}
		return nil
	}
	mediaType, err := mediaTypeOf(header)
	if err != nil {
		return err
	}
	schema, ok := a.content[mediaType]
	if !ok {
		return fmt.Errorf("the contract has no content of type %q here", mediaType)
	}
	if mediaType != "application/json" {
		return nil
	}
	return checkJSON(schema, body)
}

func (d *document) checkError(method string, status int, header http.Header, body []byte) error {
	if method == http.MethodHead {
		return nil
	}
	mediaType, err := mediaTypeOf(header)
	if err != nil {
		return err
	}
	if mediaType != "application/json" {
		return fmt.Errorf("an error must be application/json, got %q", mediaType)
	}
	if err := checkJSON(d.errorSchema, body); err != nil {
		return err
	}
	return checkEnvelope(status, body)
}

// mediaTypeOf wants exactly one Content-Type, and UTF-8 where it names a charset.
func mediaTypeOf(header http.Header) (string, error) {
	values := header.Values("Content-Type")
	if len(values) != 1 {
		return "", fmt.Errorf("want one Content-Type, got %q", values)
	}
	mediaType, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return "", fmt.Errorf("Content-Type %q: %w", values[0], err)
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return "", fmt.Errorf("Content-Type %q: the charset must be utf-8", values[0])
	}
	return mediaType, nil
}

func checkJSON(schema *jsonschema.Schema, body []byte) error {
	if !jsontext.Value(body).IsValid() {
		return fmt.Errorf("the body is not strict JSON: %s", clip(body))
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%w\nin %s", err, clip(body))
	}
	return nil
}

func clip(body []byte) string {
	const most = 600
	if len(body) <= most {
		return string(body)
	}
	return string(body[:most]) + "…"
}
