package main

import (
	"context"

	"github.com/countersign/countersign/internal/app"
)

// receiptExport prints JSON with or without --json: a receipt is JSON.
type receiptExport struct {
	operatorFlags
	orgFlags
	Action string `arg:"" help:"Id of the action (ua-…)." placeholder:"ACTION"`
}

func (e *receiptExport) Run(ctx context.Context, c console) error {
	return e.open(ctx, c, func(a *app.App) error {
		document, err := a.Action.Receipt(ctx, e.Org, e.Action)
		if err != nil {
			return err
		}
		_, err = c.out.Write(document)
		return err
	})
}
