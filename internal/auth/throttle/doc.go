// Package throttle limits how often something is done in a window of time: for one name of
// an organisation, as counted in the store for all nodes, and by one client address, as
// counted in memory on this node. Names that nobody has are counted like those of users,
// so that a limit tells nobody who exists.
package throttle
