package server

import (
	"context"

	"github.com/go-jose/go-jose/v4"
)

// keySet publishes the keys that verify what this server signs (RFC 7517).
func (s *Server) keySet(context.Context) (jose.JSONWebKeySet, error) {
	return s.tokens.KeySet(), nil
}
