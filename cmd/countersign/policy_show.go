package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/admission"
)

type policyShow struct {
	operatorMetadataFlags
	orgFlags
	userKindFlags
	Version int  `help:"Version to show. Default: the one in force." placeholder:"N"`
	Presets bool `help:"Show the named policies instead."`
}

func (p *policyShow) Run(ctx context.Context, c console) error {
	if p.Presets {
		return p.print(c, map[string]any{"items": admission.Presets}, func(w io.Writer) {
			for _, preset := range admission.Presets {
				fmt.Fprintf(w, "%s: %s\n%s\n", preset.Name, preset.Meaning, indented(preset.Policy))
			}
		})
	}
	if p.Version < 0 {
		return misuse("--version is 1 or more")
	}
	return p.openWithMetadata(ctx, c, func(a *app.App) error {
		shown, err := a.Policies.Show(ctx, api.Caller{OrgID: p.Org}, api.PolicyRequest{UserKind: p.Kind, Version: p.Version})
		if err != nil {
			return err
		}
		return p.print(c, shown, func(w io.Writer) { printPolicy(w, shown) })
	})
}

func printPolicy(w io.Writer, p api.Policy) {
	state := "in force"
	if !p.InForce {
		state = "no longer in force"
	}
	since, name := "", ""
	if p.DateCreated != "" {
		since = ", set " + p.DateCreated
	}
	if p.Preset != "" {
		name = ", which is " + p.Preset
	}
	fmt.Fprintf(w, "Policy for %s, version %d%s%s, %s.\nIt accepts %s.\n%s\n", p.UserKind, p.Version, name, since, state, p.Accepts, indented(p.Policy))
}

// indented is a policy as people read it, and as --file takes it.
func indented(p api.AuthenticatorPolicy) string {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err.Error() // it is plain values
	}
	return string(text)
}
