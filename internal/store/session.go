package store

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
)

const sessionColumns = `s.id, s.org_id, s.user_id, s.credential_id, s.challenge, s.created_at,
	s.expires_at, s.ended_at, s.address, s.user_agent`

func (r *row) session() Session {
	return Session{
		ID: r.text(), OrgID: r.text(), UserID: r.text(), CredentialID: r.text(), Challenge: r.text(),
		CreatedAt: r.time(), ExpiresAt: r.time(), EndedAt: r.time(), Address: r.text(), UserAgent: r.text(),
	}
}

func (r *row) sessionWithUser() SessionWithUser {
	return SessionWithUser{Found: true, Session: r.session(), User: r.user()}
}

// SessionWithUser reads a session with its user, live or not. Nothing found is no
// error.
func (db *DB) SessionWithUser(ctx context.Context, sessionID string) (SessionWithUser, error) {
	b, _, err := one(ctx, db, (*row).sessionWithUser, `
		SELECT `+sessionColumns+`, `+userColumns+`
		FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.id = $1`, sessionID)
	return b, err
}

// SessionsOfUser returns the sessions of a user that are live at now, newest first, at
// most MaxPage.
func (db *DB) SessionsOfUser(ctx context.Context, userID string, now time.Time) ([]Session, error) {
	return few(ctx, db, (*row).session, `
		SELECT `+sessionColumns+` FROM sessions s
		WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
		ORDER BY s.id DESC LIMIT $3`, userID, now.UnixMilli(), page(0))
}

// OpenSession adds a session, live whatever EndedAt says. Unless the user is active and
// registered in that organisation, the credential is theirs and active, and the challenge
// never opened a session before, the unit fails with lost.
func (tx *Tx) OpenSession(s Session, lost error) {
	tx.inTurn(s.UserID)
	tx.inTurn(s.Challenge)
	tx.must(lost, `
		INSERT INTO sessions (id, org_id, user_id, credential_id, challenge, created_at, expires_at,
			address, user_agent)
		SELECT $1, u.org_id, u.id, k.id, $5, $6, $7, $8, $9
		FROM users u JOIN credentials k ON k.user_id = u.id
		WHERE u.id = $3 AND u.org_id = $2 AND u.active = 1 AND u.registered_at IS NOT NULL
			AND k.id = $4 AND k.active = 1 AND k.token_id = ''
		ON CONFLICT (challenge) DO NOTHING`,
		s.ID, s.OrgID, s.UserID, s.CredentialID, s.Challenge, s.CreatedAt.UnixMilli(),
		s.ExpiresAt.UnixMilli(), s.Address, s.UserAgent)
}

// MaxDelegatedLife is the longest time from CreatedAt to ExpiresAt that a session may have
// which its user did not open.
const MaxDelegatedLife = time.Hour

// OpenDelegatedSession adds a session that a service account opens for an end user, live
// whatever EndedAt says. Its CredentialID is the service account's. Unless the user is an
// active and registered end user of that organisation, the unit fails with lost.
func (tx *Tx) OpenDelegatedSession(s Session, lost error) {
	tx.inTurn(s.UserID)
	// To no effect, but who deactivates the user waits for this, or this for them.
	tx.must(lost, `
		UPDATE users SET active = active
		WHERE id = $1 AND org_id = $2 AND kind = 'EndUser' AND active = 1 AND registered_at IS NOT NULL`,
		s.UserID, s.OrgID)
	tx.must(nil, `
		INSERT INTO sessions (id, org_id, user_id, credential_id, challenge, created_at, expires_at,
			address, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		s.ID, s.OrgID, s.UserID, s.CredentialID, s.Challenge, s.CreatedAt.UnixMilli(),
		s.ExpiresAt.UnixMilli(), s.Address, s.UserAgent)
}

// EndSession ends a session of the user, and what was signed in it and not used yet. If it
// is not (any more) live at now, the unit fails with lost.
func (tx *Tx) EndSession(id, userID string, now time.Time, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `
		UPDATE sessions SET ended_at = $1
		WHERE id = $2 AND user_id = $3 AND ended_at IS NULL AND expires_at > $1`,
		now.UnixMilli(), id, userID)
	tx.voidActionsOf(id, userID, now)
}

// voidActions takes the row of each action that could still be used. UseAction takes it as
// well, so one waits for the other: an action is used before its withdrawal is answered, or
// not at all, although neither sees what the other has not committed yet.
const voidActions = `
	UPDATE actions SET expires_at = $1
	WHERE user_id = $2 AND id > $3 AND used_at IS NULL AND expires_at > $1`

// voidActionsOf does so for the actions that were signed under one session or access token.
func (tx *Tx) voidActionsOf(bearerID, userID string, now time.Time) {
	tx.may(voidActions+` AND session_id = $4`, now.UnixMilli(), userID, firstUnused(now), bearerID)
}

// firstUnused is the id before those of all actions that can still be used at now.
func firstUnused(now time.Time) string { return api.FirstID(api.PrefixAction, now.Add(-MaxActionLife)) }

// LogOut ends all sessions of a user that are live at now, and what they signed in them and
// did not use yet. What their access tokens signed stays.
func (tx *Tx) LogOut(userID string, now time.Time) {
	tx.endSessions(userID, now)
	tx.may(voidActions+` AND substr(session_id, 1, 3) <> 'to-'`, now.UnixMilli(), userID, firstUnused(now))
}

// endEverything ends what a user who is deactivated has begun: all sessions that are live at
// now, what they signed and did not use yet, under their access tokens as well, and the
// sessions that a service account opened for end users.
func (tx *Tx) endEverything(userID string, now time.Time) {
	tx.endSessions(userID, now)
	tx.may(voidActions, now.UnixMilli(), userID, firstUnused(now))
	tx.endDelegatedSessions(api.FirstCredentialID(userID), now)
}

// endDelegatedSessions ends the sessions that are live at now and that a service account,
// whose credential it is, opened for end users. In a unit it comes after endSessions, which
// waits for what the service account is doing. A person's credential opens none for others.
func (tx *Tx) endDelegatedSessions(credentialID string, now time.Time) {
	tx.may(`
		UPDATE sessions SET ended_at = $1
		WHERE id > $3 AND credential_id = $2 AND ended_at IS NULL AND expires_at > $1
			AND EXISTS (SELECT 1 FROM credentials k WHERE k.id = $2 AND k.token_id <> '')`,
		now.UnixMilli(), credentialID, api.FirstID(api.PrefixSession, now.Add(-MaxDelegatedLife)))
}

func (tx *Tx) endSessions(userID string, now time.Time) {
	tx.inTurn(userID)
	tx.may(`
		UPDATE sessions SET ended_at = $1
		WHERE user_id = $2 AND ended_at IS NULL AND expires_at > $1`,
		now.UnixMilli(), userID)
}

// PruneSessions forgets sessions that ended or expired before then. That frees their
// challenges, so before must lie further back than any challenge is accepted.
func (tx *Tx) PruneSessions(before time.Time) {
	tx.may(`DELETE FROM sessions WHERE expires_at < $1`, before.UnixMilli())
	tx.may(`DELETE FROM sessions WHERE ended_at < $1`, before.UnixMilli())
}
