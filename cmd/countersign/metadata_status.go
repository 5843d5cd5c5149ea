package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

type metadataStatus struct{ operatorMetadataFlags }

// metadataRow is how it stands with the metadata. Number is 0 if none is kept.
type metadataRow struct {
	Number     int64  `json:"number"`
	NextUpdate string `json:"nextUpdate,omitempty"`
	Stale      bool   `json:"stale"`
	DateLoaded string `json:"dateLoaded,omitempty"`
	Source     string `json:"source,omitempty"`
	Revocation string `json:"revocation,omitempty"`
	Digest     string `json:"digest,omitempty"`

	Usable     bool     `json:"usable"`
	Models     int      `json:"models"`     // entries that are used
	Incomplete int      `json:"incomplete"` // of them, those that could not be read in full
	LeftOut    []string `json:"leftOut"`    // why entries are not used
	Ambiguous  []string `json:"ambiguous"`  // key identifiers of more than one entry

	DateAsked string `json:"dateAsked,omitempty"` // when the address last answered well
	NextAsk   string `json:"nextAsk,omitempty"`
	Failures  int64  `json:"failures"` // in a row
	Failure   string `json:"failure,omitempty"`
}

func metadataRowOf(ctx context.Context, a *app.App) (metadataRow, error) {
	s, err := a.Metadata.Status(ctx)
	if err != nil {
		return metadataRow{}, err
	}
	row := metadataRow{Number: s.Number, NextUpdate: date(s.NextUpdate), Stale: s.Stale, DateLoaded: timeOrNone(s.LoadedAt), Source: s.Source,
		Revocation: s.Revocation, Digest: s.Digest, LeftOut: []string{}, Ambiguous: []string{},
		DateAsked: timeOrNone(s.AskedAt), NextAsk: timeOrNone(s.AskAfter), Failures: s.Failures, Failure: s.Failure}
	if m := s.Current; m != nil {
		row.Usable, row.Models, row.Incomplete = true, len(m.Entries), m.Incomplete
		row.LeftOut, row.Ambiguous = append(row.LeftOut, m.LeftOut...), append(row.Ambiguous, m.Ambiguous...)
	}
	return row, nil
}

// timeOrNone is a time as commands print it, "" for none.
func timeOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return api.Time(t)
}

func (s *metadataStatus) Run(ctx context.Context, c console) error {
	return s.open(ctx, c, func(a *app.App) error {
		row, err := metadataRowOf(ctx, a)
		if err != nil {
			return err
		}
		return s.print(c, row, func(w io.Writer) { printMetadata(w, row) })
	})
}

func printMetadata(w io.Writer, r metadataRow) {
	if r.Number == 0 {
		fmt.Fprintln(w, "No FIDO metadata is kept; load it with countersign metadata load, or set --metadata-url for serve.")
	}
	t := columns(w)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, text)
		}
	}
	if r.Number > 0 {
		next := r.NextUpdate
		if r.Stale {
			next += ", which has passed: the metadata is out of date"
		}
		line("Number", fmt.Sprint(r.Number))
		line("Next update", next)
		line("Loaded", r.DateLoaded+" from "+r.Source)
		line("Revocation of the signer", r.Revocation)
		if r.Usable {
			line("Models", fmt.Sprintf("%d, of which %d could not be read in full", r.Models, r.Incomplete))
			line("Entries left out", fmt.Sprint(len(r.LeftOut)))
			line("Ambiguous key identifiers", fmt.Sprint(len(r.Ambiguous)))
		} else {
			line("Models", "none: what is kept cannot be used; load it again")
		}
	}
	line("Last answer of the address", r.DateAsked)
	line("Asked again", r.NextAsk)
	if r.Failures > 0 {
		line("Failures in a row", fmt.Sprint(r.Failures))
		line("Last failure", r.Failure)
	}
	t.Flush()
}
