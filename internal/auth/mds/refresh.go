package mds

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
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
)

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
	// A server that has just started does not wait long because of earlier failures: the operator may have
	// mended them.
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
