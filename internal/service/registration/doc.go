// Package registration registers invited users with their first credentials. Init takes the code
// and returns a challenge, Complete spends the code. Open tells the hosted page whom a code is for,
// Resend replaces a code, AddRecovery stores a recovery key beside the new passkey, Delegate lets a
// service account begin for an end user, and First invites the first administrator. Package code
// makes and mails the codes, package attestation verifies the credentials.
package registration
