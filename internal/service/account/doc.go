// Package account is what a user sees and does about themselves: who they are, their
// credentials and their sessions.
package account
