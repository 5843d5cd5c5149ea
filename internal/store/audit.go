package store

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// AuditEntry is an event or a refusal of an organisation, with the names of its actor and
// subject if they belong to that organisation, and the request that was signed for it.
type AuditEntry struct {
	ID      string // "uj-…", otherwise the id of the event or of the refusal
	At      time.Time
	Refused bool

	Kind         string // the kind of the event or the code of the refusal
	ActorID      string // the authenticated user who did it, "" if there was none
	ActorName    string
	SubjectID    string // the user it is about, "" if none
	SubjectName  string
	CredentialID string // of the event
	Detail       []byte // of the event: JSON text or nil
	Address      string

	ActionID   string // "ua-…", "" if nothing was signed for it
	Method     string
	Path       string
	SignedWith string // "cr-…"

	Message string // of a refusal: what was shown to the caller …
	Route   string // … and where
	Status  int64
}

// SupportID returns the support id of a refusal, "" for an event.
func (e AuditEntry) SupportID() string {
	if !e.Refused {
		return ""
	}
	return api.PrefixRefusal + strings.TrimPrefix(e.ID, api.PrefixAuditLog)
}

// AuditSpan is a part of the audit log of an organisation: the entries between After and
// Before, from the time From on and before To. After and Before are ids of entries, or the beginning of
// one, or "" for no bound; From and To may be zero. Entries are found by id, so whoever sets From or To
// sets After and Before too, and allows for api.MaxAhead.
type AuditSpan struct {
	OrgID         string
	After, Before string
	From, To      time.Time
	UserID        string // only entries whose actor or subject is this user; "" for all

	WithoutEvents, WithoutRefusals bool
}

// auditTable is one of the two tables that make up the audit log.
type auditTable struct {
	prefix string // of ids
	name   string
	actor  string // column
	own    string // columns that only this table has
	scan   func(*row) AuditEntry

	condition string // on the user of a span, see sources
}

var (
	auditEvents   = auditTable{prefix: api.PrefixEvent, name: "events", actor: "e.actor_id", own: "e.kind, e.credential_id, e.detail", scan: (*row).auditEvent}
	auditRefusals = auditTable{prefix: api.PrefixRefusal, name: "refusals", actor: "e.caller_id", own: "e.code, e.message, e.route, e.status", scan: (*row).auditRefusal}
)

// sources returns what a span is read from: each table or, for one user, each table by its index
// on the subject and by that on the actor, if the actor is another than the subject.
func (s AuditSpan) sources() (all []auditTable) {
	for _, t := range []auditTable{auditEvents, auditRefusals} {
		switch {
		case t.name == auditEvents.name && s.WithoutEvents, t.name == auditRefusals.name && s.WithoutRefusals:
		case s.UserID == "":
			all = append(all, t)
		default:
			t.condition = ` AND e.user_id = $7 AND e.user_id <> ''`
			all = append(all, t)
			t.condition = ` AND ` + t.actor + ` = $7 AND ` + t.actor + ` <> '' AND ` + t.actor + ` <> e.user_id`
			all = append(all, t)
		}
	}
	return all
}

// within is the condition on bounds and times; order and limit follow.
func (t auditTable) within() string {
	return t.organisation() + ` AND e.id > $2 AND e.id < $3 AND e.at >= $5 AND e.at < $6` + t.condition
}

// args returns the values of within and, as $4, a limit.
func (t auditTable) args(s AuditSpan, after, before string, limit int64) []any {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !s.From.IsZero() {
		from = ceilMillis(s.From)
	}
	if !s.To.IsZero() {
		to = ceilMillis(s.To)
	}
	args := []any{s.OrgID, after, before, limit, from, to}
	if t.condition != "" {
		args = append(args, s.UserID)
	}
	return args
}

