// Package documents proves that what README and docs tell people to copy works: the Go compiles and
// runs, and every command is one that the program takes. The TypeScript is run in package sdk.
package documents
