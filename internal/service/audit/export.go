package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Export is the log of a time, oldest entry first, as the text of a CSV file that is made
// piece by piece.
type Export struct {
	Truncated bool // there is more than an export may have

	room   *Service
	span   store.AuditSpan
	userID string
	left   int // rows that a truncated export may still have
	begun  bool
	ended  bool
	piece  bytes.Buffer
}

// Export begins an export of what happened until now in the time that is asked for.
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
	span.Before = min(span.Before, edge(s.Now().Add(time.Millisecond))) // so that it ends, however busy the server is
	most := cmp.Or(s.MaxRows, MaxRows)
	count, err := s.DB.AuditCount(ctx, span, in.UserID, most)
	return &Export{Truncated: count > most, room: s, span: span, userID: in.UserID, left: most}, err
}

func missing(parameter string) error {
	return &api.Error{Kind: api.Invalid, Code: "parameter_missing", Message: "The parameter " + parameter + " is required."}
}

var header = []string{"Date Performed", "Audit Log ID", "User ID", "Username", "Primary Credential ID", "Action Path", "Summary"}

// Next returns the next piece, whole lines of it and perhaps none, which is good until the
// next call. After the last it returns io.EOF.
func (x *Export) Next(ctx context.Context) ([]byte, error) {
	if x.ended {
		return nil, io.EOF
	}
	rows, err := x.room.DB.AuditOldest(ctx, x.span, store.MaxPage)
	if err != nil {
		return nil, err
	}
	x.ended = len(rows) < store.MaxPage
	x.piece.Reset()
	w := csv.NewWriter(&x.piece) // whose errors are those of the buffer: none
	if !x.begun {
		x.begun = true
		w.Write(header)
	}
	for _, row := range rows {
		x.span.After = row.ID
		if !concerns(row, x.userID) {
			continue
		}
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
	return []string{api.Time(e.At), e.ID, e.ActorID, plain(e.ActorName), e.credential(), e.action(), plain(e.summary())}
}

// formula is what a formula begins with; in some languages the wide letters do as well.
const formula = "=+-@\t\r＝＋－＠"

// plain keeps a spreadsheet from taking a text that begins like a formula for one.
func plain(text string) string {
	if begins, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune(formula, begins) {
		return "'" + text
	}
	return text
}
