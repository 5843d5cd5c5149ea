package api

// HeaderUserAction carries a signed user action to the operation that it was signed for.
const HeaderUserAction = "X-DFNS-USERACTION"

// InitActionRequest says which request is to be signed.
type InitActionRequest struct {
	ServerKind string `json:"userActionServerKind,omitempty" description:"Accepted and ignored: Api or Staff"`
	Method     string `json:"userActionHttpMethod" description:"GET, POST, PUT, PATCH or DELETE"`
	Path       string `json:"userActionHttpPath" description:"Path of the request, with or without its query; with the origin before it if the service asks for that"`
	Payload    string `json:"userActionPayload" description:"Text of the request's body, empty without one"`
}

// ActionResult carries the signed user action, to be sent once as X-DFNS-USERACTION.
type ActionResult struct {
	UserAction string `json:"userAction" description:"JWT (EdDSA) that binds user, method, path and payload"`
}

// ConsumeActionRequest spends a user action on behalf of another service. The request that came
// with the action must be the one that was signed.
type ConsumeActionRequest struct {
	UserAction string  `json:"userAction" description:"The value of the X-DFNS-USERACTION header"`
	Method     string  `json:"httpMethod" description:"Method of the request that came with it"`
	Path       string  `json:"httpPath" description:"Path and query of that request; with the service's origin before it if that was signed"`
	Payload    *string `json:"payload" description:"Text of that request's body, empty without one"`
}

// ConsumedAction says who signed what. An action gives one such answer.
type ConsumedAction struct {
	ActionID       string `json:"actionId" description:"ua-…"`
	OrgID          string `json:"orgId"`
	UserID         string `json:"userId"`
	Username       string `json:"username"`
	CredentialUUID string `json:"credentialUuid"`
	CredentialKind string `json:"credentialKind"`
	TokenID        string `json:"tokenId,omitempty" description:"to-…, the access token whose key signed; absent if the user signed"`
	Method         string `json:"httpMethod"`
	Path           string `json:"httpPath"`
	SignedAt       string `json:"signedAt" description:"ISO 8601, UTC"`
	Receipt        string `json:"receipt" description:"The receipt's text, to be kept as it is: countersign receipt verify checks it without a server"`
}

// GetActionRequest names a signed action.
type GetActionRequest struct {
	ActionID string `json:"-" path:"actionId" description:"ua-…"`
}

// Document is a JSON document that is sent byte for byte.
type Document []byte
