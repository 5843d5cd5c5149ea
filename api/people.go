package api

// ListPeopleRequest asks for a page of an organisation's people, as administrators see them.
type ListPeopleRequest struct {
	Name            string `json:"-" query:"name" description:"Only names that begin with this text; case does not matter. The list is then sorted by name"`
	Kind            string `json:"-" query:"kind" enum:"CustomerEmployee,EndUser"`
	Limit           int    `json:"-" query:"limit" minimum:"1" maximum:"200" description:"At most this many; 50 when left out"`
	PaginationToken string `json:"-" query:"paginationToken" description:"nextPageToken of the page before"`
}

// PeopleList is a page of people, sorted by name if a name was searched for and otherwise by
// when they were invited.
type PeopleList struct {
	Items         []Person `json:"items"`
	NextPageToken string   `json:"nextPageToken,omitempty" description:"Absent on the last page"`
}

// Person is a user as administrators see them.
type Person struct {
	UserID       string                        `json:"userId"`
	Username     string                        `json:"username"`
	Kind         string                        `json:"kind"`
	State        string                        `json:"state" description:"registered, inactive, or how far the latest code has come: invited, sent, opened, attempted, expired, revoked"`
	CreatedAt    string                        `json:"createdAt" description:"ISO 8601, UTC"`
	RegisteredAt string                        `json:"registeredAt,omitempty" description:"ISO 8601, UTC"`
	LastSeenAt   string                        `json:"lastSeenAt,omitempty" description:"When one of their own credentials was last used; ISO 8601, UTC"`
	Passkeys     int                           `json:"passkeys" description:"Active first factors"`
	Code         *PersonCode                   `json:"code,omitempty" description:"The latest registration code, if they are not registered"`
	Roles        []PermissionAssignmentSummary `json:"roles"`
	Recovery     *PendingRecovery              `json:"recovery,omitempty" description:"A recovery of theirs that waits"`
}

// PersonCode is a registration code without its text.
type PersonCode struct {
	ID        string `json:"id" description:"rc-…"`
	State     string `json:"state"`
	ExpiresAt string `json:"expiresAt" description:"ISO 8601, UTC"`
}

// InvitePeopleRequest invites people, either all of them or none.
type InvitePeopleRequest struct {
	Usernames    []string `json:"usernames" description:"1 to 200 names; mail addresses where codes are to be mailed"`
	Kind         string   `json:"kind,omitempty" description:"CustomerEmployee, the default, or EndUser"`
	PermissionID string   `json:"permissionId,omitempty" description:"A permission that they get; needs the permission to assign"`
}

// InvitedPeople are those whom InvitePeopleRequest invited.
type InvitedPeople struct {
	Items []InvitedPerson `json:"items"`
}

// InvitedPerson is somebody with a new registration code.
type InvitedPerson struct {
	UserID           string `json:"userId"`
	Username         string `json:"username"`
	Mailed           bool   `json:"mailed" description:"Whether the code goes out by mail; it is then not shown here"`
	RegistrationCode string `json:"registrationCode,omitempty" description:"Shown once, if it is not mailed"`
	RegistrationURL  string `json:"registrationUrl,omitempty"`
	ExpiresAt        string `json:"expiresAt" description:"ISO 8601, UTC"`
}

// PersonRequest names a person.
type PersonRequest struct {
	UserID string `json:"-" path:"userId" description:"us-…"`
}
