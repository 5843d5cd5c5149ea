package main

import (
	"context"

	"github.com/countersign/countersign/internal/app"
)

type metadataCommands struct {
	Load   metadataLoad   `cmd:"" help:"Verify FIDO metadata in a file or at an address, and keep it."`
	Status metadataStatus `cmd:"" help:"Show which FIDO metadata is kept, and how refreshing it goes."`
}

// operatorMetadataFlags are the flags of commands that read metadata.
type operatorMetadataFlags struct {
	operatorFlags
	metadataFlags
}

func (o operatorMetadataFlags) open(ctx context.Context, c console, do func(*app.App) error) error {
	conf := o.operatorFlags.config(c)
	conf.Existing, conf.Metadata = true, o.metadataFlags.config("")
	return with(ctx, conf, do)
}

// openWithMetadata is open for a command that uses what is kept.
func (o operatorMetadataFlags) openWithMetadata(ctx context.Context, c console, do func(*app.App) error) error {
	return o.open(ctx, c, func(a *app.App) error {
		if err := a.Metadata.Read(ctx); err != nil {
			return err
		}
		return do(a)
	})
}
