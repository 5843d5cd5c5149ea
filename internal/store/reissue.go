package store

// OfferCode adds a code that somebody asked for in the name of a user, not an administrator. It
// revokes nothing: anybody may ask, so the earlier codes stay good until this one is used or CodeSent
// records that a mail server accepted it. The user
// must be active and not registered yet. Their latest code must have a MAC, and no
// administrator may have revoked it: asking again must not undo that. Otherwise the unit fails
// with refused. The user's row is written unchanged, so that a concurrent registration or
// deactivation commits before this or waits.
func (tx *Tx) OfferCode(c Code, refused error) {
	tx.inTurn(c.UserID)
	tx.must(refused, `
		UPDATE users SET active = active
		WHERE id = $1 AND active = 1 AND registered_at IS NULL
			AND NOT EXISTS (
				SELECT 1 FROM registration_codes c
				WHERE c.user_id = $1 AND (c.revoked_reason = $2 OR length(c.mac) = 0)
					AND c.id = (SELECT MAX(l.id) FROM registration_codes l WHERE l.user_id = $1))`,
		c.UserID, CodeRevoked)
	tx.AddCode(c)
}
