// Package recovery brings back users who have lost their credentials and kept their recovery key. They
// prove that they can read their mail, or a service account vouches for an end user, and the recovery
// key signs the new credentials. Everything that the user had before is removed in the same transaction. An
// organisation may have that wait, for a time or an approval; pending.go has what can happen meanwhile.
package recovery
