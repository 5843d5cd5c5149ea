package app

import (
	"cmp"
	"context"

	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

// settingPublicURL is where this database was last served, so that commands print links to the running
// server.
const settingPublicURL = "public_url"

// unconfiguredURL is where serve is reached by default.
const unconfiguredURL = "http://localhost:8080"

// findSite returns the site at publicURL, or where this database was last served, or at
// unconfiguredURL.
func findSite(ctx context.Context, db *store.DB, publicURL string) (relyingparty.Site, error) {
	if publicURL == "" {
		served, err := db.Setting(ctx, settingPublicURL)
		if err != nil {
			return relyingparty.Site{}, err
		}
		publicURL = cmp.Or(served, unconfiguredURL)
	}
	site, err := relyingparty.NewSite(publicURL)
	if err != nil {
		return site, ConfigError{err}
	}
	return site, nil
}

// RememberSite stores where this App is served, for Apps that are opened without a public URL.
func (a *App) RememberSite(ctx context.Context) error {
	served, err := a.DB.Setting(ctx, settingPublicURL)
	if err != nil || served == a.Site.Origin() {
		return err
	}
	return a.DB.Write(ctx, func(tx *store.Tx) error { tx.PutSetting(settingPublicURL, a.Site.Origin()); return nil })
}
