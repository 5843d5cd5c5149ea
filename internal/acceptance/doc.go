// Package acceptance is the product from outside: the real binary on both databases,
// its command line, several servers at once, mail, crashes and restarts. Every answer
// is checked against the wire contract. The official SDKs are in folder sdk, the hosted page
// in a real browser in folder browser. What is right in each part is left to the part's
// own tests.
package acceptance
