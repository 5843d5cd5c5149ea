// Package mds keeps the FIDO metadata: it loads it from a file or an address, keeps the last good BLOB in the
// database, refreshes it on one server at a time, and holds it read for all who ask what an authenticator
// is. Nothing waits for the metadata server: while it is down, slow or lying, the last good BLOB is used.
package mds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/outbound"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/metadata"
)

const (
	// askEvery is how often an address is asked, at most; up to askJitter later, so that not all servers of
	// the world ask at one time.
	askEvery  = 24 * time.Hour
	askJitter = time.Hour
	// claimTime is how long one server may take to ask, with all that it reads. Then another may. It is
	// longer than firstRetry, so that servers that start together do not all ask.
	claimTime = 12 * time.Minute
	// firstRetry is the wait after a failure. It doubles with each, up to askEvery.
	firstRetry = 10 * time.Minute

	downloadTime = 2 * time.Minute
	listTime     = 20 * time.Second
	maxList      = 8 << 20
	maxLists     = 4
)

// Config says where metadata comes from and who may sign it.
type Config struct {
	URL          string // https://…, "" to load none in the background
	RootFile     string // PEM file of roots and revocation lists, "" for FIDO's root
	Host         string // of the signer's certificate, "" for FIDO's
	AllowPrivate bool   // the URL may lead to a private address
}

// Service keeps the metadata. It is safe for concurrent use.
type Service struct {
	db    *store.DB
	trust *metadata.Trust
	id    string // of trust
	url   string
	now   func() time.Time
	log   *slog.Logger

	client *http.Client // for BLOBs
	lists  *http.Client // for revocation lists, which are signed and served by plain http

	current atomic.Pointer[metadata.Metadata]

	started atomic.Bool // refreshing has begun

	mu    sync.Mutex // of reading
	seen  load       // what was read last, or could not be
	stale bool       // it was logged that what is used is stale
}

// load identifies what was kept when.
type load struct {
	digest string
	at     time.Time
}

// New returns a service without metadata; Read reads what is kept. Its error is one of the configuration.
func New(c Config, db *store.DB, now func() time.Time, log *slog.Logger) (*Service, error) {
	if c.URL != "" {
		if _, err := outbound.CheckURL(c.URL); err != nil {
			return nil, fmt.Errorf("--metadata-url: %w", err)
		}
	}
	var roots []byte
	if c.RootFile != "" {
		var err error
		if roots, err = readFile(c.RootFile); err != nil {
			return nil, fmt.Errorf("--metadata-root: %w", err)
		}
	}
	trust, err := metadata.NewTrust(roots, c.Host)
	if err != nil {
		return nil, fmt.Errorf("--metadata-root: %s: %w", c.RootFile, err)
	}
	return &Service{db: db, trust: trust, id: trust.ID(), url: c.URL, now: now, log: log,
		client: outbound.New(outbound.Options{AllowPrivate: c.AllowPrivate, Timeout: downloadTime}),
		lists:  outbound.New(outbound.Options{AllowPrivate: c.AllowPrivate, AllowPlain: true, Timeout: listTime})}, nil
}

// Current returns the metadata that is kept, nil if there is none. It may be older than its next update: see
// Metadata.Stale.
func (s *Service) Current() *metadata.Metadata { return s.current.Load() }

// Read reads the metadata that is kept if it is not what was read last: another server or the operator may
// have loaded it. A BLOB that cannot be read is logged once, and leaves what is used as it is.
func (s *Service) Read(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.logStale()
	kept, err := s.db.Metadata(ctx, s.id)
	if err != nil || kept.Number == 0 || s.seen == (load{kept.Digest, kept.LoadedAt}) {
		return err
	}
	kept, blob, err := s.db.MetadataBlob(ctx, s.id)
	if err != nil {
		return err
	}
	s.seen = load{kept.Digest, kept.LoadedAt}
	// It was verified when it was loaded. This is at the same time again, so that it does not end with the
	// signer's certificate; and it makes nobody trust what somebody else wrote to the database.
	m, err := metadata.Read(blob, s.trust, kept.LoadedAt)
	if err != nil {
		s.log.Error("the FIDO metadata that is kept cannot be used; load it again with countersign metadata load", "number", kept.Number, "error", cause(err))
		return nil
	}
	s.current.Store(m)
	return nil
}

// logStale logs that what is used is past its next update, when that begins.
func (s *Service) logStale() {
	m := s.Current()
	stale := m != nil && m.Stale(s.now())
	if stale && !s.stale {
		s.log.Warn("the FIDO metadata is out of date: the day of its next update has passed; it stays in use", "number", m.Number,
			"nextUpdate", m.NextUpdate.Format(time.DateOnly))
	}
	s.stale = stale
}

