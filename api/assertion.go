package api

// SigningChallenge is what a credential signs to log its user in or to sign an action:
// the challenge, and which credentials may answer it.
type SigningChallenge struct {
	Challenge                 string                    `json:"challenge" description:"Unpadded base64url of 32 bytes; the SHA-256 of \"countersign \", the purpose (login or action), \" 2\", a line feed and the claim statement of challengeIdentifier, which is a JWT"`
	ChallengeIdentifier       string                    `json:"challengeIdentifier" description:"To be sent back with the answer; lives 15 minutes unless configured otherwise"`
	RP                        *RelyingParty             `json:"rp,omitempty"`
	SupportedCredentialKinds  []SupportedCredentialKind `json:"supportedCredentialKinds"`
	UserVerification          string                    `json:"userVerification" description:"required, preferred or discouraged"`
	Attestation               string                    `json:"attestation" description:"none, indirect, direct or enterprise"`
	AllowCredentials          AllowCredentials          `json:"allowCredentials"`
	ExternalAuthenticationURL string                    `json:"externalAuthenticationUrl" description:"Always empty"`
}

// SupportedCredentialKind is a kind of credential that may answer a challenge.
type SupportedCredentialKind struct {
	Kind                 string `json:"kind"`
	Factor               string `json:"factor" description:"first, second or either"`
	RequiresSecondFactor bool   `json:"requiresSecondFactor"`
}

// AllowCredentials lists the credentials that may answer, by kind. If Key and WebAuthn are
// both empty, any discoverable passkey may answer.
type AllowCredentials struct {
	Key                  []CredentialDescriptor          `json:"key"`
	PasswordProtectedKey []EncryptedCredentialDescriptor `json:"passwordProtectedKey,omitempty" description:"At login only with a valid loginCode"`
	WebAuthn             []CredentialDescriptor          `json:"webauthn"`
}

// EncryptedCredentialDescriptor returns an encrypted private key to its owner, as it was
// stored.
type EncryptedCredentialDescriptor struct {
	Type                string `json:"type"`
	ID                  string `json:"id" description:"base64url credential ID"`
	EncryptedPrivateKey string `json:"encryptedPrivateKey" description:"As it was registered"`
}

// SignedChallenge answers a SigningChallenge.
type SignedChallenge struct {
	ChallengeIdentifier string               `json:"challengeIdentifier"`
	FirstFactor         *CredentialAssertion `json:"firstFactor" description:"By a credential of kind Fido2, Key, PasswordProtectedKey or, where accepted, Password"`
	SecondFactor        *CredentialAssertion `json:"secondFactor,omitempty" description:"By another credential of the same user, of kind Fido2, Key, PasswordProtectedKey or, where accepted, Totp"`
}

// CredentialAssertion is a signature by a credential of the named kind, or a code or password instead.
type CredentialAssertion struct {
	Kind                string        `json:"kind" description:"Fido2, Key, PasswordProtectedKey, Totp or Password"`
	CredentialAssertion AssertionData `json:"credentialAssertion,omitzero" description:"Of every kind but Totp and Password"`
	OtpCode             string        `json:"otpCode,omitempty" description:"Totp: the code that the app shows now, six digits"`
	Password            string        `json:"password,omitempty" description:"Password"`
}

// AssertionData carries base64url members, with or without padding. AuthenticatorData and
// UserHandle belong to Fido2. Algorithm is accepted and ignored: a credential signs with
// the algorithm it was registered with.
type AssertionData struct {
	CredID            string `json:"credId" description:"base64url credential ID, or the credential's cr-… id"`
	ClientData        string `json:"clientData" description:"base64url of the client data, byte for byte as signed"`
	Signature         string `json:"signature" description:"base64url"`
	Algorithm         string `json:"algorithm,omitempty" description:"Accepted and ignored"`
	AuthenticatorData string `json:"authenticatorData,omitempty" description:"Fido2: base64url"`
	UserHandle        string `json:"userHandle,omitempty" description:"Fido2: base64url of the user id; may be empty where the user was named"`
}
