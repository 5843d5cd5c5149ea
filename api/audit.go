package api

// ListAuditLogsRequest asks for what happened in a period of any length.
type ListAuditLogsRequest struct {
	StartTime string `json:"-" query:"startTime" description:"ISO 8601; from this time on"`
	EndTime   string `json:"-" query:"endTime" description:"ISO 8601; before this time"`
	UserID    string `json:"-" query:"userId" description:"Only what this user did, or what was done about them"`
}

// AuditLogRequest names an entry of the audit log.
type AuditLogRequest struct {
	ID string `json:"-" path:"id" description:"uj-…"`
}

// Outcomes of an entry of the audit log.
const (
	OutcomeDone    = "done"
	OutcomeRefused = "refused"
)

// AuditLog is an entry of the audit log with the signature that allowed it.
type AuditLog struct {
	ID                    string         `json:"id"`
	Action                string         `json:"action" description:"Method and path of the request, or what happened where none was signed"`
	ActionToken           string         `json:"actionToken" description:"The signed action, ua-…; empty without one"`
	UserID                *string        `json:"userId" description:"Who did it; null if unknown"`
	Username              *string        `json:"username"`
	DatePerformed         *string        `json:"datePerformed" description:"ISO 8601, UTC"`
	FirstFactorCredential AuditLogFactor `json:"firstFactorCredential"`
	Summary               string         `json:"summary"`
	Outcome               string         `json:"outcome" description:"done or refused"`
	Subject               *NamedID       `json:"subject,omitempty" description:"Whom it is about"`
	Address               string         `json:"address,omitempty"`
	SupportID             string         `json:"supportId,omitempty" description:"Of a refusal: the reference that the caller was shown"`
	Receipt               string         `json:"receipt,omitempty" description:"Path of the signed action's receipt"`
	Detail                map[string]any `json:"detail,omitempty"`
}

// AuditLogFactor is the credential that was used, and what it signed.
type AuditLogFactor struct {
	ID        string             `json:"id" description:"cr-…, empty if none was used"`
	Kind      *string            `json:"kind"`
	PublicKey string             `json:"publicKey" description:"PEM"`
	Assertion *AuditLogAssertion `json:"assertion"`
}

// AuditLogAssertion is the signature, base64url.
type AuditLogAssertion struct {
	AuthenticatorData *string `json:"authenticatorData" description:"null for keys"`
	ClientData        string  `json:"clientData"`
	Signature         string  `json:"signature"`
}

// SearchAuditRequest asks for a page of the audit log, newest first. An entry must fit every
// member that is present.
type SearchAuditRequest struct {
	Text            string `json:"-" query:"text" description:"Part of a name, an id, a path, a kind or a summary; case does not matter"`
	UserID          string `json:"-" query:"userId" description:"Who did it or whom it is about"`
	Outcome         string `json:"-" query:"outcome" enum:"done,refused"`
	StartTime       string `json:"-" query:"startTime" description:"ISO 8601; from this time on"`
	EndTime         string `json:"-" query:"endTime" description:"ISO 8601; before this time"`
	Limit           int    `json:"-" query:"limit" minimum:"1" maximum:"200" description:"At most this many; 50 when left out"`
	PaginationToken string `json:"-" query:"paginationToken" description:"nextPageToken of the page before"`
}

// AuditPage is a page of the audit log.
type AuditPage struct {
	Items         []AuditEntry `json:"items"`
	NextPageToken string       `json:"nextPageToken,omitempty" description:"Absent on the last page. A page that is not the last may have fewer items than the limit, even none: each call searches a limited part of the log"`
}

// AuditEntry is something that happened, or was refused.
type AuditEntry struct {
	ID             string       `json:"id" description:"uj-…"`
	At             string       `json:"at" description:"ISO 8601, UTC"`
	Kind           string       `json:"kind" description:"Stable: user.registered, permission.assigned, …; of a refusal its code"`
	Outcome        string       `json:"outcome" description:"done or refused"`
	Summary        string       `json:"summary" description:"In words"`
	Actor          *NamedID     `json:"actor,omitempty" description:"Who did it; absent for the operator at the command line, and if unknown"`
	Subject        *NamedID     `json:"subject,omitempty" description:"Whom it is about"`
	CredentialUUID string       `json:"credentialUuid,omitempty" description:"The credential it was done with"`
	Action         *AuditAction `json:"action,omitempty" description:"The request that was signed for it"`
	Address        string       `json:"address,omitempty"`
	SupportID      string       `json:"supportId,omitempty" description:"Of a refusal: the reference that the caller was shown"`
}

// AuditAction is a signed request.
type AuditAction struct {
	ID     string `json:"id" description:"ua-…"`
	Method string `json:"method"`
	Path   string `json:"path"`
}
