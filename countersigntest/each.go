package countersigntest

import (
	"testing"

	"github.com/countersign/countersign/internal/testing/database"
)

// Each runs test on SQLite and on PostgreSQL, in two parallel subtests that each have their own
// server. They begin when the calling test returns.
func Each(t *testing.T, test func(t *testing.T, srv *Server), options ...Option) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) {
		test(t, Start(t, append([]Option{Database(url)}, options...)...))
	})
}
