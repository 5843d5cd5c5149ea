package store

import "context"

const refusalColumns = `f.id, f.at, f.route, f.status, f.code, f.message, f.rule, f.received, f.expected,
	f.cause, f.org_id, f.user_id, f.code_id, f.caller_id, f.action_id, f.address, f.user_agent`

func (r *row) refusal() Refusal {
	return Refusal{
		ID: r.text(), At: r.time(), Route: r.text(), Status: int(r.int()), Code: r.text(),
		Message: r.text(), Rule: r.text(), Received: r.text(), Expected: r.text(), Cause: r.text(),
		OrgID: r.text(), UserID: r.text(), CodeID: r.text(), CallerID: r.text(), ActionID: r.text(),
		Address: r.text(), UserAgent: r.text(),
	}
}

// Refusal returns a refusal by its support id, or an error of Kind NotFound.
func (db *DB) Refusal(ctx context.Context, id string) (Refusal, error) {
	return get(ctx, db, errNoRefusal, (*row).refusal, `
		SELECT `+refusalColumns+` FROM refusals f WHERE f.id = $1`, id)
}

// RecordRefusal adds a refusal. Received need not be text: bytes that are not UTF-8, and zero
// bytes, are stored as U+FFFD.
func (tx *Tx) RecordRefusal(f Refusal) {
	tx.must(nil, `
		INSERT INTO refusals (id, at, route, status, code, message, rule, received, expected,
			cause, org_id, user_id, code_id, caller_id, action_id, address, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		f.ID, f.At.UnixMilli(), f.Route, f.Status, f.Code, f.Message, f.Rule, f.Received,
		f.Expected, f.Cause, f.OrgID, f.UserID, f.CodeID, f.CallerID, f.ActionID, f.Address, f.UserAgent)
}
