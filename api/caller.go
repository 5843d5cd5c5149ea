package api

// Caller is who makes a request, as far as the server knows. Operations take it as an
// argument so that none can forget it.
type Caller struct {
	RequestID string // names this request in the log and, if it is refused, is the support id
	Address   string // client address, without port; from a trusted proxy's header if one is configured
	UserAgent string // shortened
	RawToken  string // the token of the Authorization header, unchecked; "" without one

	// Who it is, if the route requires a session or an access token; "" otherwise.
	OrgID, UserID, Username string
	Kind                    CallerKind
	UserKind                string // of the user; with a personal access token, of its owner
	SessionID               string // "se-…", "" with an access token
	TokenID                 string // "to-…", "" with a session

	ActionID string // "ua-…", the user action that this request came with; "" without one
}

// CallerKind is the kind of caller that a bearer token stands for. The wire contract lists
// by these names who may call an operation.
type CallerKind string

// Kinds of caller: people with a session, service accounts, and programs with a personal
// access token.
const (
	CallerEmployee       CallerKind = "CustomerEmployee"
	CallerEndUser        CallerKind = "EndUser"
	CallerServiceAccount CallerKind = "ServiceAccount"
	CallerPersonalToken  CallerKind = "Pat"
)

// SessionOrTokenID returns the id of the session or access token of the caller.
func (c Caller) SessionOrTokenID() string {
	if c.TokenID != "" {
		return c.TokenID
	}
	return c.SessionID
}

// Subject names the caller as the subject of a refusal.
func (c Caller) Subject() Subject { return Subject{OrgID: c.OrgID, UserID: c.UserID} }

// Refused returns the error for a caller who may not do an operation.
func (c Caller) Refused(operation, rule, received string) error {
	who := c.UserID
	if c.Kind == CallerPersonalToken {
		who = c.TokenID
	}
	return &Error{Kind: Forbidden, Code: "permission_denied",
		Message: string(c.Kind) + " " + who + " is not authorized to perform operation (" + operation + ")",
		Rule:    rule, Received: received, Expected: operation, Subject: c.Subject()}
}
