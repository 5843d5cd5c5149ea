package guard

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/countersign/countersign/api"
)

const (
	codeInvalid     = "user_action_invalid"
	codeUsed        = "user_action_used"
	codeUnavailable = "countersign_unavailable"
)

// invalid returns the error for a request that is not the one that was signed. The client
// learns no more than that; the rule is for the operator.
func invalid(rule, received, expected string) *api.Error {
	return &api.Error{Kind: api.Forbidden, Code: codeInvalid, Message: "user action signature is missing or invalid",
		Rule: rule, Received: received, Expected: expected}
}

// unavailable returns the error for a request that cannot be checked now.
func unavailable(rule string, cause error) *api.Error {
	return &api.Error{Kind: api.Unavailable, Code: codeUnavailable, Message: "Signatures cannot be checked just now. Try again in a moment.",
		Rule: rule, RetryAfter: time.Second, Cause: cause}
}

var statuses = map[api.Kind]int{
	api.Invalid:     http.StatusBadRequest,
	api.Forbidden:   http.StatusForbidden,
	api.Timeout:     http.StatusRequestTimeout,
	api.TooLarge:    http.StatusRequestEntityTooLarge,
	api.Unsupported: http.StatusUnsupportedMediaType,
	api.Unavailable: http.StatusServiceUnavailable,
}

// refuse answers with Countersign's error envelope, so that clients need to read only one.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e, id := api.AsError(err), ""
	var s *serverRefusal
	if errors.As(err, &s) {
		id = s.id
	} else {
		id = api.NewID(api.PrefixRefusal, g.now())
	}
	if g.refused != nil {
		g.refused(r, id, e)
	}
	status := statuses[e.Kind]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	detail := api.ErrorDetail{ID: id, Status: status, Code: e.Code, Message: e.Message}
	body, err := json.Marshal(api.ErrorBody{Error: detail, Message: detail.Message})
	if err != nil { // strings cannot fail
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Seconds())))
	}
	w.WriteHeader(status)
	w.Write(body) // it fails only if the client is gone
}

func countText(n int) string {
	switch n {
	case 0:
		return "none"
	case 1:
		return "an empty one"
	}
	return strconv.Itoa(n)
}
