package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/internal/app"
)

type keyRotate struct{ operatorFlags }

func (r *keyRotate) Run(ctx context.Context, c console) error {
	return r.open(ctx, c, func(a *app.App) error {
		now := time.Now()
		if err := a.Ring.Rotate(ctx, now); err != nil {
			return err
		}
		rows := keyRows(a.Ring, now)
		created := rows[len(rows)-1]
		return r.print(c, created, func(w io.Writer) {
			fmt.Fprintf(w, "Key %s is created. It is published at once and signs in a few minutes, when everybody who caches the published keys has it.\n", created.KeyID)
		})
	})
}