// ErrOlder says that what was to be loaded would replace newer metadata.
var ErrOlder = &api.Error{Kind: api.Invalid, Code: "metadata_older",
	Message: "The FIDO metadata is older than what is kept, or has its number and other content; what is kept stays.",
	Rule:    "MDS §3.1.8, a number that is higher than the one before"}

// Load verifies and keeps the metadata in a file or at an https:// address, for the operator.
func (s *Service) Load(ctx context.Context, source string) (*metadata.Metadata, error) {
	if strings.Contains(source, "://") {
		u, err := outbound.CheckURL(source)
		if err != nil {
			return nil, &api.Error{Kind: api.Invalid, Code: "metadata_source_invalid", Message: "The address cannot be used: " + err.Error() + "."}
		}
		answer, err := outbound.Get(ctx, s.client, source, "", metadata.MaxBlob)
		if err != nil {
			return nil, unavailable(err)
		}
		return s.keep(ctx, answer, named(u), false)
	}
	blob, err := readFile(source)
	if err != nil {
		return nil, &api.Error{Kind: api.Invalid, Code: "metadata_source_invalid", Message: "The file cannot be read.", Cause: err}
	}
	if absolute, err := filepath.Abs(source); err == nil {
		source = absolute
	}
	return s.keep(ctx, outbound.Answer{Body: blob}, source, false)
}

// readFile reads a file that is no longer than a BLOB.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, metadata.MaxBlob+1))
	if err == nil && len(b) > metadata.MaxBlob {
		err = fmt.Errorf("%s is larger than 16 MiB", name)
	}
	return b, err
}

// named is an address as it is stored and shown: its query may be a secret.
func named(u *url.URL) string {
	shown := *u
	shown.RawQuery, shown.Fragment = "", ""
	return shown.String()
}

func unavailable(err error) error {
	if errors.Is(err, outbound.ErrTooLarge) {
		return &api.Error{Kind: api.Invalid, Code: "metadata_too_large", Message: "The FIDO metadata is larger than 16 MiB."}
	}
	message := "The FIDO metadata could not be downloaded."
	if e, ok := errors.AsType[*outbound.RefusedError](err); ok && outbound.Check(e.Address, true) == nil {
		message = "The address of the FIDO metadata is in a private network, which --metadata-allow-private allows."
	}
	return &api.Error{Kind: api.Unavailable, Code: "metadata_unavailable", Message: message, Cause: err}
}

