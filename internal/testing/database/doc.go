// Package database makes databases for tests: a file for SQLite, a database of its own on a
// running server for PostgreSQL. They have the tables of package store, which are made once and
// copied, and no rows.
package database
