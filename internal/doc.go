// Package internal is the map of the server. It holds no code.
//
// Countersign registers people and service accounts by passkey or key, logs them in, and has
// them sign what matters. What it does is one package for each ceremony or resource, under
// service. What it keeps is in store. Who may call what is in server/routes.go.
//
// Folders are floors, from the top down, and imports only go down (floors_test.go):
//
//	cmd/countersign   the program: flags and configuration, one command per file
//	app               the one assembly: opens the store, builds the services, lists the background jobs
//	server            HTTP: the table of routes (routes.go), who calls (serve.go), errors, the log line
//	server/web        adapts an operation to HTTP: strict JSON in, JSON out
//	pages             the hosted web pages
//	service           what the program does; services never import each other
//	  registration    an invited person becomes a user with a first credential
//	  login           users log in and out
//	  action          a request is signed, and the signature used
//	  account         users see their own credentials and sessions
//	  user            administers users: invites, lists, deactivates, archives
//	  serviceaccount  administers service accounts: users with a key that carry an access token
//	  token           administers personal access tokens, for a person's programs
//	  permission      administers permissions and their assignments
//	  policy          shows and sets policies on authenticators, and says whom one would refuse
//	  application     administers client programs, as older SDKs register them
//	  organisation    creates and lists organisations, sets their policies
//	  audit           lists, searches and exports what happened
//	  refusal         stores refused requests and explains them
//	auth              what services share, and the refusals that they have in common
//	  ceremony        issues a challenge in a signed ticket, and reads the ticket again
//	  attestation     verifies the credentials that a user registers (WebAuthn L3 §7.1)
//	  assertion       verifies the credentials that a user logs in or signs with (§7.2), one factor or two
//	  code            registration and login codes: creates, mails, recognises, counts, revokes
//	  onetime         derives the secrets of one-time passwords and compares codes with them
//	  password        hashes passwords and compares them, two at a time
//	  throttle        limits how often something is done for one name or from one address
//	  bearer          signs and reads the tokens that others may verify
//	  admission       says which authenticators an organisation accepts: policies, facts, verdicts
//	  mds             keeps the FIDO metadata: loads, refreshes, holds it for all who ask
//	  accesstoken     issues the access tokens of service accounts and of people's programs
//	  access          says what a caller may do
//	  view            shows a person's credentials and sessions
//	  resource        finds, changes, records and shows one user, service account, token or application
//	verify            verification without I/O
//	  webauthn        passkeys, step by step as the standard lists them
//	  keycredential   credentials that are bare key pairs
//	  metadata        FIDO metadata (MDS3): what authenticator models there are, and what became known of them
//	  anchor          whether a certificate chain ends in a trusted certificate
//	  publickey       public keys, and signatures made with them
//	  totp            time-based one-time passwords
//	  useraction      what a signed action is: statement, token, comparison with a request
//	store             rows, SQL, transactions and migrations, on SQLite and PostgreSQL
//	outbound          requests to other servers, which never reach the operator's own network
//	keyring           the server's own keys
//	mail              the mails that carry codes, and the outbox that sends them
//	relyingparty      the relying party of an organisation: RP ID, name, origins
//	username          what may name a user or anything else that people administer
//	pagination        tokens for the next page of a list
//	spelling          the right name for one that was misspelt
//	cache             what was read or verified a moment ago, in bounded space
//
// Public packages are at the root: api (the words on the wire and the one error; the lowest
// floor), client (the Go client, which needs api alone), guard (middleware for services that
// demand a signed action), receipt (the evidence of a signed action, verified offline) and
// countersigntest (the whole server and a software authenticator, for tests).
//
// No part of the server imports these: testing (what several test packages share),
// acceptance (the product from outside: official SDKs, a real browser, reverse proxies,
// crashes), bench (what a request costs), example (a guarded service) and scripts (for make).
package internal
