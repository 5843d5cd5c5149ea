// Package sqlite is a thin connection to SQLite: statements are compiled once, values
// are bound and read without conversion. It exists because a registration costs twice
// as much through database/sql (see docs/design). It knows nothing of what is stored;
// transactions, pools and retries are left to package store.
package sqlite
