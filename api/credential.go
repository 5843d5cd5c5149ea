package api

// Credential is a credential of the caller's, as the Dfns wire has it.
type Credential struct {
	Kind           string `json:"kind" description:"Fido2, Key, PasswordProtectedKey, RecoveryKey, Totp or Password"`
	CredentialID   string `json:"credentialId" description:"base64url, as the client or authenticator chose it, or the server for a Totp or Password"`
	CredentialUUID string `json:"credentialUuid" description:"cr-…"`
	DateCreated    string `json:"dateCreated"`
	IsActive       bool   `json:"isActive"`
	Name           string `json:"name"`
	PublicKey      string `json:"publicKey" description:"SubjectPublicKeyInfo in PEM; empty for a Totp or Password"`
	RelyingPartyID string `json:"relyingPartyId" description:"Empty for keys"`
	Origin         string `json:"origin" description:"Where it was created; empty for keys that did not say"`
}

// CredentialList lists the caller's credentials, oldest first.
type CredentialList struct {
	Items []Credential `json:"items"`
}

// CredentialChallengeRequest begins to add a credential. Factor is an addition of this server.
type CredentialChallengeRequest struct {
	Kind   string `json:"kind" description:"Fido2, Key, PasswordProtectedKey, RecoveryKey or, where accepted, Totp or Password"`
	Factor string `json:"factor,omitempty" description:"first or second; default: second for Totp, else first"`
}

// CredentialChallenge is what a client answers with a new credential. AuthenticatorSelection and
// ExcludeCredentials are for Fido2 alone, OtpURL for Totp; Totp and Password have nothing to sign.
type CredentialChallenge struct {
	Kind                         string                  `json:"kind"`
	User                         ChallengeUser           `json:"user"`
	ChallengeIdentifier          string                  `json:"challengeIdentifier" description:"To be sent back with the credential; lives 15 minutes unless configured otherwise"`
	TemporaryAuthenticationToken string                  `json:"temporaryAuthenticationToken" description:"The same, for older clients"`
	Challenge                    string                  `json:"challenge,omitempty" description:"Unpadded base64url of 32 bytes"`
	RP                           *RelyingParty           `json:"rp,omitempty"`
	Attestation                  string                  `json:"attestation,omitempty" description:"none, indirect, direct or enterprise"`
	PubKeyCredParams             []PubKeyCredParam       `json:"pubKeyCredParams,omitempty" description:"Algorithms offered, best first"`
	AuthenticatorSelection       *AuthenticatorSelection `json:"authenticatorSelection,omitempty"`
	ExcludeCredentials           []CredentialDescriptor  `json:"excludeCredentials,omitzero" description:"Fido2: the user's passkeys, which an authenticator does not register again"`
	OtpURL                       string                  `json:"otpUrl,omitempty" description:"Totp: the otpauth:// address of the secret, for the app"`
}

// NewCredential is a credential that answers a CredentialChallenge.
type NewCredential struct {
	CredentialAttestation
	ChallengeIdentifier string `json:"challengeIdentifier"`
}

// CredentialUUIDRequest names one of the caller's credentials. Force is an addition of this server.
type CredentialUUIDRequest struct {
	CredentialUUID string `json:"credentialUuid" description:"cr-…"`
	Force          bool   `json:"-" query:"force" description:"Also the last credential that logs the user in, if there is a recovery key"`
}

// DeleteCredentialRequest names one of the caller's credentials in the path.
type DeleteCredentialRequest struct {
	CredentialUUID string `json:"-" path:"credentialUuid" description:"cr-…"`
	Force          bool   `json:"-" query:"force" description:"Also the last credential that logs the user in, if there is a recovery key"`
}

// RenameCredentialRequest gives one of the caller's credentials another name.
type RenameCredentialRequest struct {
	CredentialUUID string `json:"-" path:"credentialUuid" description:"cr-…"`
	Name           string `json:"name" description:"1 to 100 visible characters"`
}

// CredentialCodeRequest asks for a code with which a credential is added from another device.
type CredentialCodeRequest struct {
	Expiration any `json:"expiration" description:"At most 60 seconds ahead: ISO 8601 text, or Unix time in seconds or milliseconds"`
}

// CredentialCode is such a code.
type CredentialCode struct {
	Code       string `json:"code"`
	Expiration string `json:"expiration"`
}

// CredentialChallengeWithCodeRequest begins to add a credential from another device.
type CredentialChallengeWithCodeRequest struct {
	CredentialKind string `json:"credentialKind" description:"Fido2, Key, PasswordProtectedKey, RecoveryKey or, where accepted, Totp or Password"`
	Code           string `json:"code" description:"Case and separators do not matter"`
}
