package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/internal/app"
)

// userStopRecovery stops a recovery that waits.
type userStopRecovery struct{ userFlags }

func (u *userStopRecovery) Run(ctx context.Context, c console) error {
	return u.open(ctx, c, func(a *app.App) error {
		if err := a.Recovery.StopByOperator(ctx, u.Org, u.Username); err != nil {
			return err
		}
		return u.print(c, map[string]any{"orgId": u.Org, "username": u.Username, "stopped": true}, func(w io.Writer) {
			fmt.Fprintf(w, "The recovery of %s is stopped. If they did not begin it, somebody has their recovery key: have them remove it.\n", u.Username)
		})
	})
}

// userApproveRecovery approves a recovery that waits for it.
type userApproveRecovery struct {
	userFlags
	Recovery string `required:"" help:"Id of the recovery that is approved, and no other." placeholder:"ID"`
}

func (u *userApproveRecovery) Run(ctx context.Context, c console) error {
	return u.open(ctx, c, func(a *app.App) error {
		if err := a.Recovery.ApproveByOperator(ctx, u.Org, u.Username, u.Recovery); err != nil {
			return err
		}
		return u.print(c, map[string]any{"orgId": u.Org, "username": u.Username, "recoveryId": u.Recovery, "approved": true}, func(w io.Writer) {
			fmt.Fprintf(w, "The recovery of %s is approved; they complete it where they began it.\n", u.Username)
		})
	})
}
