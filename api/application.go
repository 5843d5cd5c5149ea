package api

// Kinds of application.
const (
	ServerSideApplication = "ServerSideApplication"
	ClientSideApplication = "ClientSideApplication"
)

// Application is a client program, which older SDKs register. Nothing depends on it: the
// header that names one is accepted and ignored.
type Application struct {
	AppID                 string                        `json:"appId"`
	Kind                  string                        `json:"kind"`
	OrgID                 string                        `json:"orgId"`
	ExpectedRPID          string                        `json:"expectedRpId,omitempty"`
	Name                  string                        `json:"name"`
	IsActive              bool                          `json:"isActive"`
	ExpectedOrigin        string                        `json:"expectedOrigin,omitempty"`
	PermissionAssignments []PermissionAssignmentSummary `json:"permissionAssignments"`
	AccessTokens          []AccessToken                 `json:"accessTokens"`
}

// CreateApplicationRequest registers an application.
type CreateApplicationRequest struct {
	Name           string `json:"name" description:"Unique in the organisation"`
	Kind           string `json:"kind" description:"ServerSideApplication or ClientSideApplication"`
	RelyingPartyID string `json:"relyingPartyId,omitempty"`
	Origin         string `json:"origin,omitempty"`
	PermissionID   string `json:"permissionId,omitempty" description:"Needs the permission to assign"`
	ExternalID     string `json:"externalId,omitempty"`
	PublicKey      string `json:"publicKey,omitempty" description:"PEM; required for a ServerSideApplication"`
	DaysValid      *int   `json:"daysValid,omitempty" description:"Accepted and ignored: applications get no token"`
}

// ApplicationList is all applications of an organisation that are not archived.
type ApplicationList struct {
	Items []Application `json:"items"`
}

// ApplicationRequest names an application.
type ApplicationRequest struct {
	AppID string `json:"-" path:"appId" description:"ap-…"`
}

// UpdateApplicationRequest renames an application.
type UpdateApplicationRequest struct {
	AppID string `json:"-" path:"appId" description:"ap-…"`
	Rename
}
