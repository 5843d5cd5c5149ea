package server_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
)

// BenchmarkLogin is one complete login through the server, BenchmarkCountersignedCall one
// user created with a signature: three requests. Like BenchmarkRegistration they are for
// the profiler.
func BenchmarkLogin(b *testing.B) {
	srv := countersigntest.Start(b)
	_, p := srv.Administrator(b, "Engines")
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.LogIn(b)
		}
	})
}

func BenchmarkCountersignedCall(b *testing.B) {
	srv := countersigntest.Start(b)
	_, p := srv.Administrator(b, "Engines")
	token, c := p.LogIn(b), srv.Client()
	var made atomic.Int64
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			user := api.CreateUserRequest{Email: fmt.Sprintf("user%d@example.org", made.Add(1)), Kind: api.CustomerEmployee}
			action := p.Sign(b, token, "POST", "/auth/users", fmt.Sprintf(`{"email":%q,"kind":%q}`, user.Email, user.Kind))
			if _, err := c.CreateUser(context.Background(), token, action, user); err != nil {
				b.Fatal(err)
			}
		}
	})
}
