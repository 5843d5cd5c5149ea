// Package auth has the refusals that the packages under it, the services and the server share,
// each with one status.
package auth

import "github.com/countersign/countersign/api"

// TokenInvalid refuses the token of a session or a ceremony, or an access token, that is not valid
// or no longer.
func TokenInvalid(rule, received string, cause error) *api.Error {
	return &api.Error{Kind: api.Unauthenticated, Code: "token_invalid", Message: "user token is missing or invalid",
		Rule: rule, Received: received, Cause: cause}
}

// TokenEnded refuses the token of a session that has ended, or an access token that has.
func TokenEnded(received string) *api.Error {
	return TokenInvalid("bearer token: the session or access token is live", received, nil)
}

var (
	// ErrUserInactive refuses a signature of a deactivated user, and to act for one: 400, as the
	// contract lists it for logins, delegation and signing.
	ErrUserInactive = userInactive(api.Invalid)
	// ErrOwnerInactive refuses the bearer token or the registration code of a deactivated user.
	ErrOwnerInactive = userInactive(api.Unauthenticated)
	// ErrCredentialInactive refuses a good signature of a deactivated credential. Nobody without
	// the signature may learn this.
	ErrCredentialInactive = &api.Error{Kind: api.Unauthenticated, Code: "credential_inactive",
		Message: "This passkey or key has been deactivated.", Rule: "the credential is active"}
)

func userInactive(kind api.Kind) *api.Error {
	return &api.Error{Kind: kind, Code: "user_inactive", Message: "User account has been deactivated.", Rule: "the user is active"}
}
