// Package assertion verifies the signatures that log users in and sign actions. It finds the
// credential that answers, verifies its signature (packages webauthn and keycredential), asks
// for a second factor where one is required, and applies the organisation's policies on the
// counter and the backup flags. The services write its findings in the transaction of the effect.
//
// A refusal does not show whether a user or a credential exists: until a signature has
// verified, an unknown one is refused like a known one, at the same cost.
package assertion
