package api

// Account is what the account page shows to its own user.
type Account struct {
	Organisation NamedID             `json:"organisation"`
	User         AccountUser         `json:"user"`
	RPID         string              `json:"rpId"`
	Credentials  []AccountCredential `json:"credentials"`
	Sessions     []AccountSession    `json:"sessions"`

	OneTimePasswords    bool             `json:"oneTimePasswords" description:"Whether the organisation accepts codes from an app as second factor"`
	SecondFactorMissing bool             `json:"secondFactorMissing" description:"Whether the organisation requires a second factor and the user has none yet"`
	Recovery            *PendingRecovery `json:"recovery,omitempty" description:"A recovery of this account that waits"`
}

// AccountUser is the user who is logged in.
type AccountUser struct {
	ID            string `json:"id"`
	Username      string `json:"username"`
	Kind          string `json:"kind"`
	Administrator bool   `json:"administrator" description:"Whether they may do everything"`
	RegisteredAt  string `json:"registeredAt" description:"ISO 8601, UTC"`

	Operations []string `json:"operations" description:"What they may do: names of operations"`
}

// AccountCredential is one of the user's own credentials.
type AccountCredential struct {
	UUID           string `json:"uuid" description:"cr-…"`
	CredentialID   string `json:"credentialId" description:"base64url credential ID"`
	Kind           string `json:"kind"`
	Factor         string `json:"factor" description:"first, second or recovery"`
	Name           string `json:"name"`
	Algorithm      string `json:"algorithm"`
	AAGUID         string `json:"aaguid,omitempty" description:"As a UUID; Fido2 only"`
	BackupEligible bool   `json:"backupEligible" description:"Whether it can be synced"`
	BackedUp       bool   `json:"backedUp" description:"Whether it was synced when last used"`
	IsActive       bool   `json:"isActive"`
	CreatedAt      string `json:"createdAt" description:"ISO 8601, UTC"`
	LastUsedAt     string `json:"lastUsedAt,omitempty" description:"ISO 8601, UTC; absent if never"`

	Transports  []string     `json:"transports,omitzero" description:"How a passkey can be reached, as its browser said: usb, internal, hybrid, …"`
	LastSession *AccountUsed `json:"lastSession,omitempty" description:"The newest session that it opened and that is still on record"`
}

// AccountUsed says when and where a credential opened a session.
type AccountUsed struct {
	At        string `json:"at" description:"ISO 8601, UTC"`
	UserAgent string `json:"userAgent"`
	Address   string `json:"address"`
}

// AccountSession is one of the user's live sessions.
type AccountSession struct {
	ID             string `json:"id" description:"se-…"`
	Current        bool   `json:"current" description:"Whether this request came with it"`
	CredentialUUID string `json:"credentialUuid" description:"cr-…, the credential it began with"`
	CredentialName string `json:"credentialName" description:"Its name"`
	UserAgent      string `json:"userAgent"`
	Address        string `json:"address"`
	CreatedAt      string `json:"createdAt" description:"ISO 8601, UTC"`
	ExpiresAt      string `json:"expiresAt" description:"ISO 8601, UTC"`
}

// EndSessionRequest names one of the user's own sessions.
type EndSessionRequest struct {
	SessionID string `json:"-" path:"sessionId" description:"se-…"`
}

// SiteInfo is what the login page may know before anybody gives a name.
type SiteInfo struct {
	Organisation *NamedID `json:"organisation,omitempty" description:"The organisation, if this server has just one"`
}

// CallerInfo says whom a token belongs to and what it may do.
type CallerInfo struct {
	Kind       CallerKind `json:"kind" enum:"CustomerEmployee,EndUser,ServiceAccount,Pat"`
	OrgID      string     `json:"orgId"`
	UserID     string     `json:"userId" description:"Of a personal access token: its owner"`
	Username   string     `json:"username"`
	TokenID    string     `json:"tokenId,omitempty" description:"to-…; absent with a session"`
	Operations []string   `json:"operations" description:"What the caller may do: names of operations"`
}
