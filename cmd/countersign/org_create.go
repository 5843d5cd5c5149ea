package main

import (
	"context"
	"fmt"
	"io"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/service/organisation"
)

type orgCreate struct {
	operatorFlags
	Name        string   `required:"" help:"Name that people see." placeholder:"NAME"`
	RPID        string   `name:"rp-id" help:"Relying party ID: the domain that its passkeys belong to. Default: the host of the public URL." placeholder:"DOMAIN"`
	Origin      []string `help:"Origin whose pages may create its passkeys, besides the server's own. May be repeated." placeholder:"URL" sep:"none"`
	Attestation string   `help:"What to ask of authenticators: none, indirect, direct or enterprise." enum:"none,indirect,direct,enterprise" default:"none"`
}

func (o *orgCreate) Run(ctx context.Context, c console) error {
	return with(ctx, o.config(c), func(a *app.App) error {
		org, err := a.Organisations.Create(ctx, organisation.New{Name: o.Name, RPID: o.RPID, Origins: o.Origin, Attestation: o.Attestation})
		if err != nil {
			return err
		}
		return o.print(c, map[string]string{"orgId": org.ID}, func(w io.Writer) {
			fmt.Fprintf(w, "Organisation %s is created: %s\nInvite its first user: countersign user invite --org %s --username NAME\n", org.Name, org.ID, org.ID)
		})
	})
}
