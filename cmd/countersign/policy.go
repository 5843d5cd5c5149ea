package main

import (
	"io"
	"os"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/admission"
)

type policyCommands struct {
	Show    policyShow    `cmd:"" help:"Show which authenticators are accepted, or the named policies."`
	Set     policySet     `cmd:"" help:"Set which authenticators users of a kind may register from now on."`
	WhatIf  policyWhatIf  `cmd:"" help:"Show which of the registered credentials a policy would refuse. Nothing is changed."`
	Holders policyHolders `cmd:"" help:"List who has a passkey of a model."`
}

// userKindFlags name the users that a policy is for.
type userKindFlags struct {
	Kind string `help:"Kind of user that the policy is for: CustomerEmployee or EndUser." enum:"CustomerEmployee,EndUser" default:"CustomerEmployee" placeholder:"KIND"`
}

// policyFlags name or hold a policy.
type policyFlags struct {
	Preset string `help:"Named policy: open, synced-or-attested or attested-hardware." placeholder:"NAME"`
	File   string `help:"File with the policy as a JSON object; - reads standard input." placeholder:"FILE"`
}

// read returns the policy of a file, nil if a named one is asked for.
func (p policyFlags) read() (*api.AuthenticatorPolicy, error) {
	switch {
	case (p.Preset == "") == (p.File == ""):
		return nil, misuse("give either --preset or --file")
	case p.File == "":
		return nil, nil
	}
	from := io.Reader(os.Stdin)
	if p.File != "-" {
		f, err := os.Open(p.File)
		if err != nil {
			return nil, misuse("the policy cannot be read: %w", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, admission.MaxDocument+1))
	if err != nil {
		return nil, misuse("the policy cannot be read: %w", err)
	}
	document, err := admission.Read(text)
	return &document, err
}
