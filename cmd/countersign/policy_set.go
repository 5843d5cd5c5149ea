package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store"
)

type policySet struct {
	operatorMetadataFlags
	orgFlags
	userKindFlags
	policyFlags
}

func (p *policySet) Run(ctx context.Context, c console) error {
	document, err := p.read()
	if err != nil {
		return err
	}
	return p.openWithMetadata(ctx, c, func(a *app.App) error {
		who := api.Caller{OrgID: p.Org}
		set, err := store.Do(ctx, a.DB, func(tx *store.Tx) (api.Policy, error) {
			return a.Policies.Set(ctx, tx, who, api.SetPolicyRequest{UserKind: p.Kind, Preset: p.Preset, Policy: document})
		})
		if err != nil {
			return err
		}
		return p.print(c, set, func(w io.Writer) {
			printPolicy(w, set)
			fmt.Fprintln(w, "It decides about what is registered from now on. What is registered stays; countersign policy what-if shows what of it would be refused.")
		})
	})
}
