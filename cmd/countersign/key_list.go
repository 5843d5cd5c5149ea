package main

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/app"
)

type keyList struct{ operatorFlags }

func (l *keyList) Run(ctx context.Context, c console) error {
	return l.open(ctx, c, func(a *app.App) error {
		return printTable(l.outputFlags, c, keyRows(a.Ring, time.Now()), "KEY\tPUBLIC KEY\tSIGNS NOW\tCREATED", func(r keyRow) []any {
			return []any{r.KeyID, r.X, yes(r.Signs), r.DateCreated}
		})
	})
}
