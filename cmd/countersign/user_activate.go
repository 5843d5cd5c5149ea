package main

import "context"

type userActivate struct{ userFlags }

func (u *userActivate) Run(ctx context.Context, c console) error {
	return u.setActive(ctx, c, true, "active again.")
}
