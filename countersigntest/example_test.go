package countersigntest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
)

// A test starts a server, and people register and log in with software passkeys. In a test,
// t is the *testing.T.
func Example() {
	t := countersigntest.NewExample()
	defer t.End()

	srv := countersigntest.Start(t)
	org, administrator := srv.Administrator(t, "Analytical Engines")
	srv.Register(t, srv.Invite(t, org.ID, "grace@example.org"))

	users, err := srv.Session(t, administrator).ListUsers(context.Background(), api.ListUsersRequest{})
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range users.Items {
		fmt.Println(u.Username, u.IsRegistered)
	}
	// Output:
	// administrator@example.org true
	// grace@example.org true
}
