package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

const (
	loginCodeColumns = `l.id, l.org_id, l.user_id, l.mac, l.created_at, l.expires_at, l.sent_at, l.spent_at`

	// One row for each credential, one without any: whatever exists, at least one.
	selectLoginState = `SELECT ` + organisationColumns + `, ` + userColumns + `, ` + loginCodeColumns + `,
			t.count, t.resets_at, ` + credentialColumns + `
		FROM (SELECT 1 AS here) x
		LEFT JOIN organisations o ON o.id = $1
		LEFT JOIN users u ON u.org_id = $1 AND u.username_key = $2
		LEFT JOIN login_codes l ON l.user_id = u.id AND l.mac = $3
		LEFT JOIN throttles t ON t.key = $4
		LEFT JOIN credentials k ON k.user_id = u.id AND k.token_id = ''`

	selectSignerState = `SELECT ` + organisationColumns + `, ` + userColumns + `, ` + credentialColumns + `
		FROM users u JOIN organisations o ON o.id = u.org_id
		LEFT JOIN credentials k ON k.user_id = u.id AND k.token_id = $2
		WHERE u.id = $1`

	// The organisation is there even where the user is not, so that what it demands can be
	// demanded of everybody alike.
	selectOwner = `SELECT ` + organisationColumns + `, ` + userColumns + `, ` + credentialColumns + `
		FROM (SELECT 1 AS here) x `
	ownerByName = `LEFT JOIN organisations o ON o.id = $1
		LEFT JOIN users u ON u.org_id = $1 AND u.username_key = $2
		LEFT JOIN credentials k ON k.user_id = u.id AND (k.credential_id = $3 OR k.id = $4)`
	ownerByID = `LEFT JOIN users u ON u.id = $1
		LEFT JOIN organisations o ON o.id = u.org_id
		LEFT JOIN credentials k ON k.user_id = u.id AND (k.credential_id = $2 OR k.id = $3)`
	ownerByCredential = `LEFT JOIN credentials k ON k.realm = $2 AND k.credential_id = $3 AND ($1 = '' OR k.org_id = $1)
		LEFT JOIN users u ON u.id = k.user_id
		LEFT JOIN organisations o ON o.id = COALESCE(u.org_id, $1)`
)

func (r *row) loginCode() Code {
	return Code{
		ID: r.text(), OrgID: r.text(), UserID: r.text(), MAC: r.bytes(),
		CreatedAt: r.time(), ExpiresAt: r.time(), SentAt: r.time(), SpentAt: r.time(),
	}
}

func (r *row) loginState() LoginState {
	s := LoginState{Organisation: r.organisation(), User: r.user(), Code: r.loginCode()}
	s.WrongTries, s.WrongTriesReset = r.int(), r.time()
	s.Found = s.User.ID != ""
	s.CodeFound = s.Code.ID != ""
	if k := r.credential(); k.ID != "" {
		s.Credentials = []Credential{k}
	}
	return s
}

func (r *row) owner() Owner {
	h := Owner{Organisation: r.organisation(), User: r.user(), Credential: r.credential()}
	h.Found = h.User.ID != ""
	h.CredentialFound = h.Credential.ID != ""
	return h
}

// LoginState reads what decides how somebody may begin to log in: the organisation, the
// user of that name with all credentials, the login code with that MAC if it was issued
// to them, and the tries counted under throttleKey. Nothing found is no error.
func (db *DB) LoginState(ctx context.Context, orgID, usernameKey string, codeMAC, throttleKey []byte) (LoginState, error) {
	rows, err := few(ctx, db, (*row).loginState, selectLoginState, orgID, usernameKey, codeMAC, throttleKey)
	if err != nil {
		return LoginState{}, err
	}
	s := rows[0]
	for _, more := range rows[1:] {
		s.Credentials = append(s.Credentials, more.Credentials...)
	}
	s.sort()
	return s, nil
}

// sort puts the credentials in order. They are few, and both databases would set up a
// sort of whole rows for it.
func (s *LoginState) sort() {
	slices.SortFunc(s.Credentials, func(a, b Credential) int { return strings.Compare(a.ID, b.ID) })
}

