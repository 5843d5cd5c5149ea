package api

// ListPeopleRequest asks for a page of an organisation's people, as administrators see them.
type ListPeopleRequest struct {
	Name            string `json:"-" query:"name" description:"Only names that begin so; capitals do not matter. They then come in the order of their names"`
	Kind            string `json:"-" query:"kind" enum:"CustomerEmployee,EndUser"`
	Limit           int    `json:"-" query:"limit" minimum:"1" maximum:"200" description:"At most so many; 50 when left out"`
	PaginationToken string `json:"-" query:"paginationToken" description:"nextPageToken of the page before"`
}

// PeopleList is a page of people, in the order they were invited unless a name was given.
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
	Code         *PersonCode                   `json:"code,omitempty" description:"The latest registration code of who is not registered"`
	Roles        []PermissionAssignmentSummary `json:"roles"`
}

// PersonCode is a registration code, but not the text of it.
type PersonCode struct {
	ID        string `json:"id" description:"rc-…"`
	State     string `json:"state"`
	ExpiresAt string `json:"expiresAt" description:"ISO 8601, UTC"`
}

// InvitePeopleRequest invites one or many, all or none.
type InvitePeopleRequest struct {
	Usernames    []string `json:"usernames" description:"1 to 200 names; mail addresses where codes are to be mailed"`
	Kind         string   `json:"kind,omitempty" description:"CustomerEmployee, the default, or EndUser"`
	PermissionID string   `json:"permissionId,omitempty" description:"A role that they get; needs the permission to assign"`
}

// InvitedPeople is what came of it.
type InvitedPeople struct {
	Items []InvitedPerson `json:"items"`
}

// InvitedPerson is somebody with a new registration code.
type InvitedPerson struct {
	UserID           string `json:"userId"`
	Username         string `json:"username"`
	Mailed           bool   `json:"mailed" description:"The code is on its way by mail and is not told here"`
	RegistrationCode string `json:"registrationCode,omitempty" description:"Shown once, where no mail brings it"`
	RegistrationURL  string `json:"registrationUrl,omitempty"`
	ExpiresAt        string `json:"expiresAt" description:"ISO 8601, UTC"`
}

// PersonRequest names somebody.
type PersonRequest struct {
	UserID string `json:"-" path:"userId" description:"us-…"`
}
