package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

type doctorCommand struct {
	databaseFlags
	placeFlags
	outputFlags
}

// finding is one thing that doctor looked at.
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
	sick := false
	for _, f := range findings {
		sick = sick || f.Result == problem
	}
	err := d.print(c, map[string]any{"items": findings}, func(w io.Writer) {
		for _, f := range findings {
			fmt.Fprintf(w, "%-8s %s: %s\n", f.Result, f.Check, f.Detail)
		}
	})
	if err == nil && sick {
		err = errors.New("there are problems; mend what is listed above")
	}
	return err
}

func (d *doctorCommand) examine(ctx context.Context, c console) (all []finding) {
	h, err := openApp(ctx, d.databaseFlags, d.placeFlags, slog.New(slog.NewTextHandler(c.err, nil)))
	if err != nil {
		return []finding{{"configuration and database", problem, sentence(err)}}
	}
	defer h.close()
	add := func(check string, err error, fine string) {
		if err != nil {
			all = append(all, finding{check, problem, sentence(err)})
			return
		}
		all = append(all, finding{check, ok, fine})
	}
	add("database", h.db.Ping(ctx), h.db.Kind()+", can be written")
	add("public URL", nil, h.site.Origin())
	if h.ring.Wrapped() {
		all = append(all, finding{"server keys", ok, "wrapped under the master key"})
	} else {
		all = append(all, finding{"server keys", warning, "kept without a master key: whoever reads the database or a backup of it can forge tokens; set --master-key-file"})
	}
	if !h.outbox.Configured() {
		all = append(all, finding{"mail", warning, "not configured: registration links are only printed by user invite, and a code that a user asks for again reaches nobody; set --smtp"})
	} else {
		all = append(all, finding{"mail", ok, "configured"})
	}
	return append(all, examineOrganisations(ctx, h)...)
}

func examineOrganisations(ctx context.Context, h *app) (all []finding) {
	orgs, err := h.organisations().List(ctx)
	if err != nil {
		return []finding{{"organisations", problem, sentence(err)}}
	}
	if len(orgs) == 0 {
		return []finding{{"organisations", ok, "none yet; countersign serve will invite the first administrator"}}
	}
	for _, o := range orgs {
		name := "organisation " + o.ID
		switch err := h.site.Check(o.RPID, o.Origins); {
		case err != nil:
			all = append(all, finding{name, problem, sentence(err)})
		case !h.site.Hosted(o):
			all = append(all, finding{name, warning, "this server's pages lie outside its RP ID " + o.RPID + ", so its users cannot register on the hosted page"})
		default:
			all = append(all, finding{name, ok, "RP ID " + h.site.Of(o).ID})
		}
	}
	return all
}
