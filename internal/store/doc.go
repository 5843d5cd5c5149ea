// Package store stores what must last: organisations, users, registration and login codes,
// credentials, sessions, signed actions with their evidence, events, refusals, server keys
// and counters of wrong tries. It speaks SQLite and PostgreSQL with one SQL text and
// migrates the database when it opens.
//
// A change is a unit: a list of conditional statements. If one of its conditions does not
// hold, the unit leaves nothing behind. Units that arrive together share one commit, and no
// caller is answered before that commit is on disk. What may happen once is decided inside
// a statement, never by a read followed by a write, so any number of processes may share
// one database. The use of a signed action is a statement of the unit that it allows.
//
// What the rows mean to a ceremony, and who may change them, is left to the services.
package store
