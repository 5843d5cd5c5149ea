package access_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

func BenchmarkRights(b *testing.B) {
	ctx := context.Background()
	db, err := store.Open(ctx, database.SQLite(b), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	checker := access.New(db)
	who := api.Caller{OrgID: api.NewID(api.PrefixOrganization, time.Now()), UserID: "us-ada", Kind: api.CallerEmployee}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := checker.Of(ctx, who); err != nil {
			b.Fatal(err)
		}
	}
}
