// Package resource is what changes to users, service accounts, access tokens and applications
// have in common: one is found, changed, recorded and shown. What a change is, and who may make
// it, is for others to say.
package resource

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Resource is one sort of thing that is administered: how it is kept (Row) and shown (Out).
type Resource[Row, Out any] struct {
	// Find reads one that the caller may change. It refuses what is archived.
	Find func(ctx context.Context, who api.Caller, id string) (Row, error)
	// Show says what the caller sees of one.
	Show func(ctx context.Context, row Row) (Out, error)
	// Event tells what was done to one.
	Event func(who api.Caller, kind string, row Row, now time.Time) store.Event
	Now   func() time.Time
}

// Change adds a change of one to the unit, and its event. do adds the statements and makes the
// same change to row, which is shown and recorded as do leaves it.
func (r Resource[Row, Out]) Change(ctx context.Context, tx *store.Tx, who api.Caller, id, kind string,
	do func(row *Row, now time.Time)) (out Out, err error) {
	row, err := r.Find(ctx, who, id)
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
