// Package mds keeps the FIDO metadata: it loads it from a file or an address, keeps the last good BLOB in the
// database, refreshes it on one server at a time, and holds it read for all who ask what an authenticator
// is. Nothing waits for the metadata server: while it is down, slow or lying, the last good BLOB is used.
package mds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/outbound"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/metadata"
)

const downloadTime, listTime = 2 * time.Minute, 20 * time.Second

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
