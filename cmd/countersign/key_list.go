package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/internal/app"
)

type keyList struct{ operatorFlags }

func (l *keyList) Run(ctx context.Context, c console) error {
	return l.open(ctx, c, func(a *app.App) error {
		rows := keyRows(a.Ring, time.Now())
		return l.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := columns(w)
			fmt.Fprintln(t, "KEY\tPUBLIC KEY\tSIGNS NOW\tCREATED")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.KeyID, r.X, yes(r.Signs), r.DateCreated)
			}
			t.Flush()
		})
	})
}
