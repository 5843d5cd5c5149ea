package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
)

type doctorCommand struct {
	operatorFlags
	tlsFlags
}

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
	conf, host := d.config(c), ""
	conf.Existing, conf.Serving = true, true
	err := with(ctx, conf, func(a *app.App) error {
		all = examine(ctx, a)
		host = a.Site.Host()
		return nil
	})
	if err != nil {
		all = append(all, finding{"configuration and database", problem, sentence(err)})
	}
	if exposed := keyring.Exposed(d.MasterKeyFile); exposed != "" {
		all = append(all, finding{"master key file", warning, exposed})
	}
	all = append(all, examineTLS(d.tlsFlags, host, time.Now())...)
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
	add("database", useDatabase(ctx, a.DB), a.DB.Kind()+", was read and written")
	all = append(all, examineAddress(ctx, a))
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

// useDatabase reads and writes as a server under load does, over several connections at once:
// one connection that works does not show that a pooler's do.
func useDatabase(ctx context.Context, db *store.DB) error {
	const name, callers, rounds = "doctor", 16, 8
	if err := db.Ping(ctx); err != nil {
		return err
	}
	failures := make(chan error, callers)
	for range callers {
		go func() {
			var err error
			for i := 0; i < rounds && err == nil; i++ {
				if err = db.Write(ctx, func(tx *store.Tx) error { tx.PutSetting(name, "written"); return nil }); err == nil {
					_, err = db.Setting(ctx, name)
				}
			}
			failures <- err
		}()
	}
	var all []error
	for range callers {
		all = append(all, <-failures)
	}
	return cmp.Or(all...)
}

// examineAddress says what a move of the server leaves valid.
func examineAddress(ctx context.Context, a *app.App) finding {
	const name = "public URL"
	served, err := a.Served(ctx)
	switch {
	case err != nil:
		return finding{name, problem, sentence(err)}
	case served != "" && served != a.Site.Origin():
		return finding{name, warning, a.Site.Origin() + ", but this database was last served at " + served +
			"; sessions and access tokens stay valid, and passkeys work only where the RP ID stays the same"}
	}
	return finding{name, ok, a.Site.Origin()}
}

// soon is how long before its end an access token is worth a warning.
const soon = 30 * 24 * time.Hour

// examineTokens says which service accounts of an organisation are refused, or will be soon.
func examineTokens(ctx context.Context, a *app.App, orgID string) (all []finding) {
	accounts, err := listServiceAccounts(ctx, a, orgID)
	if err != nil {
		return []finding{{"service accounts of " + orgID, problem, sentence(err)}}
	}
	for _, account := range accounts {
		for _, t := range account.AccessTokens {
			name, now := "service account "+account.UserInfo.UserID, a.Now()
			mend := fmt.Sprintf("; countersign service-account reissue --org %s %s", orgID, account.UserInfo.UserID)
			switch {
			case !account.UserInfo.IsActive: // on purpose
			case tokenState(t, now) == "expired":
				all = append(all, finding{name, warning, "its access token expired on " + t.DateExpires + mend})
			case tokenState(t, now.Add(soon)) == "expired":
				all = append(all, finding{name, warning, "its access token expires on " + t.DateExpires + mend})
			}
		}
	}
	return all
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
		all = append(all, examineTokens(ctx, a, o.ID)...)
	}
	return all
}
