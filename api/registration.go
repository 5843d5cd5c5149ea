package api

// Credential kinds. Totp and Password are deprecated upstream; they are accepted where the organisation says
// so. A Totp is only ever a second factor. A Password is a first factor of logins, and signs nothing.
const (
	KindFido2                = "Fido2"
	KindKey                  = "Key"
	KindPasswordProtectedKey = "PasswordProtectedKey"
	KindRecoveryKey          = "RecoveryKey"
	KindTotp                 = "Totp"
	KindPassword             = "Password"
)

// User kinds that can be invited.
const (
	CustomerEmployee = "CustomerEmployee"
	EndUser          = "EndUser"
)

// InitRegistrationRequest is what an invited person presents to begin. TenantID and
// AccountID belong to other products of the upstream API; they are accepted and ignored.
type InitRegistrationRequest struct {
	OrgID            string `json:"orgId" description:"Organisation id, or-…"`
	Username         string `json:"username" description:"Name the user was invited under"`
	RegistrationCode string `json:"registrationCode" description:"As printed or mailed; case and separators do not matter"`
	TenantID         string `json:"tenantId,omitempty" description:"Accepted and ignored"`
	AccountID        string `json:"accountId,omitempty" description:"Accepted and ignored"`
}

// RegistrationChallenge is what an authenticator needs to make a credential, and the token
// that authorises the completing call.
type RegistrationChallenge struct {
	User                         ChallengeUser            `json:"user"`
	TemporaryAuthenticationToken string                   `json:"temporaryAuthenticationToken" description:"Bearer of the completing call; lives 15 minutes unless configured otherwise"`
	Challenge                    string                   `json:"challenge" description:"Unpadded base64url of 32 random bytes; all credentials of the completing call sign it"`
	RP                           *RelyingParty            `json:"rp,omitempty"`
	SupportedCredentialKinds     SupportedCredentialKinds `json:"supportedCredentialKinds"`
	AuthenticatorSelection       AuthenticatorSelection   `json:"authenticatorSelection"`
	Attestation                  string                   `json:"attestation" description:"none, indirect, direct or enterprise"`
	PubKeyCredParams             []PubKeyCredParam        `json:"pubKeyCredParams" description:"Algorithms offered, best first"`
	ExcludeCredentials           []CredentialDescriptor   `json:"excludeCredentials"`
	OtpURL                       string                   `json:"otpUrl" description:"otpauth:// address of the secret that a Totp credential answers with; empty unless the organisation accepts one-time passwords"`
}

// ChallengeUser is the user as the authenticator sees them. The user handle is the UTF-8 of
// ID.
type ChallengeUser struct {
	ID          string `json:"id" description:"The user handle is the UTF-8 of it"`
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
	AuthenticatorAttachment string `json:"authenticatorAttachment,omitempty" description:"platform, cross-platform or absent"`
	ResidentKey             string `json:"residentKey"`
	RequireResidentKey      bool   `json:"requireResidentKey"`
	UserVerification        string `json:"userVerification"`
}

// PubKeyCredParam is WebAuthn L3 §5.3: Alg is a COSE algorithm identifier.
type PubKeyCredParam struct {
	Type string `json:"type"`
	Alg  int    `json:"alg" description:"COSE algorithm identifier"`
}

// CredentialDescriptor is WebAuthn L3 §5.8.3: ID is the base64url credential ID.
type CredentialDescriptor struct {
	Type string `json:"type"`
	ID   string `json:"id" description:"base64url credential ID"`
}

// RegistrationRequest completes a registration. All credentials answer the same
// challenge.
type RegistrationRequest struct {
	FirstFactorCredential  *CredentialAttestation `json:"firstFactorCredential" description:"Of kind Fido2, Key, PasswordProtectedKey or, where accepted, Password"`
	SecondFactorCredential *CredentialAttestation `json:"secondFactorCredential,omitempty" description:"Of kind Fido2, Key or PasswordProtectedKey, and another key than the first; or, where accepted, Totp"`
	RecoveryCredential     *CredentialAttestation `json:"recoveryCredential,omitempty" description:"Of kind RecoveryKey"`
}

