// Package resource is what changes to users, service accounts, access tokens and applications
// have in common: one is found, changed, recorded and shown. The services decide what a change
// is, and the server who may make it.
package resource

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Row is a row of the store that can be archived.
type Row interface{ Archived() bool }

// Resource is one sort of thing that is administered: how it is stored (R) and shown (Out).
type Resource[R Row, Out any] struct {
	// Find reads one that the caller may see, archived or not.
	Find func(ctx context.Context, who api.Caller, id string) (R, error)
	// Gone refuses to change one that is archived.
	Gone error
	// Show returns what the caller sees of one.
	Show func(ctx context.Context, row R) (Out, error)
	// Event returns the event that the caller did something to one.
	Event func(who api.Caller, kind string, row R, now time.Time) store.Event
	Now   func() time.Time
}

// Change adds a change of one to the unit, and its event. do adds the statements and makes the
// same change to row, which is shown and recorded as do leaves it.
func (r Resource[R, Out]) Change(ctx context.Context, tx *store.Tx, who api.Caller, id, kind string,
	do func(row *R, now time.Time)) (out Out, err error) {
	row, err := r.Find(ctx, who, id)
	if err == nil && row.Archived() {
		err = r.Gone
	}
	if err != nil {
		return out, err
	}
	now := r.Now()
	do(&row, now)
	if out, err = r.Show(ctx, row); err == nil {
		tx.Record(r.Event(who, kind, row, now))
	}
	return out, err
}
