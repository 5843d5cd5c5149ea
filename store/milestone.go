package store

import "time"

// Once lets the unit happen a single time in the life of the database: of all units
// that name the same milestone, in any process, one succeeds and the others fail with
// done.
func (tx *Tx) Once(milestone string, now time.Time, done error) {
	tx.must(done, `
		INSERT INTO milestones (name, at) VALUES ($1, $2)
		ON CONFLICT (name) DO NOTHING`, milestone, now.UnixMilli())
}
