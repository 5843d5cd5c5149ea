package api

// SendRecoveryCodeRequest asks for a recovery code by mail.
type SendRecoveryCodeRequest struct {
	Username  string `json:"username"`
	OrgID     string `json:"orgId"`
	TenantID  string `json:"tenantId,omitempty" description:"Accepted and ignored"`
	AccountID string `json:"accountId,omitempty" description:"Accepted and ignored"`
}

// InitRecoveryRequest begins a recovery with a code that was mailed.
type InitRecoveryRequest struct {
	Username         string `json:"username"`
	VerificationCode string `json:"verificationCode" description:"The recovery code, as mailed; case and separators do not matter"`
	OrgID            string `json:"orgId"`
	CredentialID     string `json:"credentialId" description:"base64url credential ID of the recovery key"`
	TenantID         string `json:"tenantId,omitempty" description:"Accepted and ignored"`
	AccountID        string `json:"accountId,omitempty" description:"Accepted and ignored"`
}

// DelegatedRecoveryRequest begins the recovery of an end user by a service account.
type DelegatedRecoveryRequest struct {
	Username     string `json:"username"`
	CredentialID string `json:"credentialId" description:"base64url credential ID of the recovery key"`
}

// RecoveryChallenge is what new credentials answer, and the recovery key that must sign them.
type RecoveryChallenge struct {
	RegistrationChallenge
	AllowedRecoveryCredentials []AllowedRecoveryCredential `json:"allowedRecoveryCredentials"`
}

// AllowedRecoveryCredential is a recovery key that may sign a recovery.
type AllowedRecoveryCredential struct {
	ID                   string `json:"id" description:"base64url credential ID"`
	EncryptedRecoveryKey string `json:"encryptedRecoveryKey" description:"As it was registered; empty if its owner keeps the key"`
}

// RecoverRequest completes a recovery. The recovery key signs client data whose challenge is the
// base64url of the JSON text of NewCredentials.
type RecoverRequest struct {
	Recovery       *CredentialAssertion `json:"recovery" description:"Of kind RecoveryKey"`
	NewCredentials *RegistrationRequest `json:"newCredentials"`
}

// OpenRecoveryRequest asks, with a code that was mailed, which recovery keys a user has.
type OpenRecoveryRequest struct {
	Username         string `json:"username"`
	VerificationCode string `json:"verificationCode" description:"The recovery code, as mailed; it stays good"`
	OrgID            string `json:"orgId"`
}

// RecoveryKeys are the active recovery keys of a user.
type RecoveryKeys struct {
	Credentials []RecoveryKeyEntry `json:"credentials"`
}

// RecoveryKeyEntry is a recovery key with which a recovery can be begun.
type RecoveryKeyEntry struct {
	ID                   string `json:"id" description:"base64url credential ID"`
	Name                 string `json:"name"`
	EncryptedRecoveryKey string `json:"encryptedRecoveryKey,omitempty" description:"As it was registered; absent if its owner keeps the key"`
}

// PendingRecovery is a recovery that waits: details of the refusal recovery_pending, and what its user and
// administrators see of it.
type PendingRecovery struct {
	ID       string `json:"id" description:"rv-…"`
	Since    string `json:"since" description:"When it was asked for; ISO 8601, UTC"`
	Until    string `json:"until" description:"When it can be completed, with the approval that it needs; ISO 8601, UTC"`
	Expires  string `json:"expires" description:"When it can be completed no longer; ISO 8601, UTC"`
	Approval string `json:"approval" enum:"none,needed,given" description:"Whether an administrator must approve it, or has"`
	Address  string `json:"address,omitempty" description:"Where it was asked for"`
}

// CodeRecoveryPending is the code of the refusal that says that a recovery waits. Its details are a
// PendingRecovery.
const CodeRecoveryPending = "recovery_pending"

// Approvals of a PendingRecovery.
const (
	ApprovalNotNeeded = "none"
	ApprovalNeeded    = "needed"
	ApprovalGiven     = "given"
)

// ApproveRecoveryRequest approves the recovery of a person.
type ApproveRecoveryRequest struct {
	UserID     string `json:"-" path:"userId" description:"us-…"`
	RecoveryID string `json:"recoveryId" description:"The recovery that is approved and no other: rv-…"`
}
