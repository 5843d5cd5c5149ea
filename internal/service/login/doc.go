// Package login is where people and machines log in with a credential, and out again.
package login
