package store

import "time"

// named is a table whose rows each have a name, unique among those of one owner that are not
// archived, and can be deactivated and archived.
type named struct{ table, owner string }

var (
	accessTokens = named{"access_tokens", "user_id"}
	applications = named{"applications", "org_id"}
)

// rename gives a row another name, unless it is "", and another external id, unless that is
// nil. If the row is archived, the unit fails with lost; if the name or one that looks like it is
// taken, with duplicate.
func (n named) rename(tx *Tx, id, ownerID, name, nameKey string, externalID *string, duplicate, lost error) {
	tx.inTurn(ownerID)
	tx.must(lost, `
		UPDATE `+n.table+` SET name = CASE WHEN $1 = '' THEN name ELSE $1 END
		WHERE id = $2 AND `+n.owner+` = $3 AND archived_at IS NULL`, name, id, ownerID)
	if name != "" {
		l := lookOf(nameKey)
		tx.must(duplicate, `
			UPDATE `+n.table+` SET name_key = $1, look = $4
			WHERE id = $2 AND NOT EXISTS (SELECT 1 FROM `+n.table+` o
					WHERE o.`+n.owner+` = $3 AND o.name_key = $1 AND o.archived_at IS NULL AND o.id <> $2)
				AND `+l.noTwin(n.table, "name_key", "o."+n.owner+" = $3 AND o.archived_at IS NULL AND o.id <> $2", "$5"),
			nameKey, id, ownerID, l.stored(), l.text)
	}
	if externalID != nil {
		tx.may(`UPDATE `+n.table+` SET external_id = $1 WHERE id = $2`, *externalID, id)
	}
}

// setActive activates or deactivates a row. If it is archived, the unit fails with lost.
func (n named) setActive(tx *Tx, id, ownerID string, active bool, lost error) {
	tx.inTurn(ownerID)
	tx.must(lost, `UPDATE `+n.table+` SET active = $1 WHERE id = $2 AND `+n.owner+` = $3 AND archived_at IS NULL`,
		flag(active), id, ownerID)
}

// archive deactivates a row permanently. If it is archived already, the unit fails with lost.
func (n named) archive(tx *Tx, id, ownerID string, now time.Time, lost error) {
	tx.inTurn(ownerID)
	tx.must(lost, `
		UPDATE `+n.table+` SET active = 0, archived_at = $1
		WHERE id = $2 AND `+n.owner+` = $3 AND archived_at IS NULL`, now.UnixMilli(), id, ownerID)
}
