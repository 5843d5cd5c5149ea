package countersigntest

import (
	"testing"

	"github.com/countersign/countersign/internal/testing/database"
)

// Each runs test once on SQLite and once on PostgreSQL, as parallel subtests, each with a
// server of its own. They begin when the calling test returns.
func Each(t *testing.T, test func(t *testing.T, srv *Server), options ...Option) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) {
		test(t, Start(t, append([]Option{Database(url)}, options...)...))
	})
}
