package web

import (
	"math"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
)

// Encode writes v as JSON with a status, or an api.Document as it is. It writes nothing if v cannot be
// encoded.
func Encode(w http.ResponseWriter, status int, v any) error {
	body, done := v.(api.Document)
	if !done {
		var err error
		if body, err = json.Marshal(v); err != nil {
			return err
		}
	}
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body) // if this fails, the client is gone
	return nil
}

var jsonType = []string{"application/json; charset=utf-8"}

// Status returns the HTTP status of a kind of error. There is no other mapping.
func Status(k api.Kind) int {
	if s, ok := statuses[k]; ok {
		return s
	}
	return http.StatusInternalServerError
}

var statuses = map[api.Kind]int{
	api.Invalid:          http.StatusBadRequest,
	api.Unauthenticated:  http.StatusUnauthorized,
	api.Forbidden:        http.StatusForbidden,
	api.NotFound:         http.StatusNotFound,
	api.MethodNotAllowed: http.StatusMethodNotAllowed,
	api.Timeout:          http.StatusRequestTimeout,
	api.Conflict:         http.StatusConflict,
	api.TooLarge:         http.StatusRequestEntityTooLarge,
	api.Unsupported:      http.StatusUnsupportedMediaType,
	api.TooManyRequests:  http.StatusTooManyRequests,
	api.HeadersTooLarge:  http.StatusRequestHeaderFieldsTooLarge,
	api.NotOffered:       http.StatusNotImplemented,
	api.Unavailable:      http.StatusServiceUnavailable,
}

// WriteError writes the error envelope of e with a support id and returns the status. It shows nothing
// of an Internal error.
func WriteError(w http.ResponseWriter, e *api.Error, id string) int {
	status := Status(e.Kind)
	detail := api.ErrorDetail{ID: id, Status: status, Code: e.Code, Message: e.Message, Details: e.Details}
	if e.Kind == api.Internal {
		detail.Code, detail.Message, detail.Details = "internal", "Internal Server Error", nil
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if err := Encode(w, status, api.ErrorBody{Error: detail, Message: detail.Message}); err != nil {
		detail.Details = nil // only details can fail to encode, by a mistake of ours
		Encode(w, status, api.ErrorBody{Error: detail, Message: detail.Message})
	}
	return status
}
