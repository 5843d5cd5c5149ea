package store

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/api"
)

var errClosed = errors.New("store: closed")

// unavailable says that the database cannot be used now and that nothing was written.
func unavailable(cause error) error {
	return &api.Error{
		Kind: api.Unavailable, Code: "store_unavailable",
		Message:    "The service cannot reach its database just now. Try again shortly.",
		RetryAfter: time.Second,
		Cause:      cause,
	}
}

// errBusy says that more is to be written than can be, and that nothing was written.
var errBusy = &api.Error{
	Kind: api.Unavailable, Code: "server_busy",
	Message:    "The service has more to do than it can just now. Try again shortly.",
	Rule:       "a place in the queue of writes within half a second",
	RetryAfter: time.Second,
}

// outcomeUnknown says that the connection broke between COMMIT and its answer, or that the file
// was gone after COMMIT: either the whole unit was written or nothing.
func outcomeUnknown(cause error) error {
	return &api.Error{
		Kind: api.Unavailable, Code: "outcome_unknown",
		Message:    "The service lost its database while it answered. Send the same request again.",
		RetryAfter: time.Second,
		Cause:      cause,
	}
}

// internal wraps what should not happen: a broken statement, a violated constraint.
func internal(cause error) error {
	return &api.Error{Kind: api.Internal, Code: "internal", Message: "Internal Server Error", Cause: cause}
}

func notFound(code, message string) error {
	return &api.Error{Kind: api.NotFound, Code: code, Message: message}
}

// Errors of reads that find no row.
var (
	errNoApplication  = notFound("application_not_found", "application not found")
	errNoAction       = notFound("action_not_found", "There is no such user action.")
	errNoAssignment   = notFound("assignment_not_found", "There is no such assignment.")
	errNoAuditEntry   = notFound("audit_log_not_found", "There is no such audit log.")
	errNoCode         = notFound("code_not_found", "There is no such registration code.")
	errNoCredential   = notFound("credential_not_found", "There is no such credential.")
	errNoOrganisation = notFound("organisation_not_found", "There is no such organisation.")
	errNoPermission   = notFound("permission_not_found", "There is no such permission.")
	errNoRefusal      = notFound("refusal_not_found", "There is no refusal with that support id.")
	errNoToken        = notFound("token_not_found", "There is no such access token.")
	errNoUser         = notFound("user_not_found", "There is no such user.")
)

// classify turns a failure of the database into an *api.Error.
func classify(err error) error {
	var known *api.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errClosed):
		return unavailable(err)
	}
	return internal(err)
}

// openError is a failure of Open. Its message says what to do about it.
func openError(kind api.Kind, code, message string, cause error) error {
	return &api.Error{Kind: kind, Code: code, Message: message, Cause: cause}
}
