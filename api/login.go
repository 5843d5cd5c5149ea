package api

// InitLoginRequest begins a login. Without a username any discoverable passkey for this
// server may answer, and OrgID may be left out too. TenantID and AccountID are accepted and
// ignored.
type InitLoginRequest struct {
	Username  string `json:"username,omitempty" description:"Left out: any discoverable passkey may answer"`
	OrgID     string `json:"orgId,omitempty" description:"Organisation id, or-…; required with a username"`
	LoginCode string `json:"loginCode,omitempty" description:"As mailed; needed for a PasswordProtectedKey"`
	TenantID  string `json:"tenantId,omitempty" description:"Accepted and ignored"`
	AccountID string `json:"accountId,omitempty" description:"Accepted and ignored"`
}

// LoginResult carries the session's token.
type LoginResult struct {
	Token string `json:"token" description:"JWT (EdDSA); its keys are at /.well-known/jwks.json"`
}

// SendLoginCodeRequest asks for a login code by mail.
type SendLoginCodeRequest struct {
	Username  string `json:"username"`
	OrgID     string `json:"orgId"`
	TenantID  string `json:"tenantId,omitempty" description:"Accepted and ignored"`
	AccountID string `json:"accountId,omitempty" description:"Accepted and ignored"`
}

// LogoutRequest ends the presented session, or all of its user's.
type LogoutRequest struct {
	AllSessions bool `json:"allSessions,omitempty"`
}
