// Package user invites, lists, shows, deactivates, activates and archives users. Package registration
// registers them.
package user
