// Package habit proves that clients with the habits of every SDK get on with
// Countersign, also of those SDKs that cannot run here: what the Go, Python, Swift,
// Kotlin and React Native ones and old TypeScript ones do differently in headers, empty
// bodies, JSON, client data and in what they sign. All of it goes over https under a
// private authority, and every answer is checked against the wire contract. And it proves that
// tolerance ends where the meaning changes.
package habit
