package api

// Caller is who asks, as far as the front door knows. Operations take it as an
// argument so that none can forget it.
type Caller struct {
	RequestID string // names this request in the log and, if it is refused, is the support id
	Address   string // client address, without port; from a trusted proxy's header if one is configured
	UserAgent string // shortened
	RawToken  string // the token of the Authorization header, unchecked; "" without one

	// Who it is, where the route asks for a session or an access token; "" otherwise.
	OrgID, UserID, Username string
	Kind                    CallerKind
	UserKind                string // of the user: with a personal access token, its person's
	SessionID               string // "se-…", "" for who came with an access token
	TokenID                 string // "to-…", "" for who has a session

	ActionID string // the user action that the caller signed this request with, "" without
}

// CallerKind is what sort of caller a bearer token stands for, as the wire contract names
// who may call an operation.
type CallerKind string

// Kinds of caller: people with a session, machines, and programs with a person's token.
const (
	CallerEmployee       CallerKind = "CustomerEmployee"
	CallerEndUser        CallerKind = "EndUser"
	CallerServiceAccount CallerKind = "ServiceAccount"
	CallerPersonalToken  CallerKind = "Pat"
)

// SessionOrTokenID is the id of the session or access token that the caller came with.
func (c Caller) SessionOrTokenID() string {
	if c.TokenID != "" {
		return c.TokenID
	}
	return c.SessionID
}

// Subject is the caller as whom a refusal concerns.
func (c Caller) Subject() Subject { return Subject{OrgID: c.OrgID, UserID: c.UserID} }

// Refused is the refusal of a caller who may not do an operation.
func (c Caller) Refused(operation, rule, received string) error {
	who := c.UserID
	if c.Kind == CallerPersonalToken {
		who = c.TokenID
	}
	return &Error{Kind: Forbidden, Code: "permission_denied",
		Message: string(c.Kind) + " " + who + " is not authorized to perform operation (" + operation + ")",
		Rule:    rule, Received: received, Expected: operation, Subject: c.Subject()}
}
