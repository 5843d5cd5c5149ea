package main

import "context"

type credentialActivate struct{ credentialFlags }

func (f *credentialActivate) Run(ctx context.Context, c console) error {
	return f.setActive(ctx, c, true, "Credential "+f.Credential+" is active again.")
}
