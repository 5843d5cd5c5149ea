package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/service/serviceaccount"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
)

// databaseFlags say where everything is kept. Every command takes them.
type databaseFlags struct {
	Database      string `help:"Where everything is kept: sqlite:PATH or postgres://…" default:"sqlite:countersign.db" placeholder:"URL"`
	MasterKeyFile string `help:"File with the master key under which the server's keys are kept: 32 random bytes in hex or base64." placeholder:"FILE"`
	MasterKey     string `help:"The master key itself; better set by its environment variable than on the command line." placeholder:"KEY"`
}

// placeFlags say where the server is reached and how mail is sent; commands that make
// links need them too.
type placeFlags struct {
	PublicURL string `name:"public-url" help:"Address that people and SDKs use. Default: http://localhost and the port listened on." placeholder:"URL"`
	SMTP      string `name:"smtp" help:"Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://host:465." placeholder:"URL"`
	MailFrom  string `help:"Sender of mails." placeholder:"ADDRESS"`
	SMTPCA    string `name:"smtp-ca" help:"File with the certificate authority of a private mail server." placeholder:"FILE"`
}

type outputFlags struct {
	JSON bool `name:"json" help:"Print JSON for programs."`
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

// app is everything behind the front door.
type app struct {
	db     *store.DB
	ring   *keyring.Ring
	site   relyingparty.Site
	outbox *mail.Outbox
	log    *slog.Logger
}

// openApp opens the store and readies what the rooms share. The caller closes the
// house.
func openApp(ctx context.Context, d databaseFlags, p placeFlags, log *slog.Logger) (*app, error) {
	var sender *mail.Sender
	var err error
	if p.SMTP != "" {
		if sender, err = mail.New(mail.Config{URL: p.SMTP, From: p.MailFrom, CAFile: p.SMTPCA}); err != nil {
			return nil, misuseError{err}
		}
	}
	master, err := keyring.ReadMaster(d.MasterKeyFile, d.MasterKey)
	if err != nil {
		return nil, misuseError{err}
	}
	db, err := store.Open(ctx, d.Database, store.Options{})
	if err != nil {
		return nil, err
	}
	site, err := place(ctx, db, p.PublicURL)
	if err != nil {
		db.Close()
		return nil, err
	}
	ring, err := keyring.Open(ctx, db, master, time.Now())
	if err != nil {
		db.Close()
		return nil, err
	}
	return &app{db: db, ring: ring, site: site, outbox: mail.NewOutbox(sender), log: log}, nil
}

// settingPublicURL is where the server of this database was last reached, so that
// commands run beside it print links that lead to it.
const settingPublicURL = "public_url"

// place is the server's place on the web: as given, or where the server was last
// served, or where serve would be by itself.
func place(ctx context.Context, db *store.DB, publicURL string) (relyingparty.Site, error) {
	if publicURL == "" {
		served, err := db.Setting(ctx, settingPublicURL)
		if err != nil {
			return relyingparty.Site{}, err
		}
		if publicURL = served; publicURL == "" {
			publicURL = "http://localhost:8080"
		}
	}
	site, err := relyingparty.NewSite(publicURL)
	if err != nil {
		return site, misuseError{err}
	}
	return site, nil
}

// settle remembers the place that this server is served at.
func (h *app) settle(ctx context.Context) error {
	served, err := h.db.Setting(ctx, settingPublicURL)
	if err != nil || served == h.site.Origin() {
		return err
	}
	return h.db.Write(ctx, func(tx *store.Tx) error { tx.PutSetting(settingPublicURL, h.site.Origin()); return nil })
}

func (h *app) close() error {
	h.outbox.Finish()
	return h.db.Close()
}

func (h *app) organisations() *organisation.Service {
	return &organisation.Service{DB: h.db, Site: h.site, Now: time.Now}
}

// codes returns an issuer of codes, for commands.
func (h *app) codes(k code.Kind) *code.Issuer {
	return code.NewIssuer(k, code.Deps{DB: h.db, Ring: h.ring, Site: h.site, Outbox: h.outbox, Now: time.Now, Log: h.log})
}

func (h *app) users() *user.Service {
	return &user.Service{DB: h.db, Codes: h.codes(code.Registration), Now: time.Now}
}

func (h *app) serviceAccounts() *serviceaccount.Service {
	mint := &bearer.Issuer{Authority: bearer.New(h.ring, h.site.Origin(), time.Now), Now: time.Now}
	return &serviceaccount.Service{DB: h.db, Access: access.New(h.db), Tokens: mint, Now: time.Now}
}

// within opens a house for one command and closes it after.
func within(ctx context.Context, d databaseFlags, p placeFlags, c console, do func(*app) error) error {
	h, err := openApp(ctx, d, p, slog.New(slog.NewTextHandler(c.err, nil)))
	if err != nil {
		return err
	}
	err = do(h)
	if e := h.close(); err == nil && e != nil {
		err = fmt.Errorf("the database did not close well: %w", e)
	}
	return err
}
