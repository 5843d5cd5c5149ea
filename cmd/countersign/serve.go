package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/service/registration"
)

type serveCommand struct {
	databaseFlags
	siteFlags
	Listen string `help:"Address to listen on." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	tlsFlags
	DevTLS                   bool          `name:"dev-tls" help:"For development: serve https://localhost with a certificate of a private authority. The server creates both if they are missing."`
	DevTLSDir                string        `name:"dev-tls-dir" help:"Folder of the development authority and certificate." default:"countersign-dev-tls" placeholder:"DIR"`
	TrustedProxies           []string      `help:"Addresses or networks of proxies to trust for the client address, in X-Forwarded-For." placeholder:"CIDR"`
	MaxConnections           int           `help:"How many connections there are at once. If there are too many, the server closes the slowest." default:"4096"`
	MaxConnectionsPerAddress int           `help:"How many of them one client address has, or one /64 of IPv6. Trusted proxies have no such limit." default:"1024"`
	CeremonyTime             time.Duration `help:"How long a person may take from challenge to completion; at least 5m." default:"15m"`
	SessionTime              time.Duration `help:"How long a login lasts; from 1m to 720h." default:"8h"`
	Organisation             string        `help:"Name of the first organisation, created on an empty database." default:"Countersign" placeholder:"NAME"`
	Administrator            string        `help:"Username of the first administrator, invited on an empty database." default:"admin" placeholder:"NAME"`
	MetadataURL              string        `name:"metadata-url" help:"Where to download the FIDO metadata of authenticators once a day: https://mds3.fidoalliance.org/ or a mirror. Without it, none is downloaded." placeholder:"URL"`
	metadataFlags
	LogFormat string        `help:"Format of the log: text or json." enum:"text,json" default:"text"`
	Drain     time.Duration `help:"How long running requests may take to finish after a stop." default:"20s"`
	StopDelay time.Duration `help:"How long to go on serving after a stop, while /readyz answers 503 and clients are told to close their connections." default:"2s"`
}

func (s *serveCommand) Run(ctx context.Context, c console) error {
	hangup := keepRunning()
	out, errs := newBackgroundWriter(c.out), newBackgroundWriter(c.err)
	defer out.Close()
	defer errs.Close()
	log := slog.New(s.logHandler(errs))
	tuneMemory(log)
	errs.report = func(lines int) {
		log.Warn("lines of this log were dropped, because nothing read it or it could not be written", "lines", lines)
	}
	return s.run(ctx, console{out: out, err: errs}, log, hangup)
}

func (s *serveCommand) run(ctx context.Context, c console, log *slog.Logger, hangup <-chan os.Signal) error {
	if s.DevTLS {
		if err := s.beginDevTLS(c); err != nil {
			return err
		}
	}
	if err := s.tlsFlags.check(); err != nil {
		return err
	}
	if s.SessionTime < time.Minute || s.SessionTime > 30*24*time.Hour {
		return misuse("--session-time must be between 1m and 720h")
	}
	if s.StopDelay < 0 || s.StopDelay > 5*time.Minute {
		return misuse("--stop-delay must be between 0s and 5m")
	}
	if s.MaxConnections < 1 || s.MaxConnectionsPerAddress < 1 {
		return misuse("--max-connections and --max-connections-per-address must be at least 1")
	}
	proxies, err := networks(s.TrustedProxies)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", s.Listen, err)
	}
	defer listener.Close()
	if s.PublicURL == "" {
		s.PublicURL = s.localURL(listener.Addr())
	}
	conf := config(s.databaseFlags, s.siteFlags, log)
	conf.CeremonyTime, conf.SessionTime, conf.Proxies = s.CeremonyTime, s.SessionTime, proxies
	conf.Serving, conf.StopDelay = true, s.StopDelay
	conf.Metadata = s.metadataFlags.config(s.MetadataURL)
	conf.MaxConnections, conf.MaxConnectionsPerAddress = s.MaxConnections, s.MaxConnectionsPerAddress
	conf.NoHSTS = s.DevTLS // it would bind every other program on localhost
	a, err := app.Open(ctx, conf)
	if err != nil {
		return err
	}
	err = s.serve(ctx, c, a, listener, log, hangup)
	if e := a.Close(); err == nil {
		err = e
	}
	return err
}

func (s *serveCommand) serve(ctx context.Context, c console, a *app.App, listener net.Listener, log *slog.Logger, hangup <-chan os.Signal) error {
	if err := checkOrganisations(ctx, a); err != nil {
		return err
	}
	if err := a.RememberSite(ctx); err != nil {
		return err
	}
	var jobs sync.WaitGroup
	defer jobs.Wait()
	running, stop := context.WithCancel(ctx)
	defer stop()
	front := a.NewServer()
	listener = front.Limit(listener)
	var reload func()
	if s.TLSCert != "" {
		pair, err := newKeyPair(s.tlsFlags, log)
		if err != nil {
			return misuseError{err}
		}
		reload = func() { pair.look(true) }
		jobs.Go(func() { pair.watch(running) })
		listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.certificate,
			NextProtos: server.Protocols()})
	}
	link, err := a.Registration.First(ctx, registration.FirstAdministrator{Organisation: s.Organisation, Username: s.Administrator})
	if err != nil {
		return fmt.Errorf("the first administrator could not be invited: %w", err)
	}
	if !a.Ring.Wrapped() {
		log.Warn("the server's keys are stored in the database without a master key: whoever reads the database can forge tokens; set --master-key-file")
	}
	if exposed := keyring.Exposed(s.MasterKeyFile); exposed != "" {
		log.Warn(exposed)
	}
	fmt.Fprintf(c.out, "Countersign %s listens on %s\n  %s\n", versionText(), listener.Addr(), a.Site.Origin())
	if link != "" {
		fmt.Fprintf(c.out, "\nRegister the first administrator (%s) in a browser with this one-time link, valid for 24 hours:\n\n  %s\n\n", s.Administrator, link)
	}
	go debug.FreeOSMemory() // what starting took
	jobs.Go(func() { a.RunJobs(running) })
	jobs.Go(func() { reloadOnHangup(running, hangup, reload, log) })
	context.AfterFunc(ctx, func() {
		log.Info("stopping: running requests may finish; a second signal ends the server at once", "drain", s.Drain.String())
	})
	return front.Serve(ctx, listener, s.Drain)
}

func (s *serveCommand) logHandler(w io.Writer) slog.Handler {
	if s.LogFormat == "json" {
		return slog.NewJSONHandler(w, nil)
	}
	return slog.NewTextHandler(w, nil)
}

// localURL returns the public URL of a server without --public-url: localhost, because browsers create
// no passkeys for an IP address.
func (s *serveCommand) localURL(a net.Addr) string {
	scheme := "http"
	if s.TLSCert != "" {
		scheme = "https"
	}
	_, port, _ := net.SplitHostPort(a.String())
	return scheme + "://localhost:" + port
}

// checkOrganisations refuses to serve an organisation that browsers could not work with.
func checkOrganisations(ctx context.Context, a *app.App) error {
	all, err := a.Organisations.List(ctx)
	if err != nil {
		return err
	}
	for _, o := range all {
		if err := a.Site.Check(o.RPID, o.Origins); err != nil {
			return misuse("organisation %s (%s) cannot work: %w", o.ID, o.Name, err)
		}
	}
	return nil
}

func networks(texts []string) (all []netip.Prefix, err error) {
	for _, t := range texts {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			a, e := netip.ParseAddr(t)
			if e != nil {
				return nil, misuse("--trusted-proxies takes addresses like 10.0.0.1 or networks like 10.0.0.0/8, not %q", t)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if strings.HasPrefix(p.Addr().String(), "::ffff:") {
			return nil, misuse("write the proxy %q as an IPv4 address", t)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
