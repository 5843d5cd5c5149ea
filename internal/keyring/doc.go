// Package keyring holds the server's own keys. They are generated at the first start and
// stored in the database, wrapped under a master key if the operator provides one. Callers
// get the key of a purpose and never see the wrapping.
package keyring
