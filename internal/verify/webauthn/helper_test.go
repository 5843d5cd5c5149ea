package webauthn

import (
	"testing"

	"github.com/countersign/countersign/api"
)

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := api.CodeOf(err); got != code {
		t.Errorf("got %v (cause %v), want %s", err, api.AsError(err), code)
	}
}
