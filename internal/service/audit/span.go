package audit

import (
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// span reads the time that is asked for: from start and before end, "" for no bound.
func span(orgID, start, end string) (s store.AuditSpan, err error) {
	s.OrgID = orgID
	from, err := parse("startTime", start)
	if err != nil {
		return s, err
	}
	to, err := parse("endTime", end)
	if err != nil {
		return s, err
	}
	if start != "" && end != "" && !to.After(from) {
		return s, &api.Error{Kind: api.Invalid, Code: "parameter_invalid", Message: "The parameter endTime must be after startTime."}
	}
	if start != "" {
		s.From, s.After = from, boundary(from)
	}
	if end != "" {
		s.To, s.Before = to, boundary(to.Add(api.MaxAhead))
	}
	return s, nil
}

func parse(parameter, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, &api.Error{Kind: api.Invalid, Code: "parameter_invalid",
			Message: "The parameter " + parameter + " must be a time such as 2026-11-22T10:00:00.000Z."}
	}
	return t, nil
}

// boundary returns an id before those of entries from t on. That of an entry before t may be behind it, by
// api.MaxAhead at most.
func boundary(t time.Time) string {
	if t.Before(time.UnixMilli(0)) {
		t = time.UnixMilli(0) // the earliest time of an id
	}
	// Ids have milliseconds: an entry in the millisecond of t may be from before t.
	first := api.FirstID(api.PrefixAuditLog, t.Add(time.Millisecond-1))
	return first[:len(first)-1]
}

// validUser refuses a text that is not the id of a user.
func validUser(id string) error {
	if id != "" && !api.ValidID(api.PrefixUser, id) {
		return &api.Error{Kind: api.Invalid, Code: "parameter_invalid", Message: "The parameter userId must be the id of a user, us-…."}
	}
	return nil
}
