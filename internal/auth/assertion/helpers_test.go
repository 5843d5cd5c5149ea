package assertion_test

import "github.com/countersign/countersign/internal/testing/world"

var must = world.Must

const (
	loginPath  = "/auth/login"
	actionPath = "/auth/action"
)
