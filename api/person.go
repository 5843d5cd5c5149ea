package api

// PersonDetails is a user with their credentials and sessions, as administrators see them.
type PersonDetails struct {
	Person
	Credentials []AccountCredential `json:"credentials" description:"Their own, oldest first; those of access tokens are not among them"`
	Sessions    []AccountSession    `json:"sessions" description:"Those that are live, newest first"`
}

// PersonCredentialRequest names a credential of a user.
type PersonCredentialRequest struct {
	UserID         string `json:"-" path:"userId" description:"us-…"`
	CredentialUUID string `json:"-" path:"credentialUuid" description:"cr-…"`
}

// PersonCredential is what became of a credential of a user.
type PersonCredential struct {
	Message       string `json:"message"`
	NeedsNewStart bool   `json:"needsNewStart" description:"Whether the user has nothing left to log in and sign with, and needs a new start or recovers with a recovery key"`
}

// EndPersonSessionsRequest names the sessions of a user that are to end.
type EndPersonSessionsRequest struct {
	UserID    string  `json:"-" path:"userId" description:"us-…"`
	SessionID *string `json:"sessionId,omitempty" description:"se-…; all of them when left out"`
}
