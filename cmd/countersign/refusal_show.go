package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

type refusalShow struct {
	operatorFlags
	ID string `arg:"" help:"Support id (rf-…) that the user was shown."`
}

type refusalRow struct {
	ID        string `json:"id"`
	At        string `json:"at"`
	Route     string `json:"route"`
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	Rule      string `json:"rule"`
	Received  string `json:"received"`
	Expected  string `json:"expected"`
	Cause     string `json:"cause,omitempty"`
	OrgID     string `json:"orgId,omitempty"`
	UserID    string `json:"userId,omitempty"`
	CodeID    string `json:"codeId,omitempty"`
	Address   string `json:"address"`
	UserAgent string `json:"userAgent"`
}

func (r *refusalShow) Run(ctx context.Context, c console) error {
	return r.open(ctx, c, func(a *app.App) error {
		f, err := a.Refusals.Show(ctx, r.ID)
		if err != nil {
			return err
		}
		row := refusalRow{f.ID, api.Time(f.At), f.Route, f.Status, f.Code, f.Message, f.Rule, f.Received, f.Expected, f.Cause,
			f.OrgID, f.UserID, f.CodeID, f.Address, f.UserAgent}
		return r.print(c, row, func(w io.Writer) { printRefusal(w, row) })
	})
}

func printRefusal(w io.Writer, r refusalRow) {
	t := columns(w)
	for _, f := range [][2]string{{"Refusal", r.ID}, {"At", r.At}, {"Request", r.Route},
		{"Answer", fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Message)}, {"Rule", r.Rule}, {"Received", r.Received},
		{"Expected", r.Expected}, {"Cause", r.Cause}, {"Organisation", r.OrgID}, {"User", r.UserID}, {"Code", r.CodeID},
		{"Address", r.Address}, {"User agent", r.UserAgent}} {
		if f[1] != "" {
			fmt.Fprintf(t, "%s\t%q\n", f[0], f[1])
		}
	}
	t.Flush()
}
