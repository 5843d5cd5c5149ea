package api

// User is a user or service account as its organisation sees it.
type User struct {
	Username              string                        `json:"username"`
	Name                  string                        `json:"name"`
	UserID                string                        `json:"userId"`
	Kind                  string                        `json:"kind" description:"CustomerEmployee or EndUser"`
	CredentialUUID        string                        `json:"credentialUuid" description:"The first credential; before registration the id it will have"`
	OrgID                 string                        `json:"orgId"`
	Permissions           []string                      `json:"permissions" description:"Deprecated, always empty"`
	IsActive              bool                          `json:"isActive"`
	IsServiceAccount      bool                          `json:"isServiceAccount"`
	IsRegistered          bool                          `json:"isRegistered"`
	IsSSORequired         bool                          `json:"isSSORequired"`
	PermissionAssignments []PermissionAssignmentSummary `json:"permissionAssignments"`
	Invitation            *IssuedInvitation             `json:"invitation,omitempty" description:"Only in the answer that creates the user, if the code is not mailed"`
}

// PermissionAssignmentSummary is a permission that a user has.
type PermissionAssignmentSummary struct {
	PermissionName string   `json:"permissionName"`
	PermissionID   string   `json:"permissionId"`
	AssignmentID   string   `json:"assignmentId"`
	Operations     []string `json:"operations,omitempty"`
}

// IssuedInvitation is a registration code, shown to whoever invited the user if mail is not
// configured.
type IssuedInvitation struct {
	RegistrationCode string `json:"registrationCode"`
	RegistrationURL  string `json:"registrationUrl"`
	ExpiresAt        string `json:"expiresAt" description:"ISO 8601, UTC"`
}

// CreateUserRequest invites a user. Email becomes the username.
type CreateUserRequest struct {
	Email         string `json:"email"`
	Kind          string `json:"kind" description:"CustomerEmployee"`
	PublicKey     string `json:"publicKey,omitempty" description:"Accepted and ignored"`
	ExternalID    string `json:"externalId,omitempty" description:"Stored as it is; at most 200 characters"`
	IsSSORequired bool   `json:"isSSORequired,omitempty" description:"Must be false: single sign-on is not offered"`
}

// ListUsersRequest asks for a page of an organisation's users.
type ListUsersRequest struct {
	Limit           int    `json:"-" query:"limit" minimum:"1" maximum:"200" description:"At most this many; 100 when left out"`
	PaginationToken string `json:"-" query:"paginationToken" description:"nextPageToken of the page before"`
	Kind            string `json:"-" query:"kind" enum:"CustomerEmployee,EndUser"`
}

// UserList is a page of users, in the order they were invited.
type UserList struct {
	Items         []User `json:"items"`
	NextPageToken string `json:"nextPageToken,omitempty" description:"Absent on the last page"`
}

// UserRequest names a user.
type UserRequest struct {
	UserID string `json:"-" path:"userId" description:"us-…"`
}

// UpdateUserRequest changes a user.
type UpdateUserRequest struct {
	UserID        string `json:"-" path:"userId" description:"us-…"`
	IsSSORequired *bool  `json:"isSSORequired" description:"Must be false: single sign-on is not offered"`
}

// InviteUserRequest invites a user, as clients of several organisations do.
type InviteUserRequest struct {
	Email string `json:"email"`
	Kind  string `json:"kind" description:"TenantUser"`
}

// InvitedTenantUser answers InviteUserRequest.
type InvitedTenantUser struct {
	Invitation *IssuedInvitation `json:"invitation,omitempty" description:"Only if the code is not mailed"`
}
