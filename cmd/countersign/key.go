package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/countersign/countersign/api"
)

type keyCommands struct {
	List   keyList   `cmd:"" help:"List the keys that sign tokens and receipts."`
	Rotate keyRotate `cmd:"" help:"Make a new signing key. Nobody is logged out; what the former keys signed stays valid."`
}

type keyList struct {
	databaseFlags
	placeFlags
	outputFlags
}

type keyRow struct {
	KeyID       string `json:"kid"`
	X           string `json:"x"`
	Signs       bool   `json:"signs"`
	DateCreated string `json:"dateCreated"`
}

func keyRows(h *app, now time.Time) []keyRow {
	all, current := h.ring.SigningKeys(), h.ring.SigningKey(now).ID
	rows := make([]keyRow, 0, len(all))
	for _, k := range all {
		rows = append(rows, keyRow{k.ID, base64.RawURLEncoding.EncodeToString(k.Public()), k.ID == current, api.Time(k.CreatedAt)})
	}
	return rows
}

func (l *keyList) Run(ctx context.Context, c console) error {
	return within(ctx, l.databaseFlags, l.placeFlags, c, func(h *app) error {
		rows := keyRows(h, time.Now())
		return l.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(t, "KEY\tPUBLIC KEY\tSIGNS NOW\tCREATED")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.KeyID, r.X, yes(r.Signs), r.DateCreated)
			}
			t.Flush()
		})
	})
}

type keyRotate struct {
	databaseFlags
	placeFlags
	outputFlags
}

func (r *keyRotate) Run(ctx context.Context, c console) error {
	return within(ctx, r.databaseFlags, r.placeFlags, c, func(h *app) error {
		now := time.Now()
		if err := h.ring.Rotate(ctx, now); err != nil {
			return err
		}
		rows := keyRows(h, now)
		made := rows[len(rows)-1]
		return r.print(c, made, func(w io.Writer) {
			fmt.Fprintf(w, "Key %s is made. It is published at once and signs in a few minutes, when those who keep the published keys have it.\n", made.KeyID)
		})
	})
}
