package main

import (
	"context"
	"fmt"
)

type userDeactivate struct{ userFlags }

func (u *userDeactivate) Run(ctx context.Context, c console) error {
	return u.setActive(ctx, c, false, fmt.Sprintf("deactivated and logged out. To activate them again: countersign user activate --org %s --username %s", u.Org, u.Username))
}
