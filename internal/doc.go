// Package internal is the map of this house; it holds no code.
//
// Countersign registers people and machines by passkey or key, logs them in, and makes
// them sign what matters. A request makes three stops: a room (what is asked), a ceremony (what
// is proved) and the store (what is kept).
//
// From the top down, and imports only go down (floors_test.go keeps it so):
//
//	cmd/countersign   flags and configuration; opens the store, furnishes the rooms, serves
//	server            the front door: every route on one page (routes.go), limits, errors, the log line
//	pages             hosted web pages; internal/web adapts operations to HTTP
//	registration      an invited person becomes a user with a first credential (complete.go spends the code)
//	login             people and machines log in and out (complete.go opens the session)
//	action            a request is signed (room.go keeps the signature), and the signature spent (use.go)
//	account           who is logged in sees their credentials and sessions
//	user              users are invited, listed and shown, deactivated and archived
//	serviceaccount    machines: users with a key that carry an access token
//	token             personal access tokens, for programs of people's
//	permission        permissions are made, changed and assigned
//	application       client programs, as older SDKs register them
//	audit             what happened is read, with the signature that allowed it
//	organisation      organisations are made and listed
//	refusal           refused requests are kept and explained
//	invitation        registration codes and their life: made, mailed, recognised, listed, revoked; login codes
//	assertion         one or two factors are verified, alike whether or not there is such a credential
//	accesstoken       access tokens are issued
//	attestation       a credential that is to be registered is verified (WebAuthn L3 §7.1)
//	code              codes that are sent to people: made, mailed, recognised, counted, revoked
//	throttle          how often something may be done for one name and from one address
//	assertion         a credential's signature is judged, alike whether or not there is such a credential
//	bearer            tokens that others verify: sessions, access tokens and signed actions
//	receipt           the evidence of a signed action in one document that verifies offline; pure, no I/O
//	access            what a caller may do
//	pagination        the tokens by which a client asks for the next page of a list
//	ceremony          a challenge is issued in a signed ticket, and the ticket is read again
//	mail              the mails that bring codes, and the outbox that sends them
//	keyring           the server's own keys
//	relyingparty      which relying party an organisation is
//	cache             what was read or verified a moment ago, in bounded space
//	username          what may name a user, and anything else that people administer
//	store             rows, SQL, transactions, migrations, on SQLite and PostgreSQL
//	webauthn          relying-party verification of passkeys; pure, no I/O
//	keycredential     the same for plain keys; pure, no I/O
//	useraction        what a signed action is: statement, token, comparison; pure, no I/O
//	publickey         public keys that were checked, and signatures by them
//	api               the words on the wire: requests, answers, identifiers, the one error
//
// Beside the house stand client (the Go client; it needs api alone), guard (middleware
// with which other services demand a signed action), example (such a service),
// countersigntest (the whole server for tests, a software authenticator, the wire
// contract), acceptance (the product from outside: official SDKs, a real browser, real
// reverse proxies, the real binary, crashes) and bench (what it costs).
//
// Only api, client and guard are for use by other programs.
package internal
