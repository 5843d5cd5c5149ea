package store

// Kinds of event. Each names one sort of thing and, in the past tense, what was done to it.
const (
	EventOrganisationCreated     = "organisation.created"
	EventOrganisationPoliciesSet = "organisation.policies_set"
	EventOrganisationUpdated     = "organisation.updated"

	EventUserInvited             = "user.invited"
	EventUserDelegated           = "user.delegated_registration_begun"
	EventUserRegistered          = "user.registered"
	EventUserUpdated             = "user.updated"
	EventUserActivated           = "user.activated"
	EventUserDeactivated         = "user.deactivated"
	EventUserArchived            = "user.archived"
	EventUserLoggedIn            = "user.logged_in"
	EventUserLoggedInByDelegate  = "user.logged_in_by_delegation"
	EventUserLoggedOut           = "user.logged_out"
	EventSessionEnded            = "session.ended"
	EventRegistrationCodeSent    = "registration.code_sent"
	EventRegistrationCodeResent  = "registration.code_resent"
	EventRegistrationCodeRenewed = "registration.code_renewed"
	EventRegistrationCodeRevoked = "registration.code_revoked"
	EventLoginCodeIssued         = "login.code_issued"

	EventCredentialActivated          = "credential.activated"
	EventCredentialDeactivated        = "credential.deactivated"
	EventCredentialCounterReset       = "credential.counter_reset"
	EventCredentialRecoveryAdded      = "credential.recovery_added"
	EventCredentialSignCountOutOfLine = "credential.sign_count_out_of_line"
	EventCredentialBackupChanged      = "credential.backup_changed"

	EventServiceAccountCreated     = "service_account.created"
	EventServiceAccountUpdated     = "service_account.updated"
	EventServiceAccountActivated   = "service_account.activated"
	EventServiceAccountDeactivated = "service_account.deactivated"
	EventServiceAccountArchived    = "service_account.archived"
	EventServiceAccountReissued    = "service_account.token_reissued"

	EventTokenCreated     = "token.created"
	EventTokenUpdated     = "token.updated"
	EventTokenActivated   = "token.activated"
	EventTokenDeactivated = "token.deactivated"
	EventTokenArchived    = "token.archived"

	EventApplicationCreated     = "application.created"
	EventApplicationUpdated     = "application.updated"
	EventApplicationActivated   = "application.activated"
	EventApplicationDeactivated = "application.deactivated"
	EventApplicationArchived    = "application.archived"

	EventPermissionCreated  = "permission.created"
	EventPermissionUpdated  = "permission.updated"
	EventPermissionArchived = "permission.archived"
	EventPermissionRestored = "permission.restored"
	EventPermissionAssigned = "permission.assigned"
	EventPermissionRevoked  = "permission.revoked"

	EventActionConsumed  = "action.consumed"
	EventActionForwarded = "action.forwarded"
)
