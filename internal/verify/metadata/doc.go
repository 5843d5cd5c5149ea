// Package metadata reads and verifies the FIDO metadata: the signed list of authenticator models with their
// roots and what became known about them. It does no I/O.
//
// Sections are those of the FIDO Metadata Service v3.1 ("MDS") and of the FIDO Metadata Statement v3.1
// ("statement").
//
// What is checked of a BLOB (MDS §3.1.8): its signature, with the algorithms of RSA and ECDSA and no other;
// the chain in x5c to a given root, at the time of loading, with the host name of the leaf; whether one of
// its certificates is revoked, by the revocation lists that the caller has (see Metadata.CheckRevocation);
// and its form and size. Whether its number may follow the one that is kept, and whether its next update has
// passed, is the caller's to decide.
//
// What is not: OCSP, because the lists say the same and tell nobody who asks; x5u, because FIDO never used
// it and it would have the signer name a server to ask before anything is verified.
//
// The reader is strict about what holds the list together and ignores members that it does not know. One
// entry that cannot be read costs no other.
package metadata
