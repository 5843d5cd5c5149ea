// Package database makes fresh databases for tests: a file for SQLite, a database of its
// own on a running server for PostgreSQL. What is in them is left to package store.
package database
