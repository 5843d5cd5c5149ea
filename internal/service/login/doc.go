// Package login logs users in with a credential, and out again.
package login
