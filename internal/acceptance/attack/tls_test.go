package attack_test

import (
	"crypto/tls"
	"testing"

	"github.com/countersign/countersign/internal/testing/world"
)

func dialTLS(t *testing.T, h *world.Organisation) *tls.Conn {
	t.Helper()
	c := tls.Client(dial(t, h), &tls.Config{RootCAs: h.CA, ServerName: "localhost"})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}
