package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/mail"
)

// databaseFlags say where everything is kept.
type databaseFlags struct {
	Database      string `help:"Where everything is kept: sqlite:PATH or postgres://…" default:"sqlite:countersign.db" placeholder:"URL"`
	MasterKeyFile string `help:"File with the master key, which encrypts the server's keys: 32 random bytes in hex or base64." placeholder:"FILE"`
	MasterKey     string `help:"The master key itself. Set its environment variable rather than this flag." placeholder:"KEY"`
}

// siteFlags say where the server is reached and how it sends mail. Commands that print
// links need them too.
type siteFlags struct {
	PublicURL string `name:"public-url" help:"Address that people and SDKs use. Default: http://localhost and the port listened on." placeholder:"URL"`
	SMTP      string `name:"smtp" help:"Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://host:465." placeholder:"URL"`
	MailFrom  string `help:"Sender of mails." placeholder:"ADDRESS"`
	SMTPCA    string `name:"smtp-ca" help:"File with the certificate authority of a private mail server." placeholder:"FILE"`
}

type outputFlags struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// orgFlags name the organisation that a command is about.
type orgFlags struct {
	Org string `required:"" help:"Id of the organisation (or-…)." placeholder:"ORG"`
}

// operatorFlags are those of every command that opens the database.
type operatorFlags struct {
	databaseFlags
	siteFlags
	outputFlags
}

// config is what an App is opened with, with the default lifetimes.
func config(d databaseFlags, s siteFlags, log *slog.Logger) app.Config {
	return app.Config{
		Database: d.Database, MasterKeyFile: d.MasterKeyFile, MasterKey: d.MasterKey, PublicURL: s.PublicURL,
		Mail:         mail.Config{URL: s.SMTP, From: s.MailFrom, CAFile: s.SMTPCA},
		CeremonyTime: ceremony.DefaultLifetime, SessionTime: bearer.DefaultSessionLifetime,
		Now: time.Now, Log: log, Version: versionText(),
	}
}

// open opens the App for one command and closes it after. The database must exist.
func (o operatorFlags) open(ctx context.Context, c console, do func(*app.App) error) error {
	conf := o.config(c)
	conf.Existing = true
	return with(ctx, conf, do)
}

func (o operatorFlags) config(c console) app.Config {
	return config(o.databaseFlags, o.siteFlags, slog.New(slog.NewTextHandler(c.err, nil)))
}

// with opens the App, does something with it and closes it.
func with(ctx context.Context, conf app.Config, do func(*app.App) error) error {
	a, err := app.Open(ctx, conf)
	if err != nil {
		return err
	}
	err = do(a)
	if e := a.Close(); err == nil {
		err = e
	}
	return err
}

// print writes v as one line of JSON, or text for people.
func (o outputFlags) print(c console, v any, text func(w io.Writer)) error {
	if !o.JSON {
		text(c.out)
		return nil
	}
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// columns aligns text at its tabs once it is flushed.
func columns(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}
