package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/view"
	"github.com/countersign/countersign/internal/store"
)

// Export is the log of a time as CSV, oldest entry first. It is read piece by piece.
type Export struct {
	Truncated bool // there are more rows than an export may have

	service *Service
	span    store.AuditSpan
	left    int // rows that the export may still have
	begun   bool
	ended   bool
	piece   bytes.Buffer
}

// Export begins an export of the requested time, up to now.
func (s *Service) Export(ctx context.Context, who api.Caller, in api.ListAuditLogsRequest) (*Export, error) {
	if in.StartTime == "" {
		return nil, missing("startTime")
	}
	if in.EndTime == "" {
		return nil, missing("endTime")
	}
	span, err := span(who.OrgID, in.StartTime, in.EndTime)
	if err == nil {
		err = validUser(in.UserID)
	}
	if err != nil {
		return nil, err
	}
	if end := s.Now().Add(time.Millisecond); span.To.After(end) { // so that it ends even on a busy server
		span.To, span.Before = end, boundary(end.Add(api.MaxAhead))
	}
	most := cmp.Or(s.MaxRows, MaxRows)
	span.UserID = in.UserID
	count, err := s.DB.AuditCount(ctx, span, most)
	return &Export{Truncated: count > most, service: s, span: span, left: most}, err
}

func missing(parameter string) error {
	return &api.Error{Kind: api.Invalid, Code: "parameter_missing", Message: "The parameter " + parameter + " is required."}
}

var header = []string{"Date Performed", "Audit Log ID", "User ID", "Username", "Primary Credential ID", "Action Path", "Summary"}

// Next returns the next piece: whole lines, perhaps none. The piece is valid until the next call.
// After the last piece Next returns io.EOF.
func (x *Export) Next(ctx context.Context) ([]byte, error) {
	if x.ended {
		return nil, io.EOF
	}
	rows, err := x.service.DB.AuditOldest(ctx, x.span, store.MaxPage)
	if err != nil {
		return nil, err
	}
	x.ended = len(rows) < store.MaxPage
	x.piece.Reset()
	w := csv.NewWriter(&x.piece) // a bytes.Buffer never fails
	if !x.begun {
		x.begun = true
		w.Write(header)
	}
	for _, row := range rows {
		x.span.After = row.ID
		w.Write(line(read(row)))
		runtime.Gosched() // there are many, and others have little to do
		if x.left--; x.Truncated && x.left == 0 {
			w.Flush()
			fmt.Fprintf(&x.piece, "# TRUNCATED: there is more; ask again from %s on\n", api.Time(row.At))
			x.ended = true
			break
		}
	}
	w.Flush()
	return x.piece.Bytes(), nil
}

func line(e entry) []string {
	return []string{api.Time(e.At), e.ID, e.ActorID, view.WithoutFormula(e.ActorName), e.credential(), e.action(), view.WithoutFormula(e.summary())}
}
