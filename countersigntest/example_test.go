package countersigntest_test

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
)

// In a test, t is the test's own.
func Example() {
	t := countersigntest.NewExample()
	defer t.End()
	srv := countersigntest.Start(t)
	org, admin := srv.Administrator(t, "Analytical Engines")
	invited, err := srv.Session(t, admin).CreateUser(context.Background(),
		api.CreateUserRequest{Email: "ada@example.org", Kind: api.CustomerEmployee})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(invited.Username, invited.OrgID == org.ID)
	// Output: ada@example.org true
}
