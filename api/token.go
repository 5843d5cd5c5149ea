package api

// AccessToken is what a service account, or a program that acts for a person, uses instead
// of logging in.
type AccessToken struct {
	AccessToken           string                        `json:"accessToken,omitempty" description:"The token itself, a JWT (EdDSA): only in the answer that creates it"`
	DateCreated           string                        `json:"dateCreated" description:"ISO 8601, UTC"`
	CredID                string                        `json:"credId" description:"Names the key in challenges and assertions"`
	IsActive              bool                          `json:"isActive"`
	Kind                  string                        `json:"kind" description:"Pat or ServiceAccount"`
	LinkedUserID          string                        `json:"linkedUserId"`
	LinkedAppID           string                        `json:"linkedAppId"`
	Name                  string                        `json:"name"`
	OrgID                 string                        `json:"orgId"`
	PermissionAssignments []PermissionAssignmentSummary `json:"permissionAssignments"`
	PublicKey             string                        `json:"publicKey" description:"SHA256: and the digest of the key, base64"`
	TokenID               string                        `json:"tokenId"`
	DateExpires           string                        `json:"dateExpires,omitempty" description:"ISO 8601, UTC"`
}

// CreateTokenRequest makes a personal access token. SecondsValid wins over DaysValid; without
// either it lasts 730 days.
type CreateTokenRequest struct {
	Name         string `json:"name" description:"Unique among the user's tokens"`
	PublicKey    string `json:"publicKey" description:"PEM; its private key signs what the token does"`
	PermissionID string `json:"permissionId,omitempty" description:"The part of its user's permissions that it gets; left out: all that its user has now"`
	ExternalID   string `json:"externalId,omitempty"`
	DaysValid    *int   `json:"daysValid,omitempty" description:"1 to 730"`
	SecondsValid *int   `json:"secondsValid,omitempty" description:"1 to 63072000"`
}

// TokenList is all access tokens of a user that are not archived.
type TokenList struct {
	Items []AccessToken `json:"items"`
}

// TokenRequest names a personal access token of the caller.
type TokenRequest struct {
	TokenID string `json:"-" path:"tokenId" description:"to-…"`
}

// UpdateTokenRequest renames a personal access token of the caller.
type UpdateTokenRequest struct {
	TokenID string `json:"-" path:"tokenId" description:"to-…"`
	Rename
}

// Rename is the new name and external id of something; what is left out stays.
type Rename struct {
	Name       *string `json:"name,omitempty"`
	ExternalID *string `json:"externalId,omitempty"`
}

// ServiceAccount is a service account of an organisation, with its access token.
type ServiceAccount struct {
	UserInfo     ServiceAccountUser `json:"userInfo"`
	AccessTokens []AccessToken      `json:"accessTokens"`
}

// ServiceAccountUser is what a service account has in common with a user.
type ServiceAccountUser struct {
	Username              string                        `json:"username"`
	Name                  string                        `json:"name"`
	UserID                string                        `json:"userId"`
	Kind                  string                        `json:"kind" description:"CustomerEmployee, as clients expect"`
	CredentialUUID        string                        `json:"credentialUuid"`
	OrgID                 string                        `json:"orgId"`
	Permissions           []string                      `json:"permissions" description:"Deprecated, always empty"`
	IsActive              bool                          `json:"isActive"`
	IsServiceAccount      bool                          `json:"isServiceAccount"`
	IsRegistered          bool                          `json:"isRegistered"`
	PermissionAssignments []PermissionAssignmentSummary `json:"permissionAssignments"`
}

// CreateServiceAccountRequest makes a service account with its access token.
type CreateServiceAccountRequest struct {
	Name         string `json:"name" description:"Unique in the organisation"`
	PublicKey    string `json:"publicKey" description:"PEM; its private key signs what the service account does"`
	PermissionID string `json:"permissionId,omitempty" description:"A permission that it gets, none if left out; needs the permission to assign"`
	ExternalID   string `json:"externalId,omitempty"`
	DaysValid    *int   `json:"daysValid,omitempty" description:"1 to 730, which is the default"`
}

// ServiceAccountList is all service accounts of an organisation that are not archived.
type ServiceAccountList struct {
	Items []ServiceAccount `json:"items"`
}

// ServiceAccountRequest names a service account.
type ServiceAccountRequest struct {
	ServiceAccountID string `json:"-" path:"serviceAccountId" description:"us-…"`
}

// ArchiveServiceAccountRequest archives a service account.
type ArchiveServiceAccountRequest struct {
	ServiceAccountID string `json:"-" path:"serviceAccountId" description:"us-…"`
	Force            bool   `json:"-" query:"force" description:"Accepted; changes nothing"`
}

// DeactivateServiceAccountRequest deactivates a service account.
type DeactivateServiceAccountRequest struct {
	ServiceAccountID string `json:"-" path:"serviceAccountId" description:"us-…"`
	Force            bool   `json:"force,omitempty" description:"Accepted; changes nothing"`
}

// UpdateServiceAccountRequest renames a service account.
type UpdateServiceAccountRequest struct {
	ServiceAccountID string `json:"-" path:"serviceAccountId" description:"us-…"`
	Rename
}

// ExchangeTokenRequest asks for a token for an organisation.
type ExchangeTokenRequest struct {
	Target string `json:"target" description:"Organisation id, or-…"`
}

// DelegatedLoginRequest names the end user whom a service account logs in.
type DelegatedLoginRequest struct {
	Username string `json:"username"`
}

// DelegatedRegistrationRequest names the end user whom a service account registers.
type DelegatedRegistrationRequest struct {
	Email      string `json:"email" description:"The username; any text that is unique in the organisation"`
	Kind       string `json:"kind" description:"EndUser"`
	ExternalID string `json:"externalId,omitempty"`
}
