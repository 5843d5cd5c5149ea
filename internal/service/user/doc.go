// Package user is the room in which users are invited, listed and shown, deactivated, put
// back and archived. How an invited person becomes a registered one is package
// registration's.
package user