// keep verifies a BLOB and keeps it in one unit with the event, and with how refreshing went if it is a
// refresh.
func (s *Service) keep(ctx context.Context, answer outbound.Answer, source string, refresh bool) (*metadata.Metadata, error) {
	now := s.now()
	m, err := metadata.Read(answer.Body, s.trust, now)
	if err != nil {
		return nil, err
	}
	if m.Stale(now) {
		return nil, &api.Error{Kind: api.Invalid, Code: "metadata_outdated",
			Message:  "The FIDO metadata is out of date: the day of its next update has passed.",
			Rule:     "MDS §3.1.6, nextUpdate",
			Received: m.NextUpdate.Format(time.DateOnly)}
	}
	if strings.HasPrefix(source, "https://") {
		if err := s.checkLists(ctx, m, now); err != nil {
			return nil, err
		}
	}
	digest := sha256.Sum256(answer.Body)
	kept := store.Metadata{Trust: s.id, Number: m.Number, NextUpdate: m.NextUpdate, LoadedAt: now, Source: source,
		Revocation: m.Revocation(), Digest: hex.EncodeToString(digest[:]), ETag: answer.ETag}
	before, err := s.db.Metadata(ctx, s.id)
	if err != nil {
		return nil, err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if !refresh || before.Digest != kept.Digest {
			tx.PutMetadata(kept, answer.Body, ErrOlder)
			tx.Record(store.NewEvent(api.Caller{}, store.EventMetadataLoaded, now, map[string]any{"number": m.Number, "source": source,
				"nextUpdate": m.NextUpdate.Format(time.DateOnly), "digest": kept.Digest, "background": refresh}))
		}
		if refresh {
			tx.MetadataAsked(s.id, now, nextAsk(now))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, s.Read(ctx)
}

// checkLists reads the revocation lists that the signer's certificates name. One that cannot be read does not
// keep the metadata away: whoever could stop it could stop all that the metadata says. What was checked is
// kept with the metadata.
func (s *Service) checkLists(ctx context.Context, m *metadata.Metadata, now time.Time) error {
	var lists [][]byte
	urls := m.RevocationLists()
	for _, u := range urls[:min(len(urls), maxLists)] {
		if answer, err := outbound.Get(ctx, s.lists, u, "", maxList); err == nil {
			lists = append(lists, answer.Body)
		}
	}
	return m.CheckRevocation(lists, now)
}

// Refresh asks the configured address if that is due and no other server does. What goes wrong with it is
// logged when it begins, changes or ends; the error is of the database.
func (s *Service) Refresh(ctx context.Context) error {
	if s.url == "" {
		return nil
	}
	now := s.now()
	before, err := s.db.Metadata(ctx, s.id)
	if err != nil {
		return err
	}
	// A server that has just started asks despite earlier failures: the operator may have mended them.
	despite := !s.started.Swap(true)
	if now.Before(before.AskAfter) && !despite {
		return nil
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		tx.ClaimMetadata(s.id, now, now.Add(claimTime), despite, errNotDue)
		return nil
	})
	if errors.Is(err, errNotDue) {
		return nil
	} else if err != nil {
		return err
	}
	if err := s.ask(ctx, before); err != nil {
		return s.failed(ctx, before, err)
	}
	if before.Failure != "" {
		s.log.Info("the FIDO metadata could be refreshed again", "number", s.number())
	}
	return nil
}

var errNotDue = errors.New("the metadata is not due, or another server refreshes it")

func (s *Service) number() int64 {
	if m := s.Current(); m != nil {
		return m.Number
	}
	return 0
}

// ask downloads the metadata and keeps it if it is newer.
func (s *Service) ask(ctx context.Context, before store.Metadata) error {
	u, err := outbound.CheckURL(s.url)
	if err != nil {
		return err
	}
	now := s.now()
	etag := ""
	// Past its next update only a newer one will do.
	if before.Source == named(u) && before.Number > 0 && now.Before(before.NextUpdate.AddDate(0, 0, 1)) && s.Current() != nil {
		etag = before.ETag
	}
	answer, err := outbound.Get(ctx, s.client, s.url, etag, metadata.MaxBlob)
	switch {
	case err != nil:
		return unavailable(err)
	case answer.NotModified:
		return s.db.Write(ctx, func(tx *store.Tx) error { tx.MetadataAsked(s.id, now, nextAsk(now)); return nil })
	}
	_, err = s.keep(ctx, answer, named(u), true)
	return err
}

func nextAsk(now time.Time) time.Time { return now.Add(askEvery + rand.N(askJitter)) }

// retryAfter is when to ask again after so many failures.
func retryAfter(now time.Time, failures int64) time.Time {
	wait := firstRetry << min(failures, 20)
	wait = min(wait, askEvery)
	return now.Add(wait - rand.N(wait/10))
}

// failed records a failure. It is logged if it is another than before.
func (s *Service) failed(ctx context.Context, before store.Metadata, err error) error {
	if ctx.Err() != nil || !strings.HasPrefix(api.CodeOf(err), "metadata_") {
		return err // of this server, not of the address
	}
	failure := api.CodeOf(err) + ": " + cause(err)
	// The code alone is compared: the rest may name a port that is another each time.
	if was, _, _ := strings.Cut(before.Failure, ":"); was != api.CodeOf(err) {
		s.log.Warn("the FIDO metadata could not be refreshed; the last good one stays in use", "error", failure, "number", s.number())
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		tx.MetadataFailed(s.id, failure, retryAfter(s.now(), before.Failures))
		return nil
	})
}

// cause is an error as the operator reads it.
func cause(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*api.Error](err); ok {
		text = e.Message
		for _, more := range []string{e.Rule, e.Received} {
			if more != "" {
				text += " (" + more + ")"
			}
		}
		if e.Cause != nil {
			text += " " + e.Cause.Error()
		}
	}
	if len(text) > 500 {
		text = text[:500]
	}
	return strings.ToValidUTF8(text, "")
}

// Status is how it stands with the metadata.
type Status struct {
	store.Metadata
	Current *metadata.Metadata // nil if there is none
	Stale   bool
}

// Status returns how it stands now.
func (s *Service) Status(ctx context.Context) (Status, error) {
	if err := s.Read(ctx); err != nil {
		return Status{}, err
	}
	kept, err := s.db.Metadata(ctx, s.id)
	m := s.Current()
	return Status{kept, m, m != nil && m.Stale(s.now())}, err
}