// SignerState reads a user with organisation and all credentials, as LoginState does: their
// own or, where tokenID is not "", those of that access token. Nothing found is no error.
func (db *DB) SignerState(ctx context.Context, userID, tokenID string) (LoginState, error) {
	rows, err := few(ctx, db, (*row).owner, selectSignerState, userID, tokenID)
	if err != nil || len(rows) == 0 {
		return LoginState{}, err
	}
	s := LoginState{Organisation: rows[0].Organisation, Found: true, User: rows[0].User}
	for _, r := range rows {
		if r.CredentialFound {
			s.Credentials = append(s.Credentials, r.Credential)
		}
	}
	s.sort()
	return s, nil
}

// OwnerByName reads the user of that name with one of their credentials: the one with
// that raw id or with the id uuid ("cr-…"). Nothing found is no error; the organisation
// is read even where it has no such user.
func (db *DB) OwnerByName(ctx context.Context, orgID, usernameKey string, credentialID []byte, uuid string) (Owner, error) {
	return owner(ctx, db, credentialID, selectOwner+ownerByName, orgID, usernameKey, credentialID, uuid)
}

// OwnerByUser is HolderByName for the id of a user ("us-…").
func (db *DB) OwnerByUser(ctx context.Context, userID string, credentialID []byte, uuid string) (Owner, error) {
	return owner(ctx, db, credentialID, selectOwner+ownerByID, userID, credentialID, uuid)
}

// OwnerByCredential reads who holds a credential of a realm, in the organisation unless
// that is "". Nothing found is no error; an organisation that was named is read all the
// same.
func (db *DB) OwnerByCredential(ctx context.Context, orgID, realm string, credentialID []byte) (Owner, error) {
	return owner(ctx, db, credentialID, selectOwner+ownerByCredential, orgID, realm, notNull(credentialID))
}

// ChallengeUsed reports whether a challenge opened a session or signed an action.
func (db *DB) ChallengeUsed(ctx context.Context, challenge string) (bool, error) {
	used, _, err := one(ctx, db, (*row).bool, `
		SELECT CASE WHEN EXISTS (SELECT 1 FROM sessions s WHERE s.challenge = $1)
			OR EXISTS (SELECT 1 FROM actions a WHERE a.challenge = $1) THEN 1 ELSE 0 END`, challenge)
	return used, err
}

// owner reads one holder. Where several credentials of the user answer to what was given
// (two realms may know one raw id, and a raw id may read like one of ours), that with the
// raw id comes first, then an active one, then the oldest.
func owner(ctx context.Context, db *DB, credentialID []byte, sql string, args ...any) (Owner, error) {
	rows, err := few(ctx, db, (*row).owner, sql, args...)
	if err != nil {
		return Owner{}, err
	}
	last := func(h Owner) (int64, int64, string) {
		return flag(!bytes.Equal(h.Credential.CredentialID, credentialID)), flag(!h.Credential.Active), h.Credential.ID
	}
	return slices.MinFunc(rows, func(a, b Owner) int {
		raw, inactive, id := last(a)
		otherRaw, otherInactive, otherID := last(b)
		return cmp.Or(cmp.Compare(raw, otherRaw), cmp.Compare(inactive, otherInactive), cmp.Compare(id, otherID))
	}), nil
}

// IssueLoginCode adds a login code and voids the user's former one, live or not.
func (tx *Tx) IssueLoginCode(c Code) {
	tx.inTurn(c.UserID)
	tx.must(nil, `
		INSERT INTO login_codes (id, org_id, user_id, mac, created_at, expires_at, sent_at, spent_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (user_id) DO UPDATE SET id = excluded.id, org_id = excluded.org_id,
			mac = excluded.mac, created_at = excluded.created_at, expires_at = excluded.expires_at,
			sent_at = excluded.sent_at, spent_at = excluded.spent_at`,
		c.ID, c.OrgID, c.UserID, notNull(c.MAC), c.CreatedAt.UnixMilli(), c.ExpiresAt.UnixMilli(),
		millis(c.SentAt), millis(c.SpentAt))
}

// LoginCodeSent notes when a login code was first mailed.
func (tx *Tx) LoginCodeSent(id string, now time.Time) {
	tx.may(`UPDATE login_codes SET sent_at = $1 WHERE id = $2 AND sent_at IS NULL`, now.UnixMilli(), id)
}

// SpendLoginCode spends a login code. Of any number of callers one succeeds; where the
// code is spent, replaced or expired at now, the unit fails with lost.
func (tx *Tx) SpendLoginCode(id string, now time.Time, lost error) {
	tx.must(lost, `
		UPDATE login_codes SET spent_at = $1
		WHERE id = $2 AND spent_at IS NULL AND expires_at > $1`,
		now.UnixMilli(), id)
}
