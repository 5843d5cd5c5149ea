package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/internal/app"
)

type metadataLoad struct {
	operatorMetadataFlags
	Source string `arg:"" name:"source" help:"File with the metadata, as it was signed, or https:// address to download it from." placeholder:"FILE|URL"`
}

func (l *metadataLoad) Run(ctx context.Context, c console) error {
	return l.open(ctx, c, func(a *app.App) error {
		if _, err := a.Metadata.Load(ctx, l.Source); err != nil {
			return err
		}
		row, err := metadataRowOf(ctx, a)
		if err != nil {
			return err
		}
		return l.print(c, row, func(w io.Writer) {
			fmt.Fprintf(w, "FIDO metadata %d with %d models is kept. Servers use it within a minute. Its next update is due by %s.\n",
				row.Number, row.Models, row.NextUpdate)
		})
	})
}

// date is a day as commands print it, "" for none.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}
