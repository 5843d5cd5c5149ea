package login_test

import "github.com/countersign/countersign/internal/testing/world"

var must = world.Must

const (
	initPath      = "/auth/registration/init"
	loginInitPath = "/auth/login/init"
	loginPath     = "/auth/login"
	loginCodePath = "/auth/login/code"

	nobodysCode = "ABCD-EFGH-JKMN-PQRS-TVWX"
)
