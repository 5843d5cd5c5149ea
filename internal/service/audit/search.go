package audit

import (
	"cmp"
	"context"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

const (
	defaultLimit = 50
	maxText      = 200 // bytes

	// To search for a text, entries are read in steps, up to a maximum for one page.
	searchStep = 500
	searchMost = 2000
)

// Search lists a page of entries, newest first. A search for a text looks at a limited number of
// entries for one page. If few match, the page may be short or empty and still not be the last.
func (s *Service) Search(ctx context.Context, who api.Caller, in api.SearchAuditRequest) (api.AuditPage, error) {
	search, err := span(who.OrgID, in.StartTime, in.EndTime)
	if err == nil {
		err = validUser(in.UserID)
	}
	if err == nil && len(in.Text) > maxText {
		err = &api.Error{Kind: api.Invalid, Code: "parameter_invalid", Message: "The parameter text is longer than 200 bytes."}
	}
	if err != nil {
		return api.AuditPage{}, err
	}
	list := []string{"audit", who.OrgID, in.Text, in.UserID, in.Outcome, in.StartTime, in.EndTime}
	mark, err := s.Pages.Open(in.PaginationToken, list...)
	if err != nil {
		return api.AuditPage{}, err
	}
	search.UserID = in.UserID
	search.WithoutEvents, search.WithoutRefusals = in.Outcome == api.OutcomeRefused, in.Outcome == api.OutcomeDone
	q := query{text: strings.ToLower(in.Text), limit: cmp.Or(in.Limit, defaultLimit)}
	items, mark, err := s.find(ctx, search, q, mark)
	if err != nil {
		return api.AuditPage{}, err
	}
	out := api.AuditPage{Items: items}
	if mark != "" {
		out.NextPageToken = s.Pages.Token(mark, list...)
	}
	return out, nil
}

// query is what Search looks for.
type query struct {
	text  string // in lower case
	limit int
}

// find returns entries from before mark and, if there may be more, the mark of the next page.
func (s *Service) find(ctx context.Context, search store.AuditSpan, q query, mark string) (items []api.AuditEntry, next string, err error) {
	items = []api.AuditEntry{}
	step := q.limit + 1
	if q.text != "" {
		step = searchStep
	}
	for looked := 0; looked < searchMost; looked += step {
		if mark != "" {
			search.Before = mark
		}
		rows, err := s.DB.AuditNewest(ctx, search, step)
		if err != nil {
			return nil, "", err
		}
		for _, row := range rows {
			if len(items) == q.limit {
				return items, mark, nil
			}
			mark = row.ID
			if e := read(row); q.matches(e) {
				items = append(items, shown(e))
			}
		}
		if len(rows) < step {
			return items, "", nil
		}
	}
	return items, mark, nil
}

func (q query) matches(e entry) bool {
	if q.text == "" {
		return true
	}
	all := strings.Join([]string{e.ID, e.SupportID(), e.Kind, e.summary(), e.action(), e.ActorID, e.ActorName,
		e.SubjectID, e.SubjectName, e.ActionID, e.credential(), e.Address}, "\n")
	return strings.Contains(strings.ToLower(all), q.text)
}

func shown(e entry) api.AuditEntry {
	out := api.AuditEntry{ID: e.ID, At: api.Time(e.At), Kind: e.Kind, Outcome: e.outcome(), Summary: e.summary(),
		Actor: namedID(e.ActorID, e.ActorName), Subject: namedID(e.SubjectID, e.SubjectName),
		CredentialUUID: e.credential(), Address: e.Address, SupportID: e.SupportID()}
	if e.Method != "" {
		out.Action = &api.AuditAction{ID: e.ActionID, Method: e.Method, Path: e.Path}
	}
	return out
}
