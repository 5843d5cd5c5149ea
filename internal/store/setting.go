package store

import "context"

func (r *row) setting() string { return r.text() }

// Setting returns what is remembered under a name, "" if nothing is.
func (db *DB) Setting(ctx context.Context, name string) (string, error) {
	value, _, err := one(ctx, db, (*row).setting, `SELECT s.value FROM settings s WHERE s.name = $1`, name)
	return value, err
}

// MakeSetting remembers value under a name that holds nothing yet. Of any number of
// callers, in any process, one succeeds; for the others the unit fails with taken.
func (tx *Tx) CreateSetting(name, value string, taken error) {
	tx.must(taken, `
		INSERT INTO settings (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO NOTHING`, name, value)
}

// ReplaceSetting replaces what is remembered under a name if it still is was; if not,
// the unit fails with lost.
func (tx *Tx) ReplaceSetting(name, was, value string, lost error) {
	tx.must(lost, `UPDATE settings SET value = $1 WHERE name = $2 AND value = $3`, value, name, was)
}

// PutSetting remembers value under a name, whatever was there.
func (tx *Tx) PutSetting(name, value string) {
	tx.may(`
		INSERT INTO settings (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
}
