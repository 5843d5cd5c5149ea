package api

// Caller is who asks, as far as the front door knows. Operations take it as an
// argument so that none can forget it.
type Caller struct {
	RequestID string // names this request in the log and, if it is refused, is the support id
	Address   string // client address, without port; from a trusted proxy's header if one is configured
	UserAgent string // shortened
	Bearer    string // the token of the Authorization header, unchecked; "" without one

	// Who it is, where the route asks for a session; "" otherwise.
	OrgID, UserID, Username, SessionID string
	Administrator                      bool

	ActionID string // the user action that the caller signed this request with, "" without
}
