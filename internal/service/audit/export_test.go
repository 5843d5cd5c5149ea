package audit

import (
	"github.com/countersign/countersign/internal/auth/view"
	"github.com/countersign/countersign/internal/store"
)

// Summary is the sentence for an entry.
func Summary(e store.AuditEntry) string { return read(e).summary() }

// Known reports whether a kind of event has words.
func Known(kind string) bool { _, known := sentences[kind]; return known }

// Plain is a text as a cell has it.
var Plain = view.WithoutFormula

// Edge is an id before those of the entries from t on.
var Edge = boundary
