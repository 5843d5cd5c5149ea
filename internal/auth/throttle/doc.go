// Package throttle limits how often something is done in a window of time: for one name of an
// organisation, counted in the store for all nodes, and by one client address and for one organisation,
// counted in memory on this node. Names that nobody has are counted too, so that a limit does not show
// who exists.
package throttle
