// Package registration is the room in which an invited person becomes a user with a
// first credential: Init presents the code and gets a challenge, Complete spends the
// code (complete.go), Open tells the hosted page whom a code is for, Resend replaces a
// code, AddRecovery keeps a recovery key beside the new passkey, Delegate lets a service
// account begin for an end user (delegate.go), and First makes the invitation of the very
// first administrator. Making and mailing codes is package invitation's; judging
// credentials is webauthn's and keycredential's.
package registration
