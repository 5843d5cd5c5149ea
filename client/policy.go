package client

import (
	"context"
	"net/http"

	"github.com/countersign/countersign/api"
)

const policiesPath = "/countersign/policies"

// ListPolicies shows the policies on authenticators that are in force, and the named ones.
func (s *Session) ListPolicies(ctx context.Context) (api.PolicyList, error) {
	return read[api.PolicyList](ctx, s, path(policiesPath))
}

// SetPolicy sets which authenticators users of a kind may register from now on.
func (s *Session) SetPolicy(ctx context.Context, in api.SetPolicyRequest) (api.Policy, error) {
	return signed[api.Policy](ctx, s, http.MethodPut, path(policiesPath, in.UserKind), in)
}

// WhatIfPolicy counts which of the registered credentials a policy would refuse.
func (s *Session) WhatIfPolicy(ctx context.Context, in api.WhatIfRequest) (out api.WhatIf, err error) {
	at := path(policiesPath, in.UserKind, "what-if")
	if at.err != nil {
		return out, at.err
	}
	err = s.Do(ctx, http.MethodPost, at.path, in, &out)
	return out, err
}
