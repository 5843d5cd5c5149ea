// Package ceremony begins and resumes ceremonies. A challenge is not kept: it travels
// in a signed ticket (the temporaryAuthenticationToken of the wire) that says what it
// was issued for, so any node can complete what another began and a flood of
// beginnings fills no table. What a ticket may do once is decided by the rooms, in
// the statement that stores its effect.
package ceremony
