package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/service/policy"
)

type policyWhatIf struct {
	operatorMetadataFlags
	orgFlags
	userKindFlags
	policyFlags
	CSV bool `name:"csv" help:"Print the credentials that would be refused as CSV, not the counts."`
}

func (p *policyWhatIf) Run(ctx context.Context, c console) error {
	document, err := p.read()
	if err != nil {
		return err
	}
	if p.CSV && p.JSON {
		return misuse("give either --csv or --json")
	}
	return p.openWithMetadata(ctx, c, func(a *app.App) error {
		in := api.WhatIfRequest{UserKind: p.Kind, Preset: p.Preset, Policy: document}
		list := csv.NewWriter(c.out)
		each := func(policy.Hit) error { return nil }
		if p.CSV {
			list.Write(policy.Header)
			each = func(h policy.Hit) error { return list.Write(h.Line()) }
		}
		result, err := a.Policies.WhatIfEach(ctx, api.Caller{OrgID: p.Org}, in, each)
		if err != nil {
			return err
		}
		if p.CSV {
			list.Flush()
			for _, warning := range result.Warnings {
				fmt.Fprintln(c.err, "countersign: "+warning)
			}
			return list.Error()
		}
		return p.print(c, result, func(w io.Writer) { printWhatIf(w, result) })
	})
}

func printWhatIf(w io.Writer, r api.WhatIf) {
	fmt.Fprintf(w, "%d of %d credentials would be refused, of %d users; %d users have no other to log in with. What is registered stays.\n",
		r.Refused, r.Credentials, r.Users, r.LockedOut)
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "Warning: "+warning)
	}
	if r.Refused == 0 {
		return
	}
	t := columns(w)
	fmt.Fprintln(t, "RULE\tREFUSED")
	for _, rule := range r.Rules {
		fmt.Fprintf(t, "%s\t%d\n", rule.Rule, rule.Count)
	}
	t.Flush()
	fmt.Fprintln(t, "MODEL\tAAGUID\tREFUSED")
	for _, m := range r.Models {
		name, aaguid := m.Name, m.AAGUID
		if name == "" {
			name = "-"
		}
		if aaguid == "" {
			name, aaguid = "keys", "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\n", name, aaguid, m.Count)
	}
	t.Flush()
}
