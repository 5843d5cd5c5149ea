package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
)

type codeRevoke struct {
	operatorFlags
	orgFlags
	Code string `arg:"" help:"Code id (rc-…) as code list prints it, or the username or user id of its user."`
}

func (r *codeRevoke) Run(ctx context.Context, c console) error {
	return r.open(ctx, c, func(a *app.App) error {
		id, err := store.Do(ctx, a.DB, func(tx *store.Tx) (string, error) {
			return code.Revoke(ctx, a.DB, tx, api.Caller{OrgID: r.Org}, r.Code, time.Now())
		})
		if err != nil {
			return err
		}
		return r.print(c, map[string]string{"codeId": id, "state": store.StateRevoked}, func(w io.Writer) {
			fmt.Fprintf(w, "Code %s is revoked.\n", id)
		})
	})
}
