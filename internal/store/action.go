package store

import (
	"context"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

const actionColumns = `a.id, a.org_id, a.user_id, a.credential_id, a.session_id, a.challenge,
	a.method, a.path, a.payload, a.statement, a.client_data, a.authenticator_data, a.signature,
	a.second_factor, a.signed_at, a.expires_at, a.used_at, a.used_for, a.address`

func (r *row) action() Action {
	return Action{
		ID: r.text(), OrgID: r.text(), UserID: r.text(), CredentialID: r.text(), SessionID: r.text(),
		Challenge: r.text(), Method: r.text(), Path: r.text(), Payload: string(r.bytes()),
		Statement: r.text(), ClientData: r.bytes(), AuthenticatorData: r.bytes(),
		Signature: r.bytes(), SecondFactor: r.json(), SignedAt: r.time(), ExpiresAt: r.time(),
		UsedAt: r.time(), UsedFor: r.text(), Address: r.text(),
	}
}

func (r *row) signedAction() SignedAction {
	return SignedAction{
		Action: r.action(), Organisation: r.organisation(), User: r.user(),
		Session: r.session(), Token: r.accessToken(), Credential: r.wholeCredential(),
	}
}

// SignedAction returns an action with its user, credential, and session or access token, or an
// error of Kind NotFound.
func (db *DB) SignedAction(ctx context.Context, id string) (SignedAction, error) {
	return get(ctx, db, errNoAction, (*row).signedAction, `
		SELECT `+actionColumns+`, `+organisationColumns+`, `+userColumns+`, `+sessionColumns+`,
			`+accessTokenColumns+`, `+wholeCredentialColumns+`
		FROM actions a
		JOIN organisations o ON o.id = a.org_id
		JOIN users u ON u.id = a.user_id
		JOIN credentials k ON k.id = a.credential_id
		LEFT JOIN sessions s ON s.id = a.session_id
		LEFT JOIN access_tokens t ON t.id = a.session_id
		WHERE a.id = $1`, id)
}

// Actions returns up to limit actions of an organisation after the id afterID ("" from the
// start), oldest first, of one user unless userID is "". A limit of 0 asks for MaxPage.
func (db *DB) Actions(ctx context.Context, orgID, userID, afterID string, limit int) ([]Action, error) {
	const from = `SELECT ` + actionColumns + ` FROM actions a WHERE a.org_id = $1 AND a.id > $2`
	if userID == "" {
		return all(ctx, db, (*row).action, from+` ORDER BY a.id LIMIT $3`, orgID, afterID, page(limit))
	}
	return all(ctx, db, (*row).action, from+` AND a.user_id = $3 ORDER BY a.id LIMIT $4`,
		orgID, afterID, userID, page(limit))
}

// MaxActionLife is the longest time from SignedAt to ExpiresAt of an action.
const MaxActionLife = time.Hour

// liveSessionOrToken is a condition: the session or access token with that id and user is live
// at now. The parameters are SQL.
func liveSessionOrToken(id, userID, now string) string {
	return `(EXISTS (SELECT 1 FROM sessions s WHERE s.id = ` + id + ` AND s.user_id = ` + userID + `
				AND s.ended_at IS NULL AND s.expires_at > ` + now + `)
			OR EXISTS (SELECT 1 FROM access_tokens t WHERE t.id = ` + id + ` AND t.user_id = ` + userID + `
				AND t.active = 1 AND t.archived_at IS NULL AND t.expires_at > ` + now + `))`
}

// SignAction adds an unused action; it ignores UsedAt and UsedFor. The user must be active in
// that organisation, the session or access token theirs and live at SignedAt, and the
// credential active and theirs: the key of that access token, or not the key of any. The
// challenge must not have signed an action before, and the limits on unused actions of the user and
// of the organisation must leave it room. Otherwise the unit fails with lost.
func (tx *Tx) SignAction(a Action, lost error) {
	tx.inTurn(a.Challenge)
	tx.inTurn(a.UserID) // of whom the limits count
	tx.must(lost, `
		INSERT INTO actions (id, org_id, user_id, credential_id, session_id, challenge, method,
			path, payload, statement, client_data, authenticator_data, signature, second_factor,
			signed_at, expires_at, used_for, address, size)
		SELECT $1, u.org_id, u.id, k.id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, '', $17, $19
		FROM users u
		JOIN credentials k ON k.user_id = u.id
		WHERE u.id = $3 AND u.org_id = $2 AND u.active = 1
			AND k.id = $4 AND k.active = 1 AND k.token_id = $18
			AND `+liveSessionOrToken("$5", "u.id", "$15")+`
			AND EXISTS (SELECT 1 FROM (`+unusedActions+` AND o.user_id = $3 AND o.expires_at > $20) x
				WHERE x.n < $21 AND x.bytes + $19 <= $22)
			AND EXISTS (SELECT 1 FROM (`+unusedActions+` AND o.expires_at > $20) x
				WHERE x.n < $23 AND x.bytes + $19 <= $24)
		ON CONFLICT (challenge) DO NOTHING`,
		a.ID, a.OrgID, a.UserID, a.CredentialID, a.SessionID, a.Challenge, a.Method, a.Path,
		[]byte(a.Payload), a.Statement, notNull(a.ClientData), a.AuthenticatorData,
		notNull(a.Signature), jsonText(a.SecondFactor), a.SignedAt.UnixMilli(),
		a.ExpiresAt.UnixMilli(), a.Address, tokenOf(a.SessionID),
		a.size(), a.SignedAt.Add(-UnusedActionsKept).UnixMilli(),
		MaxUnusedOfUser.Actions, MaxUnusedOfUser.Bytes, MaxUnusedOfOrganisation.Actions, MaxUnusedOfOrganisation.Bytes)
}

// tokenOf returns the id of an access token, and "" for that of a session.
func tokenOf(sessionOrTokenID string) string {
	if strings.HasPrefix(sessionOrTokenID, api.PrefixToken+"-") {
		return sessionOrTokenID
	}
	return ""
}

// UseAction uses an action of the user for usedFor, in the same unit as its effect. Events that
// are recorded after it get its id. Of several callers one succeeds. The action must be
// theirs, unused and not expired at now, its user and credential must be active, and its
// session or access token live. Otherwise the unit fails with lost.
func (tx *Tx) UseAction(id, userID, usedFor string, now time.Time, lost error) {
	tx.actionID = id
	tx.inTurn(userID) // as endSessions does
	tx.inTurn(id)
	tx.must(lost, `
		UPDATE actions SET used_at = $1, used_for = $2
		WHERE id = $3 AND user_id = $4 AND used_at IS NULL AND expires_at > $1
			AND EXISTS (SELECT 1 FROM users u WHERE u.id = actions.user_id AND u.active = 1)
			AND EXISTS (SELECT 1 FROM credentials k WHERE k.id = actions.credential_id AND k.active = 1)
			AND `+liveSessionOrToken("actions.session_id", "actions.user_id", "$1"),
		now.UnixMilli(), usedFor, id, userID)
}
