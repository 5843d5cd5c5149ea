package attack_test

import (
	"crypto/tls"
	"testing"
)

func (h *house) dialTLS(t *testing.T) *tls.Conn {
	t.Helper()
	c := tls.Client(h.dial(t), &tls.Config{RootCAs: h.CA, ServerName: "localhost"})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}
