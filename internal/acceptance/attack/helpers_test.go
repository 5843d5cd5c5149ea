package attack_test

import "github.com/countersign/countersign/internal/testing/world"

var must = world.Must

const (
	initPath     = "/auth/registration/init"
	completePath = "/auth/registration"
	resendPath   = "/auth/registration/code"
	openPath     = "/countersign/registration/open"
	recoveryPath = "/countersign/registration/recovery"

	loginInitPath  = "/auth/login/init"
	loginPath      = "/auth/login"
	loginCodePath  = "/auth/login/code"
	logoutPath     = "/auth/logout"
	actionInitPath = "/auth/action/init"
	actionPath     = "/auth/action"
	usersPath      = "/auth/users"
	consumePath    = "/countersign/actions/consume"
	forwardPath    = "/countersign/forward-auth"
)
