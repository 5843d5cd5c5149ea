package mds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/outbound"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/metadata"
)

// Of revocation lists, no more are read, and no larger ones.
const (
	maxLists = 4
	maxList  = 8 << 20
)

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
