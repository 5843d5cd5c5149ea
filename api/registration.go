package api

// Credential kinds. Password and Totp are in the contract but deprecated upstream and
// not accepted here.
const (
	KindFido2                = "Fido2"
	KindKey                  = "Key"
	KindPasswordProtectedKey = "PasswordProtectedKey"
	KindRecoveryKey          = "RecoveryKey"
)

// User kinds that can be invited.
const (
	CustomerEmployee = "CustomerEmployee"
	EndUser          = "EndUser"
)

// InitRegistrationRequest is what an invited person presents to begin. TenantID and
// AccountID belong to other products of the upstream API; they are accepted and ignored.
type InitRegistrationRequest struct {
	OrgID            string `json:"orgId"`
	Username         string `json:"username"`
	RegistrationCode string `json:"registrationCode"`
	TenantID         string `json:"tenantId,omitempty"`
	AccountID        string `json:"accountId,omitempty"`
}

// RegistrationChallenge is all that an authenticator needs to make a credential, with
// the token that authorises the completing call.
type RegistrationChallenge struct {
	User                         ChallengeUser            `json:"user"`
	TemporaryAuthenticationToken string                   `json:"temporaryAuthenticationToken"`
	Challenge                    string                   `json:"challenge"` // unpadded base64url of 32 random bytes
	RP                           *RelyingParty            `json:"rp,omitempty"`
	SupportedCredentialKinds     SupportedCredentialKinds `json:"supportedCredentialKinds"`
	AuthenticatorSelection       AuthenticatorSelection   `json:"authenticatorSelection"`
	Attestation                  string                   `json:"attestation"` // none, indirect, direct or enterprise
	PubKeyCredParams             []PubKeyCredParam        `json:"pubKeyCredParams"`
	ExcludeCredentials           []CredentialDescriptor   `json:"excludeCredentials"`
	OtpURL                       string                   `json:"otpUrl"` // always "": one-time passwords are not offered
}

// ChallengeUser is the user as an authenticator is told of them. The user handle is
// the UTF-8 of ID.
type ChallengeUser struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Name        string `json:"name"`
}

// RelyingParty names the relying party: ID is its RP ID, a domain.
type RelyingParty struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// SupportedCredentialKinds lists the kinds that may be registered, by factor.
type SupportedCredentialKinds struct {
	FirstFactor  []string `json:"firstFactor"`
	SecondFactor []string `json:"secondFactor"`
}

// AuthenticatorSelection is WebAuthn L3 §5.4.4.
type AuthenticatorSelection struct {
	AuthenticatorAttachment string `json:"authenticatorAttachment,omitempty"` // platform, cross-platform or absent
	ResidentKey             string `json:"residentKey"`
	RequireResidentKey      bool   `json:"requireResidentKey"`
	UserVerification        string `json:"userVerification"`
}

// PubKeyCredParam is WebAuthn L3 §5.3: Alg is a COSE algorithm identifier.
type PubKeyCredParam struct {
	Type string `json:"type"`
	Alg  int    `json:"alg"`
}

// CredentialDescriptor is WebAuthn L3 §5.8.3: ID is the base64url credential ID.
type CredentialDescriptor struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// RegistrationRequest completes a registration. All credentials answer the same
// challenge.
type RegistrationRequest struct {
	FirstFactorCredential  *CredentialAttestation `json:"firstFactorCredential"`
	SecondFactorCredential *CredentialAttestation `json:"secondFactorCredential,omitempty"`
	RecoveryCredential     *CredentialAttestation `json:"recoveryCredential,omitempty"`
}

// CredentialAttestation is a new credential of any kind. EncryptedPrivateKey belongs
// to PasswordProtectedKey (required) and RecoveryKey (optional). Transports and
// ClientExtensionResults are our optional additions for Fido2: what the browser's
// getTransports() and getClientExtensionResults() gave.
type CredentialAttestation struct {
	CredentialKind         string                    `json:"credentialKind"`
	CredentialInfo         CredentialAttestationInfo `json:"credentialInfo"`
	CredentialName         string                    `json:"credentialName,omitempty"`
	EncryptedPrivateKey    string                    `json:"encryptedPrivateKey,omitempty"`
	Transports             []string                  `json:"transports,omitempty"`
	ClientExtensionResults map[string]any            `json:"clientExtensionResults,omitempty"`
}

// CredentialAttestationInfo carries base64url members, with or without padding.
// AttestationData is the attestation object for Fido2, and the JSON of public key and
// signature for keys.
type CredentialAttestationInfo struct {
	CredID          string `json:"credId"`
	ClientData      string `json:"clientData"`
	AttestationData string `json:"attestationData"`
}

// RegistrationResult is the answer to a completed registration.
type RegistrationResult struct {
	Credential RegisteredCredential `json:"credential"`
	User       RegisteredUser       `json:"user"`
}

// RegisteredCredential is the first factor that was stored.
type RegisteredCredential struct {
	UUID string `json:"uuid"`
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// RegisteredUser is the user who is now registered.
type RegisteredUser struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	OrgID    string `json:"orgId"`
}

// ResendRegistrationCodeRequest asks for a new registration code by mail.
type ResendRegistrationCodeRequest struct {
	Username  string `json:"username"`
	OrgID     string `json:"orgId"`
	TenantID  string `json:"tenantId,omitempty"`
	AccountID string `json:"accountId,omitempty"`
}

// Message is an answer that only says something.
type Message struct {
	Message string `json:"message"`
}

// RegistrationInvitation tells the hosted page whom a registration code is for.
type RegistrationInvitation struct {
	Organisation   NamedID     `json:"organisation"`
	User           InvitedUser `json:"user"`
	ExpiresAt      string      `json:"expiresAt"`      // ISO 8601, UTC
	MailConfigured bool        `json:"mailConfigured"` // whether a new code can be mailed
}

// NamedID is a record by id and name.
type NamedID struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// InvitedUser is who was invited.
type InvitedUser struct {
	Username string `json:"username"`
	Kind     string `json:"kind"`
}

// AddRecoveryRequest keeps a recovery key beside a credential that was just
// registered. It answers the challenge of that registration.
type AddRecoveryRequest struct {
	RecoveryCredential *CredentialAttestation `json:"recoveryCredential"`
}

// AddRecoveryResult is the recovery credential that was stored.
type AddRecoveryResult struct {
	Credential RegisteredCredential `json:"credential"`
}
