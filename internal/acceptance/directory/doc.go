// Package directory tests the administration of users, machines, tokens, permissions and
// applications, and who did what, through the door.
package directory
