package store

import "context"

func (r *row) serverKey() ServerKey {
	return ServerKey{
		ID: r.text(), Purpose: r.text(), CreatedAt: r.time(), Wrapping: r.text(), Material: r.bytes(),
	}
}

// ServerKeys returns all keys of the server, ordered by purpose and then by age, oldest first.
func (db *DB) ServerKeys(ctx context.Context) ([]ServerKey, error) {
	return all(ctx, db, (*row).serverKey, `
		SELECT s.id, s.purpose, s.created_at, s.wrapping, s.material
		FROM server_keys s ORDER BY s.purpose, s.id`)
}

// PutServerKey adds a key unless its purpose has one already. Processes that start together
// all call it, then read which key won. A key for PurposeSigning is always added.
func (tx *Tx) PutServerKey(k ServerKey) {
	tx.may(`
		INSERT INTO server_keys (id, purpose, created_at, wrapping, material)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (purpose) WHERE purpose <> 'signing' DO NOTHING`,
		k.ID, k.Purpose, k.CreatedAt.UnixMilli(), k.Wrapping, notNull(k.Material))
}

// RewrapServerKey replaces the wrapping and material of a key. If its wrapping is no longer
// was, the unit fails with lost.
func (tx *Tx) RewrapServerKey(k ServerKey, was string, lost error) {
	tx.must(lost, `UPDATE server_keys SET wrapping = $1, material = $2 WHERE id = $3 AND wrapping = $4`,
		k.Wrapping, notNull(k.Material), k.ID, was)
}
