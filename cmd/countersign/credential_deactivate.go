package main

import (
	"context"
	"fmt"
)

type credentialDeactivate struct{ credentialFlags }

func (f *credentialDeactivate) Run(ctx context.Context, c console) error {
	return f.setActive(ctx, c, false, fmt.Sprintf("Credential %s is deactivated and its user is logged out. To activate it again: countersign credential activate --org %s %s",
		f.Credential, f.Org, f.Credential))
}
