// Package contract holds the wire contract (auth.openapi.yaml, embedded) and checks
// answers by it: [Check] one answer, [Transport] every answer a Go client gets,
// [Proxy] every answer that some other program, a browser or an SDK, gets. It knows
// nothing of the server; what a request should be answered with is left to the tests
// that use it.
package contract
