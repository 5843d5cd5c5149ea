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

	// This returns a row for each credential, and one row if there is none.
	selectLoginState = `SELECT ` + organisationColumns + `, ` + userColumns + `, ` + loginCodeColumns + `,
			t.count, t.resets_at, ` + credentialColumns + `
		FROM (SELECT 1 AS here) x
		LEFT JOIN organisations o ON o.id = $1
		LEFT JOIN users u ON u.org_id = $1 AND u.username_key = $2
		LEFT JOIN login_codes l ON l.user_id = u.id AND l.mac = $3
		LEFT JOIN throttles t ON t.key = $4
		LEFT JOIN credentials k ON k.user_id = u.id AND k.token_id = '' AND k.archived_at IS NULL`

	selectSignerState = `SELECT ` + organisationColumns + `, ` + userColumns + `, ` + credentialColumns + `
		FROM users u JOIN organisations o ON o.id = u.org_id
		LEFT JOIN credentials k ON k.user_id = u.id AND k.token_id = $2 AND k.archived_at IS NULL
		WHERE u.id = $1`

	// The organisation is read even without the user, so that the server can demand the same
	// of everybody, known or not.
	selectOwner = `SELECT ` + organisationColumns + `, ` + userColumns + `, ` + credentialColumns + `
		FROM (SELECT 1 AS here) x `
	ownerByName = `LEFT JOIN organisations o ON o.id = $1
		LEFT JOIN users u ON u.org_id = $1 AND u.username_key = $2
		LEFT JOIN credentials k ON k.user_id = u.id AND (k.credential_id = $3 OR k.id = $4)`
	ownerByID = `LEFT JOIN users u ON u.id = $1
		LEFT JOIN organisations o ON o.id = u.org_id
		LEFT JOIN credentials k ON k.user_id = u.id AND (k.credential_id = $2 OR k.id = $3)`
	ownerByNameKind = `LEFT JOIN organisations o ON o.id = $1
		LEFT JOIN users u ON u.org_id = $1 AND u.username_key = $2
		LEFT JOIN credentials k ON k.user_id = u.id AND k.kind = $3 AND k.archived_at IS NULL AND k.token_id = ''`
	ownerByIDKind = `LEFT JOIN users u ON u.id = $1
		LEFT JOIN organisations o ON o.id = u.org_id
		LEFT JOIN credentials k ON k.user_id = u.id AND k.kind = $2 AND k.archived_at IS NULL AND k.token_id = ''`
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
	o := Owner{Organisation: r.organisation(), User: r.user(), Credential: r.credential()}
	o.Found = o.User.ID != ""
	o.CredentialFound = o.Credential.ID != ""
	return o
}

// LoginState reads what decides how a user may begin to log in: the organisation, the user of
// that name with all credentials, the login code with that MAC if it was issued to them, and
// the tries counted under throttleKey. What does not exist is no error.
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

// sort sorts the few credentials here: both databases would sort whole rows for it.
func (s *LoginState) sort() {
	slices.SortFunc(s.Credentials, func(a, b Credential) int { return strings.Compare(a.ID, b.ID) })
}

// SignerState reads a user with their organisation and credentials: their own or, unless
// tokenID is "", those of that access token. A user who does not exist is no error.
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

// OwnerByName reads the user of that name with one of their credentials: the one with that
// raw id or with the id uuid ("cr-…"). What does not exist is no error; the organisation is
// read even without the user.
func (db *DB) OwnerByName(ctx context.Context, orgID, usernameKey string, credentialID []byte, uuid string) (Owner, error) {
	return owner(ctx, db, credentialID, selectOwner+ownerByName, orgID, usernameKey, credentialID, uuid)
}

// OwnerByUser is OwnerByName for the id of a user ("us-…").
func (db *DB) OwnerByUser(ctx context.Context, userID string, credentialID []byte, uuid string) (Owner, error) {
	return owner(ctx, db, credentialID, selectOwner+ownerByID, userID, credentialID, uuid)
}

// OwnerByNameAndKind is OwnerByName for the user's credential of a kind that a user has one of, Totp or
// Password.
func (db *DB) OwnerByNameAndKind(ctx context.Context, orgID, usernameKey, kind string) (Owner, error) {
	return owner(ctx, db, nil, selectOwner+ownerByNameKind, orgID, usernameKey, kind)
}

