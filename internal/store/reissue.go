package store

// ReissueCode is IssueCode for a code that nobody in authority asked for. It is issued
// only to an active user who is still to register and whose latest code was not
// withdrawn by an administrator, for asking again must not undo that, and was one that
// somebody could present, with a MAC. Otherwise the unit fails with refused. The user's row
// is written, to no effect, so that a registration or a deactivation at the same moment
// comes before or after but not between.
func (tx *Tx) ReissueCode(c Code, refused error) {
	tx.inTurn(c.UserID)
	tx.must(refused, `
		UPDATE users SET active = active
		WHERE id = $1 AND active = 1 AND registered_at IS NULL
			AND NOT EXISTS (
				SELECT 1 FROM registration_codes c
				WHERE c.user_id = $1 AND (c.revoked_reason = $2 OR length(c.mac) = 0)
					AND c.id = (SELECT MAX(l.id) FROM registration_codes l WHERE l.user_id = $1))`,
		c.UserID, CodeRevoked)
	tx.IssueCode(c)
}
