package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/countersign/countersign/api"
)

// NewEvent is an event that who caused in their organisation. The operator at the command line
// has no UserID. detail holds more facts as plain values, or is nil. If who is a program with
// a person's access token, NewEvent adds the token to detail as "program". The caller fills in
// whom the event is about.
func NewEvent(who api.Caller, kind string, at time.Time, detail map[string]any) Event {
	if who.Kind == api.CallerPersonalToken {
		if detail == nil {
			detail = map[string]any{}
		}
		detail["program"] = who.TokenID
	}
	e := Event{ID: api.NewID(api.PrefixEvent, at), OrgID: who.OrgID, At: at, Kind: kind, ActorID: who.UserID, Address: who.Address}
	if detail != nil {
		e.Detail, _ = json.Marshal(detail) // cannot fail for plain values
	}
	return e
}

func (r *row) event() Event {
	return Event{
		ID: r.text(), OrgID: r.text(), At: r.time(), Kind: r.text(), UserID: r.text(),
		CredentialID: r.text(), CodeID: r.text(), ActorID: r.text(), Address: r.text(),
		Detail: r.json(), ActionID: r.text(),
	}
}

// Events returns up to limit events of an organisation ("" for the server's own) after the id
// afterID ("" from the start), oldest first. A limit of 0 asks for MaxPage.
func (db *DB) Events(ctx context.Context, orgID, afterID string, limit int) ([]Event, error) {
	return all(ctx, db, (*row).event, `
		SELECT e.id, e.org_id, e.at, e.kind, e.user_id, e.credential_id, e.code_id, e.actor_id,
			e.address, e.detail, e.action_id
		FROM events e WHERE e.org_id = $1 AND e.id > $2
		ORDER BY e.id LIMIT $3`, orgID, afterID, page(limit))
}

// Record adds an event to the unit whose change it records. An event without ActionID gets the
// id of the action that the unit used before, if any.
func (tx *Tx) Record(e Event) {
	if e.ActionID == "" {
		e.ActionID = tx.actionID
	}
	tx.must(nil, `
		INSERT INTO events (id, org_id, at, kind, user_id, credential_id, code_id, actor_id,
			address, detail, action_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		e.ID, e.OrgID, e.At.UnixMilli(), e.Kind, e.UserID, e.CredentialID, e.CodeID, e.ActorID,
		e.Address, jsonText(e.Detail), e.ActionID)
}
