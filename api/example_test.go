package api_test

import (
	"encoding/json"
	"fmt"

	"github.com/countersign/countersign/api"
)

// A request is encoded with the member names of the wire contract.
func Example() {
	body, err := json.Marshal(api.CreateUserRequest{Email: "ada@example.org", Kind: api.CustomerEmployee})
	fmt.Println(string(body), err)
	// Output: {"email":"ada@example.org","kind":"CustomerEmployee"} <nil>
}

// A failure has a kind and a stable code, however often it was wrapped.
func ExampleError() {
	err := fmt.Errorf("invite: %w", &api.Error{Kind: api.Conflict, Code: "user_already_exists",
		Message: "There is a user with this name already."})
	fmt.Println(api.KindOf(err) == api.Conflict, api.CodeOf(err))
	fmt.Println(api.AsError(err).Message)
	// Output:
	// true user_already_exists
	// There is a user with this name already.
}
