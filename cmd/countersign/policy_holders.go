package main

import (
	"context"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/store"
)

type policyHolders struct {
	operatorMetadataFlags
	orgFlags
	AAGUID string `name:"aaguid" required:"" help:"Model, as metadata names it: 2fc0579f-8113-47ea-b116-bb5a8db9202a." placeholder:"AAGUID"`
}

// holderRow is a passkey of a model. Its model is only reported unless an attestation proved it.
type holderRow struct {
	UserID         string `json:"userId"`
	Username       string `json:"username"`
	Administrator  bool   `json:"administrator"`
	CredentialUUID string `json:"credentialUuid"`
	Name           string `json:"name"`
	Active         bool   `json:"active"`
	Model          string `json:"model,omitempty"`
	ModelIs        string `json:"modelIs"`
}

func (p *policyHolders) Run(ctx context.Context, c console) error {
	return p.openWithMetadata(ctx, c, func(a *app.App) error {
		all := []holderRow{}
		err := a.Policies.Holders(ctx, p.Org, p.AAGUID, func(h store.Holder, proven bool) error {
			is := admission.ReportedWord
			if proven {
				is = admission.VerifiedWord
			}
			all = append(all, holderRow{h.UserID, h.Username, h.Administrator, h.ID, h.Name, h.Active, a.Policies.ModelName(h.AAGUID), is})
			return nil
		})
		if err != nil {
			return err
		}
		return printTable(p.outputFlags, c, all, "USER\tUSERNAME\tADMIN\tCREDENTIAL\tNAME\tACTIVE\tMODEL IS", func(r holderRow) []any {
			return []any{r.UserID, r.Username, yes(r.Administrator), r.CredentialUUID, r.Name, yes(r.Active), r.ModelIs}
		})
	})
}