// OwnerByUserAndKind is OwnerByNameAndKind for the id of a user ("us-…").
func (db *DB) OwnerByUserAndKind(ctx context.Context, userID, kind string) (Owner, error) {
	return owner(ctx, db, nil, selectOwner+ownerByIDKind, userID, kind)
}

// OwnerByCredential reads the owner of a credential of a realm, in the organisation unless
// orgID is "". What does not exist is no error; an organisation that was named is read even
// without the user.
func (db *DB) OwnerByCredential(ctx context.Context, orgID, realm string, credentialID []byte) (Owner, error) {
	return owner(ctx, db, credentialID, selectOwner+ownerByCredential, orgID, realm, notNull(credentialID))
}

// ChallengeUsed reports whether a challenge has opened a session or signed an action.
func (db *DB) ChallengeUsed(ctx context.Context, challenge string) (bool, error) {
	used, _, err := one(ctx, db, (*row).bool, `
		SELECT CASE WHEN EXISTS (SELECT 1 FROM sessions s WHERE s.challenge = $1)
			OR EXISTS (SELECT 1 FROM actions a WHERE a.challenge = $1) THEN 1 ELSE 0 END`, challenge)
	return used, err
}

// owner reads one owner. Several credentials of a user may match: two realms may have the same
// raw id, and a raw id may look like an id of ours. It prefers the one with the raw id, then
// an active one, then the oldest.
func owner(ctx context.Context, db *DB, credentialID []byte, sql string, args ...any) (Owner, error) {
	rows, err := few(ctx, db, (*row).owner, sql, args...)
	if err != nil {
		return Owner{}, err
	}
	notRaw := func(o Owner) int64 { return flag(!bytes.Equal(o.Credential.CredentialID, credentialID)) }
	return slices.MinFunc(rows, func(a, b Owner) int {
		return cmp.Or(cmp.Compare(notRaw(a), notRaw(b)),
			cmp.Compare(flag(!a.Credential.Active), flag(!b.Credential.Active)), cmp.Compare(a.Credential.ID, b.Credential.ID))
	}), nil
}

// Purposes of codes that a user is mailed.
const (
	CodeForLogin    = "login"
	CodeForRecovery = "recovery"
)

// IssueLoginCode adds a code for a purpose. The user's earlier ones stay good, but those that are spent
// or expired by then are removed.
func (tx *Tx) IssueLoginCode(purpose string, c Code) {
	tx.inTurn(c.UserID)
	tx.may(`DELETE FROM login_codes WHERE user_id = $1 AND (spent_at IS NOT NULL OR expires_at <= $2)`,
		c.UserID, c.CreatedAt.UnixMilli())
	tx.must(nil, `
		INSERT INTO login_codes (id, org_id, user_id, mac, created_at, expires_at, sent_at, spent_at, purpose)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		c.ID, c.OrgID, c.UserID, notNull(c.MAC), c.CreatedAt.UnixMilli(), c.ExpiresAt.UnixMilli(),
		millis(c.SentAt), millis(c.SpentAt), purpose)
}

// VoidLoginCodes removes all codes of a user for a purpose.
func (tx *Tx) VoidLoginCodes(purpose, userID string) {
	tx.inTurn(userID)
	tx.may(`DELETE FROM login_codes WHERE user_id = $1 AND purpose = $2`, userID, purpose)
}

// LoginCodeSent records when a code was first mailed.
func (tx *Tx) LoginCodeSent(id string, now time.Time) {
	tx.may(`UPDATE login_codes SET sent_at = $1 WHERE id = $2 AND sent_at IS NULL`, now.UnixMilli(), id)
}

// SpendLoginCode spends a code for a purpose and removes the user's others. Of several callers one
// succeeds. If the code is spent, removed or expired at now, the unit fails with lost.
func (tx *Tx) SpendLoginCode(purpose, id, userID string, now time.Time, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `
		UPDATE login_codes SET spent_at = $1
		WHERE id = $2 AND user_id = $3 AND purpose = $4 AND spent_at IS NULL AND expires_at > $1`,
		now.UnixMilli(), id, userID, purpose)
	tx.may(`DELETE FROM login_codes WHERE user_id = $1 AND purpose = $2 AND id <> $3`, userID, purpose, id)
}
