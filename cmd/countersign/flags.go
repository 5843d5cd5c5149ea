package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/mds"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/store"
)

// databaseFlags say where everything is stored.
type databaseFlags struct {
	Database      string `help:"Where everything is stored: sqlite:PATH or postgres://…" default:"sqlite:countersign.db" placeholder:"URL"`
	MasterKeyFile string `help:"File with the master key, which encrypts the server's keys: 32 random bytes in hex or base64." placeholder:"FILE"`
	MasterKey     string `help:"The master key itself. Set its environment variable rather than this flag." placeholder:"KEY"`
}

// siteFlags say where the server is reached and how it sends mail. Commands that print links need
// them too.
type siteFlags struct {
	PublicURL string `name:"public-url" help:"Address that people and SDKs use. Default: http://localhost and the port listened on." placeholder:"URL"`
	SMTP      string `name:"smtp" help:"Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://host:465." placeholder:"URL"`
	MailFrom  string `help:"Sender of mails." placeholder:"ADDRESS"`
	SMTPCA    string `name:"smtp-ca" help:"File with the certificate authority of a private mail server." placeholder:"FILE"`
}

// metadataFlags say who may sign the FIDO metadata of authenticators.
type metadataFlags struct {
	MetadataRoot         string `help:"PEM file with the roots of your own metadata, which take the place of FIDO's, and with revocation lists." placeholder:"FILE"`
	MetadataHost         string `help:"Host name in the certificate of the metadata's signer." default:"mds.fidoalliance.org" placeholder:"HOST"`
	MetadataAllowPrivate bool   `help:"Download metadata from private addresses too."`
}

// config returns the settings of metadata that url is downloaded from in the background.
func (m metadataFlags) config(url string) mds.Config {
	return mds.Config{URL: url, RootFile: m.MetadataRoot, Host: m.MetadataHost, AllowPrivate: m.MetadataAllowPrivate}
}

type outputFlags struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// pageFlags name the part of a list that a command prints.
type pageFlags struct {
	Limit int    `help:"List at most this many." default:"100"`
	After string `help:"List only what comes after this id, the last one printed before." placeholder:"ID"`
}

func (p pageFlags) check() error {
	if p.Limit < 1 || p.Limit > store.MaxPage {
		return misuse("--limit is between 1 and %d; continue with --after", store.MaxPage)
	}
	return nil
}

// orgFlags name the organisation that a command is about.
type orgFlags struct {
	Org string `required:"" help:"Id of the organisation (or-…)." placeholder:"ORG"`
}

// operatorFlags are the flags of every command that opens the database.
type operatorFlags struct {
	databaseFlags
	siteFlags
	outputFlags
}

// config returns the Config of an App with the default lifetimes.
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

// print writes v as one line of JSON or, for people, calls text.
func (o outputFlags) print(c console, v any, text func(w io.Writer)) error {
	if !o.JSON {
		text(c.out)
		return nil
	}
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// rows returns the row of each, as a list that JSON writes as [] when it is empty.
func rows[T, Row any](all []T, row func(T) Row) []Row {
	out := make([]Row, 0, len(all))
	for _, x := range all {
		out = append(out, row(x))
	}
	return out
}

// printTable writes rows as one line of JSON or, for people, as a table with these headings;
// cells returns what a row shows under each.
func printTable[Row any](o outputFlags, c console, rows []Row, headings string, cells func(Row) []any) error {
	return o.print(c, map[string]any{"items": rows}, func(w io.Writer) {
		t := columns(w)
		fmt.Fprintln(t, headings)
		for _, r := range rows {
			line := cells(r)
			fmt.Fprintf(t, strings.Repeat("%v\t", len(line)-1)+"%v\n", line...)
		}
		t.Flush()
	})
}

// columns returns a writer that aligns text at its tabs when it is flushed.
func columns(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}
