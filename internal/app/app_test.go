package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/testing/database"
)

func config(url string) app.Config {
	return app.Config{Database: url, CeremonyTime: ceremony.DefaultLifetime, SessionTime: bearer.DefaultSessionLifetime,
		Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

func open(t *testing.T, c app.Config) *app.App {
	t.Helper()
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// An App that is opened without a public URL is where the database was last served.
func TestSiteIsRemembered(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		unset := config(url)
		if got := open(t, unset).Site.Origin(); got != "http://localhost:8080" {
			t.Errorf("never served, it is at %s", got)
		}
		served := config(url)
		served.PublicURL = "https://sign.example.org"
		if err := open(t, served).RememberSite(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := open(t, unset).Site.Origin(); got != "https://sign.example.org" {
			t.Errorf("served, it is at %s", got)
		}
		served.PublicURL = "https://elsewhere.example.org"
		open(t, served) // a command, which does not serve
		if got := open(t, unset).Site.Origin(); got != "https://sign.example.org" {
			t.Errorf("after a command with another URL, it is at %s", got)
		}
	})
}

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*app.Config){
		"mail":          func(c *app.Config) { c.Mail = mail.Config{URL: "mail.example.org"} },
		"master key":    func(c *app.Config) { c.MasterKey = "secret" },
		"public URL":    func(c *app.Config) { c.PublicURL = "http://sign.example.org" },
		"ceremony time": func(c *app.Config) { c.CeremonyTime = 0 },
	} {
		c := config(database.SQLite(t))
		spoil(&c)
		a, err := app.Open(t.Context(), c)
		if _, ok := errors.AsType[app.ConfigError](err); !ok || a != nil {
			t.Errorf("%s: %v, %v; want a ConfigError", name, a, err)
		}
	}
}

// A server offers new codes by mail only if it can send mail.
func TestServerKnowsWhetherItSendsMail(t *testing.T) {
	t.Parallel()
	page := func(c app.Config) string {
		w := httptest.NewRecorder()
		open(t, c).NewServer().Handler().ServeHTTP(w, httptest.NewRequest("GET", "/register", nil))
		return w.Body.String()
	}
	without := config(database.SQLite(t))
	with := config(database.SQLite(t))
	with.Mail = mail.Config{URL: "smtp://mail.example.org", From: "no-reply@example.org"}
	if page(without) == page(with) {
		t.Error("the registration page is the same with and without mail")
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		for _, j := range open(t, config(url)).Jobs() {
			if err := j.Do(t.Context()); err != nil {
				t.Errorf("%s: %v", j.Name, err)
			}
		}
	})
}

// Failing jobs are logged and tried again; none outlives its context.
func TestJobsRunUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := config(database.SQLite(t))
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	a := open(t, c)
	if err := a.Close(); err != nil { // so that every job fails
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Hour+time.Second)
		defer stop()
		a.RunJobs(ctx)
	})
	for job, times := range map[string]int{"prune-refusals": 6, "refresh-keys": 120, "prune-sessions": 2} {
		if got := strings.Count(log.String(), "job="+job+" "); got != times {
			t.Errorf("%s failed %d times in the log of an hour, want %d", job, got, times)
		}
	}
}
