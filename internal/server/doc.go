// Package server answers HTTP: the table of all routes (routes.go), who is calling and
// from where, limits on what is read, the one mapping of errors to answers, the record of
// refusals, and one log line for each request. What a route does is up to the service that
// it names.
package server
