// Package ceremony begins and resumes ceremonies. A challenge is not stored: it travels in a
// signed ticket (temporaryAuthenticationToken or challengeIdentifier on the wire) that says what
// it was issued for. So any node can complete what another began, and a flood of beginnings fills
// no table. That a ticket is used once is decided by the services, in the statement that stores
// its effect.
package ceremony
