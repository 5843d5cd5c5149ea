package store

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
)

// Policy is a version of what an organisation accepts of authenticators. It never changes.
type Policy struct {
	OrgID     string
	UserKind  string // api.CustomerEmployee or api.EndUser
	Version   int64  // from 1 up
	Document  []byte // JSON text
	CreatedAt time.Time
	CreatedBy string // "us-…", "" for the operator
}

const policyColumns = `p.org_id, p.user_kind, p.version, p.document, p.created_at, p.created_by`

func (r *row) policy() Policy {
	return Policy{OrgID: r.text(), UserKind: r.text(), Version: r.int(), Document: r.json(), CreatedAt: r.time(), CreatedBy: r.text()}
}

var errNoPolicy = &api.Error{Kind: api.NotFound, Code: "policy_not_found", Message: "There is no such version of the policy."}

// Policy returns a version of a policy, or an error of Kind NotFound.
func (db *DB) Policy(ctx context.Context, orgID, userKind string, version int64) (Policy, error) {
	return get(ctx, db, errNoPolicy, (*row).policy,
		`SELECT `+policyColumns+` FROM policies p WHERE p.org_id = $1 AND p.user_kind = $2 AND p.version = $3`, orgID, userKind, version)
}

// SetPolicy adds a version of a policy, which is in force from then on. Unless the version before it is in
// force, the unit fails with outdated.
func (tx *Tx) SetPolicy(p Policy, outdated error) {
	column := "employee_policy"
	if p.UserKind == api.EndUser {
		column = "end_user_policy"
	}
	tx.inTurn(p.OrgID)
	tx.must(outdated, `UPDATE organisations SET `+column+` = $1 WHERE id = $2 AND `+column+` = $3`, p.Version, p.OrgID, p.Version-1)
	tx.must(nil, `
		INSERT INTO policies (org_id, user_kind, version, document, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)`,
		p.OrgID, p.UserKind, p.Version, string(p.Document), p.CreatedAt.UnixMilli(), p.CreatedBy)
}

// Holder is a user with one of their credentials, as far as a policy looks at it.
type Holder struct {
	Username      string
	Administrator bool // who can act: registered, active, with the permission to do everything
	Credential         // of it only what holderColumns has
}

const holderColumns = `k.id, k.user_id, u.username, k.kind, k.factor, k.name, k.algorithm, k.aaguid, k.user_verified, k.backup_eligible,
	k.backup_state, k.format, k.attestation_type, k.transports, k.client_extensions, k.created_at, k.active, k.policy, k.evidence,
	CASE WHEN u.active = 1 AND u.registered_at IS NOT NULL AND u.kind = 'CustomerEmployee' AND ` + isAdministrator + ` THEN 1 ELSE 0 END`

func (r *row) holder() Holder {
	h := Holder{Credential: Credential{ID: r.text(), UserID: r.text()}}
	h.Username = r.text()
	h.Kind, h.Factor, h.Name, h.Algorithm, h.AAGUID = r.text(), r.text(), r.text(), r.text(), r.bytes()
	h.UserVerified, h.BackupEligible, h.BackupState = r.bool(), r.bool(), r.bool()
	h.Format, h.AttestationType, h.Transports, h.ClientExtensions = r.text(), r.text(), r.list(), r.json()
	h.CreatedAt, h.Active, h.Policy, h.Evidence = r.time(), r.bool(), r.int(), r.json()
	h.Administrator, h.AttestationObject = r.bool(), r.bytes()
	return h
}

// Holders returns the passkeys and keys of up to limit users of a kind whose ids come after afterID ("" from
// the start), in the order of these ids and, for each user, oldest first; and the id of the last user, "" if
// there are no more. Recovery keys and removed credentials are left out. With statements, passkeys whose
// attestation has certificates come with it.
func (db *DB) Holders(ctx context.Context, orgID, userKind, afterID string, limit int, statements bool) (holders []Holder, last string, err error) {
	users, err := all(ctx, db, (*row).text, `
		SELECT u.id FROM users u WHERE u.org_id = $1 AND u.kind = $2 AND u.id > $3 AND `+isPerson+` ORDER BY u.id LIMIT $4`,
		orgID, userKind, afterID, page(limit))
	if err != nil || len(users) == 0 {
		return nil, "", err
	}
	last = users[len(users)-1]
	holders, err = all(ctx, db, (*row).holder, `
		SELECT `+holderColumns+`,
			CASE WHEN $4 = CAST(1 AS BIGINT) AND k.attestation_type NOT IN ('None', 'Self') THEN k.attestation_object END
		FROM users u JOIN credentials k ON k.user_id = u.id
		WHERE u.org_id = $1 AND u.kind = $2 AND u.id > $3 AND u.id <= $5 AND `+isPerson+`
			AND k.archived_at IS NULL AND k.token_id = '' AND k.kind IN ('Fido2', 'Key', 'PasswordProtectedKey') AND k.factor <> 'recovery'
		ORDER BY u.id, k.id`, orgID, userKind, afterID, flag(statements), last)
	return holders, last, err
}
