// Package web adapts operations to HTTP: strict JSON in, JSON or the error envelope
// out. It knows no operation; package server uses it.
package web
