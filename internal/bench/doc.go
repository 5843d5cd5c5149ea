// Command bench measures complete registrations, init and complete with a passkey
// (ES256, attestation none), against the real binary over HTTP on loopback, on SQLite
// and on PostgreSQL. In the same run and with the same client it measures floors: the
// bare server of package floor, the same bytes stored without HTTP, and ES256
// verifications on one core; so that what remains to be gained is seen, whatever the
// machine. It prints Markdown for docs/benchmarks.md.
//
// The client keeps to one core and speaks HTTP by hand, because it shares the machine
// with what it measures. PostgreSQL is the server that COUNTERSIGN_TEST_POSTGRES names;
// databases made on it are dropped afterwards.
package main
