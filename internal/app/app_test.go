package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/mds"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/testing/mdstest"
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

// What one server or the operator loads, another one's jobs find, and one that starts has at once.
func TestMetadataReachesEveryServer(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		signer := mdstest.New(t, time.Now(), nil)
		root, blob := filepath.Join(t.TempDir(), "root.pem"), filepath.Join(t.TempDir(), "blob.jwt")
		for file, text := range map[string][]byte{root: signer.PEM(), blob: signer.Sign(t, mdstest.Payload(3, time.Now().AddDate(0, 1, 0)))} {
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := config(url)
		c.Serving, c.Metadata = true, mds.Config{RootFile: root, Host: mdstest.Host}
		running, operator := open(t, c), open(t, c)
		if _, err := operator.Metadata.Load(t.Context(), blob); err != nil {
			t.Fatal(err)
		}
		if running.Metadata.Current() != nil {
			t.Fatal("the running server has it before its job ran")
		}
		for _, j := range running.Jobs() {
			if j.Every <= time.Minute/2 {
				if err := j.Do(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		if m := running.Metadata.Current(); m == nil || m.Number != 3 {
			t.Errorf("the running server has %+v", m)
		}
		if m := open(t, c).Metadata.Current(); m == nil || m.Number != 3 {
			t.Errorf("a server that starts has %+v", m)
		}
		c.Metadata.URL = "http://mds.example.org/"
		if _, err := app.Open(t.Context(), c); err == nil {
			t.Error("metadata is downloaded by plain http")
		} else if _, ok := errors.AsType[app.ConfigError](err); !ok {
			t.Errorf("%v is no ConfigError", err)
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
	for job, times := range map[string]int{"prune-refusals": 6, "prune-actions": 7, "refresh-keys": 120, "prune-sessions": 2} {
		if got := strings.Count(log.String(), "job="+job+" "); got != times {
			t.Errorf("%s failed %d times in the log of an hour, want %d", job, got, times)
		}
	}
}
