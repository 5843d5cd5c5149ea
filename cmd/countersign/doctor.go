package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/countersign/countersign/internal/app"
)

type doctorCommand struct{ operatorFlags }

// finding is the result of one check.
type finding struct {
	Check  string `json:"check"`
	Result string `json:"result"` // ok, warning or problem
	Detail string `json:"detail"`
}

const (
	ok      = "ok"
	warning = "warning"
	problem = "problem"
)

func (d *doctorCommand) Run(ctx context.Context, c console) error {
	findings := d.examine(ctx, c)
	failed := false
	for _, f := range findings {
		failed = failed || f.Result == problem
	}
	err := d.print(c, map[string]any{"items": findings}, func(w io.Writer) {
		for _, f := range findings {
			fmt.Fprintf(w, "%-8s %s: %s\n", f.Result, f.Check, f.Detail)
		}
	})
	if err == nil && failed {
		err = errors.New("there are problems; fix what is listed above")
	}
	return err
}

func (d *doctorCommand) examine(ctx context.Context, c console) (all []finding) {
	err := d.open(ctx, c, func(a *app.App) error {
		all = examine(ctx, a)
		return nil
	})
	if err != nil {
		all = append(all, finding{"configuration and database", problem, sentence(err)})
	}
	return all
}

func examine(ctx context.Context, a *app.App) (all []finding) {
	add := func(check string, err error, fine string) {
		if err != nil {
			all = append(all, finding{check, problem, sentence(err)})
			return
		}
		all = append(all, finding{check, ok, fine})
	}
	add("database", a.DB.Ping(ctx), a.DB.Kind()+", can be written")
	add("public URL", nil, a.Site.Origin())
	if a.Ring.Wrapped() {
		all = append(all, finding{"server keys", ok, "wrapped under the master key"})
	} else {
		all = append(all, finding{"server keys", warning, "stored without a master key: whoever reads the database or a backup of it can forge tokens; set --master-key-file"})
	}
	if !a.Outbox.Configured() {
		all = append(all, finding{"mail", warning, "not configured: registration links are only printed by user invite, and a new code that a user asks for reaches nobody; set --smtp"})
	} else {
		all = append(all, finding{"mail", ok, "configured"})
	}
	return append(all, examineOrganisations(ctx, a)...)
}

func examineOrganisations(ctx context.Context, a *app.App) (all []finding) {
	orgs, err := a.Organisations.List(ctx)
	if err != nil {
		return []finding{{"organisations", problem, sentence(err)}}
	}
	if len(orgs) == 0 {
		return []finding{{"organisations", ok, "none yet; countersign serve will invite the first administrator"}}
	}
	for _, o := range orgs {
		name := "organisation " + o.ID
		switch err := a.Site.Check(o.RPID, o.Origins); {
		case err != nil:
			all = append(all, finding{name, problem, sentence(err)})
		case !a.Site.Hosted(o):
			all = append(all, finding{name, warning, "this server's pages lie outside its RP ID " + o.RPID + ", so its users cannot register on the hosted page"})
		default:
			all = append(all, finding{name, ok, "RP ID " + a.Site.Of(o).ID})
		}
	}
	return all
}
