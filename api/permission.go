package api

// Permission is a set of operations under a name.
type Permission struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Operations  []string `json:"operations"`
	Status      string   `json:"status" description:"Always Active; see isArchived"`
	IsImmutable bool     `json:"isImmutable"`
	IsArchived  bool     `json:"isArchived"`
	DateCreated string   `json:"dateCreated" description:"ISO 8601, UTC"`
	DateUpdated string   `json:"dateUpdated" description:"ISO 8601, UTC"`
}

// CreatePermissionRequest makes a permission.
type CreatePermissionRequest struct {
	Name       string   `json:"name" description:"Unique in the organisation"`
	Operations []string `json:"operations" description:"Names of the contract, old or new; kept as given"`
}

// ListPermissionsRequest asks for a page of an organisation's permissions.
type ListPermissionsRequest struct {
	Limit           int    `json:"-" query:"limit" minimum:"1" maximum:"1000" description:"At most this many; 100 when left out"`
	PaginationToken string `json:"-" query:"paginationToken" description:"nextPageToken of the page before"`
}

// PermissionList is a page of permissions, oldest first, archived ones too.
type PermissionList struct {
	Items         []Permission `json:"items"`
	NextPageToken string       `json:"nextPageToken,omitempty" description:"Absent on the last page"`
}

// PermissionRequest names a permission.
type PermissionRequest struct {
	PermissionID string `json:"-" path:"permissionId" description:"pm-…"`
}

// UpdatePermissionRequest changes a permission; what is left out stays.
type UpdatePermissionRequest struct {
	PermissionID string   `json:"-" path:"permissionId" description:"pm-…"`
	Name         *string  `json:"name,omitempty"`
	Operations   []string `json:"operations,omitempty"`
}

// ArchivePermissionRequest archives a permission or restores it.
type ArchivePermissionRequest struct {
	PermissionID string `json:"-" path:"permissionId" description:"pm-…"`
	IsArchived   *bool  `json:"isArchived"`
}

// Assignment gives a permission to an identity.
type Assignment struct {
	ID           string `json:"id"`
	PermissionID string `json:"permissionId"`
	IdentityID   string `json:"identityId" description:"User, service account, personal access token or application"`
	IsImmutable  bool   `json:"isImmutable"`
	DateCreated  string `json:"dateCreated" description:"ISO 8601, UTC"`
	DateUpdated  string `json:"dateUpdated" description:"ISO 8601, UTC"`
}

// CreateAssignmentRequest gives a permission to an identity.
type CreateAssignmentRequest struct {
	PermissionID string `json:"-" path:"permissionId" description:"pm-…"`
	IdentityID   string `json:"identityId" description:"us-…, to-… or ap-…"`
}

// ListAssignmentsRequest asks for a page of a permission's assignments.
type ListAssignmentsRequest struct {
	PermissionID    string `json:"-" path:"permissionId" description:"pm-…"`
	Limit           int    `json:"-" query:"limit" minimum:"1" maximum:"1000" description:"At most this many; 100 when left out"`
	PaginationToken string `json:"-" query:"paginationToken" description:"nextPageToken of the page before"`
}

// AssignmentList is a page of assignments, oldest first.
type AssignmentList struct {
	Items         []Assignment `json:"items"`
	NextPageToken string       `json:"nextPageToken,omitempty" description:"Absent on the last page"`
}

// DeleteAssignmentRequest revokes a permission.
type DeleteAssignmentRequest struct {
	PermissionID string `json:"-" path:"permissionId" description:"pm-…"`
	AssignmentID string `json:"-" path:"assignmentId" description:"as-…"`
	Force        bool   `json:"-" query:"force" description:"Accepted; changes nothing"`
}

// Nothing is a request or an answer without members. The answer is still a JSON object,
// because SDKs read every answer as JSON.
type Nothing struct{}
