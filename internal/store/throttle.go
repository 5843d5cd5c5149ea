package store

import (
	"context"
	"time"
)

// Throttled returns how often Hit counted a key and when that count ends; zero values if Hit
// never counted it.
func (db *DB) Throttled(ctx context.Context, key []byte) (count int64, resetsAt time.Time, err error) {
	type throttle struct {
		count    int64
		resetsAt time.Time
	}
	t, _, err := one(ctx, db, func(r *row) throttle { return throttle{r.int(), r.time()} },
		`SELECT t.count, t.resets_at FROM throttles t WHERE t.key = $1`, notNull(key))
	return t.count, t.resetsAt, err
}

// Hit counts one more try under a key. The first try, and the first after a window has ended,
// opens a window that ends at now plus window.
func (tx *Tx) Hit(key []byte, now time.Time, window time.Duration) {
	tx.inTurn(string(key))
	tx.must(nil, `
		INSERT INTO throttles (key, count, resets_at) VALUES ($1, 1, $2)
		ON CONFLICT (key) DO UPDATE SET
			count = CASE WHEN throttles.resets_at <= $3 THEN 1 ELSE throttles.count + 1 END,
			resets_at = CASE WHEN throttles.resets_at <= $3 THEN excluded.resets_at
				ELSE throttles.resets_at END`,
		notNull(key), now.Add(window).UnixMilli(), now.UnixMilli())
}

// HitWithin is Hit, but the unit fails with over if the key was counted limit times in its window.
func (tx *Tx) HitWithin(key []byte, now time.Time, window time.Duration, limit int, over error) {
	tx.inTurn(string(key))
	tx.must(over, `
		INSERT INTO throttles (key, count, resets_at) VALUES ($1, 1, $2)
		ON CONFLICT (key) DO UPDATE SET
			count = CASE WHEN throttles.resets_at <= $3 THEN 1 ELSE throttles.count + 1 END,
			resets_at = CASE WHEN throttles.resets_at <= $3 THEN excluded.resets_at
				ELSE throttles.resets_at END
		WHERE throttles.resets_at <= $3 OR throttles.count < $4`,
		notNull(key), now.Add(window).UnixMilli(), now.UnixMilli(), limit)
}

// ClearThrottle deletes the count of a key.
func (tx *Tx) ClearThrottle(key []byte) {
	tx.may(`DELETE FROM throttles WHERE key = $1`, notNull(key))
}
