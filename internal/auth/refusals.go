// Package auth has the refusals that the packages under it, the services and the server
// share, each with its one status.
package auth

import "github.com/countersign/countersign/api"

// TokenInvalid refuses a token that is not one, or not one any more: of a session, an
// access token or a ceremony.
func TokenInvalid(rule, received string, cause error) *api.Error {
	return &api.Error{Kind: api.Unauthenticated, Code: "token_invalid", Message: "user token is missing or invalid",
		Rule: rule, Received: received, Cause: cause}
}

// TokenEnded refuses the token of a session, or an access token, that is not live.
func TokenEnded(received string) *api.Error {
	return TokenInvalid("bearer token: the session or access token is live", received, nil)
}

var (
	// ErrUserInactive is told to who proves a key of a deactivated user, or names one: 400,
	// as the contract lists it for logins, delegation and signing.
	ErrUserInactive = userInactive(api.Invalid)
	// ErrOwnerInactive is a bearer token or a registration code whose user is deactivated.
	ErrOwnerInactive = userInactive(api.Unauthenticated)
	// ErrCredentialInactive is told only to who made a good signature.
	ErrCredentialInactive = &api.Error{Kind: api.Unauthenticated, Code: "credential_inactive",
		Message: "This passkey or key has been deactivated.", Rule: "the credential is active"}
)

func userInactive(kind api.Kind) *api.Error {
	return &api.Error{Kind: kind, Code: "user_inactive", Message: "User account has been deactivated.", Rule: "the user is active"}
}

// UsernameDiffers is what a service account gets that names a user in another spelling than the
// stored one. People may type their own name as they like. A service has names of its own, and
// two that are different to it must not be one user here.
func UsernameDiffers(stored, received string, subject api.Subject) *api.Error {
	return &api.Error{Kind: api.Conflict, Code: "username_differs", Message: "There is a user whose name differs only in case, width or similar spelling. Use the name as it is stored.",
		Rule: "delegation: the username is spelled as it is stored", Received: api.Shown(received), Expected: api.Shown(stored), Subject: subject}
}
