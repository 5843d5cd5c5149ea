// Package sqlite is a thin connection to SQLite: statements are compiled once, values
// are bound and read without conversion. It exists because the statements of a
// registration take nearly half as long again through database/sql. It knows nothing of
// what is stored. Transactions, pools and retries are left to package store.
package sqlite
