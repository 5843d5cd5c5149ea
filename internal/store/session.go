package store

import (
	"context"
	"strings"
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

// SessionWithUser reads a session with its user, live or not. A session that does not exist is
// no error.
func (db *DB) SessionWithUser(ctx context.Context, sessionID string) (SessionWithUser, error) {
	b, _, err := one(ctx, db, (*row).sessionWithUser, `
		SELECT `+sessionColumns+`, `+userColumns+`
		FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.id = $1`, sessionID)
	return b, err
}

// SessionsOfUser returns up to MaxPage sessions of a user that are live at now, newest first.
func (db *DB) SessionsOfUser(ctx context.Context, userID string, now time.Time) ([]Session, error) {
	return few(ctx, db, (*row).session, `
		SELECT `+sessionColumns+` FROM sessions s
		WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
		ORDER BY s.id DESC LIMIT $3`, userID, now.UnixMilli(), page(0))
}

// LastSessions returns, for each credential of a user that opened sessions of theirs, the newest on
// record, live or not.
func (db *DB) LastSessions(ctx context.Context, userID string) ([]Session, error) {
	return few(ctx, db, (*row).session, `
		SELECT `+sessionColumns+`
		FROM credentials k JOIN sessions s ON s.id = (
			SELECT t.id FROM sessions t WHERE t.user_id = $1 AND t.credential_id = k.id ORDER BY t.id DESC LIMIT 1)
		WHERE k.user_id = $1 AND k.token_id = '' AND k.archived_at IS NULL`, userID)
}

// OpenSession adds a live session; it ignores EndedAt. Unless the user is active and
// registered in that organisation, the credential is active and theirs, and the challenge
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

// MaxDelegatedLife is the longest time from CreatedAt to ExpiresAt of a session that a service
// account opened for an end user.
const MaxDelegatedLife = time.Hour

// delegated begins the Challenge of a delegated session. Nobody answered a challenge, and the column is
// unique: the text is no challenge, and differs from that of any other session.
const delegated = "delegated "

// DelegatedChallenge returns the Challenge of the delegated session with that id.
func DelegatedChallenge(id string) string { return delegated + id }

// OpenedBy returns the service account that opened a session for an end user, "" if the user logged in
// themselves.
func (s Session) OpenedBy() string {
	if !strings.HasPrefix(s.Challenge, delegated) || !strings.HasPrefix(s.CredentialID, api.PrefixCredential) {
		return ""
	}
	return api.PrefixUser + s.CredentialID[len(api.PrefixCredential):] // see api.FirstCredentialID
}

// OpenDelegatedSession adds a live session that a service account opens for an end user; it
// ignores EndedAt. The CredentialID is the service account's first, the Challenge DelegatedChallenge. Unless the user is an active,
// registered end user of that organisation, the unit fails with lost.
func (tx *Tx) OpenDelegatedSession(s Session, lost error) {
	tx.inTurn(s.UserID)
	// This changes nothing, but locks the user: a concurrent deactivation commits before this
	// or waits.
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

// EndSession ends a session of the user. Unused actions that were signed in it can no longer
// be used. If the session is not live at now, the unit fails with lost.
func (tx *Tx) EndSession(id, userID string, now time.Time, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `
		UPDATE sessions SET ended_at = $1
		WHERE id = $2 AND user_id = $3 AND ended_at IS NULL AND expires_at > $1`,
		now.UnixMilli(), id, userID)
	tx.voidActionsOf(id, userID, now)
}

// voidActions writes the row of each action that could still be used. UseAction writes it as
// well, so one waits for the other: an action is used before the change that voids it commits,
// or not at all.
const voidActions = `
	UPDATE actions SET expires_at = $1
	WHERE user_id = $2 AND id > $3 AND used_at IS NULL AND expires_at > $1`

// voidActionsOf voids the actions that were signed under one session or access token.
func (tx *Tx) voidActionsOf(sessionOrTokenID, userID string, now time.Time) {
	tx.may(voidActions+` AND session_id = $4`, now.UnixMilli(), userID, firstUnused(now), sessionOrTokenID)
}

// firstUnused is an id before those of all actions that can still be used at now.
func firstUnused(now time.Time) string { return api.FirstID(api.PrefixAction, now.Add(-MaxActionLife)) }

// LogOut ends all sessions of a user that are live at now. Unused actions that were signed in
// them can no longer be used; those that were signed under access tokens can.
func (tx *Tx) LogOut(userID string, now time.Time) {
	tx.endSessions(userID, now)
	tx.may(voidActions+` AND substr(session_id, 1, 3) <> 'to-'`, now.UnixMilli(), userID, firstUnused(now))
}

// endEverything ends the sessions of a user, voids their unused actions, also those of their
// access tokens, and ends the sessions that a service account opened for end users with that
// credential.
func (tx *Tx) endEverything(userID, credentialID string, now time.Time) {
	tx.endSessions(userID, now)
	tx.may(voidActions, now.UnixMilli(), userID, firstUnused(now))
	tx.endDelegatedSessions(credentialID, now)
}

// endDelegatedSessions ends the live sessions that a service account opened for end users with
// this credential. In a unit it comes after endSessions, which waits for concurrent units of
// the service account. A person's credential opens no session for others.
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
