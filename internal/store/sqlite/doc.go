// Package sqlite is a thin connection to SQLite: statements are compiled once, values
// are bound and read without conversion. It exists because what a registration asks of
// the store costs nearly half as much again through database/sql. It knows nothing of
// what is stored; transactions, pools and retries are left to package store.
package sqlite