// CredentialAttestation is a new credential of any kind. EncryptedPrivateKey belongs
// to PasswordProtectedKey (required) and RecoveryKey (optional). Transports and
// ClientExtensionResults are optional additions of this server for Fido2: what the browser's
// getTransports() and getClientExtensionResults() returned. Of the latter only credProps.rk is
// stored; leave out secrets, such as the output of prf.
type CredentialAttestation struct {
	CredentialKind         string                    `json:"credentialKind" description:"Fido2, Key, PasswordProtectedKey, RecoveryKey, Totp or Password"`
	CredentialInfo         CredentialAttestationInfo `json:"credentialInfo"`
	CredentialName         string                    `json:"credentialName,omitempty" description:"At most 100 characters"`
	EncryptedPrivateKey    string                    `json:"encryptedPrivateKey,omitempty" description:"Required for PasswordProtectedKey, optional for RecoveryKey; stored and returned unchanged"`
	Transports             []string                  `json:"transports,omitempty" description:"Fido2: what getTransports() returned"`
	ClientExtensionResults map[string]any            `json:"clientExtensionResults,omitempty" description:"Fido2: what getClientExtensionResults() returned; only credProps.rk is stored"`
}

// CredentialAttestationInfo carries base64url members, with or without padding.
// AttestationData is the attestation object for Fido2, and the JSON of public key and
// signature for keys. A Totp has OtpCode alone, and a Password Password.
type CredentialAttestationInfo struct {
	CredID          string `json:"credId,omitempty" description:"base64url, with or without padding"`
	ClientData      string `json:"clientData,omitempty" description:"base64url of the client data, byte for byte as signed"`
	AttestationData string `json:"attestationData,omitempty" description:"base64url: the attestation object for Fido2, the JSON of public key and signature for keys"`
	OtpCode         string `json:"otpCode,omitempty" description:"Totp: the first code, six digits"`
	Password        string `json:"password,omitempty" description:"Password: 8 to 256 characters, without the username in it"`
}

// RegistrationResult is the answer to a completed registration.
type RegistrationResult struct {
	Credential RegisteredCredential `json:"credential"`
	User       RegisteredUser       `json:"user"`
}

// EndUserRegistrationRequest completes a registration and opens a session. Upstream it also makes
// wallets, which this server has none of.
type EndUserRegistrationRequest struct {
	RegistrationRequest
	Wallets []any `json:"wallets,omitempty" description:"Must be empty: this server has no wallets"`
}

// EndUserRegistrationResult is the answer to a registration that opened a session.
type EndUserRegistrationResult struct {
	RegistrationResult
	Authentication LoginResult `json:"authentication"`
	Wallets        []any       `json:"wallets" description:"Always empty"`
}

// RegisteredCredential is the first factor that was stored.
type RegisteredCredential struct {
	UUID string `json:"uuid" description:"cr-…"`
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

// Message is an answer that is only a sentence.
type Message struct {
	Message string `json:"message"`
}

// RegistrationInvitation says for the hosted page whom a registration code is for.
type RegistrationInvitation struct {
	Organisation   NamedID     `json:"organisation"`
	User           InvitedUser `json:"user"`
	ExpiresAt      string      `json:"expiresAt" description:"ISO 8601, UTC"`
	MailConfigured bool        `json:"mailConfigured" description:"Whether a new code can be mailed"`
}

// NamedID is a record by id and name.
type NamedID struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// InvitedUser is the user who was invited.
type InvitedUser struct {
	Username string `json:"username"`
	Kind     string `json:"kind"`
}

// AddRecoveryRequest adds a recovery key to a credential that was just registered. It
// answers the challenge of that registration.
type AddRecoveryRequest struct {
	RecoveryCredential *CredentialAttestation `json:"recoveryCredential"`
}

// AddRecoveryResult is the recovery credential that was stored.
type AddRecoveryResult struct {
	Credential RegisteredCredential `json:"credential"`
}
