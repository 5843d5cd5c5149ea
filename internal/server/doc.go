// Package server answers HTTP. It has the table of all routes (routes.go), identifies the caller,
// limits what is read, turns errors into answers, records refusals and writes one log line for each
// request. The services do what the routes name.
package server
