package countersigntest_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

// People with every kind of credential log in and sign. All other tests rely on it.
func TestPeople(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ctx := context.Background()
	org, admin := srv.Administrator(t, "Analytical Engines")
	body := `{"email":"grace@example.org","kind":"CustomerEmployee"}`
	token := admin.LogIn(t)
	invited, err := srv.Client().CreateUser(ctx, token, admin.Sign(t, token, http.MethodPost, "/auth/users", body),
		api.CreateUserRequest{Email: "grace@example.org", Kind: api.CustomerEmployee})
	if err != nil || invited.OrgID != org.ID {
		t.Fatalf("%+v, %v", invited, err)
	}
	people := []*countersigntest.Person{admin, srv.Register(t, srv.Invite(t, org.ID, "counting@example.org"), authenticator.Options{SignCount: 7})}
	for _, keyType := range authenticator.KeyTypes {
		people = append(people, srv.RegisterKey(t, srv.Invite(t, org.ID, "key."+keyType+"@example.org"), keyType))
	}
	seen := map[string]bool{}
	for _, p := range people {
		token := p.LogIn(t)
		if seen[token] || token == "" {
			t.Errorf("%s: token %q", p.Username, token)
		}
		seen[token] = true
		spent, err := p.Client.ConsumeAction(ctx, api.ConsumeActionRequest{UserAction: p.Sign(t, token, http.MethodPost, "/x", ""), Method: http.MethodPost, Path: "/x", Payload: new(string)})
		if err != nil || spent.UserID != p.UserID {
			t.Errorf("%s: %+v, %v", p.Username, spent, err)
		}
		if got, err := p.Client.LogIn(ctx, p.OrgID, p.Username, p.Signer()); err != nil || got.Token == "" {
			t.Errorf("%s, by signer: %v", p.Username, err)
		}
	}
	// A passkey that counts never repeats a count, even if several goroutines use it.
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { people[1].Assert(t, api.SigningChallenge{Challenge: "AA"}) })
	}
	all.Wait()
	if n := people[1].Passkey.SignCount; n < 7+8 {
		t.Errorf("counted to %d", n)
	}
}
