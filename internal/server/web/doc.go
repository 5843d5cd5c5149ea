// Package web adapts operations to HTTP: strict JSON in, JSON or the error envelope out.
package web
