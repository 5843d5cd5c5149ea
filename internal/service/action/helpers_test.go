package action_test

import "github.com/countersign/countersign/internal/testing/world"

var must = world.Must

const (
	usersPath   = "/auth/users"
	consumePath = "/countersign/actions/consume"
	forwardPath = "/countersign/forward-auth"
)
