package store

import (
	"context"
	"time"
)

// Metadata is the FIDO metadata that is kept for one set of roots, and how refreshing it goes.
type Metadata struct {
	Trust      string // identifies the roots
	Number     int64  // 0: none is kept
	NextUpdate time.Time
	LoadedAt   time.Time
	Source     string // the file or address that it was loaded from
	Revocation string // how far the signer's certificates were checked
	Digest     string // SHA-256 of the BLOB in hex
	ETag       string // of the answer that it was in, "" if it came otherwise

	AskedAt  time.Time // when the address last answered well
	AskAfter time.Time // no server asks before
	Failures int64     // in a row
	Failure  string    // the last, "" after a success
}

const metadataColumns = `m.trust, m.number, m.next_update, m.loaded_at, m.source, m.revocation, m.digest, m.etag,
	m.asked_at, m.ask_after, m.failures, m.failure`

func (r *row) metadata() Metadata {
	return Metadata{Trust: r.text(), Number: r.int(), NextUpdate: r.time(), LoadedAt: r.time(), Source: r.text(), Revocation: r.text(),
		Digest: r.text(), ETag: r.text(), AskedAt: r.time(), AskAfter: r.time(), Failures: r.int(), Failure: r.text()}
}

// Metadata returns what is kept for a set of roots; zero but for Trust if that is nothing.
func (db *DB) Metadata(ctx context.Context, trust string) (Metadata, error) {
	m, found, err := one(ctx, db, (*row).metadata, `SELECT `+metadataColumns+` FROM metadata m WHERE m.trust = $1`, trust)
	if !found {
		m.Trust = trust
	}
	return m, err
}

// MetadataBlob returns what is kept with its BLOB, read at one instant.
func (db *DB) MetadataBlob(ctx context.Context, trust string) (m Metadata, blob []byte, err error) {
	type both struct {
		Metadata
		blob []byte
	}
	b, _, err := one(ctx, db, func(r *row) both { return both{r.metadata(), append([]byte(nil), r.bytes()...)} },
		`SELECT `+metadataColumns+`, m.blob FROM metadata m WHERE m.trust = $1`, trust)
	return b.Metadata, b.blob, err
}

// PutMetadata keeps a BLOB in place of the one before. If that has a higher number, or the same and other
// content, the unit fails with older. How refreshing goes stays as it is.
func (tx *Tx) PutMetadata(m Metadata, blob []byte, older error) {
	tx.must(older, `
		INSERT INTO metadata (trust, number, next_update, loaded_at, source, revocation, digest, blob, etag, ask_after, failures, failure)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, '')
		ON CONFLICT (trust) DO UPDATE SET number = excluded.number, next_update = excluded.next_update,
			loaded_at = excluded.loaded_at, source = excluded.source, revocation = excluded.revocation,
			digest = excluded.digest, blob = excluded.blob, etag = excluded.etag
		WHERE metadata.number < excluded.number OR (metadata.number = excluded.number AND metadata.digest = excluded.digest)`,
		m.Trust, m.Number, millis(m.NextUpdate), millis(m.LoadedAt), m.Source, m.Revocation, m.Digest, notNull(blob), m.ETag)
}

// ClaimMetadata lets no other server ask for metadata until then. If it is too early to ask at now, the unit
// fails with early. With despite it is not too early if only failures made it so, which reaches beyond what a
// server that is asking has claimed.
func (tx *Tx) ClaimMetadata(trust string, now, until time.Time, despite bool, early error) {
	tx.must(early, `
		INSERT INTO metadata (trust, number, source, revocation, digest, blob, etag, ask_after, failures, failure)
		VALUES ($1, 0, '', '', '', $5, '', $3, 0, '')
		ON CONFLICT (trust) DO UPDATE SET ask_after = excluded.ask_after
		WHERE metadata.ask_after <= $2 OR ($4 = 1 AND metadata.failures > 0 AND metadata.ask_after > $3)`,
		trust, now.UnixMilli(), until.UnixMilli(), flag(despite), []byte{})
}

// MetadataAsked records that the address answered well: with what is kept now. Nobody asks before next.
func (tx *Tx) MetadataAsked(trust string, at, next time.Time) {
	tx.must(nil, `UPDATE metadata SET asked_at = $1, ask_after = $2, failures = 0, failure = '' WHERE trust = $3`,
		at.UnixMilli(), next.UnixMilli(), trust)
}

// MetadataFailed records that nothing good came from the address. Nobody asks before next.
func (tx *Tx) MetadataFailed(trust, failure string, next time.Time) {
	tx.must(nil, `UPDATE metadata SET failures = failures + 1, failure = $1, ask_after = $2 WHERE trust = $3`,
		failure, next.UnixMilli(), trust)
}