// ceilMillis returns the first millisecond that is not before t.
func ceilMillis(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

// bounds returns the bounds of a span as ids of the table.
func (t auditTable) bounds(s AuditSpan) (after, before string) {
	after, before = t.prefix, t.prefix+"." // before and after all ids that begin with the prefix and "-"
	if s.After != "" {
		after = t.prefix + s.After[len(api.PrefixAuditLog):]
	}
	if s.Before != "" {
		before = t.prefix + s.Before[len(api.PrefixAuditLog):]
	}
	return after, before
}

func (t auditTable) selectEntries() string {
	return `SELECT e.id, e.at, ` + t.actor + `, e.user_id, e.address, e.action_id, ` + ofOrganisation("b.username") + `,
			` + ofOrganisation("s.username") + `, ` + ofOrganisation("a.method") + `, ` + ofOrganisation("a.path") + `,
			` + ofOrganisation("a.credential_id") + `, ` + t.own + `
		FROM ` + t.name + ` e
		LEFT JOIN users b ON b.id = ` + t.actor + `
		LEFT JOIN users s ON s.id = e.user_id
		LEFT JOIN actions a ON a.id = e.action_id
		WHERE `
}

// organisation is the condition on the organisation. For the log of one user it does not let the
// databases read the log of the whole organisation, which is in order as well.
func (t auditTable) organisation() string {
	if t.condition != "" {
		return `e.org_id || '' = $1`
	}
	return `e.org_id = $1`
}

// ofOrganisation is a column of a joined table, or NULL if the joined row belongs to another
// organisation than the entry. A refusal may concern one organisation and have a caller of
// another, and the join is by id alone because the index is.
func ofOrganisation(column string) string {
	table, _, _ := strings.Cut(column, ".")
	return `CASE WHEN ` + table + `.org_id = e.org_id THEN ` + column + ` END`
}

func (r *row) auditEntry() AuditEntry {
	return AuditEntry{
		ID: api.PrefixAuditLog + r.text()[len(api.PrefixEvent):], At: r.time(), ActorID: r.text(), SubjectID: r.text(),
		Address: r.text(), ActionID: r.text(), ActorName: r.text(), SubjectName: r.text(),
		Method: r.text(), Path: r.text(), SignedWith: r.text(),
	}
}

func (r *row) auditEvent() AuditEntry {
	e := r.auditEntry()
	e.Kind, e.CredentialID, e.Detail = r.text(), r.text(), r.json()
	return e
}

func (r *row) auditRefusal() AuditEntry {
	e := r.auditEntry()
	e.Refused = true
	e.Kind, e.Message, e.Route, e.Status = r.text(), r.text(), r.text(), r.int()
	return e
}

// AuditEntry returns an entry of the organisation's audit log, or an error of Kind
// NotFound.
func (db *DB) AuditEntry(ctx context.Context, orgID, id string) (AuditEntry, error) {
	if api.ValidID(api.PrefixAuditLog, id) {
		for _, t := range (AuditSpan{}).sources() {
			e, found, err := one(ctx, db, t.scan, t.selectEntries()+`e.org_id = $1 AND e.id = $2`, orgID, t.prefix+id[len(api.PrefixAuditLog):])
			if err != nil || found {
				return e, err
			}
		}
	}
	return AuditEntry{}, errNoAuditEntry
}

// AuditOldest returns up to limit entries of a span, oldest first. A limit of 0 asks for
// MaxPage.
func (db *DB) AuditOldest(ctx context.Context, s AuditSpan, limit int) ([]AuditEntry, error) {
	return db.audit(ctx, s, limit, ` ORDER BY e.id LIMIT $4`, func(a, b AuditEntry) bool { return a.ID < b.ID })
}

// AuditNewest returns up to limit entries of a span, newest first. A limit of 0 asks for
// MaxPage.
func (db *DB) AuditNewest(ctx context.Context, s AuditSpan, limit int) ([]AuditEntry, error) {
	return db.audit(ctx, s, limit, ` ORDER BY e.id DESC LIMIT $4`, func(a, b AuditEntry) bool { return a.ID > b.ID })
}

func (db *DB) audit(ctx context.Context, s AuditSpan, limit int, order string, first func(a, b AuditEntry) bool) (merged []AuditEntry, err error) {
	for _, t := range s.sources() {
		after, before := t.bounds(s)
		rows, err := all(ctx, db, t.scan, t.selectEntries()+t.within()+order,
			t.args(s, after, before, page(limit))...)
		if err != nil {
			return nil, err
		}
		merged = merge(merged, rows, first)
	}
	return merged[:min(len(merged), int(page(limit)))], nil
}

// merge merges two ordered lists.
func merge[T any](a, b []T, first func(a, b T) bool) []T {
	if len(a) == 0 {
		return b
	}
	merged := make([]T, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if first(b[0], a[0]) {
			a, b = b, a
		}
		merged, a = append(merged, a[0]), a[1:]
	}
	return append(append(merged, a...), b...)
}

// auditStep is how many rows one read counts, so that none takes long.
const auditStep int64 = 10_000

// auditCount is the result of one such read.
type auditCount struct {
	rows int64
	last string
}

func (r *row) auditCount() auditCount { return auditCount{r.int(), r.text()} }

// AuditCount counts the entries of a span. It stops once there are more than most.
func (db *DB) AuditCount(ctx context.Context, s AuditSpan, most int) (int, error) {
	count := 0
	for _, t := range s.sources() {
		after, before := t.bounds(s)
		for more := true; more && count <= most; {
			steps, err := all(ctx, db, (*row).auditCount, `
				SELECT COUNT(*), MAX(x.id)
				FROM (SELECT e.id FROM `+t.name+` e
					WHERE `+t.within()+` ORDER BY e.id LIMIT $4) x`,
				t.args(s, after, before, auditStep)...)
			if err != nil {
				return 0, err
			}
			step := steps[0]
			count += int(step.rows)
			after, more = step.last, step.rows == auditStep
		}
	}
	return count, nil
}
