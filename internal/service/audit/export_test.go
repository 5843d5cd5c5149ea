package audit

import "github.com/countersign/countersign/internal/store"

// Summary is the sentence for an entry.
func Summary(e store.AuditEntry) string { return read(e).summary() }

// Known reports whether a kind of event has words.
func Known(kind string) bool { _, known := sentences[kind]; return known }

// Plain is how a text stands in a cell.
var Plain = withoutFormula

// Edge lies before the entries from t on.
var Edge = boundary
