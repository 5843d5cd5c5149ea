// Package sdk proves that the official SDKs, as they are published and without a change,
// register users with Countersign, log them in, countersign what they do and administer
// their organisation: several versions of @dfns/sdk under Node with keys of every type,
// and in Chromium with passkeys and browser keys. The scripts beside it are what a user
// of the SDK would write; the tests start the server, run them, check every answer against the
// wire contract and look into the store. `make test` installs what they need.
package sdk
