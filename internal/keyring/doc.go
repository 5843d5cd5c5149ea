// Package keyring holds the server's own keys: made at first start, kept in the
// store, wrapped under a master key from outside it when the operator gives one. It
// hands out what a purpose needs and never the wrapping.
package keyring
