// Package web adapts operations to HTTP: strict JSON in, JSON or the error envelope
// out. It knows no operation; the front door (package server) puts it to use.
package web
