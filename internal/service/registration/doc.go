// Package registration makes an invited person a user with a first credential: Init
// presents the code and gets a challenge, Complete spends the code (complete.go), Open
// tells the hosted page whom a code is for, Resend replaces a code, AddRecovery stores a
// recovery key beside the new passkey, Delegate lets a service account begin for an end
// user (delegate.go), and First invites the very first administrator. Package code makes
// and mails the codes, package attestation verifies the credentials.
package registration
