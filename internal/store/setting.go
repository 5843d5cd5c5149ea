package store

import "context"

// SettingInstallation is the name of a setting that every database has from its creation: what
// distinguishes this installation from all others, wherever it is served. It never changes.
const SettingInstallation = "installation"

// Setting returns the value of a name, "" if it has none.
func (db *DB) Setting(ctx context.Context, name string) (string, error) {
	value, _, err := one(ctx, db, (*row).text, `SELECT s.value FROM settings s WHERE s.name = $1`, name)
	return value, err
}

// CreateSetting sets the value of a name that has none. Of several callers, in any process,
// one succeeds; for the others the unit fails with taken.
func (tx *Tx) CreateSetting(name, value string, taken error) {
	tx.must(taken, `
		INSERT INTO settings (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO NOTHING`, name, value)
}

// ReplaceSetting replaces the value of a name. If the value is no longer was, the unit fails
// with lost.
func (tx *Tx) ReplaceSetting(name, was, value string, lost error) {
	tx.must(lost, `UPDATE settings SET value = $1 WHERE name = $2 AND value = $3`, value, name, was)
}

// PutSetting sets the value of a name, whether or not it has one.
func (tx *Tx) PutSetting(name, value string) {
	tx.may(`
		INSERT INTO settings (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
}
