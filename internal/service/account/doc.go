// Package account shows users their own account, credentials and sessions, and ends sessions.
package account
